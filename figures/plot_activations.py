"""results/*.csv → output/figures/plot_activations.png: accuracy by hidden activation."""

import sys
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results
from synthetic_spectra.analysis.table_files import how_to_make
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config
from synthetic_spectra.training.run import Identity

# origin of a run → marker, filled
LOOKS = {
    "this project, mixed_bfloat16": ("D", True),
    "this project, float32": ("o", True),
    "published": ("s", False),
}
# what a row of the figure is about
ROW = [column for column in Identity.ANY_PRECISION if column != "hidden_activation"]


@dataclass(frozen=True)
class Settings:
    """Draw the test accuracy of every run by network and hidden activation, beside the ceiling."""

    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_activations.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    found = results.read(settings.results_dir, name)
    if found.ceiling is None:
        print(
            f"{found.path('ceiling')}: no such file, drawn without a ceiling; "
            f"{how_to_make('ceiling', name)}",
            file=sys.stderr,
        )
    figure = draw(found, results.read_published())
    caption = f"Test accuracy of every run on {name}, by network and hidden activation"
    style.save(figure, settings.output, caption, [name])


def draw(found, published):
    """The figure: test accuracy in percent, a dot a run and a bar at the mean.

    A row is a network, within it every hidden activation and origin has a line of dots.

    Args:
        found: the ``results.Results`` of a config; without a ceiling its lines are left out.
        published: what ``results.read_published`` gives.
    """
    table = accuracies(found, published)
    looks = {}
    for color, activation in zip(
        cycle(f"C{i}" for i in range(6)), sorted(set(table.hidden_activation)), strict=False
    ):
        for origin, (marker, filled) in LOOKS.items():
            face = color if filled else "none"
            looks[activation, origin] = {"marker": marker, "facecolor": face, "edgecolor": color}

    rows = list(table.groupby(ROW))
    keys = ["hidden_activation", "origin"]
    room = 0.84 / max(len(row.groupby(keys)) for _, row in rows)  # for one line of dots
    size = 9, 0.65 * len(rows) + 2.5
    figure, axes = style.pyplot().subplots(figsize=size)

    for i, (_, row) in enumerate(rows):
        lines = row.groupby(keys).accuracy
        present = [key for key in looks if key in lines.groups]
        for j, key in enumerate(present):
            values = lines.get_group(key).sort_values()
            middle = i + (j - (len(present) - 1) / 2) * room
            places = style.spread_out(len(values), middle, 0.8 * room)
            axes.scatter(values, places, 30, **looks[key])
            ends = middle - 0.42 * room, middle + 0.42 * room
            axes.vlines(values.mean(), *ends, color="C6", linewidth=2)

    drawn = set(table[keys].itertuples(index=False, name=None))
    for (activation, origin), look in looks.items():
        if (activation, origin) in drawn:
            axes.scatter([], [], 30, label=f"{activation}, {origin}", **look)
    axes.plot([], [], color="C6", linewidth=2, label="mean")
    if found.ceiling is not None:
        for column, (line, ties) in style.CEILINGS.items():
            level = 100 * found.ceiling[column].mean()
            axes.axvline(level, color="0.5", linestyle=line, label=f"ceiling, {ties}")
    axes.set_yticks(range(len(rows)), [label_of(names) for names, _ in rows])
    axes.invert_yaxis()
    axes.set(xlabel="test accuracy (%), a dot a run", ylabel="model", title=found.name)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def accuracies(found, published):
    """The test accuracy in percent of every run, of this project and published, a row each."""
    ours = found.runs.assign(
        origin="this project, " + found.runs.precision, accuracy=100 * found.runs.test_accuracy
    )
    published = published[published.config == found.name]
    published = published[published.quantity == "test_misclassified"]
    theirs = published.assign(
        origin="published", accuracy=100 * (1 - published.value / found.n_test)
    )
    columns = [*Identity.ANY_PRECISION, "origin", "accuracy"]
    return pd.concat([ours[columns], theirs[columns]])


def label_of(names):
    """The label of a row, from its values of ``ROW``."""
    row = dict(zip(ROW, names, strict=True)) | {"hidden_activation": ""}
    return Identity.from_columns(row).label


if __name__ == "__main__":
    run_script(main, Settings)
