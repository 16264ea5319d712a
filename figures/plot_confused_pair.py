"""datasets/<config>/{x,y}_train.npy, config.json → figures/plot_confused_pair.png: what tells two
classes apart."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
from pydantic import Field

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import style
from synthetic_spectra.analysis import confusions
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.spectra import config, dataset, profiles


@dataclass(frozen=True)
class Settings:
    """Draw training spectra of pairs of classes head to tail, the region that tells them apart
    shaded and enlarged."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    pairs: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "246-382",
        "8-318",
        "164-281",
        "219-347",
    )
    """Labels of two classes each."""
    n_spectra: Count = 5
    """Training spectra of each class."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    output: Path = Path("figures/plot_confused_pair.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    definitions = dataset.resolved(settings.datasets_dir, name)
    pairs = [confusions.labels_of(pair, definitions) for pair in settings.pairs]
    style.save(
        draw(dataset.load(settings.datasets_dir, name), pairs, settings.n_spectra), settings.output
    )


def draw(data, pairs, n_spectra):
    """The figure: a row for each pair, the whole spectra and the region that tells them apart; the
    second class below.

    Args:
        data: a ``Dataset``.
        pairs: two labels each.
        n_spectra: training spectra of each class.
    """
    figure, rows = plt.subplots(
        len(pairs), 2, figsize=(11, 2.4 * len(pairs) + 0.8), width_ratios=(3, 2), squeeze=False
    )
    for (whole, enlarged), pair in zip(rows, pairs, strict=True):
        region = deciding_region(data.definitions, *pair)
        highest = 0
        for label, sign, color in zip(pair, (1, -1), ("C0", "C1"), strict=True):
            spectrum, own = (
                data.definitions.spectra[str(label)],
                data.definitions.rendering_of(str(label)),
            )
            drawn = data.x["train"][(data.y["train"] == label).nonzero()[0][:n_spectra]]
            ideal = profiles.ideal_spectrum(spectrum, own, data.definitions.n_datapoints)
            highest = max(highest, drawn[:, region].max(), ideal[region].max())
            ideal[ideal == 0] = np.nan  # no thick line on the axis
            for axes in (whole, enlarged):
                axes.plot(sign * drawn.T, color=color, linewidth=0.8, alpha=0.6)
                axes.plot(sign * ideal, color=color, linewidth=2.4, label=f"class {label}")
        for axes in (whole, enlarged):
            axes.axvspan(region.start, region.stop - 1, color="C4", alpha=0.25, zorder=0)
            axes.axhline(0, color="C6", linewidth=0.8)
            axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.4g}")
        whole.set(ylim=(-1.08, 1.08), yticks=(-1, -0.5, 0, 0.5, 1))
        margin = (region.stop - region.start) // 2
        enlarged.set(
            xlim=(region.start - margin, region.stop + margin),
            ylim=(-1.15 * highest, 1.15 * highest),
        )
        enlarged.locator_params(axis="y", nbins=5)
        enlarged.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        whole.set_title(f"{pair[0]}–{pair[1]}: {confusions.cause(data.definitions, *pair)}")
    for axes in rows[-1]:
        axes.set_xlabel("position (datapoint)")
    rows[0, 1].set_title("shaded region, enlarged")
    figure.supylabel("intensity (highest peak = 1), second class downwards")
    return figure


def deciding_region(definitions, a, b):
    """The datapoints in which the deciding peak of two classes lies in their training spectra, as a
    slice."""
    reached = []
    for label, peak in zip((a, b), confusions.deciding_peak(definitions, a, b), strict=False):
        if peak is not None:
            position = definitions.spectra[str(label)].peak_positions[peak]
            shift = definitions.rendering_of(str(label)).shift_range
            reached += [position - shift, position + shift + 1]
    return slice(max(0, min(reached)), min(max(reached), definitions.n_datapoints))


if __name__ == "__main__":
    run_script(main, Settings)
