"""results/{<config>,ceiling_<config>,published}.csv → figures/plot_activations.png: accuracy by
hidden activation."""

import sys
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import plot_results, style
from synthetic_spectra.analysis import tables
from synthetic_spectra.analysis.tables import ANY_PRECISION
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config

CEILINGS = (
    ("expected_random", "-", "ties at random"),
    ("expected_nearest", "--", "ties to the nearest class"),
)
LOOKS = {  # origin of a run → marker, filled
    "this project, mixed_bfloat16": ("D", True),
    "this project, float32": ("o", True),
    "published": ("s", False),
}


@dataclass(frozen=True)
class Settings:
    """Draw the test accuracy of every run by model and hidden activation, ours beside the published
    ones."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ that evaluate.py has a table of, or a path to a .json."""
    results_dir: Path = Path("results")
    """Folder of the tables."""
    output: Path = Path("figures/plot_activations.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    path = settings.results_dir / f"{name}.csv"
    if not path.is_file():
        raise InputError(f"{path}: no such file; make it: python evaluate.py --config {name}")
    of_ceiling = settings.results_dir / f"ceiling_{name}.csv"
    ceiling = pd.read_csv(of_ceiling) if of_ceiling.is_file() else None
    if ceiling is None:
        print(
            f"{of_ceiling}: no such file, drawn without a ceiling: python studies/dataset_ceiling.py --config {name}"
        )
    style.save(draw(*plot_results.read(path), name, ceiling), settings.output)


def draw(ours, published, name, ceiling=None):
    """The figure: test accuracy in percent, a dot a run and a bar at the mean, for every model and
    hidden activation.

    Args:
        ours: rows as evaluate.py writes them, of one config.
        published: what ``plot_results.read_published`` gives.
        name: of the config.
        ceiling: rows as dataset_ceiling.py writes them; None leaves its lines out.
    """
    published = published[(published.config == name) & (published.quantity == "test_misclassified")]
    n_test = ours.test_spectra.max()
    columns = [*ANY_PRECISION, "origin", "accuracy"]
    runs = pd.concat(
        [
            ours.assign(
                origin="this project, " + ours.precision, accuracy=100 * ours.test_accuracy
            )[columns],
            published.assign(origin="published", accuracy=100 * (1 - published.value / n_test))[
                columns
            ],
        ]
    )
    looks = {
        (activation, origin): {
            "marker": marker,
            "facecolor": color if filled else "none",
            "edgecolor": color,
        }
        for color, activation in zip(
            cycle(f"C{i}" for i in range(6)), sorted(runs.hidden_activation.unique())
        )
        for origin, (marker, filled) in LOOKS.items()
        if ((runs.origin == origin) & (runs.hidden_activation == activation)).any()
    }
    models = list(
        runs.groupby([column for column in ANY_PRECISION if column != "hidden_activation"])
    )
    most = max(len(of_model.groupby(["hidden_activation", "origin"])) for _, of_model in models)
    width = 0.84 / most  # of the room for the dots of one kind
    figure, axes = plt.subplots(figsize=(9, 0.65 * len(models) + 2.5))
    for i, (_, of_model) in enumerate(models):
        kinds = of_model.groupby(["hidden_activation", "origin"]).accuracy
        present = [key for key in looks if key in kinds.groups]
        for j, key in enumerate(present):
            values = kinds.get_group(key).sort_values()
            middle = i + (j - (len(present) - 1) / 2) * width
            across = middle + 0.8 * width * ((np.arange(len(values)) + 0.5) / len(values) - 0.5)
            axes.scatter(values, across, 30, **looks[key])
            axes.vlines(
                values.mean(), middle - 0.42 * width, middle + 0.42 * width, color="C6", linewidth=2
            )
    for (activation, origin), look in looks.items():
        axes.scatter([], [], 30, label=f"{activation}, {origin}", **look)
    axes.plot([], [], color="C6", linewidth=2, label="mean")
    if ceiling is not None:
        for column, line, how in CEILINGS:
            axes.axvline(
                100 * ceiling[column].mean(), color="0.5", linestyle=line, label=f"ceiling, {how}"
            )
    axes.set_yticks(range(len(models)), [tables.label((*names, "float32")) for names, _ in models])
    axes.invert_yaxis()
    axes.set(xlabel="test accuracy (%), a dot a run", ylabel="model", title=name)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
