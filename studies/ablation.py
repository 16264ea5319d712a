"""A network with one ingredient changed at a time → results/ablation_<config>.csv: what each of
them is worth."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
import spectra_from_config
import train
from synthetic_spectra.analysis import tables, trained
from synthetic_spectra.common.cli import Count, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config
from synthetic_spectra.training import run_folder

COMPLETE = "complete"
# what is changed → settings of train.py, and of spectra_from_config.py, in place of the complete
# network's
VARIANTS = {
    COMPLETE: ({}, {}),
    "background and noise stay": ({"model_args": ("peaks_only=false",)}, {}),
    "not divided by the area": ({"model_args": ("areas=false",)}, {}),
    "blur of 0.1 shift ranges": ({"model_args": ("blur=0.1",)}, {}),
    "blur of 0.2 shift ranges": ({"model_args": ("blur=0.2",)}, {}),
    "blur of 0.5 shift ranges": ({"model_args": ("blur=0.5",)}, {}),
    "blur of 2 shift ranges": ({"model_args": ("blur=2.0",)}, {}),
    "no root": ({"model_args": ("root=false",)}, {}),
    "no logarithm": ({"model_args": ("logarithm=false",)}, {}),
    "neither root nor logarithm": ({"model_args": ("root=false", "logarithm=false")}, {}),
    "linear hidden layer": ({"hidden_activations": ("linear",)}, {}),
    "weights not averaged": ({"ema_momentum": 0.0}, {}),
    "5 spectra per class": ({}, {"n_train": 5}),
    "10 spectra per class": ({}, {"n_train": 10}),
    "20 spectra per class": ({}, {"n_train": 20}),
    "200 spectra per class": ({}, {"n_train": 200}),
    "endless spectra": ({"online": True}, {}),
}


@dataclass(frozen=True)
class Settings:
    """Train a network complete and with one ingredient changed at a time; finished runs are
    skipped."""

    config: str = "challenge"
    """Name of a file in dataset_configs/, or a path to a .json."""
    variants: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(VARIANTS)
    """Which of VARIANTS to train; those that are finished are in the table too."""
    model: str = "blurred_areas"
    """Name in model_implementations.MODELS; it must have the choices that VARIANTS names."""
    ema_momentum: float = 0.99
    """As in train.py."""
    epochs: Count = 500
    """As in train.py."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """One run of each variant for each."""
    datasets_dir: Path = Path("datasets/ablation")
    """Folder for a folder per number of training spectra, as datasets/ of the other scripts."""
    runs_dir: Path = Path("runs/ablation")
    """Folder for a folder per variant, as runs/ of the other scripts."""
    results_dir: Path = Path("results")
    """Folder of the table."""


def main(settings):
    for name in settings.variants:
        if name not in VARIANTS:
            raise InputError(f"variant {name!r}: unknown; known: {', '.join(VARIANTS)}")
    for i, name in enumerate(settings.variants):
        print(f"== {i + 1} of {len(settings.variants)}: {name}", flush=True)
        of_training, of_rendering = VARIANTS[name]
        datasets_dir = settings.datasets_dir / (
            "-".join(f"{k}={v}" for k, v in of_rendering.items()) or "published"
        )
        spectra_from_config.main(
            spectra_from_config.Settings(
                config=settings.config, datasets_dir=datasets_dir, **of_rendering
            )
        )
        every = train.Settings(
            config=settings.config,
            models=(settings.model,),
            ema_momentum=settings.ema_momentum,
            epochs=settings.epochs,
            seeds=settings.seeds,
            datasets_dir=datasets_dir,
            runs_dir=folder(settings, name),
            wandb="disabled",
        )
        train.main(replace(every, **of_training))
    stem = config.find(settings.config).stem
    table = pd.DataFrame([row for name in VARIANTS for row in rows(settings, name, stem)])
    output = settings.results_dir / f"ablation_{stem}.csv"
    write_text(output, table.to_csv(index=False))
    print(f"\n{tables.write(summary(table), 'markdown')}\nwrote {output}")


def folder(settings, name):
    """The runs of a variant."""
    return settings.runs_dir / name.replace(" ", "_")


def rows(settings, name, stem):
    """A row for each finished run of a variant."""
    measured = (
        "test_misclassified",
        "val_misclassified",
        "train_misclassified",
        "test_spectra",
        "trained_epochs",
    )
    measured += ("minutes", "multiply_accumulates")
    for run in run_folder.found(folder(settings, name), stem):
        if summary := run.summary:
            which = {"variant": name, "model": run.settings["model"], "seed": run.settings["seed"]}
            yield which | {key: summary.get(key) for key in measured} | trained.origin(run)


def summary(table):
    """A line for each variant: misclassified test spectra, and how many more than of the complete
    network.

    Args:
        table: rows as ``rows`` gives them.
    """
    complete = table[table.variant == COMPLETE].test_misclassified.dropna()
    lines = []
    for name, ours in table.groupby("variant", sort=False):
        wrong = ours.test_misclassified.dropna()
        line = {"variant": name, "runs": len(ours), "misclassified": tables.spread(wrong)}
        if name != COMPLETE and len(complete) and len(wrong):
            line["more"] = f"{wrong.mean() - complete.mean():+.1f}"
            if min(len(wrong), len(complete)) > 1:
                lower, upper = tables.interval(wrong, complete)
                line["95 % interval"] = f"{lower:+.1f} to {upper:+.1f}"
        lines.append(
            line
            | {"epochs": tables.spread(ours.trained_epochs), "minutes": tables.spread(ours.minutes)}
        )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    run_script(main, Settings)
