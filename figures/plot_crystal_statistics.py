"""crystal_statistics/<name>.npz → output/figures/plot_crystal_statistics.png: sizes, groups."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.common.cli import Count, Seed, run_script
from synthetic_spectra.crystals import statistics
from synthetic_spectra.crystals.generator import Generator, Limits

# descriptor → label of its axis, logarithmic, lowest and highest value drawn
SIZES = {
    "volume": ("volume of the cell, Å³", True, (10, 7000)),
    "sites": ("sites of the asymmetric unit", False, (0.5, 30.5)),
    "atoms": ("atoms in the cell", True, (1, 400)),
    "denseness": ("volume of the cell / of its atoms", False, (0, 4)),
}


@dataclass(frozen=True)
class Settings:
    """Draw the sizes of real and of random crystals, and how frequent the space groups are."""

    statistics: str = "all"
    """Name in crystal_statistics/, or path of an .npz file."""
    crystals: Count = 50_000
    """Random crystals, ≥ 1."""
    least_structures: Count = Limits.least_structures
    """Least structures of a space group, ≥ 1."""
    seed: Seed = 0
    """Random seed of the crystals, ≥ 0."""
    output: style.Picture = style.FOLDER / "plot_crystal_statistics.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    found = statistics.load(settings.statistics)
    drawn = {}
    for compat in (False, True):
        generator = Generator(found, Limits(settings.least_structures, compat_last_element=compat))
        drawn[compat] = generator.draw(settings.seed, 0, range(settings.crystals))
    figure = draw(found, generator.groups, drawn[False], drawn[True])
    caption = (
        f"Sizes of {settings.crystals} random crystals and of the real ones of "
        f"{Path(settings.statistics).stem}, and the real ones of each space group by their number"
    )
    style.save(figure, settings.output, caption, ())


def draw(found, groups, drawn, published):
    """The figure.

    Args:
        found: ``Statistics``.
        groups: space groups that are drawn, (g,).
        drawn: random crystals, as ``Crystals``.
        published: the same with one site for the last element.
    """
    real = np.isin(found.groups, groups)
    values = {
        "volume": (found.volumes[real], drawn.volumes, published.volumes),
        "sites": (found.site_numbers[real], drawn.site_numbers, published.site_numbers),
        "atoms": (found.atom_numbers[real], drawn.atom_numbers, published.atom_numbers),
        "denseness": (found.densenesses[real], denseness(drawn), denseness(published)),
    }
    figure, axes = style.pyplot().subplot_mosaic(
        [["volume", "sites"], ["atoms", "denseness"], ["groups", "groups"]], figsize=(10, 10)
    )
    for name, samples in values.items():
        draw_size(axes[name], samples, *SIZES[name])
    axes["sites"].legend(loc="upper right")
    draw_groups(axes["groups"], found, groups)
    return figure


def draw_size(axes, samples, label, logarithmic, limits):
    """Shares of real, random and published random crystals by one descriptor."""
    first, last = limits
    if label.startswith("sites"):
        edges = np.arange(first, last + 1)
    elif logarithmic:
        edges = np.geomspace(first, last, 41)
    else:
        edges = np.linspace(first, last, 41)
    lines = (
        ("real", {"color": "0.75", "fill": True}),
        ("random", {"color": "C0"}),
        ("random, last element on one site", {"color": "C1", "linestyle": ":"}),
    )
    for sample, (name, line) in zip(samples, lines, strict=True):
        shares = 100 * np.histogram(sample, edges)[0] / len(sample)
        axes.stairs(shares, edges, label=name, linewidth=1.6, **line)
    axes.set(xlabel=label, ylabel="crystals, %", xlim=limits)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")


def draw_groups(axes, found, groups):
    """Real crystals of each space group, from the most frequent one on."""
    frequencies = found.frequencies()
    order = np.argsort(-frequencies, kind="stable")[: np.count_nonzero(frequencies)]
    tests = np.bincount(found.tests.groups, minlength=len(frequencies))
    places = np.arange(1, len(order) + 1)
    is_drawn = np.isin(order, groups)
    axes.plot(places[is_drawn], frequencies[order][is_drawn], "C0.", label="counted, drawn")
    axes.plot(places[~is_drawn], frequencies[order][~is_drawn], ".", color="0.6", label="too few")
    kept = tests[order] > 0
    axes.plot(
        places[kept], tests[order][kept], "x", color="C1", markersize=4, label="of types for tests"
    )
    first = ", ".join(str(number) for number in order[:8])
    axes.set(
        xlabel=f"rank of the space group; the first are {first}",
        ylabel="structures",
        yscale="log",
    )
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(loc="upper right", ncols=3)


def denseness(crystals):
    """Volumes of the cells, divided by those of the atoms in them, (n,)."""
    return crystals.volumes / crystals.totals(statistics.atom_volumes())


if __name__ == "__main__":
    run_script(main, Settings)
