"""results/<config>.csv and results/published.csv → figures/plot_results.png: misclassified spectra
of every run."""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from figures import style
from synthetic_spectra.analysis import tables
from synthetic_spectra.analysis.tables import ANY_PRECISION, MODEL
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config

PUBLISHED = ROOT / "results" / "published.csv"
TICKS = 1, 2, 5, 10, 25, 50, 100, 200, 400, 700, 1000, 2000, 4000


@dataclass(frozen=True)
class Settings:
    """Draw the misclassified test spectra of every run, a dot each, ours beside the published ones."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ that evaluate.py has a table of, or a path to a .json."""
    results_dir: Path = Path("results")
    """Folder of the tables."""
    output: Path = Path("figures/plot_results.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    path = settings.results_dir / f"{name}.csv"
    if not path.is_file():
        raise InputError(f"{path}: no such file; make it: python evaluate.py --config {name}")
    figure = draw(*read(path), name)
    style.save(figure, settings.output)


def read(path):
    """The table of an experiment and the published one, with text for no model arguments.

    Raises:
        InputError: if it is not a table of this collection.
    """
    try:
        table = pd.read_csv(path, dtype={"model_args": "str"})
    except ValueError as error:
        raise InputError(f"{path}: not a table of results: {error}") from None
    missing = {"config", *MODEL, "seed", "test_misclassified", "train_misclassified"} - set(table)
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(sorted(missing))}; make it again with evaluate.py"
        )
    return table.fillna({"model_args": ""}), read_published()


def read_published():
    """The published results, with the columns that tell the runs of this project apart."""
    return pd.read_csv(PUBLISHED).assign(model_args="", online=False, ema_momentum=0.0)


def draw(ours, published, name):
    """The figure: misclassified test spectra, a dot a run, for every model and hidden activation.

    The precisions stand beside one another. A line tells how many training spectra are
    misclassified, in the mean over
    the runs: with dropout on in the published runs, which makes them more, and off in ours.

    Args:
        ours: rows as evaluate.py writes them, of one config.
        published: what ``read_published`` gives.
        name: of the config.
    """
    published = published[published.config == name].assign(kind="published")
    ours = ours.assign(kind="this project, " + ours.precision)
    theirs = published[published.quantity == "test_misclassified"]
    learned = published[published.quantity == "train_misclassified_with_dropout"]
    tested = pd.concat([ours.assign(value=ours.test_misclassified), theirs])
    trained = pd.concat([ours.assign(value=ours.train_misclassified), learned])
    rows = tested[ANY_PRECISION].drop_duplicates().sort_values(ANY_PRECISION)
    kinds = [*sorted(set(ours.kind)), "published"]
    height = 0.8 / len(kinds)  # of the room for the dots of one kind
    figure, axes = plt.subplots(figsize=(9, 0.6 * len(rows) + 2))
    for j, kind in enumerate(kinds):
        color, marker = f"C{j}", "s" if kind == "published" else "o"
        for i, names in enumerate(rows.itertuples(index=False)):
            middle = i + (j - (len(kinds) - 1) / 2) * height
            test, training = (
                runs[(runs.kind == kind) & (runs[ANY_PRECISION] == list(names)).all(axis=1)].value
                for runs in (tested, trained)
            )
            place = middle + 0.9 * height * ((np.arange(len(test)) + 0.5) / max(1, len(test)) - 0.5)
            axes.scatter(
                test.sort_values(), place, 30, marker=marker, color=color, clip_on=False, zorder=3
            )
            axes.vlines(
                training.mean(), middle - height / 2, middle + height / 2, color=color, linewidth=3
            )
        axes.scatter([], [], 30, marker=marker, color=color, label=kind)
        axes.plot([], [], color=color, linewidth=3, label=f"{kind}, training spectra (mean)")
    labels = [tables.label((*names, "float32")) for names in rows.itertuples(index=False)]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.invert_yaxis()
    n_test = ours.test_spectra.iloc[0]
    axes.set(
        xlabel=f"misclassified of {n_test} test spectra, a dot a run\n(square-root scale)",
        title=name,
    )
    axes.set_xscale(
        "function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square)
    )  # of few, each one is seen
    axes.set_xlim(left=0)
    most = axes.get_xlim()[1]
    axes.set_xticks(
        [0, *(n for n in TICKS if most / 120 <= n <= most)]
    )  # smaller ones would run together
    figure.legend(loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
