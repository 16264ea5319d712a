"""datasets/<name>/manifest.json: what rendering wrote, so that nothing else is taken for it."""

import os
import zlib
from contextlib import contextmanager
from pathlib import Path

from synthetic_spectra.common.errors import InputError, in_words, shortened
from synthetic_spectra.common.files import alone, read_json, write_json
from synthetic_spectra.spectra import config

CONFIG_FILE = "config.json"
MANIFEST_FILE = "manifest.json"
READ_AT_ONCE = 2**20  # bytes
LISTED = 8  # names in a sentence


@contextmanager
def alone_with(folder):
    """Wait until no other process is in this context with the same folder of a dataset.

    Yields:
        the folder that ``folder`` leads to if it is a link, else ``folder``.

    Raises:
        InputError: if it is a link that leads to itself.
    """
    folder = Path(os.path.realpath(folder)) if folder.is_symlink() else folder
    if folder.is_symlink():
        raise InputError(f"{folder}: a link that leads to itself")
    lock = folder.with_name(f".{folder.name}.lock")
    with alone(lock, f"{folder}: another process renders it, this one waits"):
        yield folder


def write(folder, crcs, fixed):
    """Record the files of a dataset that was just rendered.

    Args:
        folder: of the dataset.
        crcs: file name → CRC-32 of its content.
        fixed: the rendering settings that the config fixed: name → value.
    """
    files = {name: {"crc32": crcs[name], **_stamp(folder / name)} for name in crcs}
    write_json(folder / MANIFEST_FILE, {"fixed": fixed, "files": files})


def read(folder):
    """The manifest of a dataset, ``{"fixed": …, "files": …}`` as ``write`` takes them; None if
    there is none, or another file of its name."""
    try:
        content = read_json(folder / MANIFEST_FILE)
    except InputError:
        return None
    files = content.get("files")
    entries = [content.get("fixed"), files, *(files.values() if isinstance(files, dict) else ())]
    return content if all(isinstance(entry, dict) for entry in entries) else None


def not_written(folder):
    """Names in a folder of what rendering did not write there, or of what was changed since."""
    manifest = read(folder)
    names = sorted(path.name for path in folder.iterdir())
    if manifest is None:
        return names
    files = manifest["files"]
    return [
        name
        for name in names
        if name != MANIFEST_FILE and not _unchanged(folder / name, files.get(name, {}))
    ]


def refuse_loss(folder, definitions, replace):
    """Raise InputError if rendering into a folder would lose something.

    Nothing that rendering did not write is ever replaced, and other spectra only if that is asked
    for.

    Args:
        folder: of the dataset; there need be none.
        definitions: the resolved config of the new spectra.
        replace: whether other spectra may be replaced.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: a file, expected a folder")
    if kept := not_written(folder):
        recorded = (read(folder) or {"files": {}})["files"]
        changed = [name for name in kept if name in recorded]
        what = f"{_listed(changed)} changed since it was rendered"
        if not changed:
            what = f"rendering did not write {_listed(kept)}"
        raise InputError(f"{folder}: {what}; move it away or choose another --datasets-dir")

    names = sorted(path.name for path in folder.iterdir())
    if not names or replace:
        return
    path = folder / CONFIG_FILE
    before = config.load(path) if path.is_file() else None
    if before != definitions:
        what = f": {difference(before, definitions)}" if before else ""
        raise InputError(
            f"{folder} holds other spectra{what}; --replace replaces its files {_listed(names)}"
        )


def edit(path, rendered, manifest):
    """How a config file differs from the one that a dataset was rendered from, e.g. "class 3:
    peak_heights[1] is 0.4, was 0.5"; None if it does not.

    Args:
        path: of the config file.
        rendered: the resolved config of the dataset.
        manifest: of the dataset, or None.
    """
    try:
        now = config.load(path)
    except InputError as error:
        return str(error)
    # what the file does not fix may have been a flag of the rendering
    resolved = now.resolved(rendered.rendering)
    if not now.noise_spectra:
        resolved = resolved.with_noise(rendered.noise_spectra)
    found = difference(rendered, resolved)
    if not found and manifest:
        for name, value in manifest["fixed"].items():
            if name not in now.fixed():
                return f"rendering.{name} is not set, was {value}"
    return found


def difference(before, now):
    """The first difference between two configs, e.g. "class 3: peak_heights[1] is 0.4, was 0.5";
    None if there is none."""
    return _difference((), before.content(), now.content())


def _difference(place, before, now):
    if before == now:
        return None
    if isinstance(before, dict) and isinstance(now, dict):
        inner = (_difference((*place, key), before.get(key), now.get(key)) for key in before | now)
        return next(filter(None, inner))
    if type(before) is type(now) and isinstance(now, (list, tuple)) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return next(_difference((*place, i), *pair) for i, pair in pairs if pair[0] != pair[1])
    values = ["not set" if value is None else shortened(value) for value in (before, now)]
    return f"{''.join(in_words(place))} is {values[1]}, was {values[0]}"


class CheckedFile:
    """A file for writing that knows the CRC-32 of what was written to it.

    Args:
        file: opened for writing bytes.
    """

    def __init__(self, file):
        self.file, self.crc32 = file, 0

    def write(self, content):
        """Write bytes or an array."""
        self.file.write(content)
        self.crc32 = zlib.crc32(content, self.crc32)


def crc32(path):
    """CRC-32 of the content of a file: it tells changed files in a third of the time of SHA-256."""
    found = 0
    with path.open("rb") as file:
        while content := file.read(READ_AT_ONCE):
            found = zlib.crc32(content, found)
    return found


def _unchanged(path, entry):
    """Whether a file is the one of an entry of the manifest: of its size and time, or, as a copy
    has another time, of its content."""
    if not path.is_file() or path.stat().st_size != entry.get("bytes"):
        return False
    same_time = path.stat().st_mtime_ns == entry.get("modified_ns")
    return same_time or crc32(path) == entry.get("crc32")


def _stamp(path):
    status = path.stat()
    return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns}


def _listed(names):
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
