"""runs/<config>/*/, datasets/<config>/ → output/results/<config>*.csv, and tables on the screen."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from synthetic_spectra.analysis import confusions, results, statistics, tables, trained
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.common.cli import Timeout, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import wandb_mirror
from synthetic_spectra.training.run import Identity


@dataclass(frozen=True)
class Settings:
    """Count what the finished runs of a dataset misclassify, beside the published values."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""

    # where
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    results_dir: Path = results.MADE
    """Folder for the tables."""

    tables: Annotated[
        tuple[
            Literal[
                "summary", "runs", "medians", "architectures", "confusions", "groups", "differences"
            ],
            ...,
        ],
        Field(min_length=1),
    ] = ("summary",)
    """Tables to print: a line per network (the preprint's Table 2), per run (Supplementary Table
    1), median accuracies (the paper's Table 2), the networks themselves (the preprint's Table 1),
    confused pairs of classes and why, accuracy per group of classes, differences of every two
    networks and whether they are more than chance."""
    format: Literal["text", "markdown", "csv", "latex"] = "text"
    """Format of the printed tables."""

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
        print_tables(settings, results.read(settings.results_dir, name))
        return

    finished, problems = trained.finished(settings.runs_dir, name)
    data = dataset.load(settings.datasets_dir, path)
    rows, predicted = count_all(finished, data, problems)

    # the tables hold whatever could be counted
    if rows:
        runs = in_order(pd.DataFrame(rows))
        with results.alone_in(settings.results_dir):
            written = write_tables(settings, runs, np.array(predicted), data)
        if not settings.mixed:
            refuse_mixed(runs, sorted({name for run in finished for name in run.settings}))
        print_tables(settings, written)
        mirror_results(settings, written)
    if problems:
        raise InputError("; ".join(problems))


def count_all(finished, data, problems):
    """Count what runs misclassify; a run that cannot be counted keeps no other from its row.

    Args:
        finished: the runs.
        data: the ``Dataset``.
        problems: takes a sentence for each run that cannot be counted.

    Returns:
        rows of the table of runs, and predicted labels of the test spectra for each of them.
    """
    rows, predicted = [], []
    started = time.monotonic()
    for i, run in enumerate(finished, start=1):
        try:
            row, labels = count(run, data)
            rows.append(row)
            predicted.append(labels)
        except InputError as error:
            problems.append(str(error))
        left = (time.monotonic() - started) / i * (len(finished) - i)
        notice(f"{i} of {len(finished)} runs, {left:.0f} s left: {run.name}")
    return rows, predicted


def count(run, data):
    """The row of one run: what it is, what it misclassifies, what it cost, and all its settings.

    All three splits are counted with dropout off. The published training counts come from the
    accuracy that Keras shows during training, with dropout on, and are higher for that reason.

    Returns:
        the row, and the predicted labels of the test spectra (n,), -1 for all if the run diverged.

    Raises:
        InputError: if the run was trained on other arrays, or its model cannot be read.
    """
    trained.refuse_other_arrays(run, data)
    first = {"config": run.settings["config"], **run.identity.columns(), "seed": run.identity.seed}
    if trained.predicts(run):
        predicted = trained.predictions(run, data)
        first |= data.misclassified(predicted)
        labels = predicted["test"]
    else:
        labels = np.full(len(data.y["test"]), -1)
    # runs from before outcomes were recorded have none
    outcome = {"outcome": ""}
    return first | outcome | run.summary | run.settings | first | trained.origin(run), labels


def write_tables(settings, runs, predicted, data):
    """Write the tables of a config: runs, confusions, groups, differences, and the ceiling.

    Args:
        settings: of this script.
        runs: rows as ``count`` gives them; the index says which row of ``predicted`` is theirs.
        predicted: predicted labels (runs, test spectra), -1 for those of a run that diverged.
        data: the ``Dataset``.

    Returns:
        the ``Results``.

    Raises:
        InputError: if rows that are to be kept are of other arrays, or cannot be read.
    """
    # runs that diverged predict nothing
    labels = data.y["test"]
    limit = ceiling(data.definitions)
    converged = runs[runs.outcome != "diverged"]
    given = (converged, predicted, labels, data.definitions, limit)
    written = {
        "runs": runs,
        "confusions": confusions.confused_pairs(*given),
        "groups": confusions.group_accuracies(*given),
        "ceiling": limit,
    }
    for kind in ("confusions", "groups"):
        written[kind].insert(0, "config", data.name)

    # rows of networks whose runs are elsewhere
    earlier = results.Results(settings.results_dir, data.name)
    keep = settings.keep and earlier.path("runs").is_file()
    if keep:
        elsewhere = results.kept(earlier, "runs", runs)
        for kind in ("confusions", "groups"):
            if getattr(earlier, kind) is not None:
                rows = results.kept(earlier, kind, runs)
                written[kind] = in_order(pd.concat([rows, written[kind]]))
        # rows without predictions come after those that have some
        elsewhere = elsewhere.set_index(len(predicted) + np.arange(len(elsewhere)))
        written["runs"] = in_order(pd.concat([runs, elsewhere]))

    # every two networks, those elsewhere too
    written["differences"] = statistics.differences(
        written["runs"][written["runs"].outcome != "diverged"],
        dict(enumerate(predicted == labels)),
        earlier.differences if keep else None,
    )
    if len(written["differences"]):
        written["differences"].insert(0, "config", data.name)
    return results.write(settings.results_dir, data.name, written)


def in_order(rows):
    """Rows of a table, those of a network together and by their seeds.

    Networks come in the order in which their results were published, then by name.
    """
    published = list(dict.fromkeys(results.read_published().model))
    models = [*published, *sorted(set(rows.model) - set(published))]
    columns = [column for column in (*Identity.COLUMNS, "seed") if column in rows]
    return rows.sort_values(
        columns,
        key=lambda column: column.map(models.index) if column.name == "model" else column,
        kind="stable",
    )


def refuse_mixed(runs, settings):
    """Raise InputError if the runs of a network differ in more than their seed.

    Args:
        runs: rows as ``count`` gives them, of one config.
        settings: the columns that must be equal, as far as they are there.
    """
    for network, rows in results.by_network(runs):
        for column in settings:
            values = rows[column].drop_duplicates() if column not in ("seed", "run_id") else ()
            if len(values) > 1:
                raise InputError(
                    f"{network.label}: its runs differ in {column} ({'; '.join(map(str, values))}) "
                    "and are not averaged; --mixed averages them all the same"
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
        elif kind == "runs":
            table = tables.runs(found.runs, published)
        elif kind == "medians":
            table = tables.medians(found.runs, published)
        elif kind == "architectures":
            table = tables.architectures(sizes(settings))
        else:
            table = getattr(found, kind)
            table = None if table is None else table.drop(columns="config", errors="ignore")
        print("\n" * (i > 0) + tables.write(table, settings.format))
    if settings.format == "text":
        n_test = found.runs.test_spectra.dropna().max()
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
