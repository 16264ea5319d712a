"""runs/<config>/*/model.keras, datasets/<config>/*.npy → runs/<config>/*/predictions.npz, results/<config>.csv."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from figures import plot_results
from model_implementations import MODELS
from synthetic_spectra import backend, config, dataset, runs
from synthetic_spectra.backend import keras
from synthetic_spectra.scripts import Count, InputError, run_script, write_text

MODEL = ["model", "model_args", "hidden_activation", "online"]  # what the summary has a line for


@dataclass(frozen=True)
class Settings:
    """Count what the finished runs of a dataset misclassify, and set it beside the published values."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a .json."""

    # where
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    results_dir: Path = Path("results")
    """Folder for the table, one row per run."""

    mixed: bool = False
    """Average the runs of a model although their settings, versions, devices or precisions differ."""

    # Weights & Biases
    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """Mirror of the table and its figure; auto is online with a key in WANDB_API_KEY (or WANDBKEY), else offline."""
    wandb_project: str = "synthetic-benchmark"
    """Its project."""
    wandb_timeout: Count = 10
    """Seconds that the service may take at the start, and again at the end."""


def main(settings):
    name = config.find(settings.config).stem
    finished = [run for run in runs.found(settings.runs_dir, name) if run.summary]
    if not finished:
        raise InputError(f"{settings.runs_dir / name}: no finished run; train first: python train.py --config {name}")
    data = dataset.load(settings.datasets_dir, name)
    backend.prepare("float32")
    rows, problems = [], []
    started = time.monotonic()
    for i, run in enumerate(finished):
        try:
            rows.append(result(run, data))
        except InputError as error:  # the other runs are still worth their rows
            problems.append(str(error))
        left = (time.monotonic() - started) / (i + 1) * (len(finished) - i - 1)
        print(f"{i + 1} of {len(finished)} runs, {left:.0f} s left: {run.name}", flush=True)
    if rows:
        results = pd.DataFrame(rows).sort_values([*MODEL, "seed"], key=in_order, kind="stable")
        path = settings.results_dir / f"{name}.csv"
        write_text(path, results.to_csv(index=False))
        print(f"wrote {path}")
        if not settings.mixed:
            refuse_mixed(results, sorted({name for run in finished for name in run.settings}))
        print(summary(results, plot_results.read_published(), len(data.y["test"])))
        mirror_results(settings, name, path)
    if problems:
        raise InputError("; ".join(problems))


def result(run, data):
    """The row of one run: what it is, what it misclassifies, what it cost, and all its settings.

    All three counts are taken with dropout off. The published training counts come from the accuracy that Keras shows
    during training, with dropout on, and are higher for that reason.

    Raises:
        InputError: if the run was trained on other arrays, or its model cannot be read.
    """
    if run.settings["dataset_checksum"] != data.checksum:
        raise InputError(
            f"{run.folder}: was trained on other arrays than those in datasets/{data.name}; train it again"
        )
    predicted = None if run.summary.get("outcome") == "diverged" else predictions(run, data)
    settings = {"online": False} | run.settings  # a run from before there was a choice
    identity = {key: settings[key] for key in ("config", *MODEL, "seed")}
    identity["model_args"] = runs.described(identity["model_args"])
    versions = ", ".join(f"{package} {version}" for package, version in run.settings["versions"].items())
    measured = identity | (data.misclassified(predicted) if predicted else {})
    outcome = {"outcome": ""}  # of a run from before outcomes were told
    return measured | outcome | run.summary | run.settings | measured | {"versions": versions}


def predictions(run, data):
    """Predicted labels of a run, split → (n,): those it left, else made from its model and kept.

    Raises:
        InputError: if the model or the kept predictions cannot be read.
    """
    predicted = run.predictions()
    if predicted:
        return predicted
    try:
        model = keras.models.load_model(run.model_file, compile=False)
    except (ValueError, OSError) as error:
        raise InputError(f"{run.model_file}: not a model of this collection: {error}") from None
    predicted = backend.predicted_labels(model, data)
    run.save_predictions(predicted)
    return predicted


def mirror_results(settings, name, path):
    """Copy the table and its figure to Weights & Biases, unless this very table was copied before."""
    folder = settings.runs_dir / name / "results"
    copied = folder / "copied.csv"
    text = path.read_text(encoding="utf-8")
    if copied.is_file() and copied.read_text(encoding="utf-8") == text:
        return
    table, published = plot_results.read(path)
    mirror = runs.Mirror(settings.wandb, settings.wandb_project, settings.wandb_timeout)
    figure = plot_results.draw(table, published, name)
    mirror.log_results(folder, name, table, {"plot_results": figure})
    if mirror.close():
        write_text(copied, text)


def in_order(column):
    """Sorting key of a column of results: models in the order of ``MODELS``, everything else as it is."""
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
                runs_of = " ".join(filter(None, plot_results.words(names)))
                raise InputError(
                    f"{runs_of}: its runs differ in {column} ({'; '.join(map(str, values))}) and are not averaged; "
                    "--mixed averages them all the same"
                )


def summary(results, published, n_test):
    """A table in words, one line per model and hidden activation: ours beside the published values.

    Args:
        results: rows as ``result`` gives them, of one config.
        published: what ``plot_results.read_published`` gives.
        n_test: number of test spectra.
    """
    lines = []
    for names, ours in results.groupby(MODEL, sort=False):
        same = (published[["config", *MODEL]] == [results.config.iloc[0], *names]).all(axis=1)
        theirs = published[same & (published.quantity == "test_misclassified")].value
        outcomes = ours.outcome.value_counts()
        lines.append(
            {
                **dict(zip(MODEL, plot_results.words(names), strict=True)),
                "runs": len(ours),
                **{bad: outcomes.get(bad, "") for bad in ("diverged", "not converged")},
                "misclassified": spread(ours.test_misclassified),
                "published": spread(theirs),
                "accuracy": percent(ours.test_misclassified, n_test),
                "published accuracy": percent(theirs, n_test),
                "parameters": f"{ours.parameters.iloc[0]:,}",
                "epochs": spread(ours.trained_epochs),
                "best epoch": spread(ours.best_epoch),
                "minutes": spread(ours.minutes),
            }
        )
    legend = f"misclassified: of {n_test} test spectra, mean ± standard deviation over the runs (lowest–highest)"
    table = pd.DataFrame(lines)
    table = table.loc[:, (table != "").any()]  # without columns that are of no use here
    return f"{table.to_string(index=False)}\n{legend}"


def spread(values):
    """Mean ± sample standard deviation (lowest–highest) of numbers; of a single one itself, of none a dash."""
    values = values.dropna()  # of runs that diverged
    if len(values) < 2:
        return f"{values.iloc[0]:.4g}" if len(values) else "–"
    return f"{values.mean():.1f} ± {values.std():.1f} ({values.min():.4g}–{values.max():.4g})"


def percent(misclassified, n_test):
    """Mean accuracy in percent of runs that misclassify these numbers of spectra; of no run a dash."""
    return f"{100 * (1 - misclassified.mean() / n_test):.1f} %" if misclassified.notna().any() else "–"


if __name__ == "__main__":
    run_script(main, Settings)
