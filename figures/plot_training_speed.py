"""benchmarks/<machine>.csv → output/figures/plot_training_speed.png: time of a training step."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # the project, when run by its path
from figures import style
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError, first_line

KEYS = ["model", "way", "precision"]
# column → its name and colour
PARTS = {
    "arithmetic_seconds": ("arithmetic", "C0"),
    "optimizer_seconds": ("optimizer", "C4"),
    "rest": ("input, Python, callbacks", "C2"),
}
TIMES = ["step_seconds", "limit_seconds", "arithmetic_seconds", "optimizer_seconds"]
HATCHES = ("", "//", "..", "xx")
PLAIN = ("plain", "float32")  # the way and the precision whose step is the unit


@dataclass(frozen=True)
class Settings:
    """Draw what the time of a training step is made of, in units of a plain Keras step."""

    table: Path = ROOT / "benchmarks" / "Intel-Xeon-Processor-2-cores.csv"
    """Table of benchmarks/bench_training.py."""
    output: style.Picture = style.FOLDER / "plot_training_speed.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    table = read(settings.table)
    caption = "Time of a training step of each network, in units of a plain Keras step"
    style.save(draw(table), settings.output, caption, [])


def read(path):
    """The table of benchmarks/bench_training.py.

    Raises:
        InputError: if it is missing, or is none.
    """
    how = "make it: python benchmarks/bench_training.py"
    if not path.is_file():
        raise InputError(f"{path}: no such file; {how}")
    try:
        table = pd.read_csv(path).astype(dict.fromkeys(TIMES, float))
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: {first_line(error)}; {how}") from None
    if missing := [key for key in KEYS if key not in table]:
        raise InputError(f"{path}: no column {', '.join(missing)}; {how}")
    plain = table[(table.way == PLAIN[0]) & (table.precision == PLAIN[1])]
    if table.empty or set(table.model) - set(plain.model):
        raise InputError(f"{path}: a network without its {' '.join(PLAIN)} step, the unit; {how}")
    return table


def draw(table):
    """The figure: a bar per network and way, made of its parts, and the arithmetic limit as a line.

    Args:
        table: rows as bench_training.py writes them.
    """
    known = table.arithmetic_seconds + table.optimizer_seconds
    table = table.assign(rest=table.step_seconds - known)
    medians = table.groupby(KEYS, sort=False)[["step_seconds", "limit_seconds", *PARTS]].median()
    models = list(medians.index.unique("model"))
    ways = list(medians.index.droplevel("model").unique())
    unit = medians.xs(PLAIN, level=KEYS[1:]).step_seconds.reindex(models)
    height = 0.8 / len(ways)
    figure, axes = style.pyplot().subplots(figsize=(9, 0.75 * len(models) + 1.6))

    for i, way in enumerate(ways):
        rows = medians.xs(way, level=KEYS[1:]).reindex(models)
        places = np.arange(len(models)) + (i - (len(ways) - 1) / 2) * height

        # noise can make a part negative, or the parts more than the whole
        left = np.zeros(len(models))
        look = {"hatch": HATCHES[i % len(HATCHES)], "edgecolor": "white"}
        look["alpha"] = 0.45 if i == 0 else 1
        for part, (name, color) in PARTS.items():
            room = rows.step_seconds - left * unit
            width = np.minimum(np.maximum(rows[part], 0), room) / unit
            label = name if i == 0 else None
            axes.barh(places, width, 0.92 * height, left, color=color, label=label, **look)
            left += width

        limits = rows.limit_seconds / unit
        axes.vlines(
            limits, places - height / 2, places + height / 2, color="C6", linewidth=2.5,
            label="arithmetic limit" if i == 0 else None,
        )  # fmt: skip
        for place, end in zip(places, left, strict=True):
            beside = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
            axes.annotate(" ".join(way), (end, place), **beside)

    axes.set_yticks(range(len(models)), models)
    axes.invert_yaxis()
    axes.set_xlabel("time of a training step (that of the plain way = 1)")
    axes.set(xlim=(0, 1.5), xticks=np.arange(0, 1.3, 0.25))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
