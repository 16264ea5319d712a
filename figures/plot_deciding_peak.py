"""datasets/<config>/{x,y}_{train,test}.npy, config.json → figures/plot_deciding_peak.png: a peak of
two classes.

The rectangles are all that training spectra of a class can show of that peak: its position moves by
shift_range, its height by variation_range, and it is seen relative to the highest peak, which may
change its height too. Positions are
uniform, and heights but for a margin: inside both rectangles either class is as likely, outside
    only one is possible.
The boundary is the line halfway between the two definitions, in what they differ more, position or
height: it lies in the middle of what the rectangles share, and gives each spectrum to the class
whose definition is nearer.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import plot_variation, style
from synthetic_spectra.analysis import confusions
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset

SPLITS = (
    ("train", "training", ("o", "^"), 30),
    ("test", "test", ("D", "v"), 70),
)  # markers of the classes, their size
LINES = ("-", "--")  # of the two classes


@dataclass(frozen=True)
class Settings:
    """Draw where the peak that tells two classes apart lies in their spectra, and how high it is."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    pair: str = "164-281"
    """Labels of the two classes; both must have the peak."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    output: Path = Path("figures/plot_deciding_peak.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    definitions = dataset.resolved(settings.datasets_dir, name)
    labels = confusions.labels_of(settings.pair, definitions)
    *peaks, by = confusions.deciding_peak(definitions, *labels)
    windows = [window(definitions, *of) for of in zip(labels, peaks, strict=True)]
    data = dataset.load(settings.datasets_dir, name)
    seen = {
        (split, label): measured(data.x[split][(data.y[split] == label).nonzero()[0]], around)
        for split, *_ in SPLITS
        for label, around in zip(labels, windows, strict=True)
    }
    style.save(draw(definitions, labels, peaks, by, seen), settings.output)


def window(definitions, label, peak):
    """The datapoints in which a peak of a class can lie, as a slice.

    Raises:
        InputError: if the class lacks the peak, or another one of its peaks can lie there too.
    """
    if peak is None:
        raise InputError(
            f"--pair: class {label} lacks the peak that decides, expected two classes that both have it"
        )
    try:
        return plot_variation.peak_window(definitions, label, peak)
    except InputError as error:
        raise InputError(
            f"--pair: the peak that decides cannot be told from its neighbours: {error}"
        ) from None


def measured(spectra, around):
    """Positions and heights of the highest point of n spectra within a slice: two arrays (n,)."""
    part = spectra[:, around]
    return around.start + part.argmax(axis=1), part.max(axis=1)


def draw(definitions, labels, peaks, by, seen):
    """The figure: position and height of the peak, a point a spectrum, with the densities of the
    training spectra.

    Args:
        definitions: a config with every rendering setting filled in.
        labels, peaks, by: the two classes, and what ``confusions.deciding_peak`` gives.
        seen: split, label → positions and heights.
    """
    figure, axes = plt.subplot_mosaic(
        [["top", "legend"], ["plane", "right"]],
        figsize=(8.5, 6),
        width_ratios=(3, 1),
        height_ratios=(1, 3),
    )
    for i, label in enumerate(labels):
        for (split, word, markers, size), edge, alpha in zip(
            SPLITS, ("none", "C6"), (0.6, 1), strict=True
        ):
            look = {
                "marker": markers[i],
                "facecolor": f"C{i}",
                "edgecolor": edge,
                "alpha": alpha,
                "zorder": 2 + alpha,
            }
            axes["plane"].scatter(*seen[split, label], size, label=f"class {label}, {word}", **look)
        (left, right), (low, high) = training_range(definitions, label, peaks[i])
        look = {
            "fill": False,
            "edgecolor": f"C{i}",
            "linestyle": LINES[i],
            "label": f"class {label}, range",
        }
        axes["plane"].add_patch(Rectangle((left, low), right - left, high - low, **look))
    for side, axis, orientation in (("top", 0, "vertical"), ("right", 1, "horizontal")):
        values = [seen["train", label][axis] for label in labels]
        edges = np.histogram_bin_edges(np.concatenate(values), 12)
        for i, of_class in enumerate(values):
            look = {"color": f"C{i}", "linestyle": LINES[i]}
            axes[side].hist(
                of_class, edges, density=True, orientation=orientation, histtype="step", **look
            )
    defined = [definitions.spectra[str(label)] for label in labels]
    of = [one.peak_positions if by == "position" else one.peak_heights for one in defined]
    halfway = np.mean([values[peak] for values, peak in zip(of, peaks, strict=True)])
    for name in ("plane", "top" if by == "position" else "right"):
        across = axes[name].axvline if by == "position" else axes[name].axhline
        across(halfway, color="C6", label="boundary")
    axes["top"].sharex(axes["plane"])
    axes["right"].sharey(axes["plane"])
    axes["top"].tick_params(labelbottom=False, left=False, labelleft=False)
    axes["right"].tick_params(labelleft=False, bottom=False, labelbottom=False)
    axes["top"].set(ylabel="density", title=f"{labels[0]}–{labels[1]}: {by} decides")
    axes["right"].set_xlabel("density")
    axes["plane"].set(xlabel="position (datapoint)", ylabel="height (highest peak = 1)")
    axes["legend"].axis("off")
    axes["legend"].legend(*axes["plane"].get_legend_handles_labels(), loc="center")
    return figure


def training_range(definitions, label, peak):
    """What the training spectra of a class can show of a peak: lowest and highest position, and
    relative height."""
    spectrum, own = definitions.spectra[str(label)], definitions.rendering_of(str(label))
    position, heights = spectrum.peak_positions[peak], np.array(spectrum.peak_heights)
    half = np.where(own.vary_highest | (heights != 1), own.variation_range, 0)
    lowest, highest = np.maximum(heights - half, 0), heights + half
    low = lowest[peak] / np.delete(highest, peak).max(initial=lowest[peak])
    high = highest[peak] / np.delete(lowest, peak).max(initial=highest[peak])
    last = definitions.n_datapoints - 1
    return (
        max(0, position - own.shift_range),
        min(last, position + max(own.shift_range - 1, 0)),
    ), (low, high)


if __name__ == "__main__":
    run_script(main, Settings)
