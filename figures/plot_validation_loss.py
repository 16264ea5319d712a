"""runs/<config>/*/history.csv → figures/plot_validation_loss.png: validation loss of every run
against the epoch."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogFormatter, MaxNLocator
from pydantic import Field

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import style
from synthetic_spectra.analysis import tables, trained
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.spectra import config
from synthetic_spectra.training import run_folder

LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Settings:
    """Draw the validation loss of runs, finished or not, a line each, one colour and style for
    those of a kind."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/, or a path to a .json."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("cnn2", "cnn_bn", "resnet")
    """Models to draw, as far as they have runs."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    output: Path = Path("figures/plot_validation_loss.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    begun = [run for run in run_folder.found(settings.runs_dir, name) if run.history_file.is_file()]
    histories = {}
    for model in dict.fromkeys(settings.models):
        for run in begun:
            if run.settings["model"] == model:
                histories.setdefault(kind(run), []).append(history(run))
    missing = [model for model in settings.models if model not in {names[0] for names in histories}]
    if missing:
        command = f"python train.py --config {settings.config} --models {' '.join(missing)}"
        told = f"{settings.runs_dir / name}: no run of {', '.join(missing)}; train: {command}"
        if not histories:
            raise InputError(told)
        print(told)
    style.save(draw(histories, name), settings.output)


def kind(run):
    """What a run is one of, in words."""
    return tables.words(trained.kind(run))


def history(run):
    """Epochs and validation losses of a run, a DataFrame.

    Raises:
        InputError: if its history is damaged.
    """
    try:
        return pd.read_csv(run.history_file, usecols=["epoch", "val_loss"], dtype="float64")
    except ValueError as error:
        raise InputError(
            f"{run.history_file}: not a history of a run: {first_line(error)}"
        ) from None


def draw(histories, name):
    """The figure: a line for each run.

    Args:
        histories: kind of runs in words → a DataFrame with ``epoch`` and ``val_loss`` for each run.
        name: of the config.
    """
    figure, axes = plt.subplots(figsize=(8, 4.6))
    for i, (names, of_kind) in enumerate(histories.items()):
        label = f"{', '.join(filter(None, names))} ({len(of_kind)} run{'s' if len(of_kind) > 1 else ''})"
        look = {"linestyle": LINES[i % len(LINES)], "color": f"C{i % 7}", "linewidth": 1}
        for j, one in enumerate(of_kind):
            loss = one.val_loss.where(np.isfinite(one.val_loss))  # of a run that diverged
            axes.plot(one.epoch, loss, label=None if j else label, **look)
    axes.set(yscale="log", xlabel="epoch", ylabel="validation loss (cross-entropy)", title=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PlainNumbers())
    axes.yaxis.set_minor_formatter(PlainNumbers(minor_thresholds=(2, 0.5)))
    legend = axes.legend(title="a line a run")
    for line in legend.get_lines():
        line.set_linewidth(2)
    return figure


class PlainNumbers(LogFormatter):
    """Labels of a logarithmic axis as 0.9, not 9 × 10⁻¹; between the powers of ten only where there
    is room."""

    def __call__(self, value, place=None):
        return f"{value:g}" if super().__call__(value, place) else ""


if __name__ == "__main__":
    run_script(main, Settings)
