"""Libraries that read formats of instruments: imported only when such a file comes, and bounded."""

import importlib
import io
import signal
import tempfile
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from synthetic_spectra.common.errors import InputError

# what a library may take for one file
SECONDS = 20
MEMORY = 2 * 2**30


@contextmanager
def bounded():
    """Bounds on time and memory for the libraries, whose loops trust the numbers in a file.

    Time is that of the processor, in the main thread of Linux and macOS; memory is bounded on
    Linux. Elsewhere nothing is bounded.
    """
    timer = hasattr(signal, "SIGVTALRM") and threading.current_thread() is threading.main_thread()

    def expired(number, frame):
        raise InputError(f"not read within {SECONDS} seconds")

    statm = Path("/proc/self/statm")
    limit = None
    if statm.is_file():
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        hard = limit[1] if limit[1] != resource.RLIM_INFINITY else 2**62
        resource.setrlimit(resource.RLIMIT_AS, (min(used + MEMORY, hard), limit[1]))
    before = signal.signal(signal.SIGVTALRM, expired) if timer else None
    try:
        if timer:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        with redirect_stdout(io.StringIO()) as printed, redirect_stderr(printed):
            yield printed
    finally:
        if timer:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, limit)


def library(module, package):
    """A library that only files of one kind need.

    Raises:
        InputError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(
            f"reading it needs the package {package} (pip install {package})"
        ) from None


@contextmanager
def file_of(content, suffix):
    """The path of a file with these bytes, for libraries that open files themselves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"content{suffix}"
        path.write_bytes(content)
        yield path
