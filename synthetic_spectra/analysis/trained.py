"""Finished runs of a dataset: choose them, load their networks, predict with them."""

import zipfile
from itertools import product
from pathlib import Path

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.files import read_json
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.outcome import RANKS, TOP, top
from synthetic_spectra.training.run import training_command

TRAINED_DIR = config.ROOT / "trained"  # networks that come along, as in a folder of runs


def with_noise_of(datasets_dir, source):
    """A config with all its settings, and with the noise spectra that its dataset was rendered
    with, if it was and they were given as files.

    Args:
        datasets_dir: the folder that holds a folder per dataset.
        source: path of the config.

    Raises:
        InputError: if one of both cannot be read.
    """
    definitions = config.load(source).resolved()
    path = Path(datasets_dir) / source.stem / dataset.CONFIG_FILE
    if definitions.noise_spectra or not path.is_file():
        return definitions
    rendered = config.load(path)
    if rendered.n_datapoints != definitions.n_datapoints:
        return definitions
    return definitions.with_noise(rendered.noise_spectra)


def finished(runs_dir, name):
    """All finished runs of a config.

    Args:
        runs_dir: folder that holds a folder per config, and in it one per run.
        name: of the config.

    Returns:
        the runs, ordered by folder, and a sentence for each run whose files cannot be read.

    Raises:
        InputError: if there is no finished run.
    """
    problems = []
    runs = [run for run in run_folder.found(runs_dir, name, problems) if run.summary]
    if not runs:
        command = training_command(name, runs_dir)
        lack = f"{Path(runs_dir) / name}: no finished run; train first: {command}"
        raise InputError("; ".join([lack, *problems]))
    return runs, problems


def choose(runs_dir, data, names=()):
    """The finished runs that were trained on the arrays of a dataset and did not diverge.

    Args:
        runs_dir: folder that holds a folder per config, and in it one per run.
        data: the ``Dataset``.
        names: folders of the runs, in the order that is wanted; all runs, by name, without any.

    Returns:
        the runs, and a sentence for each that is left out as it was trained on other arrays or
        cannot be read.

    Raises:
        InputError: if no run is left, or one of ``names`` is not among them.
    """
    runs, problems = finished(runs_dir, data.name)
    predicting = {run.name: run for run in runs if predicts(run)}
    for name in names:
        if name not in predicting:
            raise InputError(
                f"{Path(runs_dir) / data.name / name}: no finished run that did not diverge; "
                f"those are {', '.join(predicting)}"
            )

    usable = []
    for run in [predicting[name] for name in names or predicting]:
        try:
            refuse_other_arrays(run, data)
            usable.append(run)
        except InputError as error:
            problems.append(str(error))
    if not usable:
        raise InputError("; ".join(problems) or f"{Path(runs_dir) / data.name}: all runs diverged")
    return usable, problems


def choose_networks(runs_dir, data, names=()):
    """As ``choose``, without the runs of classical learners, which a line on stderr names.

    Raises:
        InputError: as ``choose``, or if no run has a network.
    """
    runs, problems = choose(runs_dir, data, names)
    networks = with_network(runs)
    if not networks:
        raise InputError(
            f"{Path(runs_dir) / data.name}: no run of a network; train first: "
            + training_command(data.name, runs_dir)
        )
    return networks, problems


def folder_of(runs_dir, name):
    """The folder that holds finished runs of a config: ``runs_dir``, else ``TRAINED_DIR``, else
    None."""
    for folder in (Path(runs_dir), TRAINED_DIR):
        if list((folder / name).glob("*/summary.json")):
            return folder
    return None


def trained_on(run, datasets_dir):
    """The resolved config of the dataset that a run was trained on. That of a network which comes
    along stands beside its run.

    Args:
        run: the run.
        datasets_dir: folder that holds a folder per dataset.

    Raises:
        InputError: if it is not there, or cannot be read.
    """
    beside = run.folder.parent
    folder = beside if beside.parent == TRAINED_DIR else Path(datasets_dir) / beside.name
    return config.load(folder / dataset.CONFIG_FILE)


def right_in_test(run):
    """The number of test spectra of a finished run, of how many it names the class, and of how many
    the class is among its five likeliest; None for a run from before ranks were kept."""
    summary = run.summary
    n = summary["test_spectra"]
    return n, n - summary["test_misclassified"], top(run.predictions() or {})[TOP[5]]


def classifier(run, definitions, datasets_dir):
    """The network of a finished run as a function, for measured spectra: float32
    (n, n_datapoints) with a maximum of 1 → probabilities (n, classes).

    Args:
        run: the run.
        definitions: the resolved config.
        datasets_dir: folder that holds a folder per dataset, which need not be there.

    Raises:
        InputError: if it was trained on other classes, or cannot be read.
    """
    # a class that was another one when the network was trained would get the wrong name
    taught = read_json(run.folder / "settings.json").get("classes_checksum")
    if taught and taught != definitions.classes_checksum():
        raise InputError(f"{run.folder}: was trained on other classes; remove it and train again")
    rendered = Path(datasets_dir) / run.folder.parent.name / dataset.CONFIG_FILE
    if run.folder.parent.parent != TRAINED_DIR and rendered.is_file():
        before = config.load(rendered)
        if before.classes_checksum() != definitions.classes_checksum():
            raise InputError(f"{rendered}: its classes are others; render and train again")
    model = load(run)
    sizes = model.input_shape[1], model.output_shape[-1]
    expected = definitions.n_datapoints, definitions.n_classes
    if sizes != expected:
        raise InputError(
            f"{run.model_file}: a network of {sizes[0]} datapoints and {sizes[1]} classes, "
            f"expected {expected[0]} and {expected[1]}; remove its folder and train again"
        )
    return lambda spectra: model.predict(spectra[..., None], verbose=0)


def refuse_other_arrays(run, data):
    """Raise InputError if a run was trained on other arrays than those of a dataset."""
    if run.settings.get("dataset_checksum") != data.checksum:
        raise InputError(
            f"{run.folder}: was trained on other arrays than those in {data.folder}; train it again"
        )


def predicts(run):
    """Whether a run is finished and did not diverge."""
    summary = run.summary
    return bool(summary) and summary.get("outcome") != "diverged"


def origin(run):
    """What a run was trained on and with: column → value, for ``table_files.ORIGIN``."""
    versions = run.settings["versions"].items()
    return {
        "dataset_checksum": run.settings["dataset_checksum"],
        "backend": run.settings["backend"],
        "device": run.settings["device"],
        "versions": ", ".join(f"{package} {version}" for package, version in versions),
    }


def load(run):
    """The network of a finished run, uncompiled.

    Raises:
        InputError: if its file cannot be read, or it has none.
    """
    if not run.model_file.is_file():
        raise InputError(
            f"{run.model_file}: no such file; a run of a classical learner has no network to ask"
        )

    from synthetic_spectra.common import backend  # starts Keras

    # isort: split
    import model_implementations  # noqa: F401  (registers the layers of own networks)

    # of another file Keras says that it is not there
    if not zipfile.is_zipfile(run.model_file):
        raise InputError(
            f"{run.model_file}: not a model of this collection: no whole .keras file; "
            "remove its folder to train the run again"
        )
    backend.prepare("float32")
    try:
        return backend.keras.models.load_model(run.model_file, compile=False)
    except Exception as error:  # Keras has no list of what damaged bytes lead to
        reason = first_line(error)
        raise InputError(f"{run.model_file}: not a model of this collection: {reason}") from None


def with_network(runs):
    """Those of some runs that have a network; a line on stderr names the others."""
    runs = list(runs)
    others = [run.name for run in runs if not run.model_file.is_file()]
    if others:
        notice(f"left out, as they have no network: {', '.join(others)}")
    return [run for run in runs if run.name not in others]


def load_all(runs, problems):
    """The networks of finished runs; one that cannot be read keeps no other from being used.

    Args:
        runs: the runs.
        problems: takes a sentence for each run that is left out.

    Returns:
        pairs of a run and its network.
    """
    networks = []
    for run in runs:
        try:
            networks.append((run, load(run)))
        except InputError as error:
            problems.append(str(error))
    return networks


def predictions(run, data):
    """Predictions of a run, as ``outcome.classified`` gives them: those it kept, else made by its
    model, and kept. Those from before ranks were kept have none.

    Raises:
        InputError: if the model or the kept predictions cannot be read, or are of other spectra.
    """
    kept = run.predictions()
    if kept is None:
        from synthetic_spectra.training.batches import predictions as predict  # starts Keras

        kept = predict(load(run), data)
        run.save_predictions(kept)
    for split, name in product(dataset.SPLITS, ("{}", RANKS)):
        found = kept.get(name.format(split))
        if found is not None and found.shape != data.y[split].shape:
            raise InputError(
                f"{run.predictions_file}: predictions of shape {found.shape}, expected one for "
                f"each of the {len(data.y[split])} {split} spectra; remove it to make them again"
            )
    return kept
