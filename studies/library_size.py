"""datasets/<config>/config.json → output/results/library_size_<config>.csv: accuracy by number of
classes."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
import spectra_from_config
import train
from studies import classical_baselines
from synthetic_spectra.analysis import counting, results, tables
from synthetic_spectra.analysis.table_files import COST, ORIGIN
from synthetic_spectra.common.cli import Count, Folder, RunSeed, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.outcome import TOP
from synthetic_spectra.training.run import Identity

# of a run, beside its number of classes
COLUMNS = (
    *Identity.COLUMNS, "seed", "test_spectra", *TOP.values(), "outcome", *COST, *ORIGIN
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Fit learners to the first classes of a dataset, some and then more; finished runs are
    skipped."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    step: Count = 100
    """Difference between two numbers of classes, ≥ 1: the smallest is the step, the largest all
    classes."""

    # who learns; what is finished already is in the table too
    learners: tuple[str, ...] = classical_baselines.Settings().learners
    """Classical learners, as of studies/classical_baselines.py."""
    n_fitted: Annotated[int, Field(ge=0)] = 0
    """Number of training spectra per class for classical learners, ≥ 1; 0 for all of them."""
    models: tuple[str, ...] = ()
    """Networks, names in model_implementations.MODELS."""
    epochs: Count = 500
    """Largest number of epochs of networks, ≥ 1."""
    seeds: Annotated[tuple[RunSeed, ...], Field(min_length=1)] = (0, 1)
    """Random seeds, 0 to 2³² − 1, a run for each where they matter."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset; those of fewer classes go into its folder
    library_size/."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per config; runs on fewer classes go into its folder
    library_size/."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row per run and number of classes."""

    keep: bool = False
    """Rows of the table about learners that have no run here stay, as of those that were trained on
    another machine."""


def main(settings):
    classical_baselines.refuse_unknown(settings.learners)
    if settings.models:
        train.chosen(training(settings))
    path = config.find(settings.config)
    definitions = dataset.resolved(settings.datasets_dir, path)

    rows, problems = [], []
    sizes = [*range(settings.step, definitions.n_classes, settings.step), definitions.n_classes]
    for i, size in enumerate(sizes, start=1):
        notice(f"== {i} of {len(sizes)}: {size} classes")
        try:
            # stdout is for the table of this script
            with redirect_stdout(sys.stderr):
                place = rendered(settings, definitions, size, path)
                learn(settings, place)
            rows += finished(place, size, problems)
        except InputError as error:
            problems.append(f"{size} classes: {error}")

    if rows:
        with results.alone_in(settings.results_dir):
            written = write_table(settings, path.stem, pd.DataFrame(rows))
        print(tables.write(accuracies(written.library_size), "markdown"))
    if problems:
        raise InputError("; ".join(problems))


def rendered(settings, definitions, size, path):
    """Render the first classes of a dataset, unless they are all of them or are there already.

    Returns:
        the settings config, datasets_dir and runs_dir that scripts take, name → value.

    Raises:
        InputError: if the kind of dataset has no classes to leave out.
    """
    folders = {"datasets_dir": settings.datasets_dir, "runs_dir": settings.runs_dir}
    if size == definitions.n_classes:
        return {"config": str(path), **folders}
    content = definitions.content()
    if "spectra" not in content:
        raise InputError(f"{path}: kind {definitions.kind!r} has no classes to leave out")
    first = dict(list(content["spectra"].items())[:size])
    fewer = definitions.parsed({**content, "classes": size, "spectra": first}, path)

    folders = {name: folder / "library_size" / f"{size}" for name, folder in folders.items()}
    file = folders["datasets_dir"] / path.name
    config.save(file, fewer)
    spectra_from_config.main(
        spectra_from_config.Settings(
            config=str(file),
            datasets_dir=folders["datasets_dir"],
            replace=True,
            **dict(fewer.rendering),
        )
    )
    return {"config": str(file), **folders}


def learn(settings, place):
    """Fit the classical learners and train the networks on one number of classes."""
    if settings.learners:
        classical_baselines.main(
            classical_baselines.Settings(
                learners=settings.learners,
                n_fitted=settings.n_fitted,
                seeds=settings.seeds,
                **place,
            )
        )
    if settings.models:
        train.main(training(settings, **place))


def training(settings, **place):
    """The settings of train.py."""
    return train.Settings(
        models=settings.models,
        epochs=settings.epochs,
        seeds=settings.seeds,
        wandb="disabled",
        **place,
    )


def finished(place, size, problems):
    """A row for each finished run on one number of classes.

    Args:
        place: as ``rendered`` gives it.
        size: number of classes.
        problems: takes a sentence for each run that cannot be counted.
    """
    data = dataset.load(place["datasets_dir"], Path(place["config"]))
    for run in run_folder.found(place["runs_dir"], data.name, problems):
        if not run.summary:
            continue
        try:
            row, _ = counting.count(run, data)
        except InputError as error:
            problems.append(str(error))
            continue
        yield {"n_classes": size, **{name: row.get(name) for name in COLUMNS}}


def write_table(settings, name, table):
    """Write the rows of all runs, with the earlier ones of other learners if they are to be kept.

    Returns:
        the ``Results``.
    """
    earlier = results.Results(settings.results_dir, name)
    if settings.keep and earlier.library_size is not None:
        table = pd.concat([results.kept(earlier, "library_size", table), table])
    table = table.sort_values([*Identity.COLUMNS, "n_classes", "seed"], kind="stable")
    return results.write(settings.results_dir, name, {"library_size": table})


def accuracies(table):
    """Accuracy in %, mean over the runs: a line for each learner and k, a column for each number of
    classes.

    Args:
        table: of library sizes, as ``results.read`` gives it.
    """
    lines = []
    for learner, rows in results.by_network(table):
        for k in (1, 5):
            shares = 100 * rows[TOP[k]] / rows.test_spectra
            means = shares.groupby(rows.n_classes).mean().round(1)
            columns = {f"{size} classes": mean for size, mean in means.items()}
            lines.append({"learner": learner.label, "top": k, **columns})
    sizes = [f"{size} classes" for size in sorted(table.n_classes.unique())]
    return pd.DataFrame(lines, columns=["learner", "top", *sizes])


if __name__ == "__main__":
    run_script(main, Settings)
