"""results/identification_<config>.csv → output/figures/plot_identification.png: sure matches."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.measured.identification import LEAST_CERTAINTY
from synthetic_spectra.spectra import config

# kind of a spectrum, whether the answer is right → label and line
CURVES = {
    ("listed", True): ("one substance, right", {"color": "C0"}),
    ("mixture", True): ("two substances, both right", {"color": "C2"}),
    ("listed", False): ("one substance, wrong", {"color": "C0", "linestyle": ":"}),
    ("mixture", False): ("two substances, not just both", {"color": "C2", "linestyle": ":"}),
    ("unlisted", False): ("substance that is not in the library", {"color": "C3"}),
    ("amorphous", False): ("hump and noise", {"color": "C1"}),
    ("noise", False): ("noise", {"color": "0.5"}),
}


@dataclass(frozen=True)
class Settings:
    """Draw which spectra identify.py calls a match, by the certainty that it asks for."""

    config: str = "minerals"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    threshold: float = LEAST_CERTAINTY
    """Certainty to mark, that of identify.py --least-certainty."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_identification.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    table = results.read(settings.results_dir, name, "identification").identification
    caption = (
        f"Share of spectra that count as a match with {name}, by the least certainty of the answer"
    )
    style.save(draw(table, settings.threshold), settings.output, caption, [name])


def draw(table, threshold):
    """The figure: a curve for each kind of spectrum, falling as more certainty is asked for.

    Args:
        table: ``identification`` of ``results.Results``.
        threshold: certainty to mark.
    """
    figure, axes = style.pyplot().subplots(figsize=(8.5, 4.8))
    thresholds = np.linspace(0.5, 1, 201)
    for (kind, right), (label, line) in CURVES.items():
        spectra = table[table.kind == kind]
        answers = spectra.certainty[spectra.right == right].to_numpy()
        if len(answers):
            shares = (answers[:, None] >= thresholds).sum(axis=0) / len(spectra)
            axes.plot(thresholds, 100 * shares, label=label, **line)
    axes.axvline(threshold, color="0.7", linewidth=1, zorder=0)
    axes.set_xlabel("least certainty of an answer")
    axes.set_ylabel("spectra called a match, %")
    axes.set(xlim=(0.5, 1), ylim=(0, 102))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
