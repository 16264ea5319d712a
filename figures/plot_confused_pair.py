"""datasets/<config>/ → output/figures/plot_confused_pair.png: what tells two classes apart."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import confusions
from synthetic_spectra.common.cli import Count, Folder, run_script
from synthetic_spectra.spectra import config, dataset, profiles
from synthetic_spectra.spectra.names import class_label


@dataclass(frozen=True)
class Settings:
    """Draw training spectra of pairs of classes head to tail, and enlarge what tells them apart."""

    config: str = "benchmark"
    """Dataset: a name in dataset_configs/ or a path to a .json; its spectra must be rendered."""
    pairs: Annotated[tuple[str, ...], Field(min_length=1, max_length=40)] = (
        *("246-382", "8-318"),
        *("164-281", "219-347"),
    )
    """Pairs of classes, 1 to 40, a row each: two labels with a hyphen."""
    n_spectra: Count = 5
    """Training spectra of each class, ≥ 1."""
    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    output: style.Picture = style.FOLDER / "plot_confused_pair.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    path = config.find(settings.config)
    name, definitions = path.stem, dataset.resolved(settings.datasets_dir, path)
    definitions.need_peaks()
    pairs = [confusions.labels_of(pair, definitions) for pair in settings.pairs]

    figure = draw(dataset.load(settings.datasets_dir, name), pairs, settings.n_spectra)
    caption = (
        f"Spectra of the class pairs {', '.join(settings.pairs)} of {name}, and where each differs"
    )
    style.save(figure, settings.output, caption, [name])


def draw(data, pairs, n_spectra):
    """The figure: a row per pair, the second class downwards, beside it the region that decides.

    Args:
        data: a ``Dataset``.
        pairs: two labels each.
        n_spectra: training spectra of each class.
    """
    size = 11, 2.4 * len(pairs) + 0.8
    figure, rows = style.pyplot().subplots(
        len(pairs), 2, figsize=size, width_ratios=(3, 2), squeeze=False
    )

    for (whole, enlarged), pair in zip(rows, pairs, strict=True):
        region = deciding_region(data.definitions, *pair)
        highest = 0
        for label, sign, color in zip(pair, (1, -1), ("C0", "C1"), strict=True):
            of_class = (data.y["train"] == label).nonzero()[0][:n_spectra]
            spectra = data.x["train"][of_class]
            ideal = profiles.ideal_spectrum(
                data.definitions.spectra[str(label)],
                data.definitions.rendering_of(str(label)),
                data.definitions.n_datapoints,
            )
            highest = max(highest, spectra[:, region].max(), ideal[region].max())
            ideal[ideal == 0] = np.nan  # no thick line on the axis
            name = class_label(data.definitions, label)
            for axes in (whole, enlarged):
                axes.plot(sign * spectra.T, color=color, linewidth=0.8, alpha=0.6)
                axes.plot(sign * ideal, color=color, linewidth=2.4, label=name)

        for axes in (whole, enlarged):
            axes.axvspan(region.start, region.stop - 1, color="C4", alpha=0.25, zorder=0)
            axes.axhline(0, color="C6", linewidth=0.8)
            axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.4g}")
        whole.set(ylim=(-1.08, 1.08), yticks=(-1, -0.5, 0, 0.5, 1))
        whole.set_title(f"{pair[0]}–{pair[1]}: {confusions.cause(data.definitions, *pair)}")
        margin = (region.stop - region.start) // 2
        enlarged.set_xlim(region.start - margin, region.stop + margin)
        enlarged.set_ylim(-1.15 * highest, 1.15 * highest)
        enlarged.locator_params(axis="y", nbins=5)
        enlarged.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    positions = style.along(rows.flat, data.definitions.axis)
    for axes in rows[-1]:
        axes.set_xlabel(positions)
    rows[0, 1].set_title("shaded region, enlarged")
    figure.supylabel("intensity (highest peak = 1), second class downwards")
    return figure


def deciding_region(definitions, a, b):
    """The datapoints where the deciding peak of classes a and b lies in training, as a slice."""
    reached = []
    for label, peak in zip((a, b), confusions.deciding_peak(definitions, a, b), strict=False):
        if peak is not None:
            position = definitions.spectra[str(label)].peak_positions[peak]
            shift = definitions.rendering_of(str(label)).shift_range
            reached += [position - shift, position + shift + 1]
    return slice(max(0, min(reached)), min(max(reached), definitions.n_datapoints))


if __name__ == "__main__":
    run_script(main, Settings)
