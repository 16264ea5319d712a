"""runs/*/*/model.keras, datasets/ → output/figures/plot_decision_regions.png: decision regions.

The plane is that of the peak that tells the two classes apart: its position, and its height
relative to the highest other peak. The other peaks are held in the middle between both classes, and
the width is that of the test spectra. The line lies halfway between the two definitions, in what
separates them more, position or height.
"""

import sys
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from textwrap import fill
from typing import Annotated

import numpy as np
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import confusions, trained
from synthetic_spectra.analysis.peak_window import highest_points, window_of
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, profiles
from synthetic_spectra.spectra.names import class_label

# share of the extent of the training spectra that is shown beyond them, on every side
BEYOND = 0.15
MOST_COLUMNS = 4
SHADES = ("C0", "C1", "0.55")  # of the first class, of the second, of any other one


@dataclass(frozen=True)
class Settings:
    """Draw which of two classes networks see, by position and height of the peak that decides."""

    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json; its spectra must be rendered."""
    pair: str = "9-10"
    """Labels of two classes."""
    runs: tuple[str, ...] = ()
    """Names of finished runs' folders, such as cnn2-relu-0; by default one run of each network."""
    positions: Annotated[int, Field(ge=2, le=200)] = 81
    """Positions in the plane, 2 to 200."""
    heights: Annotated[int, Field(ge=2, le=200)] = 61
    """Heights in the plane, 2 to 200."""
    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    runs_dir: Folder = Path("runs")
    """Folder of the runs, a folder per config and in it a folder per run."""
    output: style.Picture = style.FOLDER / "plot_decision_regions.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    data.definitions.need_peaks()
    labels = confusions.labels_of(settings.pair, data.definitions)
    *peaks, by = confusions.deciding_peak(data.definitions, *labels)
    runs, problems = trained.choose_networks(settings.runs_dir, data, settings.runs)

    # spectra that differ only in the position and the height of that peak
    samples = training_points(data, labels, peaks)
    plane = grid(samples, data.definitions.n_datapoints, settings.positions, settings.heights)
    spectra = rendered(data.definitions, labels, peaks, *plane)

    decisions, further_problems = predictions(runs if settings.runs else first_seeds(runs), spectra)
    if decisions:
        boundary = by, halfway(data.definitions, labels, peaks, by)
        figure = draw(decisions, plane, samples, labels, boundary, data)
        caption = f"Decisions of networks between the classes {settings.pair} of {data.name}"
        style.save(figure, settings.output, caption, [data.name])
    if problems + further_problems:
        raise InputError("; ".join(problems + further_problems))


def training_points(data, labels, peaks):
    """Positions and heights of the deciding peak in the training spectra that show it.

    Args:
        data: the ``Dataset``.
        labels: of the two classes.
        peaks: of each class, None where it lacks the peak.

    Returns:
        label → positions and heights; a label is left out where the class lacks the peak.

    Raises:
        InputError: if another peak of a class can lie at the same place, it has no other one to
            compare with, or no spectrum shows it.
    """
    points = {}
    for label, peak in zip(labels, peaks, strict=True):
        if len(data.definitions.spectra[str(label)].peak_positions) == (peak is not None):
            raise InputError(
                f"--pair: class {label} has a single peak, expected another one for the scale"
            )
        if peak is None:
            continue
        window = window_of(data.definitions, label, peak)
        spectra = data.x["train"][(data.y["train"] == label).nonzero()[0]]
        positions, heights = highest_points(spectra, window)
        elsewhere = np.delete(spectra, np.arange(spectra.shape[1])[window], axis=1)
        visible = heights > 0  # a peak that vanished has no position
        points[label] = positions[visible], (heights / elsewhere.max(axis=1))[visible]

    if not any(len(positions) for positions, _ in points.values()):
        raise InputError(
            f"--pair: no training spectrum in {data.folder} shows the peak that decides, "
            "expected some"
        )
    return points


def grid(points, n_datapoints, n_positions, n_heights):
    """The positions (at most ``n_positions``, each once) and heights of the plane.

    They are those of the training spectra and some beyond.

    Args:
        points: what ``training_points`` gives.
        n_datapoints: length of the axis.
        n_positions, n_heights: how many are asked for.
    """
    positions, heights = (np.concatenate(values) for values in zip(*points.values(), strict=True))
    if len(points) == 1:
        heights = np.append(heights, 0)  # of the class that lacks the peak
    left, right = np.clip(widened(positions), 0, n_datapoints - 1)
    low, high = np.maximum(widened(heights), 0)
    across = np.unique(np.linspace(left, right, n_positions).round().astype(int))
    return across, np.linspace(low, high, n_heights)


def widened(values):
    """Lowest and highest of some values, and ``BEYOND`` on either side."""
    extent = np.ptp(values) or 1
    return values.min() - BEYOND * extent, values.max() + BEYOND * extent


def rendered(definitions, labels, peaks, positions, heights):
    """Spectra of the plane, float32 (heights × positions, n_datapoints), heights outermost.

    Every spectrum is scaled to a maximum of 1.

    Args:
        definitions: a config with every rendering setting filled in.
        labels, peaks: of the two classes.
        positions, heights: of the deciding peak, one-dimensional.
    """
    held_positions, held_heights = held_peaks(definitions, labels, peaks)
    upwards, across = (
        values.reshape(-1, 1) for values in np.meshgrid(heights, positions, indexing="ij")
    )
    n = len(upwards)
    all_positions = np.hstack([np.tile(held_positions, (n, 1)), across])
    all_heights = np.hstack([np.tile(held_heights / held_heights.max(), (n, 1)), upwards])
    widths = np.full(n, float(definitions.rendering_of(str(labels[0])).test_kernel))
    spectra = profiles.gaussian(
        all_positions, all_heights, widths, definitions.n_datapoints, "float32"
    )
    return spectra / spectra.max(axis=1, keepdims=True)


def held_peaks(definitions, labels, peaks):
    """Positions and heights of the peaks that do not decide: the means of both classes.

    They are in order of position. If one class has more of them than the other, those of the class
    with fewer are taken.
    """
    held = []
    for label, peak in zip(labels, peaks, strict=True):
        spectrum = definitions.spectra[str(label)]
        both = zip(spectrum.peak_positions, spectrum.peak_heights, strict=True)
        held.append(np.array(sorted(pair for i, pair in enumerate(both) if i != peak)))
    chosen = np.mean(held, axis=0) if len(held[0]) == len(held[1]) else min(held, key=len)
    return chosen[:, 0].round().astype(int), chosen[:, 1]


def first_seeds(runs):
    """The run with the lowest seed of every network and way to train, by name."""
    first = {}
    for run in sorted(runs, key=lambda run: run.settings["seed"]):
        first.setdefault(run.identity.label, run)
    return sorted(first.values(), key=lambda run: run.name)


def predictions(runs, spectra):
    """Title of a run → the labels that it predicts (n,), and a sentence per run that cannot."""
    # these start Keras
    from synthetic_spectra.common import backend
    from synthetic_spectra.training.batches import PREDICTED_AT_ONCE

    backend.prepare("float32")
    decisions, problems = {}, []
    for run in runs:
        try:
            network = trained.load(run)
        except InputError as error:  # the other runs are still worth their panels
            problems.append(str(error))
            continue
        probabilities = network.predict(spectra[..., None], PREDICTED_AT_ONCE, verbose=0)
        decisions[title(run)] = probabilities.argmax(axis=1)
        print(run.name, file=sys.stderr, flush=True)
    return decisions, problems


def title(run):
    """What a run is, in lines as narrow as a panel."""
    model, *choices = filter(None, run.identity.words().values())
    whole = [part.replace(" ", "\xa0") for part in (*choices, f"seed {run.settings['seed']}")]
    return f"{fill(model, 26)}\n{fill(', '.join(whole), 26)}"


def halfway(definitions, labels, peaks, by):
    """The position or the height, as ``by`` says, in the middle between both definitions.

    Heights are relative to the highest other peak; that of a lacking peak is 0.
    """
    values = []
    for label, peak in zip(labels, peaks, strict=True):
        spectrum = definitions.spectra[str(label)]
        if by == "position":
            values.append(spectrum.peak_positions[peak])
        elif peak is None:
            values.append(0)
        else:
            heights = np.array(spectrum.peak_heights)
            values.append(heights[peak] / np.delete(heights, peak).max())
    return np.mean(values)


def draw(decisions, plane, points, labels, boundary, data):
    """The figure: a panel per run, its decisions as colour, the training spectra as dots.

    Args:
        decisions: title of a run → predicted labels (heights × positions).
        plane: positions and heights.
        points: what ``training_points`` gives.
        labels: of the two classes.
        boundary: "position" or "height", and where on it the line lies.
        data: the ``Dataset``.
    """
    plt = style.pyplot()
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    columns = min(len(decisions), MOST_COLUMNS)
    rows = ceil(len(decisions) / columns)
    size = max(6, 3 * columns + 0.6), 3.1 * rows + 2.1
    figure, panels = plt.subplots(
        rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False
    )
    names = [class_label(data.definitions, label) for label in labels]
    colors = {"cmap": ListedColormap(SHADES), "vmin": 0, "vmax": 2, "alpha": 0.4}

    for axes, (run, predicted) in zip(panels.flat, decisions.items(), strict=False):
        predicted = predicted.reshape(len(plane[1]), len(plane[0]))
        which = np.select([predicted == label for label in labels], [0, 1], 2)
        axes.pcolormesh(*plane, which, **colors, shading="nearest", rasterized=True)
        for i, label in enumerate(labels):
            if label in points:
                look = {"color": f"C{i}", "marker": "os"[i], "edgecolor": "white", "linewidth": 0.5}
                axes.scatter(*points[label], 26, **look, label=f"training spectra of {names[i]}")
        by, place = boundary
        line = axes.axvline if by == "position" else axes.axhline
        line(place, color="C6", linestyle="--", label="halfway between the classes")
        axes.set_title(run, fontsize="medium")
    for axes in panels.flat[len(decisions) :]:
        axes.set_axis_off()

    if any(~np.isin(predicted, labels).all() for predicted in decisions.values()):
        names.append("another class")
    areas = [
        Patch(color=SHADES[i], alpha=0.4, label=f"taken for {name}") for i, name in enumerate(names)
    ]
    handles = areas + panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, title=data.name)
    figure.supxlabel(style.along(panels.flat[: len(decisions)], data.definitions.axis))
    figure.supylabel("height\n(highest other peak = 1)")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
