"""The one style of all figures, and how they are kept: a PNG and a PDF of the same stem."""

from pathlib import Path

import matplotlib.pyplot as plt

from synthetic_spectra.common.files import written_whole

plt.style.use(Path(__file__).with_name("style.mplstyle"))


def save(figure, output):
    """Write a figure as PNG and as PDF, whole or not at all, and close it.

    Args:
        figure: of Matplotlib.
        output: path of the PNG; the PDF has the same stem.
    """
    for suffix, metadata in (
        (".png", None),
        (".pdf", {"CreationDate": None}),
    ):  # equal figures are equal files
        with written_whole(Path(output).with_suffix(suffix)) as temporary:
            figure.savefig(temporary, metadata=metadata)
    plt.close(figure)
    print(f"wrote {Path(output).with_suffix('.png')} and .pdf")
