"""datasets/<config>/ → output/figures/plot_variation.png: how the spectra of one class differ."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis.peak_window import highest_points, window_of
from synthetic_spectra.common.cli import Folder, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.spectra.names import class_label

SPLITS = {"train": ("training spectra", "o", 24), "test": ("test spectra", "D", 48)}


@dataclass(frozen=True)
class Settings:
    """Draw three training spectra of a class, and where one of its peaks lies in all spectra."""

    config: str = "benchmark"
    """Dataset: a name in dataset_configs/ or a path to a .json; its spectra must be rendered."""
    label: Seed = 17
    """Class, counted from 0."""
    peak: Seed = 1
    """Peak of the class, counted from 0 in the order of its definition."""
    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    output: style.Picture = style.FOLDER / "plot_variation.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    data.definitions.need_peaks()
    check_peak(data.definitions, settings.label, settings.peak)
    window = window_of(data.definitions, settings.label, settings.peak)

    spectra = {split: data.x[split][data.y[split] == settings.label] for split in SPLITS}
    name = class_label(data.definitions, settings.label)
    figure = draw(spectra, window, name, data.definitions.axis)
    caption = f"Spectra of {name} of {data.name}, and where one of its peaks lies"
    style.save(figure, settings.output, caption, [data.name])


def check_peak(definitions, label, peak):
    """Raise InputError if a dataset has no such class, or the class no such peak."""
    if label >= definitions.n_classes:
        last = definitions.n_classes - 1
        raise InputError(f"--label {label}: no such class, expected 0 to {last}")
    last = len(definitions.spectra[str(label)].peak_positions) - 1
    if peak > last:
        raise InputError(f"--peak {peak}: class {label} has no such peak, expected 0 to {last}")


def draw(spectra, window, name, axis):
    """The figure: three training spectra, and position and height of the peak in every spectrum.

    Args:
        spectra: "train" and "test" → spectra of the class (n, n_datapoints).
        window: slice of the datapoints where the peak can lie.
        name: of the class.
        axis: of the dataset, a ``names.Axis`` or None.
    """
    figure, axes = style.pyplot().subplot_mosaic(
        [[0, "peak"], [1, "peak"], [2, "peak"]], figsize=(11, 4.4), width_ratios=(3, 2)
    )

    # a dataset may have fewer than three training spectra of a class
    for i, spectrum in enumerate(spectra["train"][:3]):
        axes[i].plot(spectrum, color="C6")
    for i in range(3):
        axes[i].axvspan(window.start, window.stop, color="C5", alpha=0.4, zorder=0)
        axes[i].set(ylim=(0, 1.05), yticks=(0, 0.5, 1))
        axes[i].tick_params(labelbottom=i == 2)
    axes[0].set_title(f"training spectra of {name}")
    axes[1].set_ylabel("intensity (highest peak = 1)")
    axes[2].set_xlabel(style.along([axes[i] for i in range(3)], axis))

    for split, (words, marker, size) in SPLITS.items():
        positions, heights = highest_points(spectra[split], window)
        axes["peak"].scatter(positions, heights, size, marker=marker, label=words)
    axes["peak"].set_xlabel(style.along([axes["peak"]], axis, " of the shaded peak"))
    axes["peak"].set_ylabel("its height (highest peak = 1)")
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1)}
    axes["peak"].legend(**place, ncols=2, columnspacing=1, handletextpad=0.2)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
