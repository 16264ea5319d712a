"""results/crystal_groups_<config>.csv → output/figures/plot_crystal_groups.png: accuracy by crystal
system, by volume of the cell, by number of sites."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import on_crystals, results
from synthetic_spectra.analysis.statistics import wilson
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config
from synthetic_spectra.training.outcome import TOP

PROPERTIES = {
    "crystal_system": "crystal system",
    "volume": "volume of the cell in Å³",
    "sites": "sites of the asymmetric unit",
}
MARKERS = "osD"


@dataclass(frozen=True)
class Settings:
    """Draw how accurate a network for space groups is on groups of the real test crystals."""

    config: str = "space_groups_30"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    model: str = "strided"
    """The network, a name in model_implementations.MODELS."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_crystal_groups.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    found = results.read(settings.results_dir, name, "crystal_groups")
    table = found.crystal_groups
    table = table[table.test_set.isin(on_crystals.REAL)]
    of_model = table[table.model == settings.model]
    if of_model.empty:
        known = ", ".join(table.model.unique())
        raise InputError(
            f"{found.path('crystal_groups')}: no network {settings.model!r}; there are: {known}"
        )
    caption = f"Accuracy of {settings.model} on groups of the real test crystals of {name}"
    style.save(draw(of_model), settings.output, caption, [name])


def draw(table):
    """The figure: a column of panels for each of ``PROPERTIES``, accuracies above numbers of test
    spectra, in the mean over the runs of a network, a colour for each kind of training and network.
    Bars are 95 % intervals (Wilson).

    Args:
        table: rows of ``crystal_groups`` of ``results.Results``, of real crystals and one model.
    """
    kinds = {}
    for kind, of_kind in table.groupby("trained_on", sort=False):
        networks = list(results.by_network(of_kind))
        for network, rows in networks:
            words = f"trained on {kind.replace('_', ' ')}"
            kinds[words if len(networks) == 1 else f"{network.label}, {words}"] = rows
    widths = [table[table.property == name].group.nunique() for name in PROPERTIES]
    figure, panels = style.pyplot().subplots(
        2, 3, sharex="col", sharey="row", figsize=(15, 7), height_ratios=(3, 1), width_ratios=widths
    )
    for (above, below), (name, label) in zip(panels.T, PROPERTIES.items(), strict=True):
        of_property = table[table.property == name]
        order = of_property.sort_values("lowest", kind="stable").group.unique().tolist()
        for i, (kind, rows) in enumerate(kinds.items()):
            rows = rows[rows.property == name]
            means = rows.groupby("group")[["test_spectra", TOP[1], TOP[5]]].mean()
            means = means.reindex([one for one in order if one in means.index])
            shift = (i - (len(kinds) - 1) / 2) / (len(kinds) + 1)
            places = np.array([order.index(one) for one in means.index]) + shift
            look = {"color": f"C{i}", "marker": MARKERS[i % len(MARKERS)]}
            for k, line in ((1, "-"), (5, ":")):
                shares = 100 * (means[TOP[k]] / means.test_spectra).to_numpy()
                ends = np.array(
                    [
                        wilson(round(right), int(n))
                        for right, n in zip(means[TOP[k]], means.test_spectra, strict=True)
                    ]
                )
                bars = np.clip([shares - 100 * ends[:, 0], 100 * ends[:, 1] - shares], 0, None)
                what = "the likeliest group" if k == 1 else f"one of the {k} likeliest"
                look["label"] = f"{kind}: {what}"
                above.errorbar(places, shares, bars, linestyle=line, **look)
            below.bar(places, means.test_spectra, 1 / (len(kinds) + 1), color=f"C{i}")
        below.set(yscale="log", xlabel=label, xticks=range(len(order)))
        below.set_xticklabels(order, rotation=45, ha="right", rotation_mode="anchor")
        above.set_ylim(0, 102)
        above.grid(axis="y", alpha=0.3)
    panels[0, 0].set_ylabel("test spectra named rightly, in %")
    panels[1, 0].set_ylabel("test spectra")
    panels[1, 0].yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    handles, words = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=min(3, len(kinds)))
    return figure


if __name__ == "__main__":
    run_script(main, Settings)
