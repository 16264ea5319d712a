"""The one style of all figures, and how a figure is kept: a PNG and a PDF of the same stem."""

import os
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from synthetic_spectra.analysis.tables import TIES
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import written_whole

SHEET = Path(__file__).with_name("style.mplstyle")
# where a script leaves its figure by default; the project's record lies in figures/
FOLDER = Path("output/figures")
# column of a table of the ceiling → its line, and how the Bayes-optimal classifier breaks ties
CEILINGS = {
    column: (line, f"ties {ties}")
    for (ties, column), line in zip(TIES.items(), ("-", "--"), strict=True)
}
MOST_PIXELS = 2**16 - 1, 2**28  # of a side, and of a whole figure: 1 GB while it is drawn


def _picture(path):
    if path.suffix != ".png" or path.is_dir():
        raise ValueError(f"output is '{path}', expected a file whose name ends in .png")
    if path.with_suffix(".pdf").is_dir():
        raise ValueError(f"output is '{path}', but '{path.with_suffix('.pdf')}' is a folder")
    return path


Picture = Annotated[Path, AfterValidator(_picture)]  # type of the field output


def pyplot():
    """Matplotlib's pyplot in the style of all figures, whatever the user's settings are."""
    os.environ["MPLBACKEND"] = "agg"  # figures are files, so no window system is needed
    import matplotlib.pyplot as plt  # half a second, which --help need not take

    plt.switch_backend("agg")
    plt.style.use(["default", SHEET])
    return plt


def save(figure, output, caption, datasets):
    """Write a figure as PNG and as PDF, whole or not at all, and close it.

    The PNG says what it shows: its text chunks Description and Datasets hold the caption and the
    names. Equal figures are equal files, so neither file holds a date.

    Args:
        figure: of Matplotlib.
        output: path of the PNG; the PDF has the same stem.
        caption: one sentence that says what there is to see.
        datasets: names of the configs that the figure is about; () if it is about none.

    Raises:
        InputError: if the figure is too large to be kept.
    """
    plt = pyplot()
    sides = figure.get_size_inches() * plt.rcParams["savefig.dpi"]
    if max(sides) > MOST_PIXELS[0] or sides.prod() > MOST_PIXELS[1]:
        plt.close(figure)
        raise InputError(f"{output}: {sides[0]:.0f} × {sides[1]:.0f} pixels are too many to draw")
    texts = {"Description": caption, "Datasets": " ".join(datasets)}
    for suffix, metadata in ((".png", texts), (".pdf", {"CreationDate": None})):
        with written_whole(Path(output).with_suffix(suffix)) as temporary:
            figure.savefig(temporary, metadata=metadata)
    plt.close(figure)
    print(f"wrote {output} and .pdf", file=sys.stderr)


def along(panels, axis, of=""):
    """Put values of an axis on panels that are drawn over datapoints, at round values of it.

    Args:
        panels: Matplotlib's axes.
        axis: a ``names.Axis``; None leaves datapoints.
        of: what the position is of, " of the peak".

    Returns:
        the label of the positions, with their unit.
    """
    if axis is None:
        return f"position{of} (datapoint)"
    from matplotlib import ticker

    class RoundValues(ticker.MaxNLocator):
        def tick_values(self, first, last):
            return axis.position(super().tick_values(*sorted(axis.value([first, last]))))

    for one in panels:
        one.xaxis.set_major_locator(RoundValues(nbins=8, steps=[1, 2, 2.5, 5, 10]))
        one.xaxis.set_major_formatter(lambda position, _: f"{axis.value(position):.6g}")
    return axis.label(of)


def spread_out(n, middle, room):
    """Places (n,) of the dots of n runs, evenly spread over ``room`` around ``middle``."""
    return middle + room * ((np.arange(n) + 0.5) / max(1, n) - 0.5)


def contents(path):
    """What a picture says of itself: its caption, "" if ``save`` did not write it; its datasets."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            texts = picture.info
    except (OSError, SyntaxError, ValueError):  # no PNG
        return "", []
    return texts.get("Description", ""), texts.get("Datasets", "").split()
