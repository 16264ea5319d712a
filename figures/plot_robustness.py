"""results/robustness_<config>.csv → figures/plot_robustness.png: accuracy on spectra with
artefacts."""

import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import style
from synthetic_spectra.analysis import tables
from synthetic_spectra.analysis.strengths import ARTEFACTS, NONE
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config


@dataclass(frozen=True)
class Settings:
    """Draw the accuracy of networks at each strength of each artefact, trained without and with it."""

    config: str = "challenge"
    """Name of a file in dataset_configs/, or a path to a .json; robustness.py must have been run.
    """
    results_dir: Path = Path("results")
    """Folder of the table."""
    output: Path = Path("figures/plot_robustness.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    path = settings.results_dir / f"robustness_{name}.csv"
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; make it: python studies/robustness.py --config {name}"
        )
    table = pd.read_csv(path, dtype={"model_args": str}).fillna({"model_args": ""})
    missing = {
        *tables.MODEL,
        "artefact",
        "strength",
        "trained",
        "test_misclassified",
        "test_spectra",
    } - set(table)
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(sorted(missing))}; make it again with robustness.py"
        )
    style.save(draw(table, name), settings.output)


def draw(table, name):
    """The figure: a panel for each artefact, in it a row for each network and a column for each
    strength.

    Every cell is the mean accuracy in percent over the runs; empty ones were not measured.

    Args:
        table: rows as robustness.py writes them.
        name: of the config.
    """
    networks = [tables.label(names) for names in table[tables.MODEL].itertuples(index=False)]
    how = np.where(table.trained == "with", ", trained with it", "")
    table = table.assign(
        network=networks + how, accuracy=100 * (1 - table.test_misclassified / table.test_spectra)
    )
    means = table.pivot_table("accuracy", "network", ["artefact", "strength"], sort=False)
    panels = {NONE: ("no artefact", [0.0])} | {
        key: (label, list(of)) for key, (label, of) in ARTEFACTS.items()
    }
    panels = {key: panel for key, panel in panels.items() if key in means}
    widths = [len(strengths) for _, strengths in panels.values()]
    figure, drawn = plt.subplots(
        1, len(panels), sharey=True, squeeze=False, width_ratios=widths,
        figsize=(5 + 0.55 * sum(widths), 2.8 + 0.36 * len(means)),
    )  # fmt: skip
    for axes, (artefact, (label, strengths)) in zip(drawn.flat, panels.items(), strict=True):
        values = means[artefact].reindex(columns=strengths).to_numpy()
        image = axes.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            if not np.isnan(value):
                axes.text(
                    j,
                    i,
                    f"{value:.0f}",
                    ha="center",
                    va="center",
                    color="black" if value > 50 else "white",
                )
        axes.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths])
        axes.set_xlabel(fill(label, 6 * len(strengths), break_long_words=False), fontsize=11)
        axes.tick_params(length=0)
        axes.tick_params("x", labelsize=10)
        axes.spines[:].set_visible(False)
    drawn[0, 0].set_xticks([])
    drawn[0, 0].set_yticks(range(len(means)), means.index)
    figure.colorbar(
        image, ax=drawn, location="bottom", label="accuracy in %", shrink=0.5, aspect=40
    )
    figure.suptitle(f"{name}: test spectra with artefacts")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
