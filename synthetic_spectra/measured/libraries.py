"""Libraries that read formats of instruments: imported only when such a file comes, and bounded."""

import importlib
import io
import signal
import tempfile
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from synthetic_spectra.common.errors import InputError

# what reading one file may take
SECONDS = 20
MEMORY = 2 * 2**30


class Expired(BaseException):
    """The time is over; no library takes this for an error of its own."""


@contextmanager
def bounded():
    """Bounds on time and memory, for libraries whose loops trust the numbers in a file.

    Time is that of the processor, and is bounded in the main thread of Linux and macOS; memory is
    bounded on Linux. Elsewhere nothing is. What is printed meanwhile goes nowhere.

    Raises:
        InputError: when the time is over; MemoryError comes as it is.
    """
    timer = hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread()
    statm, limits, reading = Path("/proc/self/statm"), None, True

    def expired(number, frame):
        if reading:
            raise Expired

    if statm.is_file():
        import resource  # Windows has none

        limits = resource.getrlimit(resource.RLIMIT_AS)
        most = int(statm.read_text().split()[0]) * resource.getpagesize() + MEMORY
        most = min([most, *(limit for limit in limits if limit != resource.RLIM_INFINITY)])
        resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
    before = signal.signal(signal.SIGPROF, expired) if timer else None
    try:
        if timer:
            signal.setitimer(signal.ITIMER_PROF, SECONDS, 1)
        with redirect_stdout(io.StringIO()) as printed, redirect_stderr(printed):
            yield
    except Expired:
        raise InputError(f"not read within {SECONDS} seconds") from None
    finally:
        reading = False  # the time may end just now
        if timer:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
        if limits:
            resource.setrlimit(resource.RLIMIT_AS, limits)


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
