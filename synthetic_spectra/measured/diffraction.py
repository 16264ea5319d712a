"""Formats of powder diffractometers: geddes knows the layouts, the wavelength is read here."""

import io
import re
import struct
import zipfile

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.libraries import library
from synthetic_spectra.measured.spectrum import MOST_BYTES, MOST_PARSED, spectrum
from synthetic_spectra.measured.tables import decoded


def read_diffraction(suffix, content, wavelength=None, name=None, notes=()):
    """A pattern by ``geddes``, as a file of this suffix; axis 2θ in degrees."""
    geddes = library("geddes", "geddes")
    try:
        pattern = geddes.read_bytes(content, f"content{suffix}")
    except ValueError as error:
        raise InputError(str(error).removeprefix("Parse error: ")) from None
    except BaseException as error:
        # a panic of Rust is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise InputError(f"damaged ({error})") from None
    return spectrum(
        pattern.x,
        pattern.y,
        quantity="two_theta",
        unit="degree",
        wavelength=wavelength,
        name=name,
        notes=notes,
    )


def plain_xml(content):
    """The text of an XML document without entities of its own.

    Raises:
        InputError: if it declares a document type or entities, which may unfold without bound.
    """
    text = small(decoded(content) or "")
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InputError("XML with a document type or entities is not read")
    return text


def small(text):
    """The text or bytes themselves, if they are no longer than what geddes may be given.

    Raises:
        InputError: if it is.
    """
    if len(text) > MOST_PARSED:
        raise InputError(f"more than {MOST_PARSED // 2**20} MiB")
    return text


def first_number(patterns, text):
    """The first number > 0 that one of the patterns finds, None without one."""
    for pattern in patterns:
        found = re.search(pattern, text, re.IGNORECASE)
        if found and 0 < float(found[1]) < 100:
            return float(found[1])
    return None


NUMBER = r"([0-9]{1,2}\.[0-9]{1,12})"


def read_xrdml(content):
    """PANalytical .xrdml: the first scan, and the wavelength that the file intends."""
    text = plain_xml(content)
    line = {"K-Alpha 2": "kAlpha2", "K-Beta": "kBeta"}
    intended = re.search(r'<usedWavelength intended="([^"]*)"', text)
    line = line.get(intended[1] if intended else "", "kAlpha1")
    sample = re.search(r"<sample\b.{0,200}?<id>([^<>]{1,200})</id>", text, re.DOTALL)
    scans = len(re.findall(r"<scan\s", text))
    return read_diffraction(
        ".xrdml",
        content,
        first_number([rf"<{line}\b[^<>]*>\s*{NUMBER}"], text),
        sample[1].strip() or None if sample else None,
        [f"the first of {scans} scans"] if scans > 1 else [],
    )


def unpacked(content):
    """The files of a zip archive, name -> bytes.

    Raises:
        InputError: if they are damaged, encrypted, too many, or too large when unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            largest = max((member.file_size for member in members), default=0)
            if len(members) <= 1000 and size <= MOST_BYTES and largest <= MOST_PARSED:
                return {member.filename: archive.read(member) for member in members}
    except Exception as error:  # zipfile raises whatever a damaged file leads to
        raise InputError(f"damaged or encrypted archive: {error}") from None
    raise InputError(
        f"unpacks to more than {MOST_BYTES // 2**20} MiB, 1,000 files, or "
        f"{MOST_PARSED // 2**20} MiB for one"
    )


def read_archive(suffix, content):
    """Rigaku .rasx and Bruker .brml, zip archives of XML and tables."""
    files = unpacked(content)
    texts = [plain_xml(data) for name, data in files.items() if name.lower().endswith(".xml")]
    pattern = rf"<Wave_?length_?(?:K?Alpha_?1|Ka1)\b[^<>]*?(?:>|Value=\")\s*{NUMBER}"
    wavelength = first_number([pattern], "\n".join(texts))

    # what is handed on is packed anew: whatever else the archive holds or claims stays behind
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return read_diffraction(suffix, packed.getvalue(), wavelength)


def read_bruker_raw(content):
    """Bruker .raw of all versions.

    The head holds four numbers of eight bytes in a row: the mean of Kα1 and Kα2, Kα1, Kα2, Kβ.
    """
    for place in range(min(2000, len(small(content)) - 32)):
        mean, alpha1, alpha2, beta = struct.unpack_from("<4d", content, place)
        if (
            0.1 < alpha1 < 5
            and alpha1 <= mean <= alpha2 < 1.02 * alpha1
            and 0.8 < beta / alpha1 < 1
        ):
            return read_diffraction(".raw", content, alpha1)
    return read_diffraction(".raw", content)


def read_keywords(suffix, content):
    """Rigaku .ras, Bruker .uxd, GSAS and powder CIF: texts with keywords."""
    keys = (
        rf"_diffrn_radiation_wavelength\s+['\"]?{NUMBER}",
        rf"HW_XG_WAVE_LENGTH_ALPHA1\s+\"?{NUMBER}",
        rf"^_WL1?\s*=\s*{NUMBER}",
    )
    text = small(decoded(content))
    return read_diffraction(suffix, content, first_number(["(?m)" + key for key in keys], text))
