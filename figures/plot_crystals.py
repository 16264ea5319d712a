"""crystal_statistics/<name>.npz → output/figures/plot_crystals.png: real beside random crystals."""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import gemmi
import numpy as np
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.common.cli import Positive, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import statistics, symmetry
from synthetic_spectra.crystals.generator import Generator
from synthetic_spectra.crystals.patterns import Grid, patterns

VIEW = np.radians([18, 14])  # about the vertical axis, about the horizontal one
RADIUS = 0.45  # of a drawn atom, of its covalent radius
EDGE = 1e-3  # of the cell: atoms that lie nearer to a face are drawn on both sides


@dataclass(frozen=True)
class Settings:
    """Draw real structures for tests and random crystals of the same space groups."""

    statistics: str = "all"
    """Name in crystal_statistics/, or path of an .npz file."""
    groups: Annotated[tuple[int, ...], Field(min_length=1, max_length=8)] = (225, 62, 14)
    """Numbers of space groups, a row for each."""
    most_atoms: Annotated[int, Field(ge=1)] = 40
    """Largest number of atoms in a cell, ≥ 1."""
    size: Positive = 50.0
    """Size of the crystallites in nm, > 0; it gives the widths of the lines."""
    seed: Seed = 0
    """Random seed of the crystals, ≥ 0."""
    output: style.Picture = style.FOLDER / "plot_crystals.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    found = statistics.load(settings.statistics)
    generator = Generator(found)
    rows = []
    for group in settings.groups:
        # more than one are drawn, as some are too large to look at
        drawn = generator.draw(settings.seed, 0, range(100), groups=[group] * 100)
        real = found.tests.chosen(np.flatnonzero(found.tests.groups == group))
        rows.append([one_of(crystals, group, settings) for crystals in (real, drawn)])
    caption = (
        f"Real crystals of the space groups {', '.join(map(str, settings.groups))}, random ones of "
        "the same groups, and the diffractogram of each"
    )
    style.save(draw(rows, settings.size), settings.output, caption, ())


def one_of(crystals, group, settings):
    """A random one of the ``Crystals`` with few enough atoms, alone."""
    fitting = np.flatnonzero(crystals.atom_numbers <= settings.most_atoms) if len(crystals) else ()
    if not len(fitting):
        raise InputError(
            f"space group {group}: no crystal with at most {settings.most_atoms} atoms, "
            "expected another group or more --most-atoms"
        )
    rng = np.random.default_rng((settings.seed, group))
    return crystals.chosen([rng.choice(fitting)])


def draw(rows, size):
    """The figure: a row for each space group.

    Args:
        rows: of each group, a real and a random crystal: ``Crystals`` with one each.
        size: of the crystallites in nm.
    """
    figure, axes = style.pyplot().subplots(
        len(rows), 4, figsize=(13, 3.2 * len(rows)), squeeze=False, width_ratios=(1, 1.5, 1, 1.5)
    )
    grid = Grid()
    for row, pair in zip(axes, rows, strict=True):
        for place, (name, crystals) in enumerate(zip(("real", "random"), pair, strict=True)):
            crystal = crystals.crystal(0)
            draw_cell(row[2 * place], crystal)
            symbol = symmetry.standard_group(int(crystals.groups[0])).short_name()
            row[2 * place].set_title(f"{name}, {symbol}", fontsize=12)
            pattern = patterns(crystals, [size], grid)[0]
            row[2 * place + 1].plot(grid.two_theta(), pattern, color="0.2", linewidth=0.8)
            row[2 * place + 1].set(xlim=(grid.first, grid.last), ylim=(0, 1.05), yticks=(0, 1))
            row[2 * place + 1].set_title(formula(crystal), fontsize=12)
    for one in axes[-1, 1::2]:
        one.set_xlabel("2θ, degrees")
    for one in axes[:, 1::2].flat:
        one.set_ylabel("intensity")
    return figure


def draw_cell(axes, crystal):
    """A cell with its atoms, seen from a fixed direction; a colour for each element."""
    matrix = view() @ np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist())
    for start, end in itertools.product(itertools.product((0, 1), repeat=3), repeat=2):
        if sum(end) == sum(start) + 1 and np.abs(np.subtract(end, start)).sum() == 1:
            edge = matrix @ np.array([start, end]).T
            axes.plot(edge[0], edge[1], color="0.6", linewidth=0.8, zorder=0)

    # atoms on a face are on the opposite one too; the nearest ones are drawn last
    elements = list(dict.fromkeys(crystal.elements))
    atoms = [
        (element, matrix @ np.add(place, shift))
        for element, place in zip(crystal.elements, crystal.positions, strict=True)
        for shift in itertools.product((-1, 0, 1), repeat=3)
        if np.all((np.add(place, shift) > -EDGE) & (np.add(place, shift) < 1 + EDGE))
    ]
    circle = style.pyplot().Circle
    for depth, (element, place) in enumerate(sorted(atoms, key=lambda atom: atom[1][2])):
        number = elements.index(element)
        axes.add_patch(
            circle(
                place[:2], RADIUS * gemmi.Element(element).covalent_r, facecolor=f"C{number % 7}",
                edgecolor="black", linewidth=0.5, zorder=1 + depth,
            )
        )  # fmt: skip
    for number, element in enumerate(elements):
        axes.plot([], [], "o", color=f"C{number % 7}", label=element)
    axes.legend(loc="center left", bbox_to_anchor=(0.98, 0.5), handletextpad=0.1, fontsize=10)
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.axis("off")


def view():
    """Rotation of Cartesian coordinates: x to the right, c upwards, the third one to the eye."""
    upright = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
    (c, d), (s, t) = np.cos(VIEW), np.sin(VIEW)
    about_vertical = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    about_horizontal = np.array([[1, 0, 0], [0, d, -t], [0, t, d]])
    return about_horizontal @ about_vertical @ upright


def formula(crystal):
    """Atoms of the cell, e.g. "Na₄Cl₄"."""
    digits = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    symbols = dict.fromkeys(crystal.elements)
    counts = {symbol: crystal.elements.count(symbol) for symbol in symbols}
    return "".join(
        symbol + (str(count).translate(digits) if count > 1 else "")
        for symbol, count in counts.items()
    )


if __name__ == "__main__":
    run_script(main, Settings)
