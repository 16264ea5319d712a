"""Runs on this machine, one after the other."""

import time
import traceback
from contextlib import suppress

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.files import write_text


def train(runs, train_one, resume="same"):
    """Train runs one after the other; leave out those that another process trains. A run that
    cannot be trained does not keep the others from theirs.

    Args:
        runs: the ``Run`` objects to train.
        train_one: function of a run that trains it and returns whether it is finished; if not, time
            is up for the others too.
        resume: treatment of unfinished runs, as of train.py.

    Returns:
        A sentence for each run that cannot be trained.
    """
    problems, started = [], time.monotonic()
    for i, run in enumerate(runs):
        notice(f"run {i + 1} of {len(runs)}: {run.folder}")
        try:
            with run.locked() as free:
                if not free:
                    notice("  is being trained by another process")
                    continue
                # another process may have begun or finished it in the meantime
                run.check(resume)
                if not run.summary and not train_one(run):
                    notice("  the time budget is used; the same command continues")
                    break
        except Exception as error:
            problems.append(problem(run, error))
            notice(f"  cannot be trained: {problems[-1]}")
            continue
        minutes = (time.monotonic() - started) / 60
        left = minutes / (i + 1) * (len(runs) - i - 1)
        notice(f"  done; {minutes:.0f} min so far, about {left:.0f} min left")
    return problems


def problem(run, error):
    """Why a run cannot be trained, in one sentence. What nobody foresaw is told at length in
    error.txt in its folder."""
    if isinstance(error, (InputError, OSError)):
        reason = str(error)
        if isinstance(error, OSError):
            place = f"{error.filename}: " if error.filename else ""
            reason = place + (error.strerror or first_line(error))
        return reason if reason.startswith(str(run.folder)) else f"{run.folder}: {reason}"
    with suppress(OSError):
        write_text(run.error_file, "".join(traceback.format_exception(error)))
    what = f"{type(error).__name__}: {first_line(error)}"
    return f"{run.folder}: {what} (more in {run.error_file.name})"
