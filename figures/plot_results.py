"""results/{<config>,published}.csv → output/figures/plot_results.png: errors of every run."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config
from synthetic_spectra.training.run import Identity

TICKS = (
    *(1, 2, 5, 10, 25, 50, 100, 200, 400, 700, 1000, 2000, 4000),
    *(10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000),
)
# a row of the figure; published runs, all in float32, stand beside ours of every precision
ROW = list(Identity.ANY_PRECISION)


@dataclass(frozen=True)
class Settings:
    """Draw the misclassified test spectra of every run, a dot each, beside the published ones."""

    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_results.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    figure = draw(results.read(settings.results_dir, name), results.read_published())
    caption = f"Misclassified test spectra of every run on {name}, published and in this project"
    style.save(figure, settings.output, caption, [name])


def draw(found, published):
    """The figure: misclassified test spectra, a dot a run, for every network and hidden activation.

    The precisions stand beside one another. A bar tells how many training spectra are
    misclassified, in the mean over the runs: with dropout on in the published runs, which makes
    them more, and with dropout off in this project.

    Args:
        found: the ``results.Results`` of a config.
        published: what ``results.read_published`` gives.
    """
    runs = found.runs.assign(origin="this project, " + found.runs.precision)
    published = published[published.config == found.name].assign(origin="published")
    test = published[published.quantity == "test_misclassified"]
    training = published[published.quantity == "train_misclassified_with_dropout"]
    test = pd.concat([runs.assign(value=runs.test_misclassified), test])
    training = pd.concat([runs.assign(value=runs.train_misclassified), training])

    rows = test[ROW].drop_duplicates().sort_values(ROW)
    origins = [*sorted(set(runs.origin)), "published"]
    room = 0.8 / len(origins)  # of a row, for the dots of one origin
    figure, axes = style.pyplot().subplots(figsize=(9, 0.42 * len(rows) + 2))

    for j, origin in enumerate(origins):
        look = {"marker": "s" if origin == "published" else "o", "color": f"C{j}"}
        for i, row in enumerate(rows.itertuples(index=False)):
            middle = i + (j - (len(origins) - 1) / 2) * room
            dots, learned = (
                table[(table.origin == origin) & (table[ROW] == list(row)).all(axis=1)].value
                for table in (test, training)
            )
            places = style.spread_out(len(dots), middle, 0.9 * room)
            axes.scatter(dots.sort_values(), places, 30, **look, clip_on=False, zorder=3)
            ends = middle - room / 2, middle + room / 2
            axes.vlines(learned.mean(), *ends, color=look["color"], linewidth=3)
        axes.scatter([], [], 30, **look, label=origin)
        # not every paper has them
        if training[training.origin == origin].value.notna().any():
            label = f"{origin}, training spectra (mean)"
            axes.plot([], [], color=look["color"], linewidth=3, label=label)

    labels = [Identity.from_columns(row).label for row in rows.to_dict("records")]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.3, -0.7)
    what = f"misclassified of {found.n_test} test spectra"
    axes.set(xlabel=f"{what}, a dot a run\n(square-root scale)", title=found.name)
    scale_by_root(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def scale_by_root(axes):
    """Give a panel an x axis from 0 on a square-root scale, on which few errors lie apart."""
    root, square = (lambda x: np.sqrt(np.maximum(x, 0))), np.square
    axes.set_xscale("function", functions=(root, square))
    axes.set_xlim(left=0)
    highest = axes.get_xlim()[1]
    # labels that are nearer to one another would run together
    ticks = [0]
    for tick in TICKS:
        if tick <= highest and tick**0.5 - ticks[-1] ** 0.5 >= 0.08 * highest**0.5:
            ticks.append(tick)
    axes.set_xticks(ticks)


if __name__ == "__main__":
    run_script(main, Settings)
