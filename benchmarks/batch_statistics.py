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
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config, dataset


@dataclass(frozen=True)
class Settings:
    """Test networks as they are, and with the means and variances of training spectra in their
    batch normalisation.

    Outside of training, batch normalisation uses moving averages over the training steps, which
    start at 0 and 1. If a network is much better with the means and variances that its training
    spectra have, its averages lag behind.
    """

    config: str = "challenge"
    """Name of a file in dataset_configs/, or a path to a .json; its spectra must have been
    rendered."""
    n_spectra: Count = 512
    """Training spectra that the means and variances are taken of, drawn at random."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""


def main(settings):
    from synthetic_spectra.common import backend  # starts Keras

    keras = backend.keras
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    finished, problems = trained.choose(settings.runs_dir, data)
    print("\n".join(problems))
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
        row = run.identity.columns()
        row |= {"seed": run.settings["seed"], "best_epoch": run.summary["best_epoch"]}
        row |= {"statistics": "moving averages"} | data.misclassified(
            backend.predicted_labels(model, data)
        )
        for layer in normalised:
            layer.momentum = 0.0  # nothing stays of the averages before
        model(spectra, training=True)
        changed = {"statistics": "training spectra"} | data.misclassified(
            backend.predicted_labels(model, data)
        )
        rows += [one | trained.origin(run) for one in (row, row | changed)]
        print(
            f"{run.name}: {row['test_misclassified']} → {changed['test_misclassified']}", flush=True
        )
    if not rows:
        raise InputError(
            f"{settings.runs_dir / data.name}: no finished run has batch normalisation"
        )
    path = ROOT / "benchmarks" / "batch_statistics.csv"
    write_text(path, pd.DataFrame(rows).to_csv(index=False))
    print(f"wrote {path}")


if __name__ == "__main__":
    run_script(main, Settings)
