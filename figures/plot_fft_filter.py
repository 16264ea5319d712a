"""Measured files → output/figures/plot_fft_filter.png: what the Fourier filter makes of them."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from tyro.conf import Positional

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import fft_filter, readers
from synthetic_spectra.measured.axis import onto
from synthetic_spectra.spectra import config


@dataclass(frozen=True)
class Settings:
    """Draw measured spectra, their frequencies beside the criterion, and what the filter leaves."""

    files: Positional[Annotated[tuple[Path, ...], Field(max_length=8)]] = ()
    """Measured files, 1 to 8."""
    config: str = "mofs"
    """Config whose axis the files are brought onto: a name in dataset_configs/ or a path to a
    .json."""
    criterion: float = fft_filter.CRITERION
    """Noisiness above which a spectrum is filtered."""
    bins: Annotated[int, Field(ge=1, le=10000)] = fft_filter.BINS
    """Number of the lowest frequencies that are kept, 1 to 10000."""
    output: style.Picture = style.FOLDER / "plot_fft_filter.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    if not settings.files:
        raise InputError("no measured file to draw, expected 1 to 8")
    path = config.find(settings.config)
    definitions = config.load(path)
    if not definitions.axis:
        raise InputError(f"{path}: has no axis, expected one")
    rows = []
    for file in settings.files:
        try:
            on_axis = onto(readers.read(file), definitions.axis, definitions.n_datapoints)
            spectrum = on_axis.intensities[on_axis.covered]
            found = fft_filter.filtered(spectrum, settings.criterion, settings.bins)
        except ValueError as error:
            raise InputError(f"{file}: {error}") from None
        values = definitions.axis.value(np.flatnonzero(on_axis.covered))
        rows.append((file.name, values, spectrum, found))
    figure = draw(rows, settings.criterion, settings.bins, definitions.axis)
    caption = f"Fourier filter with a criterion of {settings.criterion:g} on measured files"
    style.save(figure, settings.output, caption, [path.stem])


def draw(rows, criterion, bins, axis):
    """The figure: a row for each file, its spectrum on the left, its frequencies on the right.

    Args:
        rows: name of a file, values on the axis (n,), intensities (n,), ``fft_filter.Filtered``.
        criterion, bins: of the filter.
        axis: of the config.
    """
    size = 12, 2.7 * len(rows) + 0.6
    figure, panels = style.pyplot().subplots(len(rows), 2, figsize=size, squeeze=False)
    for (left, right), (name, values, spectrum, found) in zip(panels, rows, strict=True):
        left.plot(values, spectrum, color="0.65", linewidth=0.8, label="measured")
        if found.noisy:
            left.plot(values, found.intensities, color="C0", linewidth=1.1, label="filtered")
        left.set(title=f"{name}: {'filtered' if found.noisy else 'left as it is'}")
        left.set_ylabel("intensity of the file")
        left.legend(loc="upper right")

        # what lies beyond the kept frequencies decides
        logarithms = np.log(np.maximum(found.amplitudes, np.finfo(float).tiny))
        right.plot(logarithms, color="0.65", linewidth=0.8)
        beyond = (bins, len(logarithms) - 1)
        mean = f"mean {found.noisiness:.2f}"
        right.hlines(found.noisiness, *beyond, color="C0", label=mean)
        right.hlines(criterion, *beyond, "C3", linestyle="--", label=f"criterion {criterion:g}")
        right.axvline(bins, color="0.3", linewidth=1, linestyle=":", label=f"{bins} are kept")
        right.set(ylabel="ln(amplitude)", xlim=(0, len(logarithms) - 1))
        right.legend(loc="upper right")
    panels[-1, 0].set_xlabel(axis.label())
    panels[-1, 1].set_xlabel("frequency (bin of the Fourier transform)")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
