"""Other coordinates and another cell for given crystals, compiled by numba; ``randomised`` says
from what."""

import numpy as np

from synthetic_spectra.crystals.compiling import compiled
from synthetic_spectra.crystals.drawing import MOST_IMAGES, draw_coordinates, draw_lattice
from synthetic_spectra.crystals.higher_symmetry import is_higher
from synthetic_spectra.crystals.random_numbers import start

MOST_TRIES = 1000  # coordinates of a crystal that are drawn until it has no higher symmetry


@compiled
def lattices(seed, groups, volumes, tables):
    """Draw a cell for each of n crystals.

    Args:
        seed: ≥ 0, uint64; cell i depends on the seed and on i.
        groups: places of their space groups in ``tables.numbers``, (n,).
        volumes: of the cells, (n,).
        tables: ``generator.Tables``.

    Returns:
        lengths and angles, (n, 6).
    """
    cells, state = np.empty((len(groups), 6)), np.empty(1, np.uint64)
    for i in range(len(groups)):
        state[0] = start(seed, np.uint64(0), np.uint64(i))
        draw_lattice(tables.systems[groups[i]], volumes[i], tables, state, cells[i])
    return cells


@compiled
def coordinates(seed, groups, starts, elements, positions, tables):
    """Draw the free coordinates of n crystals until none has a higher symmetry than its group.

    Args:
        seed, groups, tables: as in ``lattices``.
        starts: the sites of crystal i are ``starts[i]:starts[i + 1]``, (n + 1,).
        elements: of the sites, those of one element together.
        positions: of the sites, places in the arrays of ``tables``.

    Returns:
        atoms of all sites, one for each lattice point, (m, 3), and a crystal for which no
        coordinates were found, else -1.
    """
    most_atoms = np.diff(starts).max() * MOST_IMAGES
    drawn, primitive = np.empty((most_atoms, 3)), np.empty((most_atoms, 3))
    atom_sites = np.empty(most_atoms, np.int64)
    total = 0
    for site in range(len(positions)):
        total += tables.starts[positions[site] + 1] - tables.starts[positions[site]]
    atoms, end = np.empty((total, 3)), 0
    state = np.empty(1, np.uint64)
    for i in range(len(groups)):
        sites = slice(starts[i], starts[i + 1])
        n_sites = starts[i + 1] - starts[i]
        state[0] = start(seed, np.uint64(1), np.uint64(i))
        tries = 0
        while True:
            n_atoms = draw_coordinates(n_sites, tables, state, positions[sites], drawn, atom_sites)
            tries += 1
            if not is_higher(
                groups[i], n_atoms, tables, elements[sites], drawn, atom_sites, primitive
            ):
                break
            if tries == MOST_TRIES:
                return atoms, i
        atoms[end : end + n_atoms] = drawn[:n_atoms]
        end += n_atoms
    return atoms, -1
