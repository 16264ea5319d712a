"""Which elements and Wyckoff positions the sites of a random crystal have, compiled by numba."""

import numpy as np

from synthetic_spectra.crystals.compiling import compiled
from synthetic_spectra.crystals.random_numbers import place, uniform, weighted


@compiled
def occupy(group, n_elements, tables, limits, state, site_elements, site_positions):
    """Draw occupations of sites, and keep the one whose atoms have most nearly the volume of those
    of a structure of the group, which is drawn too; one occupation is kept as it is.

    Returns:
        number of sites; -1 if there are too many in all.
    """
    if limits[4] == 1:
        return _occupy(group, n_elements, tables, limits, state, site_elements, site_positions)
    first, end = tables.structures[group], tables.structures[group + 1]
    wanted = tables.atomic_volumes[
        first + min(int(uniform(state) * (end - first)), end - first - 1)
    ]
    elements, positions = np.empty_like(site_elements), np.empty_like(site_positions)
    kept, least = -1, np.inf
    for _ in range(limits[4]):
        n_sites = _occupy(group, n_elements, tables, limits, state, elements, positions)
        # by their ratio; an occupation with too many sites has no volume
        if n_sites > 0:
            ratio = volume_of_atoms(n_sites, tables, elements, positions) / wanted
            if max(ratio, 1 / ratio) < least:
                kept, least = n_sites, max(ratio, 1 / ratio)
                site_elements[:n_sites] = elements[:n_sites]
                site_positions[:n_sites] = positions[:n_sites]
    return kept


@compiled
def volume_of_atoms(n_sites, tables, site_elements, site_positions):
    """Volume in Å³ of the atoms in the conventional cell."""
    atomic_volume = 0.0
    for site in range(n_sites):
        multiplicity = tables.multiplicities[site_positions[site]]
        atomic_volume += multiplicity * tables.atom_volumes[site_elements[site]]
    return atomic_volume


@compiled
def _occupy(group, n_elements, tables, limits, state, site_elements, site_positions):
    """Draw elements without replacement, and for each how often it occurs and where. A position
    without freedom holds one site.

    Returns:
        number of sites; -1 if there are too many.
    """
    most_sites, one_for_last = limits[1], limits[2]
    first, end = tables.first[group], tables.first[group + 1]
    weights = tables.positions[first:end].copy()
    left = tables.elements[group].copy()
    n_sites = 0
    for number in range(n_elements):
        element = weighted(left, state)
        left[element] = 0
        repetitions = place(tables.repetitions[group], uniform(state))
        if one_for_last and number == n_elements - 1:
            repetitions = 1
        for _ in range(repetitions):
            chosen = weighted(weights, state)
            if chosen < 0:
                break
            if n_sites == most_sites:
                return -1
            if tables.freedom[first + chosen] == 0:
                weights[chosen] = 0
            site_elements[n_sites], site_positions[n_sites] = element, first + chosen
            n_sites += 1
    return n_sites
