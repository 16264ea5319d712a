"""runs/<config>/*/model.keras, datasets/<config>/ → figures/plot_decision_regions.png: where
networks draw the line.

The plane is that of the peak that tells the two classes apart: its position, and its height
relative to the highest other peak. The other peaks are held in the middle between both classes, the
width is that of the test spectra. The line lies halfway between the two definitions, in what
separates them more, position or height.
"""

import sys
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import plot_deciding_peak, style
from synthetic_spectra.analysis import confusions, tables, trained
from synthetic_spectra.common import backend
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, profiles

BEYOND = (
    0.15  # share of the extent of the training spectra that is shown beyond them, on every side
)
MOST_COLUMNS = 4
SHADES = ("C0", "C1", "0.55")  # of the first class, of the second, of any other one


@dataclass(frozen=True)
class Settings:
    """Draw which of two classes networks see, by position and height of the peak that tells the two
    apart."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    pair: str = "9-10"
    """Labels of the two classes."""
    runs: tuple[str, ...] = ()
    """Folders of finished runs in runs/<config>/, such as cnn2-relu-0; without any one of each
    model and activation."""
    positions: Count = 81
    """Positions at which the networks are asked."""
    heights: Count = 61
    """Heights at which they are asked, at each position."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    output: Path = Path("figures/plot_decision_regions.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config).stem)
    labels = confusions.labels_of(settings.pair, data.definitions)
    *peaks, by = confusions.deciding_peak(data.definitions, *labels)
    usable, problems = trained.choose(settings.runs_dir, data, settings.runs)
    samples = measured(data, labels, peaks)
    axes = grid(samples, data.definitions.n_datapoints, settings)
    spectra = rendered(data.definitions, labels, peaks, *axes)
    backend.prepare("float32")
    seen = {}
    for run in usable if settings.runs else first_of_each_kind(usable):
        try:
            predicted = trained.load(run).predict(
                spectra[..., None], backend.PREDICTED_AT_ONCE, verbose=0
            )
        except InputError as error:  # the other runs are still worth their panels
            problems.append(str(error))
        else:
            seen[title(run)] = predicted.argmax(axis=1).reshape(len(axes[1]), len(axes[0]))
            print(run.name, flush=True)
    if seen:
        boundary = by, halfway(data.definitions, labels, peaks, by)
        style.save(draw(seen, axes, samples, labels, boundary, data.name), settings.output)
    if problems:
        raise InputError("; ".join(problems))


def measured(data, labels, peaks):
    """Label → positions and heights of the deciding peak in those training spectra of a class that
    show it.

    Args:
        data: the ``Dataset``.
        labels: of the two classes.
        peaks: of each class, None where it lacks the peak.

    Raises:
        InputError: if another peak of a class can lie at the same place, it has no other one to
            compare with, or no spectrum shows it.
    """
    samples = {}
    for label, peak in zip(labels, peaks, strict=True):
        if len(data.definitions.spectra[str(label)].peak_positions) - (peak is not None) == 0:
            raise InputError(
                f"--pair: class {label} has a single peak, expected another one that gives the scale"
            )
        if peak is None:
            continue
        around = plot_deciding_peak.window(data.definitions, label, peak)
        spectra = data.x["train"][(data.y["train"] == label).nonzero()[0]]
        positions, heights = plot_deciding_peak.measured(spectra, around)
        elsewhere = np.delete(spectra, np.arange(data.definitions.n_datapoints)[around], axis=1)
        visible = heights > 0  # a peak that vanished has no position
        samples[label] = positions[visible], (heights / elsewhere.max(axis=1))[visible]
    if not any(len(positions) for positions, _ in samples.values()):
        raise InputError(
            "--pair: no training spectrum shows the peak that decides, expected some in datasets/"
        )
    return samples


def grid(samples, n_datapoints, settings):
    """The positions and heights at which the networks are asked: those of the training spectra and
    some beyond.

    Args:
        samples: what ``measured`` gives.
        n_datapoints: length of the axis.
        settings: of this script.
    """
    positions, heights = (np.concatenate(values) for values in zip(*samples.values(), strict=True))
    if len(samples) == 1:
        heights = np.append(heights, 0)  # of the class that lacks the peak
    left, right = np.clip(widened(positions), 0, n_datapoints - 1)
    low, high = np.maximum(widened(heights), 0)
    across = np.unique(np.linspace(left, right, settings.positions).round().astype(int))
    return across, np.linspace(low, high, settings.heights)


def widened(values):
    """Lowest and highest of some values, and ``BEYOND`` on either side."""
    extent = np.ptp(values) or 1
    return values.min() - BEYOND * extent, values.max() + BEYOND * extent


def rendered(definitions, labels, peaks, positions, heights):
    """Spectra of the plane, float32 (heights × positions, n_datapoints), heights outermost, scaled
    to a maximum of 1.

    Args:
        definitions: a config with every rendering setting filled in.
        labels, peaks: of the two classes.
        positions, heights: of the deciding peak, one-dimensional.
    """
    other_positions, other_heights = others(definitions, labels, peaks)
    up, across = (
        values.reshape(-1, 1) for values in np.meshgrid(heights, positions, indexing="ij")
    )
    n = len(up)
    all_positions = np.hstack([np.tile(other_positions, (n, 1)), across])
    all_heights = np.hstack([np.tile(other_heights / other_heights.max(), (n, 1)), up])
    widths = np.full(n, float(definitions.rendering_of(str(labels[0])).test_kernel))
    spectra = profiles.gaussian(
        all_positions, all_heights, widths, definitions.n_datapoints, "float32"
    )
    return spectra / spectra.max(axis=1, keepdims=True)


def others(definitions, labels, peaks):
    """Positions and heights of the peaks that do not decide: halfway between both classes, in the
    order of positions.

    Where one class has more of them than the other, those of the class that has fewer are taken as
    they are.
    """
    left = []
    for label, peak in zip(labels, peaks, strict=True):
        spectrum = definitions.spectra[str(label)]
        both = zip(spectrum.peak_positions, spectrum.peak_heights, strict=True)
        left.append(np.array(sorted(pair for i, pair in enumerate(both) if i != peak)))
    taken = np.mean(left, axis=0) if len(left[0]) == len(left[1]) else min(left, key=len)
    return taken[:, 0].round().astype(int), taken[:, 1]


def first_of_each_kind(usable):
    """The run with the lowest seed of every model, its arguments and hidden activation, in the
    order of names."""
    first = {}
    for run in sorted(usable, key=lambda run: run.settings["seed"]):
        first.setdefault(trained.kind(run), run)
    return sorted(first.values(), key=lambda run: run.name)


def halfway(definitions, labels, peaks, by):
    """The position or height, as ``by`` says, in the middle of both definitions; a lacking peak has
    height 0."""
    values = []
    for label, peak in zip(labels, peaks, strict=True):
        spectrum = definitions.spectra[str(label)]
        if by == "position":
            values.append(spectrum.peak_positions[peak])
        else:
            of_others = np.array(spectrum.peak_heights)[
                np.arange(len(spectrum.peak_heights)) != peak
            ]
            values.append(0 if peak is None else spectrum.peak_heights[peak] / of_others.max())
    return np.mean(values)


def title(run):
    """What a run is, in lines as narrow as a panel."""
    model, *others = filter(None, tables.words(trained.kind(run)))
    whole = [part.replace(" ", "\xa0") for part in (*others, f"seed {run.settings['seed']}")]
    return f"{fill(model, 26)}\n{fill(', '.join(whole), 26)}"


def draw(seen, plane, samples, labels, boundary, name):
    """The figure: a panel for each run, its decisions as colour, the training spectra as dots.

    Args:
        seen: title of a run → predicted labels (heights, positions).
        plane: positions and heights.
        samples: what ``measured`` gives.
        labels: of the two classes.
        boundary: "position" or "height", and where on it the line lies.
        name: of the config.
    """
    columns = min(len(seen), MOST_COLUMNS)
    n_rows = ceil(len(seen) / columns)
    size = max(6, 3 * columns + 0.6), 3.1 * n_rows + 2.1
    figure, panels = plt.subplots(
        n_rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for axes, (run, predicted) in zip(panels.flat, seen.items(), strict=False):
        which = np.select([predicted == label for label in labels], [0, 1], 2)
        axes.pcolormesh(
            *plane,
            which,
            cmap=ListedColormap(SHADES),
            vmin=0,
            vmax=2,
            alpha=0.4,
            shading="nearest",
            rasterized=True,
        )
        for i, label in enumerate(labels):
            if label in samples:
                axes.scatter(
                    *samples[label], 26, color=f"C{i}", marker="os"[i], edgecolor="white", linewidth=0.5,
                    label=f"training spectra of class {label}",
                )  # fmt: skip
        by, place = boundary
        line = axes.axvline if by == "position" else axes.axhline
        line(place, color="C6", linestyle="--", label="halfway between the classes")
        axes.set_title(run, fontsize="medium")
    for axes in panels.flat[len(seen) :]:
        axes.set_axis_off()
    areas = [
        Patch(color=SHADES[i], alpha=0.4, label=f"taken for class {label}")
        for i, label in enumerate(labels)
    ]
    if any(~np.isin(predicted, labels).all() for predicted in seen.values()):
        areas.append(Patch(color=SHADES[2], alpha=0.4, label="taken for another class"))
    handles = areas + panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, title=name)
    figure.supxlabel("position (datapoint)")
    figure.supylabel("height\n(highest other peak = 1)")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
