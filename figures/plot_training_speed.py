"""benchmarks/<machine>.csv → figures/plot_training_speed.png: what a training step is made of,
beside the plain way."""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from figures import style
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError

PARTS = {
    "arithmetic_seconds": "arithmetic",
    "optimizer_seconds": "optimizer",
    "rest": "input, Python, callbacks",
}
HATCHES = ("", "//", "..", "xx")


@dataclass(frozen=True)
class Settings:
    """Draw the time of a training step of every architecture, in units of the plain way's."""

    table: Path = ROOT / "benchmarks" / "Intel-Xeon-Processor-2-cores.csv"
    """What benchmarks/bench_training.py wrote."""
    output: Path = Path("figures/plot_training_speed.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    if not settings.table.is_file():
        raise InputError(
            f"{settings.table}: no such file; make it: python benchmarks/bench_training.py"
        )
    style.save(draw(pd.read_csv(settings.table)), settings.output)


def draw(table):
    """The figure: a bar for each architecture and way, made of its parts, and the arithmetic limit
    as a line.

    Args:
        table: rows as bench_training.py writes them.
    """
    table = table.assign(
        rest=table.step_seconds - table.arithmetic_seconds - table.optimizer_seconds
    )
    keys = ["model", "way", "precision"]
    medians = table.groupby(keys, sort=False)[["step_seconds", "limit_seconds", *PARTS]].median()
    models = list(medians.index.unique("model"))
    kinds = list(medians.index.droplevel("model").unique())
    height = 0.8 / len(kinds)
    figure, axes = plt.subplots(figsize=(9, 0.75 * len(models) + 1.6))
    for i, kind in enumerate(kinds):
        rows = medians.xs(kind, level=("way", "precision")).reindex(models)
        plain = medians.xs(("plain", "float32"), level=("way", "precision")).step_seconds.reindex(
            models
        )
        places = np.arange(len(models)) + (i - (len(kinds) - 1) / 2) * height
        # noise can make a part negative, or the parts more than the whole
        left = np.zeros(len(models))
        for j, (part, name) in enumerate(PARTS.items()):
            width = np.minimum(np.maximum(rows[part], 0), rows.step_seconds - left * plain) / plain
            label = name if i == 0 else None
            axes.barh(
                places, width, 0.92 * height, left, color=f"C{(0, 4, 2)[j]}", alpha=0.45 if i == 0 else 1,
                hatch=HATCHES[i], edgecolor="white", label=label,
            )  # fmt: skip
            left += width
        for place, limit, whole in zip(places, rows.limit_seconds / plain, left, strict=True):
            label = "arithmetic limit" if i == 0 and place == places[0] else None
            axes.plot(
                [limit, limit],
                [place - height / 2, place + height / 2],
                color="C6",
                linewidth=2.5,
                label=label,
            )
            axes.annotate(
                " ".join(kind), (whole, place), (4, 0), textcoords="offset points", va="center"
            )
    axes.set_yticks(range(len(models)), models)
    axes.invert_yaxis()
    axes.set(
        xlabel="time of a training step (that of the plain way = 1)",
        xlim=(0, 1.5),
        xticks=np.arange(0, 1.3, 0.25),
    )
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
