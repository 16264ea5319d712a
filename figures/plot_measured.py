"""results/measured_<config>.csv → output/figures/plot_measured.png: names of measured files."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import measured_files, results
from synthetic_spectra.analysis.statistics import wilson
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config

# what becomes of a file: whether it is called a match, is in the library, has its name in front
OUTCOMES = {
    "match, right": ("C0", lambda rows: rows.sure & (rows["rank"] == 1)),
    "match, wrong": ("C3", lambda rows: rows.sure & (rows["rank"] != 1)),
    "rejected, though right": ("C9", lambda rows: ~rows.sure & (rows["rank"] == 1)),
    "rejected, would be wrong": (
        "0.6",
        lambda rows: ~rows.sure & (rows["rank"] != 1) & (rows.listed > 0),
    ),
    "rejected, not in the library": ("0.85", lambda rows: ~rows.sure & (rows.listed == 0)),
}


@dataclass(frozen=True)
class Settings:
    """Draw how often each method names measured files rightly, and what becomes of the files."""

    config: str = "raman"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_measured.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    table = results.read(settings.results_dir, name, "measured").measured
    caption = f"How often each method names measured files of {name} rightly, and which are matches"
    style.save(draw(table), settings.output, caption, [name])


def draw(table):
    """The figure: a row for each method. Shares of right names with their 95 % intervals on the
    left, numbers of files by what becomes of them on the right.

    Args:
        table: ``measured`` of ``results.Results``.
    """
    methods = list(dict.fromkeys(table.method))
    outcomes = {label: one for label, one in OUTCOMES.items() if one[1](table).any()}
    figure, (shares, files) = style.pyplot().subplots(
        1, 2, figsize=(11, 0.55 * len(methods) + 2.2), sharey=True, width_ratios=(1, 1.2)
    )

    for place, method in enumerate(methods):
        rows = table[table.method == method]

        # of files of one substance: among the first k
        ranks = rows["rank"][rows.listed == 1]
        for i, k in enumerate(measured_files.TOP if len(ranks) else ()):
            right = int((ranks <= k).sum())
            low, high = wilson(right, len(ranks))
            share, height = right / len(ranks), place + (i - 1) * 0.22
            shares.plot([100 * low, 100 * high], [height] * 2, color=f"C{i}", linewidth=1.5)
            label = f"top {k}" if not place else None
            shares.plot(100 * share, height, "osD"[i], color=f"C{i}", markersize=5, label=label)

        # of all files
        left = 0
        for label, (color, belongs) in outcomes.items():
            number = int(belongs(rows).sum())
            bar = {"color": color, "height": 0.6, "label": label if not place else None}
            files.barh(place, number, left=left, **bar)
            if number:
                black = np.mean(style.pyplot().matplotlib.colors.to_rgb(color)) > 0.5
                files.text(
                    left + number / 2, place, number, ha="center", va="center",
                    color="black" if black else "white", fontsize="small",
                )  # fmt: skip
            left += number

    shares.set_yticks(range(len(methods)), methods)
    shares.set_ylim(len(methods) - 0.4, -0.6)
    n = int((table.listed[table.method == methods[0]] == 1).sum())
    shares.set_xlabel(f"right name, % of {n} files of one substance\n(with 95 % interval)")
    shares.set_xlim(right=101)
    files.set_xlabel("files by what becomes of them")
    shares.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    files.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize="small")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
