"""results/robustness_<config>.csv → output/figures/plot_robustness.png: accuracy with artefacts."""

import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results
from synthetic_spectra.analysis.strengths import ARTEFACTS, NONE
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config
from synthetic_spectra.training.run import Identity


@dataclass(frozen=True)
class Settings:
    """Draw the accuracy of networks at each strength of each artefact of the test spectra."""

    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_robustness.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    found = results.read(settings.results_dir, name, "robustness")
    table = found.robustness
    if not set(table.artefact) & {NONE, *ARTEFACTS}:
        known = ", ".join((NONE, *ARTEFACTS))
        raise InputError(f"{found.path('robustness')}: none of the known artefacts: {known}")
    caption = f"Accuracy on test spectra of {name} with artefacts, by artefact and strength"
    style.save(draw(table, name), settings.output, caption, [name])


def draw(table, name):
    """The figure: a panel per artefact, a row per network and training, a column per strength.

    Every cell is the mean accuracy in percent over the runs; one that was not tested is empty.

    Args:
        table: ``robustness`` of ``results.Results``.
        name: of the config.
    """
    means = mean_accuracies(table)
    panels = {NONE: ("no artefact", [0.0])}
    panels |= {key: (label, list(strengths)) for key, (label, strengths) in ARTEFACTS.items()}
    panels = {key: panel for key, panel in panels.items() if key in means}
    widths = [len(strengths) for _, strengths in panels.values()]
    size = 5 + 0.55 * sum(widths), 2.8 + 0.36 * len(means)
    figure, drawn = style.pyplot().subplots(
        1, len(panels), sharey=True, squeeze=False, width_ratios=widths, figsize=size
    )

    for axes, (artefact, (label, strengths)) in zip(drawn.flat, panels.items(), strict=True):
        values = means[artefact].reindex(columns=strengths).to_numpy()
        image = axes.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            if not np.isnan(value):
                color = "black" if value > 50 else "white"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=color)
        axes.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths])
        axes.set_xlabel(fill(label, 6 * len(strengths), break_long_words=False), fontsize=11)
        axes.tick_params(length=0)
        axes.tick_params("x", labelsize=10)
        axes.spines[:].set_visible(False)

    drawn[0, 0].set_xticks([])
    drawn[0, 0].set_yticks(range(len(means)), means.index)
    bar = {"location": "bottom", "shrink": 0.5, "aspect": 40}
    figure.colorbar(image, ax=drawn, label="accuracy in %", **bar)
    figure.suptitle(f"{name}: test spectra with artefacts")
    return figure


def mean_accuracies(table):
    """Mean accuracy in percent: a row per network and training, a column per artefact, strength."""
    networks = [Identity.from_columns(row).label for row in table.to_dict("records")]
    trained = np.where(table.trained == "with", ", trained with it", "")
    accuracy = 100 * (1 - table.test_misclassified / table.test_spectra)
    return table.assign(network=networks + trained, accuracy=accuracy).pivot_table(
        "accuracy", "network", ["artefact", "strength"], sort=False
    )


if __name__ == "__main__":
    run_script(main, Settings)
