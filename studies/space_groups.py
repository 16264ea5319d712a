"""Real structures, datasets/<config>/ → output/results/{trained_on,tested_on,crystal_groups,…}_
<config>.csv: what networks learn of space groups from random crystals, and from real ones."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
import train
from synthetic_spectra.analysis import crystal_tables, on_crystals, results, tables, trained
from synthetic_spectra.common.cli import (
    Count,
    Folder,
    NotNegative,
    Positive,
    RunSeed,
    notice,
    run_script,
)
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import written_whole
from synthetic_spectra.crystals import real, statistics
from synthetic_spectra.crystals.structure import Crystals, joined
from synthetic_spectra.spectra import config, dataset, manifest, sources
from synthetic_spectra.spectra.crystal_patterns import AT_ONCE
from synthetic_spectra.training import run_folder

# The first ones are tested on the types that the statistics keep for tests. The last one is not:
# structures of one type are in its training and in its test, which flatters it.
RANDOM, BY_TYPES, AT_RANDOM = "random_crystals", "real_structures", "real_structures_random_split"
# the test set of each, and further ones that hold nothing of its training
TESTED = {
    RANDOM: (on_crystals.UNSEEN, on_crystals.PREDICTED),
    BY_TYPES: (on_crystals.UNSEEN, on_crystals.PREDICTED),
    AT_RANDOM: (on_crystals.SPLIT, (on_crystals.RANDOM,)),
}


@dataclass(frozen=True)
class Settings:
    """Train networks on random crystals and on real structures, with as many steps; finished runs
    are skipped."""

    structures: Positional[tuple[Path, ...]]
    """The files and folders that the statistics of the config were counted over, all of them."""
    config: str = "space_groups_30"
    """Name of a file in dataset_configs/ of the kind "crystals" (its spectra must have been
    rendered), or path to a .json."""
    trained_on: Annotated[tuple[str, ...], Field(min_length=1)] = (RANDOM, BY_TYPES, AT_RANDOM)
    """What to train on, of random_crystals, real_structures, real_structures_random_split; what is
    finished is in the table too."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("strided",)
    """Networks, names in model_implementations.MODELS."""
    seeds: Annotated[tuple[RunSeed, ...], Field(min_length=1)] = (0,)
    """Random seeds of the training, each ≥ 0, a run of each network for each."""
    spectra: Count = 393216
    """Spectra that a training sees, rounded to whole epochs, ≥ 1."""

    # of the trainings, the same for all
    learning_rate: Positive = 2e-3
    """Learning rate of Adam in the first third of the epochs, > 0; a half and a quarter of it in
    the others."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.995
    """Momentum of the moving averages of the weights, as of train.py, in [0, 1)."""

    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Precision of the arithmetic, as of train.py."""

    # of the real structures
    copies: Count = 2
    """Spectra of each real structure for training, of crystallites of random sizes, ≥ 1."""
    val_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the real structures for training that are its validation, in (0, 1)."""

    evaluate_only: bool = False
    """Tables of the runs that are finished; nothing is rendered or trained."""
    time_budget: NotNegative = 0
    """Seconds after which each training ends, between two epochs; the same command continues. 0 for
    no limit."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset; those of real structures go into its folder
    trained_on/."""
    runs_dir: Folder = Path("runs")
    """Folder of runs; they go into its folder trained_on/."""
    results_dir: Folder = results.MADE
    """Folder for the tables."""


def main(settings):
    path = config.find(settings.config)
    for name in settings.trained_on:
        if name not in (known := (RANDOM, BY_TYPES, AT_RANDOM)):
            raise InputError(f"trained_on {name!r}: unknown; known: {', '.join(known)}")
    definitions = dataset.resolved(settings.datasets_dir, path)
    if definitions.kind != "crystals":
        raise InputError(f'{path}: expected a config of the kind "crystals"')

    if not dataset.holds(settings.datasets_dir / path.stem, definitions):
        raise InputError(f"render it first: python spectra_from_config.py --config {path}")
    for name in () if settings.evaluate_only else settings.trained_on:
        if not dataset.holds(dataset_folder(settings, name) / path.stem, definitions):
            render_real(settings, name, path, definitions)
        notice(f"== {name}")
        # stdout is for the table of this script
        with redirect_stdout(sys.stderr):
            train.main(training(settings, name, path, definitions))

    problems = []
    tables_made = evaluated(settings, path, definitions, problems)
    if tables_made:
        with results.alone_in(settings.results_dir):
            found = results.write(settings.results_dir, path.stem, tables_made)
        for table in (
            crystal_tables.trainings(found.trained_on),
            crystal_tables.accuracies(found.tested_on),
            crystal_tables.of_types(found.tested_on),
        ):
            print(tables.write(table, "markdown") + "\n")
    if problems:
        raise InputError("; ".join(problems))


def dataset_folder(settings, name):
    """The folder of the dataset that is trained on, as ``datasets_dir`` of train.py."""
    return settings.datasets_dir if name == RANDOM else settings.datasets_dir / "trained_on" / name


def runs_folder(settings, name):
    """The folder of the runs that were trained on it, as ``runs_dir`` of train.py."""
    return settings.runs_dir / "trained_on" / name


def render_real(settings, name, path, definitions):
    """Render a dataset of real structures, with the classes of a dataset of random crystals.

    Args:
        settings: of this script.
        name: ``BY_TYPES`` or ``AT_RANDOM``.
        path: of the config.
        definitions: the resolved config.

    Raises:
        InputError: if the statistics were counted over other structures.
    """
    source, fixed = sources.stream(definitions), config.load(path).fixed()
    seen, validation, tests = split(settings, name, source)
    tests = expanded(tests) if name == AT_RANDOM else source.tests
    splits = {
        "train": [expanded(seen)] * settings.copies,
        "val": [expanded(validation)],
        "test": [tests],
    }
    folder = dataset_folder(settings, name)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {split: sum(map(len, parts)) for split, parts in splits.items()}
    with written_whole(folder / path.stem) as temporary:
        n_parts = sum(numbers.values()) / AT_ONCE
        parts = track(rendered(source, splits), name, n_parts, console=Console(stderr=True))
        crcs = dataset.write(temporary, definitions, numbers, parts)
        manifest.write(temporary, crcs, fixed)


def split(settings, name, source):
    """Real structures for training, validation and test, three lists of ``standard.Structure``: by
    types all that the statistics count, and others; at random as large a share of all.

    Args:
        settings: of this script.
        name: ``BY_TYPES`` or ``AT_RANDOM``.
        source: ``CrystalSource`` of the dataset of random crystals.
    """
    definitions = source.definitions
    counted = statistics.load(definitions.statistics)
    found, seen = real.counted_before(settings.structures, counted, definitions.statistics)
    places = [
        (one, of_seen_type)
        for one, of_seen_type in zip(found, seen, strict=True)
        if source.labels[one.group] >= 0
    ]
    usable = [
        real.fits(one, definitions) and (of_seen_type or name == AT_RANDOM)
        for one, of_seen_type in places
    ]
    found = [one for one, _ in places]
    rng = np.random.default_rng(counted.settings["seed"])
    order = [found[i] for i in rng.permutation(np.flatnonzero(usable))]
    share = 1 - counted.settings["test_share"] if name == AT_RANDOM else 1
    first_test = round(share * len(order))
    n_val = max(1, round(settings.val_share * first_test))
    return order[n_val:first_test], order[:n_val], order[first_test:]


def expanded(structures):
    """The ``Crystals`` of some structures."""
    watched = track(structures, "structures", console=Console(stderr=True))
    return joined([one.crystals() for one in watched])


def tests_of_random_split(settings, path, source):
    """The real crystals in the test of ``AT_RANDOM``, which are kept beside its dataset."""
    file = dataset_folder(settings, AT_RANDOM) / f"{path.stem}_tests.npz"
    if not file.is_file():
        crystals = expanded(split(settings, AT_RANDOM, source)[2])
        with written_whole(file) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **vars(crystals))
    with np.load(file, allow_pickle=False) as kept:
        return Crystals(**kept)


def rendered(source, splits):
    """Split, spectra and labels of crystals (split → list of ``Crystals``), part by part."""
    for key, (split, copies) in enumerate(splits.items()):
        for copy, crystals in enumerate(copies):
            for spectra, labels in source.of(crystals, (key, copy)):
                yield split, spectra, labels


def training(settings, name, path, definitions):
    """The settings of train.py for one kind of training: as many steps for each."""
    online = name == RANDOM
    size = definitions.patterns_per_epoch
    if not online:
        labels = dataset_folder(settings, name) / path.stem / "y_train.npy"
        size = len(np.load(labels, mmap_mode="r"))
    epochs = max(1, round(settings.spectra / size))
    return train.Settings(
        config=str(path),
        models=settings.models,
        online=online,
        ema_momentum=settings.ema_momentum,
        seeds=settings.seeds,
        learning_rate=settings.learning_rate,
        precision=settings.precision,
        epochs=epochs,
        halve_every=-(-epochs // 3),
        stopping_patience=epochs,
        time_budget=settings.time_budget,
        datasets_dir=dataset_folder(settings, name),
        runs_dir=runs_folder(settings, name),
        wandb="disabled",
    )


def evaluated(settings, path, definitions, problems):
    """The tables of all finished runs, those of other processes too, on the spectra that are there
    now: key of ``table_files.TABLES`` → DataFrame; none without a run.

    Args:
        settings: of this script.
        path: of the config.
        definitions: the resolved config.
        problems: takes a sentence for each run that cannot be read.
    """
    sets, rows = None, {kind: [] for kind in on_crystals.KINDS}
    for name in (RANDOM, BY_TYPES, AT_RANDOM):
        runs = run_folder.found(runs_folder(settings, name), path.stem, problems)
        runs = [run for run in runs if trained.predicts(run)]
        if not runs:
            continue
        data = dataset.load(dataset_folder(settings, name), path.stem)
        if sets is None:
            others = dataset.load(settings.datasets_dir, path) if name != RANDOM else data
            sets = on_crystals.TestSets(others)
        if name == AT_RANDOM:
            source = sources.stream(definitions)
            sets.crystals[on_crystals.SPLIT] = tests_of_random_split(settings, path, source)
        for run in runs:
            try:
                trained.refuse_other_arrays(run, data)
                made = on_crystals.rows(run, data, sets, *TESTED[name])
                for kind, of_kind in made.items():
                    rows[kind] += [{"trained_on": name} | row for row in of_kind]
            except InputError as error:
                problems.append(str(error))
    return {kind: pd.DataFrame(of_kind) for kind, of_kind in rows.items() if of_kind}


if __name__ == "__main__":
    run_script(main, Settings)
