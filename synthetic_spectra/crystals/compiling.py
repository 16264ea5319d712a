"""numba's compiler, and where the code that it has compiled is kept.

numba looks at the file of a function alone to tell whether its compiled code is out of date. So
the code is kept in a folder that is named after the contents of all modules of this room. It is
``__pycache__`` beside them, the user's cache where nothing can be written there, or else a
temporary folder.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import numba

HERE = Path(__file__).parent


def compiled(function):
    """A function compiled at its first call, which does not hold Python's lock."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


def compiled_with_fast_math(function):
    """``compiled``, with sums in any order: results differ in the last digits by processor."""
    fast_math = {"reassoc", "contract", "nsz", "nnan"}
    how = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": fast_math}
    return numba.njit(**how)(function)


def writable(folder):
    """Whether a folder can be written to; it is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def keep_compiled_code():
    """Name the folder for compiled code to numba, below NUMBA_CACHE_DIR if the user has set it."""
    contents = b"".join(path.read_bytes() for path in sorted(HERE.glob("*.py")))
    name = f"numba-{hashlib.sha256(contents).hexdigest()[:16]}"
    given = numba.config.CACHE_DIR
    cache = os.environ.get("XDG_CACHE_HOME") or f"{os.environ.get('HOME', '')}/.cache"
    places = [given] if given else [HERE / "__pycache__", Path(cache) / "synthetic_spectra"]
    folder = next((Path(place) / name for place in places if writable(Path(place))), None)
    numba.config.CACHE_DIR = str(folder or tempfile.mkdtemp(prefix="numba-"))


keep_compiled_code()
