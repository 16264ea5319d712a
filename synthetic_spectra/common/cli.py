"""Settings → flags, mistakes in one sentence, signals: what all scripts do alike at the command
line."""

import ast
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, get_args, get_origin, get_type_hints

import tyro
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from synthetic_spectra.common.errors import InputError, Stopped, sentence


def _without_a_file_in_its_place(folder, field):
    """The path of a folder, which need not be there yet.

    Raises:
        ValueError: if it is a file, or lies in one.
    """
    there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    if there.is_file():
        raise ValueError(
            f"{field.field_name} is {str(folder)!r}, expected a folder; {there} is a file"
        )
    return folder


# types of Settings fields that say what is allowed
Folder = Annotated[Path, AfterValidator(_without_a_file_in_its_place)]
Count = Annotated[int, Field(ge=1, le=2**53)]
Seed = Annotated[int, Field(ge=0)]
# random seeds of a training, as Keras takes them
RunSeed = Annotated[int, Field(ge=0, lt=2**32)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# seconds, at most a day
Timeout = Annotated[int, Field(ge=1, le=86400)]

# characters in a line of the help; in narrower ones it cannot be laid out
NARROWEST, WIDEST = 60, 200


def run_script(main, settings_class):
    """Run ``main(settings)`` with settings from the command line, checked against the types of
    their fields.

    Exit codes: 0 done, 2 a user's mistake or an operating-system error such as a full disk (one
    sentence on stderr), 130 interrupted from the keyboard, 143 terminated (as by ``docker stop`` or
    a cluster). Anything else is a fault of the project and keeps its traceback.
    """

    def terminate(signal_number, frame):
        raise Stopped(signal_number, "terminated")

    signal.signal(signal.SIGTERM, terminate)
    prepare_terminal()
    try:
        main(checked_settings(settings_class))
    except InputError as error:
        notice(f"error: {error}")
        sys.exit(2)
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        notice(f"error: {file}{error.strerror or error}")
        sys.exit(2)
    except SyntaxError as error:  # of a module that the user wrote
        notice(f"error: {error.filename}, line {error.lineno}: {error.msg}")
        sys.exit(2)
    except KeyboardInterrupt:
        notice("interrupted")
        sys.exit(130)
    except Stopped as stop:
        notice(stop)
        sys.exit(128 + stop.signal_number)


def prepare_terminal():
    """Let every text be shown: "?" in the place of what the terminal's encoding does not have, and
    lines that are neither too narrow nor too wide for the help."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    width = shutil.get_terminal_size().columns
    if not NARROWEST <= width <= WIDEST:
        os.environ["COLUMNS"] = str(min(max(width, NARROWEST), WIDEST))


def checked_settings(settings_class, argv=None):
    """Settings from the command line, or from ``argv``, checked against the types of their fields.

    Raises:
        InputError: names the field, its value and what was expected.
        SystemExit: from the parser, which prints what it did not understand.
    """
    arguments = sys.argv[1:] if argv is None else argv
    settings = tyro.cli(settings_class, args=without_literals(settings_class, arguments))
    try:
        TypeAdapter(settings_class).validate_python(vars(settings))
    except ValidationError as error:
        raise InputError(f"settings: {sentence(error)}") from None
    return settings


def without_literals(settings_class, arguments):
    """Arguments of the command line as the parser takes them, where W&B sweeps write Python.

    ``--online=True`` becomes ``--online``, ``--online=False`` ``--no-online``, and
    ``--models=['vgg', 'cnn2']`` ``--models vgg cnn2``; with a space in the place of "=" too.
    """
    kinds = {name: _kind(hint) for name, hint in get_type_hints(settings_class).items()}
    result, rest = [], list(arguments)
    while rest:
        argument = rest.pop(0)
        flag, equals, value = argument.partition("=")
        kind = kinds.get(flag.removeprefix("--").replace("-", "_"))
        if not flag.startswith("--") or kind not in (bool, tuple):
            result.append(argument)
            continue
        if not equals and rest:
            value = rest[0]
        literal = _literal(value)
        if not isinstance(literal, list if kind is tuple else bool):
            result.append(argument)
            continue
        if not equals:
            rest.pop(0)
        if kind is tuple:
            result += [flag, *map(str, literal)]
        else:
            result.append(flag if literal else f"--no-{flag.removeprefix('--')}")
    return result


def _kind(hint):
    """The type of a field: of ``tuple[int, ...]`` tuple, of ``Annotated[int, …]`` int."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return get_origin(hint) or hint


def _literal(text):
    """The value of a Python or JSON literal: a truth value or a list; else None."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return list(value) if isinstance(value, (list, tuple)) else None


def notice(text):
    """Show progress, or what the user should know: on stderr, as stdout is for tables."""
    print(text, file=sys.stderr, flush=True)


class GentleStop:
    """A context in which the first Ctrl-C or SIGTERM waits until ``check`` is called; a second one
    ends at once.

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
    """Names of the Settings fields that the command line sets, e.g. ``{"n_train"}`` for ``--n-train
    10``.

    A switch stands with both of its names: ``--no-vary-highest`` sets ``vary_highest``.
    """
    arguments = sys.argv[1:] if argv is None else argv
    names = {a[2:].split("=")[0].replace("-", "_") for a in arguments if a.startswith("--")}
    return names | {name.removeprefix("no_") for name in names}
