"""runs/<config>/*/, datasets/<config>/ → output/results/<config>*.csv, and tables on the screen."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from synthetic_spectra.analysis import (
    confusions,
    counting,
    measured_files,
    measured_groups,
    results,
    tables,
    trained,
)
from synthetic_spectra.common.cli import Folder, Positive, Timeout, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.measured.identification import Identifier
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import wandb_mirror


@dataclass(frozen=True)
class Settings:
    """Count what the finished runs of a dataset misclassify, beside the published values."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    results_dir: Folder = results.MADE
    """Folder for the tables."""

    tables: Annotated[
        tuple[
            Literal[
                "summary", "topk", "runs", "medians", "architectures", "confusions", "groups",
                "differences", "measured",
            ],
            ...,
        ],
        Field(min_length=1),
    ] = ("summary",)  # fmt: skip
    """Tables to print: a line per network (the preprint's Table 2), how often the class is among
    the 1 to 5 most probable ones, a line per run (Supplementary Table 1), median accuracies (the
    paper's Table 2), the networks themselves (the preprint's Table 1), confused pairs of classes
    and why, accuracy per group of classes, differences of every two networks and whether they are
    more than chance, what --measured gave."""
    format: Literal["text", "markdown", "csv", "latex"] = "text"
    """Format of the printed tables."""

    measured: Path | None = None
    """CSV of measured files, with the columns file and names (those of a mixture between " + ",
    none of a file that must be rejected): how networks, cosine similarity and least squares name
    them, in place of all other tables. Names of space groups are symbols or numbers."""
    wavelength: Positive | None = None
    """Wavelength of the X-rays of measured files in Å, > 0; it wins over what the files say."""
    keep: bool = False
    """Rows of results_dir about networks that have no run here stay, as of those that were trained
    on another machine."""
    results_only: bool = False
    """Tables are printed as they are in results_dir, or else in the project's results/; runs and
    datasets are not read."""
    mixed: bool = False
    """Runs of a network are averaged although their settings, versions, devices or precisions
    differ."""

    # Weights & Biases
    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """Mirror of the tables; auto is online with a key in WANDB_API_KEY (or WANDBKEY), else
    offline."""
    wandb_project: str = "synthetic-benchmark"
    """Project of the mirror."""
    wandb_timeout: Timeout = 10
    """Seconds that the service may take at the start, and again at the end, 1 to 86400."""


def main(settings):
    path = config.find(settings.config)
    name = path.stem
    if settings.results_only:
        needed = "measured" if settings.tables == ("measured",) else "runs"
        print_tables(settings, results.read(settings.results_dir, name, needed))
        return
    if settings.measured:
        count_measured(settings, path)
        return

    finished, problems = trained.finished(settings.runs_dir, name)
    data = dataset.load(settings.datasets_dir, path)
    rows, predicted = counting.count_all(finished, data, problems)

    # the tables hold whatever could be counted
    if rows:
        runs = counting.in_order(pd.DataFrame(rows))
        with results.alone_in(settings.results_dir):
            written = counting.write_tables(
                settings.results_dir, runs, np.array(predicted), data, settings.keep
            )
        if not settings.mixed:
            counting.refuse_mixed(runs, sorted({name for run in finished for name in run.settings}))
        print_tables(settings, written)
        mirror_results(settings, written)
    if problems:
        raise InputError("; ".join(problems))


def count_measured(settings, path):
    """Write and print how well labelled measured files are named.

    Args:
        settings: of this script.
        path: of the config.

    Raises:
        InputError: if a file or a run was left out; the table holds the others.
    """
    problems = []
    count = groups if config.load(path).has_space_groups else substances
    rows = count(settings, path, problems)
    if rows:
        written = measured_files.write(settings.results_dir, path.stem, rows, settings.keep)
        print_tables(replace(settings, tables=("measured",)), written)
    if problems:
        raise InputError("; ".join(problems))


def substances(settings, path, problems):
    """Rows of the table of measured files, by networks, similarity and least squares."""
    definitions = trained.with_noise_of(settings.datasets_dir, path)
    try:
        identifier = Identifier(definitions, wavelength=settings.wavelength)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    folders = settings.runs_dir, settings.datasets_dir
    models = measured_files.networks(*folders, path.stem, definitions, problems)
    return measured_files.count_all(settings.measured, path.stem, identifier, models, problems)


def groups(settings, path, problems):
    """Rows of the table of measured files, whose space groups networks name."""
    folder = trained.folder_of(settings.runs_dir, path.stem) or settings.runs_dir
    finished, unreadable = trained.finished(folder, path.stem)
    problems += unreadable
    runs = trained.with_network(filter(trained.predicts, finished))
    if not runs:
        raise InputError(f"{folder / path.stem}: no network that did not diverge")
    return measured_groups.count_all(
        settings.measured, path.stem, runs, settings.datasets_dir, settings.wavelength, problems
    )


def print_tables(settings, found):
    """Print the tables that were asked for.

    Args:
        settings: of this script.
        found: the ``Results``.
    """
    published = results.read_published()
    for i, kind in enumerate(settings.tables):
        if kind == "summary":
            table = tables.networks(found.runs, published, found.ceiling)
        elif kind == "topk":
            table = tables.top(found.runs)
        elif kind == "runs":
            table = tables.runs(found.runs, published)
        elif kind == "medians":
            table = tables.medians(found.runs, published)
        elif kind == "architectures":
            table = tables.architectures(sizes(settings))
        elif kind == "measured":
            table = None if found.measured is None else measured_files.summary(found.measured)
        else:
            table = getattr(found, kind)
            table = None if table is None else table.drop(columns="config", errors="ignore")
            if kind == "confusions" and table is not None:
                table = confusions.named(
                    table, config.load(config.find(settings.config)).resolved()
                )
        print("\n" * (i > 0) + tables.write(table, settings.format))
    if settings.tables == ("measured",):
        return
    n_test = found.runs.test_spectra.dropna().max()
    if settings.format == "text" and n_test > 0:  # where every run diverged it is not known
        print(
            f"\nmisclassified: of {n_test:g} test spectra, "
            "mean ± standard deviation (lowest–highest)"
        )


def sizes(settings):
    """What networks are built for, by the rendered dataset, else by its config; see
    ``Config.sizes``."""
    path = config.find(settings.config)
    if (settings.datasets_dir / path.stem / dataset.CONFIG_FILE).is_file():
        return dataset.resolved(settings.datasets_dir, path.stem).sizes()
    return config.load(path).resolved().sizes()


def mirror_results(settings, found):
    """Copy the tables to Weights & Biases, unless these very rows were copied before."""
    folder = settings.runs_dir / found.name / "results"
    copied = folder / "copied.csv"
    text = found.path("runs").read_text(encoding="utf-8")
    if copied.is_file() and copied.read_text(encoding="utf-8") == text:
        return
    mirror = wandb_mirror.Mirror(settings.wandb, settings.wandb_project, settings.wandb_timeout)
    summary = tables.networks(found.runs, results.read_published(), found.ceiling)
    mirror.log_results(folder, found.name, {"results": found.runs, "summary": summary})
    if mirror.close():
        write_text(copied, text)


if __name__ == "__main__":
    run_script(main, Settings)
