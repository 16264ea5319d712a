"""results/<config>.csv and results/published.csv → figures/plot_results.png: misclassified spectra of every run."""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from figures import style
from synthetic_spectra import config, tables
from synthetic_spectra.scripts import InputError, run_script
from synthetic_spectra.tables import MODEL

PUBLISHED = ROOT / "results" / "published.csv"
TICKS = 1, 2, 5, 10, 25, 50, 100, 200, 400, 700, 1000, 2000, 4000
WIDTH = 0.36  # horizontal room for the dots of one kind


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
        raise InputError(f"{path}: no column {', '.join(sorted(missing))}; make it again with evaluate.py")
    return table.fillna({"model_args": ""}), read_published()


def read_published():
    """The published results, with the columns that tell the runs of this project apart."""
    return pd.read_csv(PUBLISHED).assign(model_args="", online=False, ema_momentum=0.0, precision="float32")


def draw(ours, published, name):
    """The figure: misclassified test spectra, a dot a run, for every model and hidden activation.

    A line tells how many training spectra are misclassified, in the mean over the runs: with dropout on in the
    published runs, which makes them more, and off in ours.

    Args:
        ours: rows as evaluate.py writes them, of one config.
        published: what ``read_published`` gives.
        name: of the config.
    """
    published = published[published.config == name]
    theirs = published[published.quantity == "test_misclassified"]
    learned = published[published.quantity == "train_misclassified_with_dropout"]
    kinds = (
        ("this project", ours.assign(value=ours.test_misclassified), ours.assign(value=ours.train_misclassified), "o"),
        ("published", theirs, learned, "s"),
    )
    names = pd.concat([runs[MODEL] for _, runs, *_ in kinds]).drop_duplicates().sort_values(MODEL)
    figure, axes = plt.subplots(figsize=(9, 0.55 * len(names) + 2))
    for offset, (kind, runs, training, marker) in zip((-0.2, 0.2), kinds, strict=True):
        for i, names_of in enumerate(names.itertuples(index=False)):
            values = runs[(runs[MODEL] == list(names_of)).all(axis=1)].value.sort_values()
            place = i + offset + WIDTH * (np.arange(len(values)) + 0.5) / max(1, len(values)) - WIDTH / 2
            color = f"C{0 if kind == 'this project' else 1}"
            axes.scatter(
                values, place, 34, marker=marker, color=color, clip_on=False, zorder=3,
                label=kind if i == 0 else None,
            )  # fmt: skip
            mean = training[(training[MODEL] == list(names_of)).all(axis=1)].value.mean()
            where = i + offset - WIDTH / 2, i + offset + WIDTH / 2
            label = f"{kind}, training spectra (mean)" if i == 0 else None
            axes.vlines(mean, *where, color=color, linewidth=3, label=label)
    axes.set_yticks(
        range(len(names)), [" ".join(filter(None, tables.words(one))) for one in names.itertuples(index=False)]
    )
    axes.invert_yaxis()
    n_test = ours.test_spectra.iloc[0]
    axes.set(xlabel=f"misclassified of {n_test} test spectra, a dot a run\n(square-root scale)", title=name)
    axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))  # of few, each one is seen
    axes.set_xlim(left=0)
    most = axes.get_xlim()[1]
    axes.set_xticks([0, *(n for n in TICKS if most / 120 <= n <= most)])  # smaller ones would run together
    figure.legend(loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
