"""runs/<config>/*/predictions.npz, results/ceiling_<config>.csv → figures/plot_ceiling.png:
accuracy and ceiling."""

import sys
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import plot_activations, style
from synthetic_spectra.analysis import tables, trained
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset

MARKERS = "osD^vPX"


@dataclass(frozen=True)
class Settings:
    """Draw the test accuracy of every run in each group of classes, beside that of a perfect
    learner."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    results_dir: Path = Path("results")
    """Folder of the table of the ceiling."""
    output: Path = Path("figures/plot_ceiling.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config).stem)
    limit = read_limit(settings.results_dir / f"ceiling_{data.name}.csv", data)
    finished, problems = trained.choose(settings.runs_dir, data)
    groups = groups_of(data)
    rows = []
    for run in finished:
        try:
            rows += accuracies(run, data, groups)
        except InputError as error:  # the other runs are still worth their dots
            problems.append(str(error))
    if rows:
        style.save(draw(pd.DataFrame(rows), limit, groups, data.name), settings.output)
    if problems:
        raise InputError("; ".join(problems))


def read_limit(path, data):
    """What ``dataset_ceiling.ceiling`` made of the test spectra of a dataset.

    Raises:
        InputError: if the file is missing, or is not about these spectra.
    """
    how = f"make it: python studies/dataset_ceiling.py --config {data.name}"
    if not path.is_file():
        raise InputError(f"{path}: no such file; {how}")
    limit = pd.read_csv(path)
    if not {"label", *(column for column, *_ in plot_activations.CEILINGS)} <= set(
        limit
    ) or not np.array_equal(limit.label, data.y["test"]):
        raise InputError(f"{path}: not the ceiling of the test spectra in {data.folder}; {how}")
    return limit


def groups_of(data):
    """Group of classes → bool (test spectra,), whether a spectrum is of it, in the order of the
    classes.

    Without any group in the config all classes are one.
    """
    groups = data.definitions.groups()
    rest = "without a group" if any(groups) else "all classes"
    return {group or rest: np.isin(data.y["test"], labels) for group, labels in groups.items()}


def accuracies(run, data, groups):
    """The test accuracy of a run in each group, one row per group, in percent.

    Raises:
        InputError: if the run has no whole predictions of these test spectra.
    """
    predicted = run.predictions()
    if predicted is None:
        raise InputError(
            f"{run.predictions_file}: no such file; make it: python evaluate.py --config {data.name}"
        )
    if predicted["test"].shape != data.y["test"].shape:
        raise InputError(
            f"{run.predictions_file}: predictions of shape {predicted['test'].shape}, "
            f"expected one for each of the {len(data.y['test'])} test spectra; remove it to make them again"
        )
    right = predicted["test"] == data.y["test"]
    what = dict(zip(tables.MODEL, trained.kind(run), strict=True))
    return [
        what | {"group": group, "accuracy": 100 * right[these].mean()}
        for group, these in groups.items()
    ]


def draw(rows, limit, groups, name):
    """The figure: a panel for each group, in it a dot for each run, their mean, and the ceiling as
    lines.

    Args:
        rows: DataFrame with the columns of ``tables.MODEL``, group and accuracy, a row per run and
            group.
        limit: what ``read_limit`` gives.
        groups: what ``groups_of`` gives.
        name: of the config.
    """
    activations = sorted(set(rows.hidden_activation))
    others = [column for column in tables.MODEL if column != "hidden_activation"]
    networks = rows[others].itertuples(index=False, name=None)
    rows = rows.assign(
        network=["\n".join(filter(None, tables.words(network))) for network in networks]
    )
    names = list(dict.fromkeys(rows.network))
    columns = ceil(sqrt(len(groups)))
    n_rows = ceil(len(groups) / columns)
    size = max(6.5, columns * max(2.6, 0.6 * len(names) + 0.8)), 2.3 * n_rows + 2
    figure, panels = plt.subplots(
        n_rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for axes, (group, these) in zip(panels.flat, groups.items(), strict=False):
        for column, line, how in plot_activations.CEILINGS:
            axes.axhline(
                100 * limit[column][these].mean(),
                color="C6",
                linestyle=line,
                label=f"ceiling, {how}",
            )
        for i, activation in enumerate(activations):
            place = 0.5 * ((i + 0.5) / len(activations) - 0.5)
            for j, network in enumerate(names):
                same = (
                    (rows.group == group)
                    & (rows.network == network)
                    & (rows.hidden_activation == activation)
                )
                values = rows[same].accuracy
                across = j + place + 0.03 * (np.arange(len(values)) - (len(values) - 1) / 2)
                axes.scatter(
                    across, values, 30, color=f"C{i}", marker=MARKERS[i % len(MARKERS)], zorder=3, clip_on=False,
                    label=f"hidden activation {activation}" if j == 0 else None,
                )  # fmt: skip
                if len(values) > 1:
                    axes.hlines(values.mean(), j + place - 0.14, j + place + 0.14, color=f"C{i}")
        axes.set_title(group)
        axes.set_xlim(-0.5, len(names) - 0.5)
    for axes in panels.flat[len(groups) :]:
        axes.set_axis_off()
    below = [
        panels[max(i for i in range(n_rows) if i * columns + j < len(groups)), j]
        for j in range(columns)
    ]
    for axes in below:
        lying = len(names) <= 3 and max(map(len, names)) <= 12
        axes.set_xticks(range(len(names)), names, rotation=0 if lying else 90)
        axes.tick_params(labelbottom=True)
    figure.supxlabel("model")
    figure.supylabel("test accuracy (%)")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    title = f"{name}: a dot a run, a bar the mean"
    figure.legend(handles, labels, loc="outside upper center", ncols=2, title=title)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
