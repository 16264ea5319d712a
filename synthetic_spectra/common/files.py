"""Files that are whole or not there, and JSON of ours."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from synthetic_spectra.common.errors import InputError


@contextmanager
def written_whole(path):
    """Give a temporary path beside ``path``; on success it becomes ``path``, on any error it is
    removed.

    Works for a file and for a folder (create it yourself). What stood at ``path`` before stays
    until then; a file is on the disk, not only in its cache, before it takes the name.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    _remove(temporary)
    try:
        yield temporary
        if path.is_dir():
            _remove(path)
        if temporary.is_file():
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path, text):
    """Write a text file whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, content):
    """Write readable JSON whole or not at all; NaN and infinity are refused with ValueError, as
    JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path):
    """Read a JSON object of ours.

    Raises:
        InputError: if the file is missing or damaged.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: a JSON {type(content).__name__}, expected an object")
    return content
