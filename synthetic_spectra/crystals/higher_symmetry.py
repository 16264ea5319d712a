"""Whether a crystal has a higher symmetry than its space group, compiled by numba.

A cell is drawn at random, so it has no rotation that all cells of its crystal system do not have.
Then a higher symmetry is a further translation, or an operation whose rotation is one of the
lattice but not of the point group. One of each coset is enough to try.
"""

import numpy as np

from synthetic_spectra.crystals.compiling import compiled

SAME_PLACE = 1e-6  # of a primitive cell


@compiled
def is_higher(group, n_atoms, tables, site_elements, atoms, atom_sites, primitive):
    """Whether a rotation of the lattice that is not in the point group, or the identity, maps the
    crystal onto itself with a translation that is not of the lattice.

    An atom of the rarest element goes to another one of it: that gives the translations to try.
    """
    for a in range(n_atoms):
        for i in range(3):
            primitive[a, i] = 0.0
            for j in range(3):
                primitive[a, i] += tables.to_primitive[group, i, j] * atoms[a, j]

    # atoms of an element stand together
    first, end = 0, n_atoms
    start = 0
    for a in range(1, n_atoms + 1):
        if a == n_atoms or (site_elements[atom_sites[a]] != site_elements[atom_sites[start]]):
            if a - start < end - first or (start == 0):
                first, end = start, a
            start = a

    image, moved = np.empty(3), np.empty(3)
    for coset in range(tables.cosets[group], tables.cosets[group + 1]):
        rotation = tables.further_rotations[coset]
        _rotate(rotation, primitive[first], image)
        identity = coset == tables.cosets[group]
        for other in range(first + 1 if identity else first, end):
            maps = True
            for i in range(3):
                moved[i] = primitive[other, i] - image[i]
            start, stop = 0, 0
            for a in range(n_atoms):
                if a == stop:
                    start = stop
                    while stop < n_atoms and (
                        site_elements[atom_sites[stop]] == site_elements[atom_sites[start]]
                    ):
                        stop += 1
                if not _has(rotation, primitive[a], moved, primitive[start:stop]):
                    maps = False
                    break
            if maps:
                return True
    return False


@compiled
def _rotate(rotation, place, image):
    for i in range(3):
        image[i] = 0.0
        for j in range(3):
            image[i] += rotation[i, j] * place[j]


@compiled
def _has(rotation, place, translation, places):
    """Whether the image of a place is one of some places, but for a lattice vector."""
    x, y, z = translation[0], translation[1], translation[2]
    for j in range(3):
        x += rotation[0, j] * place[j]
        y += rotation[1, j] * place[j]
        z += rotation[2, j] * place[j]
    for a in range(len(places)):
        between = x - places[a, 0]
        if abs(between - np.rint(between)) > SAME_PLACE:
            continue
        between = y - places[a, 1]
        if abs(between - np.rint(between)) > SAME_PLACE:
            continue
        between = z - places[a, 2]
        if abs(between - np.rint(between)) <= SAME_PLACE:
            return True
    return False
