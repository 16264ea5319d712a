"""runs/<config>/*/history.csv → output/figures/plot_validation_loss.png: loss by epoch."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.spectra import config
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.run import training_command

LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Settings:
    """Draw the validation loss of runs, finished or not, a line each."""

    config: str = "benchmark"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("cnn2", "cnn_bn", "resnet")
    """Networks whose runs are drawn: names in model_implementations.MODELS."""
    runs_dir: Folder = Path("runs")
    """Folder of the runs, a folder per config and in it a folder per run."""
    output: style.Picture = style.FOLDER / "plot_validation_loss.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    histories, problems = read_histories(settings.runs_dir, name, settings.models)
    missing = [model for model, labels in histories.items() if not labels]
    if missing:
        command = training_command(settings.config, settings.runs_dir, missing)
        lack = f"{settings.runs_dir / name}: no run of {', '.join(missing)}; train: {command}"
        if len(missing) == len(histories):
            raise InputError("; ".join([lack, *problems]))
        print(lack, file=sys.stderr)

    lines = {label: runs for labels in histories.values() for label, runs in labels.items()}
    caption = f"Validation loss on {name} by epoch, a line per run"
    style.save(draw(lines, name), settings.output, caption, [name])
    if problems:
        raise InputError("; ".join(problems))


def read_histories(runs_dir, name, models):
    """The validation losses of the runs of some models.

    Args:
        runs_dir: folder that holds a folder per config, and in it one per run.
        name: of the config.
        models: names.

    Returns:
        model → label of runs that differ in their seeds alone → a DataFrame per run; and a sentence
        for each run that cannot be read.
    """
    problems, histories = [], {model: {} for model in models}
    for run in run_folder.found(runs_dir, name, problems):
        if run.identity.model not in histories or not run.history_file.is_file():
            continue
        try:
            losses = history(run)
        except InputError as error:  # the other runs are still worth their lines
            problems.append(str(error))
            continue
        label = ", ".join(filter(None, run.identity.words().values()))
        histories[run.identity.model].setdefault(label, []).append(losses)
    return histories, problems


def history(run):
    """Epochs and validation losses of a run, a DataFrame.

    Raises:
        InputError: if its history is damaged.
    """
    try:
        return pd.read_csv(run.history_file, usecols=["epoch", "val_loss"], dtype="float64")
    except ValueError as error:
        reason = first_line(error)
        raise InputError(f"{run.history_file}: not a history of a run: {reason}") from None


def draw(histories, name):
    """The figure: a line per run, one colour and style for those that differ in their seeds.

    Args:
        histories: label → a DataFrame with ``epoch`` and ``val_loss`` for each run.
        name: of the config.
    """
    plt = style.pyplot()
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(figsize=(8, 4.6))
    for i, (label, runs) in enumerate(histories.items()):
        label = f"{label} ({len(runs)} run{'s' if len(runs) > 1 else ''})"
        look = {"linestyle": LINES[i % len(LINES)], "color": f"C{i % 7}", "linewidth": 1}
        for j, one in enumerate(runs):
            loss = one.val_loss.where(np.isfinite(one.val_loss))  # of a run that diverged
            axes.plot(one.epoch, loss, label=None if j else label, **look)

    axes.set(yscale="log", xlabel="epoch", ylabel="validation loss (cross-entropy)", title=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(plain_numbers())
    axes.yaxis.set_minor_formatter(plain_numbers(minor_thresholds=(2, 0.5)))
    legend = axes.legend(title="a line a run")
    for line in legend.get_lines():
        line.set_linewidth(2)
    return figure


def plain_numbers(**choices):
    """A formatter of a logarithmic axis that writes 0.9, not 9 × 10⁻¹, where there is room.

    Args:
        choices: of Matplotlib's ``LogFormatter``, which decides where that is.
    """
    from matplotlib.ticker import LogFormatter

    class PlainNumbers(LogFormatter):
        def __call__(self, value, place=None):
            return f"{value:g}" if super().__call__(value, place) else ""

    return PlainNumbers(**choices)


if __name__ == "__main__":
    run_script(main, Settings)
