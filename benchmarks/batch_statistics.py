"""Finished runs with batch normalisation → benchmarks/batch_statistics.csv: what its moving
averages cost them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from synthetic_spectra.analysis import trained
from synthetic_spectra.common.cli import Count, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config, dataset


@dataclass(frozen=True)
class Settings:
    """Test networks with the moving averages of their batch normalisation, and with the means and
    variances of training spectra in their place.

    Outside of training, batch normalisation uses moving averages over the training steps, which
    start at 0 and 1. A network that is much better with the means and variances of its training
    spectra has averages that lag behind.
    """

    config: str = "challenge"
    """Name of a file in dataset_configs/ whose spectra are rendered, or path to a .json."""
    n_spectra: Count = 512
    """Number of training spectra that give the means and variances, ≥ 1."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""


def main(settings):
    # these start Keras
    from synthetic_spectra.common.backend import keras
    from synthetic_spectra.training.batches import predictions

    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    finished, problems = trained.choose(settings.runs_dir, data)
    for problem in problems:
        notice(problem)
    chosen = np.random.default_rng(0).permutation(len(data.y["train"]))[: settings.n_spectra]
    spectra = keras.ops.convert_to_tensor(data.x["train"][np.sort(chosen)][..., None])
    rows = []
    for run in finished:
        model = trained.load(run)
        normalised = [
            layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
        ]
        if not normalised:
            continue
        which = run.identity.columns() | {"seed": run.identity.seed}
        which["best_epoch"] = run.summary["best_epoch"]
        with_averages = data.misclassified(predictions(model, data))

        # With a momentum of 0 nothing stays of the averages before.
        for layer in normalised:
            layer.momentum = 0.0
        model(spectra, training=True)
        with_spectra = data.misclassified(predictions(model, data))

        for statistics, counts in (
            ("moving averages", with_averages),
            ("training spectra", with_spectra),
        ):
            rows.append(which | {"statistics": statistics} | counts | trained.origin(run))
        change = f"{with_averages['test_misclassified']} → {with_spectra['test_misclassified']}"
        notice(f"{run.name}: {change}")
    if not rows:
        raise InputError(
            f"{settings.runs_dir / data.name}: no finished run has batch normalisation"
        )
    path = ROOT / "benchmarks" / "batch_statistics.csv"
    write_text(path, pd.DataFrame(rows).to_csv(index=False))
    notice(f"wrote {path}")


if __name__ == "__main__":
    run_script(main, Settings)
