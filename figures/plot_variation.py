"""datasets/<config>/x_{train,test}.npy → figures/plot_variation.png: how spectra of one class
differ."""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import style
from synthetic_spectra.common.cli import Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset


@dataclass(frozen=True)
class Settings:
    """Draw three training spectra of a class, and where one of its peaks lies in its training and
    test spectra."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    label: Seed = 17
    """Of the class."""
    peak: Seed = 1
    """Of the peak, counted from 0 in the order of the definition."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    output: Path = Path("figures/plot_variation.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config).stem)
    window = peak_window(data.definitions, settings.label, settings.peak)
    spectra = {split: data.x[split][data.y[split] == settings.label] for split in ("train", "test")}
    figure, axes = plt.subplot_mosaic(
        [[0, "peak"], [1, "peak"], [2, "peak"]], figsize=(11, 4.4), width_ratios=(3, 2)
    )
    for i in range(3):
        axes[i].plot(spectra["train"][i], color="C6")
        axes[i].axvspan(window.start, window.stop, color="C5", alpha=0.4, zorder=0)
        axes[i].set(ylim=(0, 1.05), yticks=(0, 0.5, 1))
        axes[i].tick_params(labelbottom=i == 2)
    axes[0].set_title(f"three training spectra of class {settings.label}")
    axes[1].set_ylabel("intensity (highest peak = 1)")
    axes[2].set_xlabel("position (datapoint)")
    for split, name, marker, size in (
        ("train", "training spectra", "o", 24),
        ("test", "test spectra", "D", 48),
    ):
        around = spectra[split][:, window]
        axes["peak"].scatter(
            window.start + around.argmax(axis=1),
            around.max(axis=1),
            size,
            marker=marker,
            label=name,
        )
    axes["peak"].set(
        xlabel="position of the shaded peak (datapoint)", ylabel="its height (highest peak = 1)"
    )
    axes["peak"].legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, columnspacing=1, handletextpad=0.2
    )
    style.save(figure, settings.output)


def peak_window(definitions, label, peak):
    """The datapoints in which a peak of a class can lie, as a slice.

    Raises:
        InputError: if there is no such class or peak, or another peak of the class can come as
            near.
    """
    if label >= definitions.n_classes:
        raise InputError(
            f"--label {label}: no such class, expected 0 to {definitions.n_classes - 1}"
        )
    positions = definitions.spectra[str(label)].peak_positions
    if peak >= len(positions):
        raise InputError(
            f"--peak {peak}: class {label} has no such peak, expected 0 to {len(positions) - 1}"
        )
    rendering = definitions.rendering_of(str(label))
    steps = max(abs(step) for step in rendering.test_shifts)
    reach = max(rendering.shift_range, steps * rendering.test_shift)
    for other, position in enumerate(positions):
        if other != peak and abs(position - positions[peak]) <= 2 * reach:
            raise InputError(
                f"--peak {peak}: peak {other} of class {label} can lie at the same place, choose another one"
            )
    return slice(max(0, positions[peak] - reach), positions[peak] + reach + 1)


if __name__ == "__main__":
    run_script(main, Settings)
