"""runs/<config>/*/, datasets/<config>/*.npy →
results/<config>{,_confusions,_groups,_differences}.csv, tables."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

import spectra_from_config
from figures import plot_results
from model_implementations import MODELS, build
from synthetic_spectra.analysis import confusions, tables, trained
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.analysis.tables import MODEL
from synthetic_spectra.common import backend
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import run_folder, wandb_mirror


@dataclass(frozen=True)
class Settings:
    """Count what the finished runs of a dataset misclassify, and set it beside the published
    values."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""

    # where
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    results_dir: Path = Path("results")
    """Folder for the tables."""

    tables: Annotated[tuple[Literal["summary", "runs", "medians", "architectures", "confusions", "groups",
                                    "differences"], ...], Field(min_length=1)] = ("summary",)  # fmt: skip
    """What to print: a line per model (the preprint's Table 2), per run (Supplementary Table 1),
    median accuracies (the paper's Table 2), the networks (the preprint's Table 1), confused pairs
    of classes and why, accuracy per group of classes, differences of every two models and whether
    they are more than chance."""
    format: Literal["text", "markdown", "csv", "latex"] = "text"
    """Of what is printed."""

    keep: bool = False
    """Keep the rows of results_dir of models that have no run here, as those that were trained on
    another machine."""
    results_only: bool = False
    """Print the tables of results_dir as they are there, without runs or datasets."""
    mixed: bool = False
    """Average the runs of a model although their settings, versions, devices or precisions differ.
    """

    # Weights & Biases
    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """Mirror of the table and its figure; auto is online with a key in WANDB_API_KEY (or WANDBKEY),
    else offline."""
    wandb_project: str = "synthetic-benchmark"
    """Its project."""
    wandb_timeout: Count = 10
    """Seconds that the service may take at the start, and again at the end."""


def main(settings):
    name = config.find(settings.config).stem
    path = settings.results_dir / f"{name}.csv"
    if settings.results_only:
        print_tables(settings, *read_results(path))
        return
    finished = [run for run in run_folder.found(settings.runs_dir, name) if run.summary]
    if not finished:
        raise InputError(
            f"{settings.runs_dir / name}: no finished run; train first: python train.py --config {name}"
        )
    data = dataset.load(settings.datasets_dir, name)
    backend.prepare("float32")
    rows, predicted, problems = [], [], []
    started = time.monotonic()
    for i, run in enumerate(finished):
        try:
            row, labels = result(run, data)
            rows.append(row)
            predicted.append(labels)
        except InputError as error:  # the other runs are still worth their rows
            problems.append(str(error))
        left = (time.monotonic() - started) / (i + 1) * (len(finished) - i - 1)
        print(f"{i + 1} of {len(finished)} runs, {left:.0f} s left: {run.name}", flush=True)
    if rows:
        results = pd.DataFrame(rows).sort_values([*MODEL, "seed"], key=in_order, kind="stable")
        kept = others(results, data, path) if settings.keep and path.is_file() else None
        written, made = write_results(results, np.array(predicted), data, path, kept)
        if not settings.mixed:
            refuse_mixed(results, sorted({name for run in finished for name in run.settings}))
        print_tables(settings, written, made)
        mirror_results(settings, name, path)
    if problems:
        raise InputError("; ".join(problems))


def result(run, data):
    """The row of one run: what it is, what it misclassifies, what it cost, and all its settings;
    and what it predicts.

    All three counts are taken with dropout off. The published training counts come from the
    accuracy that Keras shows during training, with dropout on, and are higher for that reason.

    Returns:
        the row, and the predicted labels of the test spectra (n,), -1 for all if the run diverged.

    Raises:
        InputError: if the run was trained on other arrays, or its model cannot be read.
    """
    if run.settings["dataset_checksum"] != data.checksum:
        raise InputError(
            f"{run.folder}: was trained on other arrays than those in datasets/{data.name}; train it again"
        )
    predicted = None if run.summary.get("outcome") == "diverged" else predictions(run, data)
    kind = dict(zip(MODEL, trained.kind(run), strict=True))
    identity = {"config": run.settings["config"], **kind, "seed": run.settings["seed"]}
    measured = identity | (data.misclassified(predicted) if predicted else {})
    outcome = {"outcome": ""}  # of a run from before outcomes were told
    row = measured | outcome | run.summary | run.settings | measured | trained.origin(run)
    return row, predicted["test"] if predicted else np.full(len(data.y["test"]), -1)


def predictions(run, data):
    """Predicted labels of a run, split → (n,): those it left, else made from its model and kept.

    Raises:
        InputError: if the model or the kept predictions cannot be read.
    """
    predicted = run.predictions()
    if predicted:
        return predicted
    predicted = backend.predicted_labels(trained.load(run), data)
    run.save_predictions(predicted)
    return predicted


def others(results, data, path):
    """What the tables of a config hold of other models than those of the runs at hand.

    Args:
        results: rows as ``result`` gives them.
        data: the ``Dataset``.
        path: of the table of the runs.

    Returns:
        its rows, and name → rows of the tables beside it; of the differences all.

    Raises:
        InputError: if such a row is of other arrays, or the tables cannot be read.
    """
    table, beside = read_results(path)
    here = set(results[MODEL].itertuples(index=False, name=None))

    def of_others(rows):
        return rows[[names not in here for names in rows[MODEL].itertuples(index=False, name=None)]]

    table = of_others(table)
    if (table.dataset_checksum != data.checksum).any():
        raise InputError(
            f"{path}: holds rows of other arrays than those in {data.folder}; leave --keep out"
        )
    tables_of_models = {
        kind: of_others(beside[kind]) for kind in ("confusions", "groups") if kind in beside
    }
    return table, tables_of_models | {"differences": beside.get("differences", pd.DataFrame())}


def write_results(results, predicted, data, path, kept=None):
    """Write the tables of a config: runs, confusions, groups and, of several models, differences.

    Args:
        results: rows as ``result`` gives them; the index tells which row of ``predicted`` is
            theirs.
        predicted: labels (runs, test spectra), -1 for those of a run that diverged.
        data: the ``Dataset``.
        path: of the table of the runs; the others are written beside it.
        kept: what ``others`` gives, to be written too.

    Returns:
        the rows of all runs, and name → DataFrame, the ceiling among them.
    """
    labels = data.y["test"]
    converged = results[results.outcome != "diverged"]
    limit = ceiling(data.definitions)
    made = {
        "confusions": confused(
            converged, predicted, labels, data.definitions, confusions.rivals(limit)
        ),
        "groups": by_group(converged, predicted, labels, data.definitions, limit),
    }
    correct, earlier = dict(enumerate(predicted == labels)), pd.DataFrame()
    if kept:
        table, beside = kept
        earlier = beside.pop("differences")
        made |= {kind: in_order_of_models([rows, made[kind]]) for kind, rows in beside.items()}
        results = in_order_of_models(
            [results, table.set_index(len(predicted) + np.arange(len(table)))]
        )
        converged = results[results.outcome != "diverged"]
    made["differences"] = tables.differences(converged, correct, earlier)
    for kind, table in made.items():
        beside = path.with_stem(f"{path.stem}_{kind}")
        if len(table):
            table = table.drop(columns="config", errors="ignore")
            table.insert(0, "config", data.name)
            write_text(beside, table.to_csv(index=False, float_format="%.6g"))
        else:
            beside.unlink(missing_ok=True)  # of runs that are no longer there
    write_text(path, results.to_csv(index=False))
    print(
        f"wrote {path}"
        + "".join(f", {path.stem}_{kind}.csv" for kind, table in made.items() if len(table))
    )
    return results, made | {"ceiling": limit}


def read_results(path):
    """What ``write_results`` wrote, and the ceiling if dataset_ceiling.py wrote it.

    Raises:
        InputError: if there is no table of the runs.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; make it: python evaluate.py --config {path.stem}")
    files = {
        kind: path.with_stem(f"{path.stem}_{kind}")
        for kind in ("confusions", "groups", "differences")
    }
    files["ceiling"] = path.with_stem(f"ceiling_{path.stem}")
    text = {"model_args": "str"}
    made = {
        kind: pd.read_csv(file, dtype=text).fillna({"model_args": ""})
        for kind, file in files.items()
        if file.is_file()
    }
    return plot_results.read(path)[0], made


def print_tables(settings, results, made):
    """Print the tables that were asked for.

    Args:
        settings: of this script.
        results: rows as ``result`` gives them.
        made: what ``write_results`` gives.
    """
    published = plot_results.read_published()
    for kind in settings.tables:
        if kind == "architectures":
            definitions = config.load(config.find(settings.config))
            sizes = spectra_from_config.resolve(definitions, spectra_from_config.Settings()).sizes()
            table = tables.architectures({name: build(name, *sizes) for name in MODELS})
        elif kind == "summary":
            table = tables.summary(results, published, made.get("ceiling"))
        elif kind in ("runs", "medians"):
            table = getattr(tables, kind)(results, published)
        else:
            table = made.get(kind, pd.DataFrame()).drop(columns="config", errors="ignore")
        print(f"\n{tables.write(table, settings.format)}")
    if settings.format == "text":
        n_test = results.test_spectra.dropna().max()
        print(
            f"\nmisclassified: of {n_test:g} test spectra, mean ± standard deviation (lowest–highest)"
        )


def confused(results, predicted, labels, definitions, undecidable):
    """The confused pairs of classes: per model and pair, in how many runs, how many test spectra,
    and why.

    Args:
        results, predicted: as for ``write_results``.
        labels: of the test spectra.
        definitions: the resolved config.
        undecidable: (lower, higher label) → test spectra of which no learner can be sure.
    """
    lines, causes = [], {}
    for names, rows in results.groupby(MODEL, sort=False):
        found = [confusions.pairs(labels, predicted[i]) for i in rows.index]
        for pair in sorted(set().union(*found)):
            causes[pair] = causes.get(pair) or confusions.cause(definitions, *pair)
            counts = [one.get(pair, 0) for one in found]
            lines.append(
                {
                    **dict(zip(MODEL, names, strict=True)),
                    **dict(zip(("class_a", "class_b"), pair, strict=True)),
                    "cause": causes[pair],
                    "runs": len(rows),
                    "runs_confusing": sum(map(bool, counts)),
                    "misclassified": sum(counts),
                    "undecidable": undecidable.get(pair, 0),
                }
            )
    return pd.DataFrame(lines)


def by_group(results, predicted, labels, definitions, limit):
    """Test accuracy per model and group of classes, and per cause of the groups, beside what a
    perfect learner gets.

    The cause of a group is that of its first two classes, "other" if it has but one.

    Args:
        results, predicted, labels, definitions: as for ``confused``.
        limit: the ceiling.
    """
    members = {group: classes for group, classes in definitions.groups().items() if group}
    cause_of = {
        group: confusions.cause(definitions, *classes[:2]) if len(classes) > 1 else "other"
        for group, classes in members.items()
    }
    parts = [(group, cause_of[group], classes) for group, classes in members.items()]
    for cause in sorted(set(cause_of.values()), key=confusions.CAUSES.index):
        parts.append(
            (
                "all",
                cause,
                [
                    label
                    for group in members
                    if cause_of[group] == cause
                    for label in members[group]
                ],
            )
        )
    lines = []
    for names, rows in results.groupby(MODEL, sort=False):
        right = (predicted[list(rows.index)] == labels).mean(axis=0)
        for group, cause, classes in parts:
            these = np.isin(labels, classes)
            limits = limit[these][["expected_random", "expected_nearest"]].mean()
            lines.append(
                {
                    **dict(zip(MODEL, names, strict=True)),
                    "group": group,
                    "cause": cause,
                    "test_spectra": int(these.sum()),
                    "accuracy": right[these].mean(),
                    **limits,
                }
            )
    return pd.DataFrame(lines)


def mirror_results(settings, name, path):
    """Copy the table and its figure to Weights & Biases, unless this very table was copied before."""
    folder = settings.runs_dir / name / "results"
    copied = folder / "copied.csv"
    text = path.read_text(encoding="utf-8")
    if copied.is_file() and copied.read_text(encoding="utf-8") == text:
        return
    table, published = plot_results.read(path)
    mirror = wandb_mirror.Mirror(settings.wandb, settings.wandb_project, settings.wandb_timeout)
    figure = plot_results.draw(table, published, name)
    mirror.log_results(folder, name, table, {"plot_results": figure})
    if mirror.close():
        write_text(copied, text)


def in_order_of_models(parts):
    """Rows of one table, those of a model together."""
    columns = [column for column in (*MODEL, "seed") if column in parts[0]]
    return pd.concat(parts).sort_values(columns, key=in_order, kind="stable")


def in_order(column):
    """Sorting key of a column of results: models in the order of ``MODELS``, everything else as it
    is."""
    return column.map(list(MODELS).index) if column.name == "model" else column


def refuse_mixed(results, settings):
    """Raise InputError if the runs of a model and hidden activation differ in more than their seed.

    Args:
        results: rows as ``result`` gives them, of one config.
        settings: the columns that must be equal, as far as they are there.
    """
    for names, rows in results.groupby(MODEL, sort=False):
        for column in settings:
            values = rows[column].drop_duplicates() if column not in ("seed", "run_id") else ()
            if len(values) > 1:
                runs_of = tables.label(names)
                raise InputError(
                    f"{runs_of}: its runs differ in {column} ({'; '.join(map(str, values))}) and are not averaged; "
                    "--mixed averages them all the same"
                )


if __name__ == "__main__":
    run_script(main, Settings)
