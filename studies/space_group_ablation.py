"""datasets/<config>/config.json → output/results/ablation_<config>.csv: what each choice is worth
when a network learns space groups from random crystals."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
import train
from studies import ablation
from studies.ablation import COMPLETE, Variant
from synthetic_spectra.analysis import results, tables
from synthetic_spectra.common.cli import Count, Folder, NotNegative, Positive, RunSeed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training.outcome import RANKS, TOP, top

# "complete" is the config as it is, and the settings below
VARIANTS = {
    COMPLETE: Variant(),
    # what a network is given
    "evenly spaced in 2θ": Variant(config={"scale": "two_theta"}),
    "intensities, not their roots": Variant(config={"root": False}),
    "8501 datapoints": Variant(config={"datapoints": 8501}),
    "2126 datapoints": Variant(config={"datapoints": 2126}),
    # how crystals are drawn
    "best of 5 places": Variant(config={"places": 5}),
    "best of 20 places": Variant(config={"places": 20}),
    "best of 10 occupations": Variant(config={"occupations": 10}),
    "last element on one site": Variant(config={"compat_last_element": True}),
    "groups equally frequent": Variant(config={"uniform_groups": True}),
    "half of the crystals altered": Variant(config={"altered_share": 0.5}),
    "all crystals altered": Variant(config={"altered_share": 1.0}),
    # how a network learns
    "weights not averaged": Variant({"ema_momentum": 0.0}),
    "half the filters": Variant({"model_args": ("filters=[8,16,32,64,64]",)}),
    "twice the filters": Variant({"model_args": ("filters=[32,64,128,256,256]",)}),
    "batches of 64": Variant({"batch_size": 64}),
    "batches of 256": Variant({"batch_size": 256}),
    "learning rate of 0.001": Variant({"learning_rate": 0.001}),
    "learning rate of 0.004": Variant({"learning_rate": 0.004}),
}


@dataclass(frozen=True)
class Settings:
    """Train a network for space groups complete and with one choice changed at a time; finished
    runs are skipped."""

    config: str = "space_groups_30"
    """Name of a file in dataset_configs/ of the kind "crystals" (its spectra must have been
    rendered), or path to a .json."""
    variants: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(VARIANTS)
    """Variants to train, names in VARIANTS; those that are finished are in the table too."""
    model: str = "strided"
    """Network, a name in model_implementations.MODELS that has the arguments of the variants."""
    seeds: Annotated[tuple[RunSeed, ...], Field(min_length=1)] = (0,)
    """Random seeds of the training, each ≥ 0, a run of each variant for each."""
    spectra: Count = 262144
    """Spectra that a training sees, rounded to whole epochs, ≥ 1."""
    learning_rate: Positive = 2e-3
    """Learning rate of Adam in the first third of the epochs, > 0; a half and a quarter of it in
    the others."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.995
    """Momentum of the moving averages of the weights, as of train.py, in [0, 1)."""
    precision: Literal["float32", "mixed_bfloat16"] = "mixed_bfloat16"
    """Precision of the arithmetic, as of train.py."""
    time_budget: NotNegative = 0
    """Seconds after which each training ends, between two epochs; the same command continues. 0 for
    no limit."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset; those of variants go into its folder ablation/."""
    runs_dir: Folder = Path("runs")
    """Folder of runs; those of a variant go into its folder ablation/<variant>/."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row per variant and run."""


def main(settings):
    path = config.find(settings.config)
    definitions = dataset.resolved(settings.datasets_dir, path)
    if definitions.kind != "crystals":
        raise InputError(f'{path}: expected a config of the kind "crystals"')
    epochs = max(1, round(settings.spectra / definitions.patterns_per_epoch))
    same = train.Settings(
        models=(settings.model,),
        online=True,
        seeds=settings.seeds,
        learning_rate=settings.learning_rate,
        ema_momentum=settings.ema_momentum,
        precision=settings.precision,
        epochs=epochs,
        halve_every=-(-epochs // 3),
        stopping_patience=epochs,
        time_budget=settings.time_budget,
        wandb="disabled",
    )
    ablation.refuse_unknown(settings, VARIANTS, same)
    data = dataset.load(settings.datasets_dir, path)
    ablation.run_all(settings, VARIANTS, same, data, counts, comparison)


def counts(run, data):
    """What the table holds of a run on a dataset: column → number.

    The test has real crystals, the same ones for all variants; the validation has random crystals,
    drawn as those of the training.
    """
    predictions = run.predictions()
    random = {} if predictions is None else {"val_spectra": len(data.y["val"])}
    for k in (1, 5) if random else ():
        random[f"val_top_{k}"] = int((predictions[RANKS.format("val")] <= k).sum())
    seen = data.definitions.patterns_per_epoch * run.summary["trained_epochs"]
    real = top(predictions or {})
    return {"spectra_seen": seen, **ablation.counts(run, data), **real, **random}


def comparison(table):
    """A line for each variant: accuracies on real and on random crystals, and how much higher that
    on real ones is than the complete network's.

    Args:
        table: of this script, as ``results.read`` gives it.
    """
    table = table.assign(
        real=100 * table[TOP[1]] / table.test_spectra,
        real_5=100 * table[TOP[5]] / table.test_spectra,
        random=100 * table.val_top_1 / table.val_spectra,
    )
    complete = table[table.variant == COMPLETE].real
    lines = []
    for name, rows in table.groupby("variant", sort=False):
        more = rows.real.mean() - complete.mean()
        lines.append(
            {
                "variant": name,
                "runs": len(rows),
                "real, %": tables.spread(rows.real),
                "more": "" if name == COMPLETE or complete.empty else f"{more:+.1f}",
                "of five, %": tables.spread(rows.real_5),
                "random, %": tables.spread(rows.random),
                "minutes": tables.spread(rows.minutes),
            }
        )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    run_script(main, Settings)
