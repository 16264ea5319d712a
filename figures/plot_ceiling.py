"""runs/*/*/predictions.npz, results/ → output/figures/plot_ceiling.png: accuracy and ceiling."""

import sys
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results, trained
from synthetic_spectra.analysis.table_files import how_to_make
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset

MARKERS = "osD^vPX"


@dataclass(frozen=True)
class Settings:
    """Draw the test accuracy of every run in each group of classes, beside the ceiling."""

    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json; its spectra must be rendered."""
    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    runs_dir: Folder = Path("runs")
    """Folder of the runs, a folder per config and in it a folder per run."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_ceiling.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    data.definitions.need_peaks()
    ceiling = ceiling_of(results.read(settings.results_dir, data.name, "ceiling"), data)
    runs, problems = trained.choose(settings.runs_dir, data)
    groups = groups_of(data)

    rows = []
    for run in runs:
        try:
            rows += accuracies(run, data, groups)
        except InputError as error:  # the other runs are still worth their dots
            problems.append(str(error))
    if rows:
        figure = draw(pd.DataFrame(rows), ceiling, groups, data.name)
        caption = f"Test accuracy of every run by group of classes of {data.name}, and the ceiling"
        style.save(figure, settings.output, caption, [data.name])
    if problems:
        raise InputError("; ".join(problems))


def ceiling_of(tables, data):
    """The table of the ceiling of a dataset.

    Args:
        tables: what ``results.read`` gives.
        data: the ``Dataset``.

    Raises:
        InputError: if the table is of other test spectra.
    """
    if not np.array_equal(tables.ceiling.label, data.y["test"]):
        raise InputError(
            f"{tables.path('ceiling')}: not the ceiling of the test spectra in {data.folder}; "
            f"{how_to_make('ceiling', data.name)}"
        )
    return tables.ceiling


def groups_of(data):
    """Group of classes → bool (test spectra,), whether a spectrum is of it.

    Without any group in the config all classes are one.
    """
    groups = data.definitions.groups()
    rest = "without a group" if any(groups) else "all classes"
    return {group or rest: np.isin(data.y["test"], labels) for group, labels in groups.items()}


def accuracies(run, data, groups):
    """The test accuracy of a run in percent, a row per group, beside what the run is.

    Raises:
        InputError: if the run has no whole predictions of these test spectra.
    """
    if not run.predictions_file.is_file():
        command = f"python evaluate.py --config {data.name}"
        raise InputError(f"{run.predictions_file}: no such file; make it: {command}")
    right = trained.predictions(run, data)["test"] == data.y["test"]
    words = run.identity.words()
    activation = words.pop("hidden_activation")
    network = "\n".join(filter(None, words.values()))
    return [
        {"network": network, "activation": activation, "group": group}
        | {"accuracy": 100 * right[members].mean()}
        for group, members in groups.items()
    ]


def draw(rows, ceiling, groups, name):
    """The figure: a panel per group, in it a dot per run, their means, and the ceiling as lines.

    Args:
        rows: DataFrame of what ``accuracies`` gives.
        ceiling: what ``ceiling_of`` gives.
        groups: what ``groups_of`` gives.
        name: of the config.
    """
    networks = list(dict.fromkeys(rows.network))
    n_columns = ceil(sqrt(len(groups)))
    n_rows = ceil(len(groups) / n_columns)
    size = max(6.5, n_columns * max(2.6, 0.6 * len(networks) + 0.8)), 2.3 * n_rows + 2
    figure, panels = style.pyplot().subplots(
        n_rows, n_columns, figsize=size, sharex=True, sharey=True, squeeze=False
    )

    for axes, (group, members) in zip(panels.flat, groups.items(), strict=False):
        for column, (line, ties) in style.CEILINGS.items():
            level = 100 * ceiling[column][members].mean()
            axes.axhline(level, color="C6", linestyle=line, label=f"ceiling, {ties}")
        draw_group(axes, rows[rows.group == group], sorted(set(rows.activation)), networks)
        axes.set_title(group)
        axes.set_xlim(-0.5, len(networks) - 0.5)
    for axes in panels.flat[len(groups) :]:
        axes.set_axis_off()

    # the lowest panel of each column names the networks, upright where their names are long
    lying = len(networks) <= 3 and max(map(len, networks)) <= 12
    for column in panels.T:
        lowest = [axes for axes in column if axes.axison][-1]
        lowest.set_xticks(range(len(networks)), networks, rotation=0 if lying else 90)
        lowest.tick_params(labelbottom=True)
    figure.supxlabel("model")
    figure.supylabel("test accuracy (%)")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    title = f"{name}: a dot a run, a bar the mean"
    figure.legend(handles, labels, loc="outside upper center", ncols=2, title=title)
    return figure


def draw_group(axes, rows, activations, networks):
    """Draw the accuracies of one group of classes: a place per network, a colour per activation."""
    for i, activation in enumerate(activations):
        look = {"color": f"C{i}", "marker": MARKERS[i % len(MARKERS)], "zorder": 3}
        look |= {"clip_on": False, "label": f"hidden activation {activation}"}
        middle = 0.5 * ((i + 0.5) / len(activations) - 0.5)
        for j, network in enumerate(networks):
            same = (rows.network == network) & (rows.activation == activation)
            values = rows[same].accuracy
            places = style.spread_out(len(values), j + middle, 0.03 * len(values))
            axes.scatter(places, values, 30, **look)
            look["label"] = None  # each activation is named once
            if len(values) > 1:
                ends = j + middle - 0.14, j + middle + 0.14
                axes.hlines(values.mean(), *ends, color=f"C{i}")


if __name__ == "__main__":
    run_script(main, Settings)
