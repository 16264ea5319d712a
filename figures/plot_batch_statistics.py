"""results/*.csv → output/figures/plot_batch_statistics.png: what moving averages cost a network."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config

# kind of statistics → its look; of equal counts both marks are seen
LOOKS = {
    "moving averages": {"marker": "o", "color": "C1", "s": 160},
    "training spectra": {"marker": "D", "color": "C0", "s": 40},
}


@dataclass(frozen=True)
class Settings:
    """Draw what each run with batch normalisation misclassifies with its moving averages, and with
    the statistics of training spectra in their place."""

    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_batch_statistics.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    found = results.read(settings.results_dir, name, "batch_statistics")
    caption = (
        f"Misclassified test spectra of {name} of each run with batch normalisation, with its "
        "moving averages and with the statistics of training spectra"
    )
    style.save(draw(found.batch_statistics, name), settings.output, caption, [name])


def draw(table, name):
    """The figure: a row for each run, a line between its two counts.

    Args:
        table: of the statistics, as ``results.read`` gives it.
        name: of the config.
    """
    runs = [
        (f"{network.label}, seed {seed}", rows.set_index("statistics"))
        for network, of_network in results.by_network(table)
        for seed, rows in of_network.groupby("seed")
    ]
    figure, axes = style.pyplot().subplots(figsize=(11, 0.45 * len(runs) + 2))
    for place, (_, rows) in enumerate(runs):
        ends = [rows.test_misclassified[statistics] for statistics in LOOKS]
        axes.hlines(place, min(ends), max(ends), color="0.7", linewidth=3, zorder=1)
        for (statistics, look), end in zip(LOOKS.items(), ends, strict=True):
            label = statistics if place == 0 else None
            axes.scatter(end, place, **look, edgecolor="white", label=label, clip_on=False)

    axes.set_yticks(
        range(len(runs)),
        [f"{label}, best epoch {rows.best_epoch.iloc[0]}" for label, rows in runs],
    )
    axes.invert_yaxis()
    n_test = table.test_spectra.max()
    axes.set(xlim=(0, n_test), xlabel=f"misclassified of {n_test} test spectra", title=name)
    figure.legend(loc="outside lower center", ncols=2, title="means and variances of")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
