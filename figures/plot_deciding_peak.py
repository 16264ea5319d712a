"""datasets/<config>/ → output/figures/plot_deciding_peak.png: the peak that two classes differ in.

A rectangle is all that training spectra of a class can show of the peak. Its position moves by
shift_range, its height by variation_range; it is seen relative to the highest peak, which may
change its height too. Positions are uniform, and so are heights but for a margin: where both
rectangles overlap, either class is as likely; elsewhere only one is possible.

The boundary is the line halfway between the two definitions, in what they differ more, position or
height. It lies in the middle of the overlap, and gives each spectrum to the nearer class.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import confusions
from synthetic_spectra.analysis.peak_window import highest_points, window_of
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.spectra.names import class_label

# split → its name, the markers of the classes, their size, edge and opacity
SPLITS = {
    "train": ("training", ("o", "^"), 30, "none", 0.6),
    "test": ("test", ("D", "v"), 70, "C6", 1),
}
LINES = ("-", "--")  # of the two classes


@dataclass(frozen=True)
class Settings:
    """Draw position and height of the peak that tells two classes apart, in all their spectra."""

    config: str = "benchmark"
    """Dataset: a name in dataset_configs/ or a path to a .json; its spectra must be rendered."""
    pair: str = "164-281"
    """Labels of two classes that both have the peak."""
    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    output: style.Picture = style.FOLDER / "plot_deciding_peak.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    path = config.find(settings.config)
    name, definitions = path.stem, dataset.resolved(settings.datasets_dir, path)
    definitions.need_peaks()
    labels = confusions.labels_of(settings.pair, definitions)
    *peaks, by = confusions.deciding_peak(definitions, *labels)
    for label, peak in zip(labels, peaks, strict=True):
        if peak is None:
            raise InputError(
                f"--pair {settings.pair}: class {label} lacks the peak that decides, "
                "expected two classes that both have it"
            )
    windows = [window_of(definitions, *place) for place in zip(labels, peaks, strict=True)]

    data = dataset.load(settings.datasets_dir, name)
    points = {
        (split, label): highest_points(data.x[split][data.y[split] == label], window)
        for split in SPLITS
        for label, window in zip(labels, windows, strict=True)
    }
    figure = draw(definitions, labels, peaks, by, points)
    caption = f"Position and height of the peak that decides between {settings.pair} of {name}"
    style.save(figure, settings.output, caption, [name])


def draw(definitions, labels, peaks, by, points):
    """The figure: position and height of the peak, a point per spectrum, with their densities.

    Args:
        definitions: a config with every rendering setting filled in.
        labels, peaks, by: the two classes, and what ``confusions.deciding_peak`` gives.
        points: split, label → positions and heights of the peak in the spectra.
    """
    plt = style.pyplot()
    from matplotlib.patches import Rectangle

    figure, axes = plt.subplot_mosaic(
        [["top", "legend"], ["plane", "right"]],
        figsize=(8.5, 6),
        width_ratios=(3, 1),
        height_ratios=(1, 3),
    )

    # each class: its spectra, and the rectangle of all that is possible
    for i, (label, peak) in enumerate(zip(labels, peaks, strict=True)):
        for split, (name, markers, size, edge, alpha) in SPLITS.items():
            look = {"marker": markers[i], "facecolor": f"C{i}", "edgecolor": edge, "alpha": alpha}
            name = f"{class_label(definitions, label)}, {name}"
            axes["plane"].scatter(*points[split, label], size, **look, zorder=2 + alpha, label=name)
        (left, right), (low, high) = training_range(definitions, label, peak)
        look = {"fill": False, "edgecolor": f"C{i}", "linestyle": LINES[i]}
        range_of_class = Rectangle((left, low), right - left, high - low, **look)
        range_of_class.set_label(f"{class_label(definitions, label)}, range")
        axes["plane"].add_patch(range_of_class)

    for side, axis, orientation in (("top", 0, "vertical"), ("right", 1, "horizontal")):
        values = [points["train", label][axis] for label in labels]
        edges = np.histogram_bin_edges(np.concatenate(values), 12)
        look = {"density": True, "orientation": orientation, "histtype": "step"}
        for i in range(2):
            axes[side].hist(values[i], edges, **look, color=f"C{i}", linestyle=LINES[i])

    place = halfway(definitions, labels, peaks, by)
    for name in ("plane", "top" if by == "position" else "right"):
        line = axes[name].axvline if by == "position" else axes[name].axhline
        line(place, color="C6", label="boundary")

    axes["top"].sharex(axes["plane"])
    axes["right"].sharey(axes["plane"])
    axes["top"].tick_params(labelbottom=False, left=False, labelleft=False)
    axes["right"].tick_params(labelleft=False, bottom=False, labelbottom=False)
    axes["top"].set(ylabel="density", title=f"{labels[0]}–{labels[1]}: {by} decides")
    axes["right"].set_xlabel("density")
    axes["plane"].set_xlabel(style.along([axes["plane"]], definitions.axis))
    axes["plane"].set_ylabel("height (highest peak = 1)")
    axes["legend"].axis("off")
    axes["legend"].legend(*axes["plane"].get_legend_handles_labels(), loc="center")
    return figure


def training_range(definitions, label, peak):
    """Lowest and highest position, lowest and highest relative height that training spectra show.

    Args:
        definitions: a config with every rendering setting filled in.
        label, peak: of the class, and which of its peaks.
    """
    spectrum, rendering = definitions.spectra[str(label)], definitions.rendering_of(str(label))
    position, heights = spectrum.peak_positions[peak], np.array(spectrum.peak_heights)

    varied = rendering.vary_highest | (heights != 1)
    half = np.where(varied, rendering.variation_range, 0)
    lowest, highest = np.maximum(heights - half, 0), heights + half
    low = lowest[peak] / np.delete(highest, peak).max(initial=lowest[peak])
    high = highest[peak] / np.delete(lowest, peak).max(initial=highest[peak])

    # shifts are drawn from [−shift_range, shift_range), and positions clipped to the axis
    left = max(0, position - rendering.shift_range)
    right = position + max(rendering.shift_range - 1, 0)
    return (left, min(definitions.n_datapoints - 1, right)), (low, high)


def halfway(definitions, labels, peaks, by):
    """The position or the height, as ``by`` says, in the middle between both definitions."""
    spectra = [definitions.spectra[str(label)] for label in labels]
    values = [one.peak_positions if by == "position" else one.peak_heights for one in spectra]
    return np.mean([values[i][peaks[i]] for i in range(2)])


if __name__ == "__main__":
    run_script(main, Settings)
