"""How a random crystal is drawn, compiled by numba; ``generator`` says from what.

Tables are arguments: numba does not cache code that holds large arrays as constants.
"""

import numpy as np

from synthetic_spectra.crystals.compiling import compiled
from synthetic_spectra.crystals.higher_symmetry import is_higher
from synthetic_spectra.crystals.occupation import occupy, volume_of_atoms
from synthetic_spectra.crystals.random_numbers import normal, place, start, uniform, weighted
from synthetic_spectra.crystals.spacing import distance, orthogonal, relevant_vectors

MOST_IMAGES = 48  # of a Wyckoff position for each lattice point
TRIES = 20  # with one number of elements, as published
MOST_TRIES = 1000  # such rounds before a space group is given up
FLATTEST = 1e-4  # cell volume over the product of the lengths, at least


@compiled
def draw(seed, epoch, numbers, groups, given_groups, tables, limits):
    """Draw a crystal for each of some numbers.

    Args:
        seed, epoch: ≥ 0, uint64.
        numbers: of the crystals, (n,) uint64.
        groups: cumulated share of each space group in ``tables.numbers``, (g,).
        given_groups: places in ``tables.numbers``, (n,), or -1 where the group is to be drawn.
        tables: ``generator.Tables``.
        limits: largest volume, largest number of sites, whether the last element has one site,
            number of random places of which a site takes one, number of random occupations of
            which a crystal takes one.

    Returns:
        arrays of ``Crystals``, and the place of a group in which no crystal was found, else -1.
    """
    n = len(numbers)
    found_groups, cells = np.empty(n, np.int64), np.empty((n, 6))
    starts = np.zeros(n + 1, np.int64)
    elements, sites = np.empty(64 * n, np.int64), np.empty(64 * n, np.int64)
    positions = np.empty((64 * n, 3))

    most_sites = limits[1]
    site_elements, site_positions = np.empty(most_sites, np.int64), np.empty(most_sites, np.int64)
    atoms, primitive = (
        np.empty((most_sites * MOST_IMAGES, 3)),
        np.empty((most_sites * MOST_IMAGES, 3)),
    )
    atom_sites = np.empty(most_sites * MOST_IMAGES, np.int64)
    state = np.empty(1, np.uint64)
    for i in range(n):
        state[0] = start(seed, epoch, numbers[i])
        group = given_groups[i]
        drawn = uniform(state)
        if group < 0:
            group = place(groups, drawn)
        n_sites, n_atoms = _crystal(
            group, tables, limits, state, cells[i], site_elements, site_positions, atoms,
            atom_sites, primitive,
        )  # fmt: skip
        if n_sites == 0:
            return found_groups, cells, starts, elements, positions, sites, group
        found_groups[i] = tables.numbers[group]
        begin, end = starts[i], starts[i] + n_atoms
        starts[i + 1] = end
        if end > len(elements):
            elements, sites = _longer(elements, 2 * end), _longer(sites, 2 * end)
            positions = _longer_places(positions, 2 * end)
        for a in range(n_atoms):
            sites[begin + a] = atom_sites[a]
            elements[begin + a] = site_elements[atom_sites[a]]
            positions[begin + a] = atoms[a]
    end = starts[n]
    return found_groups, cells, starts, elements[:end], positions[:end], sites[:end], -1


@compiled
def _crystal(
    group, tables, limits, state, cell, site_elements, site_positions, atoms, atom_sites, primitive
):
    """Draw until a crystal is within the limits and has the symmetry of its group and no higher.

    Returns:
        numbers of sites and of atoms; 0, 0 if none was found.
    """
    for _ in range(MOST_TRIES):
        n_elements = place(tables.element_numbers[group], uniform(state))
        tries = 0
        while tries < TRIES:
            n_sites = occupy(
                group, n_elements, tables, limits, state, site_elements, site_positions
            )
            tries += 1
            if n_sites < 0:
                continue
            volume = _volume(group, n_sites, tables, state, site_elements, site_positions)
            if volume <= 0 or volume >= limits[0]:
                continue
            draw_lattice(tables.systems[group], volume, tables, state, cell)
            n_atoms = draw_coordinates(n_sites, tables, state, site_positions, atoms, atom_sites)
            if limits[3] > 1:
                _keep_apart(
                    limits[3], group, n_sites, tables, state, cell, site_elements, site_positions,
                    atoms, atom_sites,
                )  # fmt: skip
            if not is_higher(group, n_atoms, tables, site_elements, atoms, atom_sites, primitive):
                return n_sites, n_atoms
    return 0, 0


@compiled
def _volume(group, n_sites, tables, state, site_elements, site_positions):
    """Draw the volume of the conventional cell for the atoms in it; 0 if no structure has so many.

    The density of the denseness d = V_cell / V_atoms is a sum over structures i of
    exp(-(V - V_i)² / 2 h²) times a normal density around d_i. To pick a structure by that weight
    and to add a normal number draws from it exactly.
    """
    atomic_volume = volume_of_atoms(n_sites, tables, site_elements, site_positions)
    structures = slice(tables.structures[group], tables.structures[group + 1])
    volumes, densenesses = tables.atomic_volumes[structures], tables.densenesses[structures]
    if atomic_volume > tables.largest[group]:
        return 0.0
    nearest = np.inf
    for volume in volumes:
        nearest = min(nearest, (volume - atomic_volume) ** 2)
    weights = np.empty(len(volumes))
    for i in range(len(volumes)):
        square = (volumes[i] - atomic_volume) ** 2 - nearest
        weights[i] = np.exp(-square / (2 * tables.bandwidths[0] ** 2))
    denseness = 0.0
    while denseness <= 0:
        chosen = densenesses[weighted(weights, state)]
        denseness = chosen + tables.bandwidths[1] * normal(state)
    return denseness * atomic_volume


@compiled
def draw_lattice(system, volume, tables, state, cell):
    """Draw lengths and angles by the kernel density of a crystal system, for a given volume."""
    first, end = tables.cell_starts[system], tables.cell_starts[system + 1]
    numbers = np.empty(6)
    while True:
        chosen = tables.cells[first + min(int(uniform(state) * (end - first)), end - first - 1)]
        for i in range(6):
            numbers[i] = normal(state)
        for i in range(6):
            cell[i] = chosen[i]
            for j in range(i + 1):
                cell[i] += tables.kernels[system, i, j] * numbers[j]
        for i in range(1, 3):
            if tables.equal_lengths[system, i]:
                cell[i] = cell[0]
        cosines = np.cos(np.radians(cell[3:]))
        square = 1 - (cosines**2).sum() + 2 * cosines.prod()
        if cell[:3].min() > 0 and cell[3:].min() > 0 and square > FLATTEST**2:
            break
    scale = np.cbrt(volume / (cell[0] * cell[1] * cell[2] * np.sqrt(square)))
    for i in range(3):
        cell[i] *= scale


@compiled
def draw_coordinates(n_sites, tables, state, site_positions, atoms, atom_sites):
    """Draw free coordinates for each site; its atoms, one for each lattice point."""
    n_atoms = 0
    for site in range(n_sites):
        end = n_atoms + _orbit(site_positions[site], tables, state, atoms[n_atoms:])
        atom_sites[n_atoms:end] = site
        n_atoms = end
    return n_atoms


@compiled
def _orbit(position, tables, state, atoms):
    """Draw free coordinates for one site, and write its atoms; how many they are."""
    free = np.empty(3)
    for axis in range(3):
        free[axis] = uniform(state)
    first, end = tables.starts[position], tables.starts[position + 1]
    for image in range(first, end):
        for i in range(3):
            value = tables.translations[image, i]
            for j in range(3):
                value += tables.rotations[image, i, j] * free[j]
            atoms[image - first, i] = value - np.floor(value)
    return end - first


@compiled
def _keep_apart(
    places, group, n_sites, tables, state, cell, site_elements, site_positions, atoms, atom_sites
):
    """Draw further places for each site with freedom, and keep the one that is farthest from other
    atoms: from its images, and from the sites that have no freedom or had their turn."""
    axes = orthogonal(cell)
    vectors = relevant_vectors(axes, tables.lattices[group])
    drawn = np.empty((MOST_IMAGES, 3))
    begin = 0
    for site in range(n_sites):
        position, element = site_positions[site], site_elements[site]
        end = begin + tables.starts[position + 1] - tables.starts[position]
        farthest = -1.0
        for turn in range(places if tables.freedom[position] else 0):
            trial = atoms[begin:end]
            if turn:
                trial = drawn[: end - begin]
                _orbit(position, tables, state, trial)
            nearest = np.inf
            for image in range(1, end - begin):
                nearest = min(nearest, distance(trial[0], trial[image], axes, vectors))
            nearest /= 2 * tables.radii[element]
            other, a = 0, 0
            while other < n_sites and nearest > farthest:
                other_end = a + tables.starts[site_positions[other] + 1]
                other_end -= tables.starts[site_positions[other]]
                if other < site or (other > site and not tables.freedom[site_positions[other]]):
                    radii = tables.radii[element] + tables.radii[site_elements[other]]
                    for b in range(a, other_end):
                        found = distance(trial[0], atoms[b], axes, vectors) / radii
                        nearest = min(nearest, found)
                other, a = other + 1, other_end
            if nearest > farthest:
                farthest = nearest
                atoms[begin:end] = trial
        begin = end


@compiled
def _longer(values, length):
    longer = np.empty(length, values.dtype)
    longer[: len(values)] = values
    return longer


@compiled
def _longer_places(places, length):
    longer = np.empty((length, 3))
    longer[: len(places)] = places
    return longer
