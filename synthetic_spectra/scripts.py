"""What all scripts do alike: flags from Settings, mistakes in one sentence, files that are whole or not there."""

import json
import os
import platform
import shutil
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field, TypeAdapter, ValidationError

# types of Settings fields that tell what is allowed
Count = Annotated[int, Field(ge=1, le=2**53)]
Seed = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class InputError(ValueError):
    """A mistake in what the user gave (a file, a field, a flag); its text is the one sentence to print."""


def run_script(main, settings_class):
    """Run ``main(settings)`` with settings from the command line, checked against the types of their fields.

    Exit codes: 0 done, 2 a user's mistake or an operating-system error such as a full disk (one sentence on stderr),
    130 interrupted from the keyboard, 143 terminated (as by ``docker stop`` or a cluster). Anything else is a fault of
    ours and keeps its traceback.
    """

    def terminate(signal_number, frame):
        raise Stopped(signal_number, "terminated")

    signal.signal(signal.SIGTERM, terminate)
    try:
        main(checked_settings(settings_class))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        print(f"error: {file}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except Stopped as stop:
        print(stop, file=sys.stderr)
        sys.exit(128 + stop.signal_number)


def checked_settings(settings_class, argv=None):
    """Settings from the command line, or from ``argv``, checked against the types of their fields.

    Raises:
        InputError: names the field, its value and what was expected.
        SystemExit: from the parser, which prints what it did not understand.
    """
    settings = tyro.cli(settings_class, args=argv)
    try:
        TypeAdapter(settings_class).validate_python(vars(settings))
    except ValidationError as error:
        raise InputError(f"settings: {sentence(error)}") from None
    return settings


class Stopped(BaseException):
    """A signal ended the script; the text says where, and how to go on."""

    def __init__(self, signal_number, sentence):
        super().__init__(sentence)
        self.signal_number = signal_number


class GentleStop:
    """A context in which the first Ctrl-C or SIGTERM waits until ``check`` is called; a second one ends at once.

    Outside the main thread, where Python sets no signal handlers, it changes nothing.
    """

    signals = (signal.SIGINT, signal.SIGTERM)

    def __enter__(self):
        self.noted, self.before = None, {}
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._note) for number in self.signals}
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self.noted:
            raise Stopped(number, "stopped at once")
        self.noted = number

    def check(self, sentence):
        """Raise Stopped with this sentence if a signal has come."""
        if self.noted:
            raise Stopped(self.noted, sentence)


def given_flags(argv=None):
    """Names of the Settings fields that the command line sets, e.g. ``{"n_train"}`` for ``--n-train 10``.

    A switch stands with both of its names: ``--no-vary-highest`` sets ``vary_highest``.
    """
    arguments = sys.argv[1:] if argv is None else argv
    names = {a[2:].split("=")[0].replace("-", "_") for a in arguments if a.startswith("--")}
    return names | {name.removeprefix("no_") for name in names}


def sentence(error):
    """The first complaint of a pydantic ``ValidationError`` in words: which field, which value, what was expected."""
    # a key of the content may hold line breaks and worse
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in _complaint(error.errors()[0]))


def _complaint(first):
    place = list(first["loc"])
    where = ""
    if place[:1] == ["spectra"] and len(place) > 1:
        where, place = f"class {place[1]}: ", place[2:]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    if first["type"] == "value_error":
        return where + str(first["ctx"]["error"])
    if first["type"] == "extra_forbidden":
        return f"{where}unknown key {field!r}"
    if first["type"] == "missing":
        return f"{where}the key {field!r} is missing"
    value = repr(first["input"])
    value = value if len(value) <= 60 else f"{value[:57]}..."
    expectation = first["msg"].removeprefix("Input should ").removeprefix("be ")
    if first["type"] in ("model_type", "dict_type"):
        expectation = "an object"
    return f"{where}{field or 'content'} is {value}, expected {expectation[0].lower()}{expectation[1:]}"


@contextmanager
def written_whole(path):
    """Give a temporary path beside ``path``; on success it becomes ``path``, on any error it is removed.

    Works for a file and for a folder (create it yourself). What stood at ``path`` before stays until then; a file is on
    the disk, not only in its cache, before it takes the name.
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
    """Write readable JSON whole or not at all; NaN and infinity are refused with ValueError, as JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


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
    """Bytes of memory that can be used now, or all there are where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()  # counts what caches would give back
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable")))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
