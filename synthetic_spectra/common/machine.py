"""The processor in words, the memory that is free, and the memory that a calculation takes."""

import ctypes
import os
import platform
import sys
from pathlib import Path


def processor():
    """The processor in words, and how many of its cores are usable."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {cores} {'core' if cores == 1 else 'cores'}"


def free_memory():
    """Bytes of memory that can be used now. Where the system does not say it: all there are, or no
    limit."""
    try:
        # counts what caches would give back
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(line for line in lines if line.startswith("MemAvailable"))
        return 1024 * int(available.split()[1])
    except (OSError, StopIteration):
        if not hasattr(os, "sysconf"):
            return sys.maxsize
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class PeakMemory:
    """A context that measures the most memory which this process takes in it, beyond what it took
    before: ``used`` in bytes, None where the system does not say it."""

    def __enter__(self):
        self.used = self.before = None
        try:
            # memory that was freed before goes back to the system, and Linux begins the peak anew
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")
            self.before = _of_this_process("VmRSS")
        except (OSError, AttributeError, TypeError):
            pass
        return self

    def __exit__(self, *_):
        if self.before is not None:
            self.used = max(0, _of_this_process("VmHWM") - self.before)


def _of_this_process(name):
    """A value of /proc/self/status that is given in kB, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])
