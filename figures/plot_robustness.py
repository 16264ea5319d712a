"""results/robustness_<config>.csv → figures/plot_robustness.png: accuracy on spectra with artefacts."""

import sys
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # to find the project when run by its path
from figures import style
from synthetic_spectra import config, tables
from synthetic_spectra.artefacts import ARTEFACTS, NONE
from synthetic_spectra.scripts import InputError, run_script

MARKERS = "osD^vPX<*"  # more than there are colours, so that the two together are told apart


@dataclass(frozen=True)
class Settings:
    """Draw the accuracy of networks against the strength of each artefact, trained without and with it."""

    config: str = "challenge"
    """Name of a file in dataset_configs/, or a path to a .json; robustness.py must have been run."""
    results_dir: Path = Path("results")
    """Folder of the table."""
    output: Path = Path("figures/plot_robustness.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    path = settings.results_dir / f"robustness_{name}.csv"
    if not path.is_file():
        raise InputError(f"{path}: no such file; make it: python robustness.py --config {name}")
    table = pd.read_csv(path, dtype={"model_args": str}).fillna({"model_args": ""})
    missing = {*tables.MODEL, "artefact", "strength", "trained", "test_misclassified", "test_spectra"} - set(table)
    if missing:
        raise InputError(f"{path}: no column {', '.join(sorted(missing))}; make it again with robustness.py")
    style.save(draw(table, name), settings.output)


def draw(table, name):
    """The figure: a panel for each artefact, in it a line for each network over no, little, more and much of it.

    Args:
        table: rows as robustness.py writes them.
        name: of the config.
    """
    table = table.assign(
        network=[" ".join(filter(None, tables.words(names))) for names in table[tables.MODEL].itertuples(index=False)],
        accuracy=100 * (1 - table.test_misclassified / table.test_spectra),
    )
    networks = list(dict.fromkeys(table.network))
    artefacts = [artefact for artefact in ARTEFACTS if (table.artefact == artefact).any()]
    columns = 4
    rows = ceil(len(artefacts) / columns)
    figure, panels = plt.subplots(rows, columns, figsize=(13, 3.2 * rows + 1.2), sharey=True, squeeze=False)
    for axes, artefact in zip(panels.flat, artefacts, strict=False):
        label, strengths = ARTEFACTS[artefact]
        for i, network in enumerate(networks):
            for how, line, filled in (("without", "-", True), ("with", "--", False)):
                ours = table[(table.network == network) & (table.trained == how)]
                means = ours[ours.artefact == artefact].groupby("strength").accuracy.mean().reindex(list(strengths))
                if means.isna().all():
                    continue
                values = [ours[ours.artefact == NONE].accuracy.mean(), *means]
                axes.plot(
                    range(len(values)), values, line, color=f"C{i}", marker=MARKERS[i % len(MARKERS)],
                    markerfacecolor=f"C{i}" if filled else "white", label=f"{network}, trained {how} it",
                )  # fmt: skip
        axes.set_xticks(range(len(strengths) + 1), [NONE, *(f"{strength:g}" for strength in strengths)])
        axes.set(xlabel=label, ylim=(0, 102))
    for axes in panels.flat[len(artefacts) :]:
        axes.axis("off")
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy in %")
    labels = {}
    for axes in panels.flat:
        handles, texts = axes.get_legend_handles_labels()
        labels |= dict(zip(texts, handles, strict=True))
    figure.legend(labels.values(), labels, loc="outside lower center", ncols=2)
    figure.suptitle(f"{name}: test spectra with artefacts")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
