"""Real structures, datasets/<config>/ → output/results/trained_on_<config>.csv: what networks learn
of space groups from random crystals, and from real ones."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
import train
from synthetic_spectra.analysis import results, tables, trained
from synthetic_spectra.analysis.table_files import COST, COUNTS
from synthetic_spectra.common.cli import Count, NotNegative, Positive, RunSeed, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import written_whole
from synthetic_spectra.crystals import real, statistics
from synthetic_spectra.crystals.structure import joined
from synthetic_spectra.spectra import config, dataset, manifest, sources
from synthetic_spectra.spectra.crystal_patterns import AT_ONCE, within
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.outcome import TOP, top

# The first ones are tested on the types that the statistics keep for tests. The last one is not:
# structures of one type are in its training and in its test, which flatters it.
RANDOM, BY_TYPES, AT_RANDOM = "random_crystals", "real_structures", "real_structures_random_split"


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

    time_budget: NotNegative = 0
    """Seconds after which each training ends, between two epochs; the same command continues. 0 for
    no limit."""

    # where
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset; those of real structures go into its folder
    trained_on/."""
    runs_dir: Path = Path("runs")
    """Folder of runs; they go into its folder trained_on/."""
    results_dir: Path = results.MADE
    """Folder for the table, a row per run."""


def main(settings):
    path = config.find(settings.config)
    for name in settings.trained_on:
        if name not in (known := (RANDOM, BY_TYPES, AT_RANDOM)):
            raise InputError(f"trained_on {name!r}: unknown; known: {', '.join(known)}")
    definitions = dataset.resolved(settings.datasets_dir, path)
    if definitions.kind != "crystals":
        raise InputError(f'{path}: expected a config of the kind "crystals"')

    missing = [
        name
        for name in settings.trained_on
        if not dataset.holds(dataset_folder(settings, name) / path.stem, definitions)
    ]
    if RANDOM in missing:
        raise InputError(f"render it first: python spectra_from_config.py --config {path}")
    if missing:
        render_real(settings, missing, path, definitions)

    for name in settings.trained_on:
        notice(f"== {name}")
        # stdout is for the table of this script
        with redirect_stdout(sys.stderr):
            train.main(training(settings, name, path, definitions))

    # the runs of other processes are in the table too, as far as they are finished
    problems = []
    with results.alone_in(settings.results_dir):
        names = (RANDOM, BY_TYPES, AT_RANDOM)
        rows = [row for name in names for row in finished(settings, name, path.stem, problems)]
        if rows:
            results.write(settings.results_dir, path.stem, {"trained_on": pd.DataFrame(rows)})
    if rows:
        print(tables.write(comparison(pd.DataFrame(rows)), "markdown"))
    if problems:
        raise InputError("; ".join(problems))


def dataset_folder(settings, name):
    """The folder of the dataset that is trained on, as ``datasets_dir`` of train.py."""
    return settings.datasets_dir if name == RANDOM else settings.datasets_dir / "trained_on" / name


def runs_folder(settings, name):
    """The folder of the runs that were trained on it, as ``runs_dir`` of train.py."""
    return settings.runs_dir / "trained_on" / name


def render_real(settings, names, path, definitions):
    """Render datasets of real structures, with the classes of a dataset of random crystals.

    Args:
        settings: of this script.
        names: ``BY_TYPES``, ``AT_RANDOM`` or both.
        path: of the config.
        definitions: the resolved config.

    Raises:
        InputError: if the statistics were counted over other structures.
    """
    source, fixed = sources.stream(definitions), config.load(path).fixed()
    counted = statistics.load(definitions.statistics)

    # the structures, and the types for tests, as when the statistics were made
    made_by = SimpleNamespace(**counted.settings)
    found = [
        one
        for path in settings.structures
        for one in real.structures(path)
        if real.fits(one, made_by)
    ]
    types = real.types_for_tests(found, made_by)
    seen = [one.kind not in types for one in found]
    if sum(seen) != len(counted.groups):
        raise InputError(
            f"{sum(seen)} structures are of types for training, but the statistics "
            f"{definitions.statistics!r} count {len(counted.groups)}; expected their structures"
        )
    pairs = [
        (one, of_seen_type)
        for one, of_seen_type in zip(found, seen, strict=True)
        if source.labels[one.group] >= 0
    ]
    console = Console(stderr=True)
    crystals = joined([one.crystals() for one, _ in track(pairs, "structures", console=console)])
    seen = np.array([of_seen_type for _, of_seen_type in pairs])
    usable = within(crystals, definitions)

    # by types: all that the statistics count, and their tests; at random: as large a share of all
    for name in names:
        rng = np.random.default_rng(made_by.seed)
        places = rng.permutation(np.flatnonzero(usable & (seen if name == BY_TYPES else True)))
        tests = source.tests
        if name == AT_RANDOM:
            first_test = round((1 - made_by.test_share) * len(places))
            places, tests = places[:first_test], crystals.chosen(places[first_test:])
        n_val = max(1, round(settings.val_share * len(places)))
        splits = {
            "train": [crystals.chosen(places[n_val:])] * settings.copies,
            "val": [crystals.chosen(places[:n_val])],
            "test": [tests],
        }
        folder = dataset_folder(settings, name)
        folder.mkdir(parents=True, exist_ok=True)
        numbers = {split: sum(map(len, parts)) for split, parts in splits.items()}
        with written_whole(folder / path.stem) as temporary:
            n_parts = sum(numbers.values()) / AT_ONCE
            parts = track(rendered(source, splits), name, n_parts, console=console)
            crcs = dataset.write(temporary, definitions, numbers, parts)
            manifest.write(temporary, crcs, fixed)


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


def finished(settings, name, config_name, problems):
    """A row for each finished run of one kind of training, on the spectra that are there now.

    Args:
        settings: of this script.
        name: what it was trained on.
        config_name: name of the config.
        problems: takes a sentence for each run that cannot be read.
    """
    runs = run_folder.found(runs_folder(settings, name), config_name, problems)
    runs = [run for run in runs if trained.predicts(run)]
    if not runs:
        return
    data = dataset.load(dataset_folder(settings, name), config_name)
    for run in runs:
        try:
            trained.refuse_other_arrays(run, data)
        except InputError as error:
            notice(error)
            continue
        summary, online = run.summary, run.identity.online
        size = data.definitions.patterns_per_epoch if online else len(data.y["train"])
        yield {
            "trained_on": name,
            **run.identity.columns(),
            "seed": run.identity.seed,
            "spectra_seen": size * summary["trained_epochs"],
            **{column: summary.get(column) for column in (*COUNTS, *COST)},
            **top(run.predictions()),
            "learning_rate": run.settings["learning_rate"],
            "multiply_accumulates": summary.get("multiply_accumulates"),
            **trained.origin(run),
        }


def comparison(table):
    """A line for each kind of training and network: the share of test spectra whose class is the
    likeliest one, and among the five likeliest."""
    rows = []
    for (name, model), runs in table.groupby(["trained_on", "model"], sort=False):
        rows.append({"trained_on": name, "model": model, "runs": len(runs)})
        for k in (1, 5):
            shares = 100 * runs[TOP[k]] / runs.test_spectra
            rows[-1][f"top {k} in %"] = tables.spread(shares)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    run_script(main, Settings)
