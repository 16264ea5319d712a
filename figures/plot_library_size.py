"""results/library_size_<config>.csv → output/figures/plot_library_size.png: accuracy by number of
classes."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import results
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config
from synthetic_spectra.training.outcome import TOP

MARKERS = "osD^vP*X"


@dataclass(frozen=True)
class Settings:
    """Draw how accurate learners are in libraries of some classes and of more."""

    config: str = "benchmark"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_library_size.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    table = results.read(settings.results_dir, name, "library_size").library_size
    caption = f"Accuracy of learners on the first classes of {name}, by the number of classes"
    style.save(draw(table, name), settings.output, caption, [name])


def draw(table, name):
    """The figure: a panel for the most probable class and one for the five most probable ones. A
    line joins the means over the runs of a learner, and a dot is a run.

    Args:
        table: ``library_size`` of ``results.Results``.
        name: of the config.
    """
    figure, panels = style.pyplot().subplots(1, 2, sharey=True, figsize=(11, 5.5))
    for axes, k in zip(panels, (1, 5), strict=True):
        for i, (learner, rows) in enumerate(results.by_network(table)):
            look = {"color": f"C{i}", "marker": MARKERS[i % len(MARKERS)]}
            shares = 100 * rows[TOP[k]] / rows.test_spectra
            axes.plot(rows.n_classes, shares, linestyle="", alpha=0.4, **look)
            means = shares.groupby(rows.n_classes).mean()
            axes.plot(means.index, means, label=learner.label, **look)
        axes.set_title("the most probable class" if k == 1 else f"the {k} most probable classes")
        axes.set_xlabel("classes of the library")
        axes.set_xticks(sorted(table.n_classes.unique()))
        axes.tick_params("x", labelrotation=45)
        axes.grid(axis="y", alpha=0.3)
    panels[0].set_ylabel("test spectra named rightly, in %")
    figure.suptitle(f"{name}: accuracy by the size of the library")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
