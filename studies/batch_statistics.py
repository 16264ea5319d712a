"""runs/<config>/*/, datasets/<config>/ → output/results/batch_statistics_<config>.csv: what the
moving averages of batch normalisation cost."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.analysis import results, tables, trained
from synthetic_spectra.common.cli import Count, Folder, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training.run import Identity

MOVING, TRAINING = "moving averages", "training spectra"


@dataclass(frozen=True)
class Settings:
    """Test the finished runs that have batch normalisation twice: with its moving averages, and
    with the means and variances of training spectra in their place.

    Outside of training, batch normalisation uses moving averages over the training steps, which
    start at 0 and 1. A network that is much better with the means and variances of its training
    spectra has averages that lag behind.
    """

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    n_spectra: Count = 512
    """Number of training spectra that give the means and variances, ≥ 1."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    results_dir: Folder = results.MADE
    """Folder for the table, two rows per run."""

    keep: bool = False
    """Rows of the table about networks that have no run here stay, as of those that were trained on
    another machine."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    finished, problems = trained.choose_networks(settings.runs_dir, data)

    # the same training spectra for every network
    chosen = np.random.default_rng(0).permutation(len(data.y["train"]))[: settings.n_spectra]
    spectra = data.x["train"][np.sort(chosen)][..., None]

    rows = []
    for run, network in trained.load_all(finished, problems):
        counts = tested(network, spectra, data)
        if counts:
            change = " → ".join(str(one["test_misclassified"]) for one in counts.values())
            notice(f"{run.name}: {change}")
        rows += [row(run, data, statistics, one) for statistics, one in counts.items()]
    if not rows:
        problems.append(f"{settings.runs_dir / data.name}: no run has batch normalisation")
    else:
        with results.alone_in(settings.results_dir):
            written = write_table(settings, data.name, pd.DataFrame(rows))
        print(tables.write(comparison(written.batch_statistics), "markdown"))
    if problems:
        raise InputError("; ".join(problems))


def tested(network, spectra, data):
    """What a network misclassifies with both kinds of statistics.

    Args:
        network: Keras model. Its moving averages are replaced.
        spectra: (n, datapoints, 1), which give the means and variances.
        data: the ``Dataset``.

    Returns:
        kind of statistics → counts, as ``Dataset.misclassified`` gives them; nothing for a network
        without batch normalisation.
    """
    # these start Keras
    from synthetic_spectra.common.backend import keras
    from synthetic_spectra.training.batches import predictions

    layers = [one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)]
    if not layers:
        return {}
    counts = {MOVING: data.misclassified(predictions(network, data))}

    # With a momentum of 0 nothing stays of the averages before.
    for layer in layers:
        layer.momentum = 0.0
    network(keras.ops.convert_to_tensor(spectra), training=True)
    return counts | {TRAINING: data.misclassified(predictions(network, data))}


def row(run, data, statistics, counts):
    """The row of a run with one kind of statistics."""
    return {
        "config": data.name,
        **run.identity.columns(),
        "seed": run.identity.seed,
        "best_epoch": run.summary["best_epoch"],
        "statistics": statistics,
        **counts,
        **trained.origin(run),
    }


def write_table(settings, name, table):
    """Write the rows of all runs, with the earlier ones of other networks if they are to be kept.

    Returns:
        the ``Results``.
    """
    earlier = results.Results(settings.results_dir, name)
    if settings.keep and earlier.batch_statistics is not None:
        table = pd.concat([results.kept(earlier, "batch_statistics", table), table])
    table = table.sort_values([*Identity.COLUMNS, "seed"], kind="stable")
    return results.write(settings.results_dir, name, {"batch_statistics": table})


def comparison(table):
    """Misclassified test spectra with both kinds of statistics: a line for each network.

    Args:
        table: of the statistics, as ``results.read`` gives it.
    """
    lines = []
    for network, rows in results.by_network(table):
        counts = {
            statistics: ", ".join(map(str, rows[rows.statistics == statistics].test_misclassified))
            for statistics in (MOVING, TRAINING)
        }
        first = rows[rows.statistics == MOVING]
        lines.append(
            {
                "network": network.label,
                "seeds": ", ".join(map(str, first.seed)),
                "best epoch": ", ".join(map(str, first.best_epoch)),
                **counts,
            }
        )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    run_script(main, Settings)
