"""Finished runs of a dataset: choose them, tell what they are of, load their networks."""

from pathlib import Path

from synthetic_spectra.analysis import tables
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.training import run_folder


def choose(runs_dir, data, names=()):
    """The finished runs that were trained on the arrays of a dataset, but for those that diverged.

    Args:
        runs_dir: folder that holds a folder per config, and in it one per run.
        data: the ``Dataset``.
        names: folders of the runs, in the order that is wanted; without any all there are, by name.

    Returns:
        the runs, and a sentence for each that was left out as it was trained on other arrays.

    Raises:
        InputError: if no run is left, or one of ``names`` is not among them.
    """
    folder = Path(runs_dir) / data.name
    finished = {run.name: run for run in run_folder.found(runs_dir, data.name) if predicts(run)}
    if not finished:
        raise InputError(
            f"{folder}: no finished run; train first: python train.py --config {data.name}"
        )
    for name in names:
        if name not in finished:
            raise InputError(
                f"{folder / name}: no finished run that did not diverge; those are {', '.join(finished)}"
            )
    usable, problems = [], []
    for run in [finished[name] for name in names or finished]:
        if run.settings.get("dataset_checksum") == data.checksum:
            usable.append(run)
        else:
            problems.append(
                f"{run.folder}: was trained on other arrays than those in {data.folder}; train it again"
            )
    if not usable:
        raise InputError("; ".join(problems))
    return usable, problems


def predicts(run):
    """Whether a run is finished and did not diverge."""
    summary = run.summary
    return bool(summary) and summary.get("outcome") != "diverged"


def kind(run):
    """What a run is one of: the values of ``tables.MODEL``, model arguments as text."""
    settings = run.settings | {"model_args": run_folder.described(run.settings["model_args"])}
    return tuple(settings[column] for column in tables.MODEL)


def origin(run):
    """What a run was trained on: dataset_checksum, backend, device, and the versions as text."""
    versions = ", ".join(
        f"{package} {version}" for package, version in run.settings["versions"].items()
    )
    told = ("dataset_checksum", "backend", "device")
    return {name: run.settings[name] for name in told} | {"versions": versions}


def load(run):
    """The network of a finished run, uncompiled.

    Raises:
        InputError: if its file cannot be read.
    """
    from synthetic_spectra.common.backend import keras  # starts Keras

    try:
        return keras.models.load_model(run.model_file, compile=False)
    except Exception as error:  # Keras has no list of what damaged bytes lead to
        told = first_line(error)
        raise InputError(f"{run.model_file}: not a model of this collection: {told}") from None
