"""Settings → flags, mistakes in one sentence, signals: what all scripts do alike at the command
line."""

import signal
import sys
import threading
from typing import Annotated

import tyro
from pydantic import Field, TypeAdapter, ValidationError

from synthetic_spectra.common.errors import InputError, Stopped, sentence

# types of Settings fields that tell what is allowed
Count = Annotated[int, Field(ge=1, le=2**53)]
Seed = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def run_script(main, settings_class):
    """Run ``main(settings)`` with settings from the command line, checked against the types of
    their fields.

    Exit codes: 0 done, 2 a user's mistake or an operating-system error such as a full disk (one
    sentence on stderr), 130 interrupted from the keyboard, 143 terminated (as by ``docker stop`` or
    a cluster). Anything else is a fault of ours and keeps its traceback.
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
