"""Files and folders that are whole or not there, locks, and JSON objects."""

import errno
import glob
import json
import os
import secrets
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from synthetic_spectra.common.errors import InputError

try:
    import fcntl
except ModuleNotFoundError:  # on Windows
    fcntl = None
    import msvcrt


@contextmanager
def written_whole(path):
    """Give a temporary path beside ``path``; on success it becomes ``path``, on any error it is
    removed.

    Works for a file and for a folder, which the caller makes. What stood at ``path`` before stays
    until then, and a link stays a link. Several processes may write one path at once: the last one
    to end wins. A file is on the disk, not only in its cache, before it takes the name.

    Raises:
        InputError: if a folder would replace one that holds files which it does not hold itself.
    """
    path = Path(path)
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)

    with _unused_name_beside(path) as temporary:
        try:
            yield temporary
            if temporary.is_dir():
                _move_folder(temporary, path)
            else:
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
                temporary.replace(path)
        finally:
            _remove(temporary)


@contextmanager
def locked(path):
    """Hold a lock on a file, which is made where there is none. It ends with the process, however
    that ends.

    Yields:
        Whether the lock is held: False if another process holds it.
    """
    with Path(path).open("a") as file:
        yield _lock(file)


@contextmanager
def alone(path, notice):
    """Wait until no other process is in this context with the same lock file.

    Args:
        path: of the file; it is made here, and removed at the end.
        notice: what stderr tells somebody who has to wait.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    waits = False
    while True:
        with path.open("a") as file:
            if _lock(file) and _is_at(file, path):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
        if not waits:
            print(notice, file=sys.stderr)
        waits = True
        time.sleep(0.1)


def _lock(file):
    """Lock an open file; False if another process has locked it."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_at(file, path):
    """Whether an open file is still the one at a path: the process that held its lock before has
    removed it, and another one may have made a new file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _unused_name_beside(path):
    """Give a temporary path that no other process uses: a lock beside it tells them that this one
    does."""
    while True:
        temporary = path.with_name(f".{path.stem}.part-{secrets.token_hex(4)}{path.suffix}")
        lock = temporary.with_name(f"{temporary.name}.lock")
        with lock.open("a") as file:
            # who removes leftovers may have taken the lock before this process could
            if _lock(file) and _is_at(file, lock):
                try:
                    yield temporary
                finally:
                    lock.unlink(missing_ok=True)
                return


def _remove_leftovers(path):
    """Remove what killed processes left of ``path``: the temporaries whose lock nobody holds."""
    names = f".{glob.escape(path.stem)}.part-*{glob.escape(path.suffix)}"
    for lock in path.parent.glob(f"{names}.lock"):
        # another user's files are theirs to remove
        with suppress(PermissionError), locked(lock) as free:
            if free:
                temporary = lock.with_suffix("")
                _remove(temporary)
                _remove(_replaced(temporary))
                lock.unlink(missing_ok=True)


def _replaced(temporary):
    """Where a folder waits for its removal while ``temporary`` takes its place."""
    return temporary.with_name(f"{temporary.name}.replaced")


def _move_folder(temporary, path):
    """Rename a folder to ``path``, in place of a folder that holds the same files or fewer."""
    while True:
        try:
            temporary.rename(path)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or path.is_file():
                raise

        # nothing may be lost that is not written again
        try:
            names, new_names = (
                {file.relative_to(folder) for file in folder.rglob("*")}
                for folder in (path, temporary)
            )
        except FileNotFoundError:  # another process has just taken it away
            continue
        if foreign := sorted(names - new_names):
            raise InputError(
                f"{path / foreign[0]}: not written here and would be removed; move it away"
            )

        # here too another process may take it away, or put its own there
        _remove(_replaced(temporary))
        with suppress(FileNotFoundError):
            path.rename(_replaced(temporary))

    _remove(_replaced(temporary))


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
    """Write a JSON object as indented text, whole or not at all.

    Raises:
        ValueError: for NaN and infinity, which JSON has not.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path):
    """Read a JSON object.

    Raises:
        InputError: if the file is missing, damaged or no JSON object.
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


def without_duplicates(pairs):
    """The object of some JSON, from its pairs of key and value: an ``object_pairs_hook``.

    Raises:
        ValueError: if a key appears twice.
    """
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} appears twice in one object")
    return content
