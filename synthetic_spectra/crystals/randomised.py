"""Real crystals with random coordinates, with a random lattice, or with both.

Such test sets tell in what random crystals differ from real ones: H. Schopmans, P. Reiser,
P. Friederich, Digital Discovery 2, 1414 (2023).
"""

from dataclasses import replace

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import symmetry, wyckoff
from synthetic_spectra.crystals.generator import Generator, Limits
from synthetic_spectra.crystals.structure import Crystals


def with_random_lattices(crystals, statistics, seed):
    """Crystals with a cell of the same volume, drawn as the generator draws cells.

    Args:
        crystals: ``Crystals`` (n,).
        statistics: ``Statistics`` with at least one structure of each of their groups.
        seed: ≥ 0. What is drawn for a crystal depends on the seed and its place among them.

    Returns:
        ``Crystals`` (n,), in the same order.

    Raises:
        InputError: if the statistics lack a space group.
    """
    # compiled at the first use
    from synthetic_spectra.crystals import redrawing

    places, tables = _tables(crystals, statistics)
    cells = redrawing.lattices(np.uint64(seed), places, crystals.volumes, tables)
    return replace(crystals, cells=cells)


def with_random_coordinates(crystals, statistics, seed):
    """Crystals with the same cells and with uniform free coordinates on the same Wyckoff positions.
    Where that gives a higher symmetry than the space group has, they are drawn again.

    Args, Returns, Raises: as ``with_random_lattices``. Sites of one element stand together in what
        is returned.
    """
    # compiled at the first use
    from synthetic_spectra.crystals import redrawing

    places, tables = _tables(crystals, statistics)
    numbers = crystals.site_numbers
    starts = np.concatenate([[0], np.cumsum(numbers)])

    # sites by element, and their positions by their place in the tables
    elements = np.concatenate([crystals.site_elements(i) for i in range(len(crystals))])
    of_sites = np.repeat(np.arange(len(crystals)), numbers)
    order = np.lexsort((elements, of_sites))
    first = tables.first[places] - symmetry.positions().first[crystals.groups]
    positions = wyckoff.occupied(crystals)[order] + np.repeat(first, numbers)
    elements = elements[order]

    atoms, failed = redrawing.coordinates(
        np.uint64(seed), places, starts, elements, positions, tables
    )
    if failed >= 0:
        raise InputError(
            f"crystal {failed}, space group {crystals.groups[failed]}: random coordinates give a "
            "higher symmetry again and again"
        )
    n_atoms = np.diff(tables.starts)[positions]
    within = np.arange(len(positions)) - np.repeat(starts[:-1], numbers)
    return Crystals(
        groups=crystals.groups,
        cells=crystals.cells,
        starts=crystals.starts,
        elements=np.repeat(elements, n_atoms),
        positions=atoms,
        sites=np.repeat(within, n_atoms),
    )


def _tables(crystals, statistics):
    """The places of the groups of crystals in the generator's ``Tables``, and these."""
    generator = Generator(statistics, Limits(least_structures=1))
    missing = np.setdiff1d(crystals.groups, generator.groups)
    if len(missing):
        raise InputError(f"space group {missing[0]}: no structure of it in the statistics")
    return np.searchsorted(generator.groups, crystals.groups), generator.tables
