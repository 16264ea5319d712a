"""A file of an instrument → axis, intensities and what the file says about them.

What a file is, is told by its content; its suffix decides nothing. A format is one function and
one line in ``FORMATS``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.measured import diffraction, instruments
from synthetic_spectra.measured.libraries import bounded
from synthetic_spectra.measured.spectrum import MOST_BYTES, Measured
from synthetic_spectra.measured.tables import decoded, read_table

__all__ = ["FORMATS", "Measured", "parse", "read"]

# bytes at the beginning that decide what a file is
HEAD = 4096


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    name: str
    """In words, with the usual suffix."""
    recognises: Callable[[bytes, str], bool]
    """Whether a file is of this kind, by its bytes and by its beginning as text."""
    read: Callable[[bytes], Measured]
    """From all bytes of a file to its spectrum."""


def begins(*marks):
    """Recognises files by their first bytes."""
    return lambda content, head: content.startswith(marks)


def holds(pattern):
    """Recognises texts by a pattern in their beginning, where ^ is the begin of any line."""
    return lambda content, head: re.search(pattern, head, re.IGNORECASE | re.MULTILINE) is not None


def archive_with(part):
    """Recognises zip archives by a part of the name of a file within."""
    return lambda content, head: content.startswith(b"PK\x03\x04") and part in content


def is_bruker_raw(content, head):
    """Recognises Bruker .raw, and no text that begins with the same letters."""
    return content.startswith(b"RAW") and b"\0" in content[:512]


def is_spc(content, head):
    """Recognises .spc by its version, and by the end of its head that is empty."""
    return content[1:2] in (b"\x4b", b"\x4c", b"\x4d") and content[480:512] == bytes(32)


def is_text(content, head):
    """Recognises any text."""
    return bool(head.strip()) and decoded(content) is not None


def keywords(suffix):
    """The reader of a diffraction text with keywords that usually has this suffix."""
    return partial(diffraction.read_keywords, suffix)


# the first that recognises a file reads it
FORMATS = (
    Format("Renishaw .wdf", begins(b"WDF1"), instruments.read_wdf),
    Format("Bruker OPUS", begins(b"\n\n\xfe\xfe"), instruments.read_opus),
    Format("Bruker .raw", is_bruker_raw, diffraction.read_bruker_raw),
    Format("Rigaku .rasx", archive_with(b"Profile"), partial(diffraction.read_archive, ".rasx")),
    Format("Bruker .brml", archive_with(b"RawData"), partial(diffraction.read_archive, ".brml")),
    Format("PANalytical .xrdml", holds("<xrdMeasurements"), diffraction.read_xrdml),
    Format("Rigaku .ras", holds(r"^\*RAS_(DATA|HEADER)_START"), keywords(".ras")),
    Format("Bruker .uxd", holds(r"^_(FILEVERSION|2?THETACOUNTS|STEPSIZE)\b"), keywords(".uxd")),
    Format("GSAS", holds(r"^BANK\s+\d+\s+\d+\s+\d+"), keywords(".gsa")),
    Format("CIF", holds(r"^data_\S*\s+([#_;]|loop_)"), keywords(".cif")),
    Format("JCAMP-DX", holds(r"^##JCAMP-?DX\s*="), instruments.read_jcamp),
    Format("Galactic .spc", is_spc, instruments.read_spc),
    Format("text table", is_text, read_table),
)


def read(path):
    """The spectrum in a file of an instrument.

    Args:
        path: a file of at most 64 MiB.

    Returns:
        Measured: its name is the stem of the file where the file names no sample.

    Raises:
        InputError: names the file, and says why no spectrum is read from it.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            measured = parse(file.read(MOST_BYTES + 1))
    except OSError as error:
        reason = error.strerror or first_line(error)
    except ValueError as error:  # ours, or a path that no system takes
        reason = first_line(error)
    else:
        return measured if measured.name else replace(measured, name=path.stem)
    raise InputError(printable(f"{path}: {reason}"))


def parse(content):
    """The spectrum in the bytes of a file.

    Args:
        content: at most 64 MiB.

    Raises:
        InputError: says why no spectrum is read from them; it does not name the file.
    """
    if not content:
        raise InputError("empty")
    if len(content) > MOST_BYTES:
        raise InputError(f"more than {MOST_BYTES // 2**20} MiB")
    head = decoded(content[:HEAD]) or ""
    for kind in FORMATS:
        if kind.recognises(content, head):
            break
    else:
        tried = ", ".join(kind.name for kind in FORMATS)
        raise InputError(f"no format that is known here (tried: {tried})")
    try:
        with bounded():
            return replace(kind.read(content), format=kind.name)
    except InputError as error:
        reason = str(error)
    except MemoryError:
        reason = "needs too much memory"
    except Exception as error:  # of a library, which did not expect such a file
        reason = f"damaged ({str(error) or type(error).__name__})"
    raise InputError(printable(f"{kind.name}: {reason[:300]}"))


def printable(text):
    """One line: libraries quote what stands in a file."""
    return "".join(c if c.isprintable() else "?" for c in text)
