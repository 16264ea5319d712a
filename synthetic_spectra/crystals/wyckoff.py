"""Which Wyckoff positions the sites of crystals are on, by their coordinates, and their types."""

from functools import cache
from itertools import pairwise, product

import gemmi
import numpy as np

from synthetic_spectra.crystals import symmetry

SAME_PLACE = 5e-3  # of the cell


def occupied(crystals):
    """The Wyckoff position of each site of some crystals.

    A site is on a position if one of its atoms is an image R u + t of its first coordinates, but
    for a lattice vector. Integer vectors l with l R = 0 tell that without u: l (x - t) is a whole
    number for each of them. The multiplicity says the rest, as what lies on several positions has
    that of the most special one.

    Args:
        crystals: ``Crystals`` (n,).

    Returns:
        indices in ``symmetry.positions()``, (sites of all crystals,) int64, crystal after crystal.

    Raises:
        ValueError: if a site is on no position of its space group.
    """
    ends = np.cumsum(crystals.site_numbers)
    found = np.empty(ends[-1] if len(ends) else 0, np.int64)
    for group in np.unique(crystals.groups):
        places = np.flatnonzero(crystals.groups == group)
        numbers = crystals.site_numbers[places]
        into = np.concatenate(
            [np.arange(ends[i] - n, ends[i]) for i, n in zip(places, numbers, strict=True)]
        )
        found[into] = _of_group(crystals.chosen(places), int(group))
    return found


def kind(group, elements, positions):
    """The type of a structure: the group, and for each element the multiplicities and site
    symmetries of its sites. Which element it is does not count. Of two groups that are mirror
    images, as their patterns are the same, the lower one stands for both.

    Args:
        group: number of the space group.
        elements: atomic number of each of the n sites.
        positions: indices of their Wyckoff positions in ``symmetry.positions()``, (n,).
    """
    table, sites = symmetry.positions(), {}
    for element, index in zip(elements, positions, strict=True):
        site = (int(table.multiplicities[index]), table.site_symmetries[index])
        sites.setdefault(int(element), []).append(site)
    group = {right: left for left, right in symmetry.ENANTIOMORPHS}.get(int(group), int(group))
    return group, tuple(sorted(tuple(sorted(one)) for one in sites.values()))


def kinds(crystals):
    """The type of each of n crystals, a list of what ``kind`` gives."""
    positions = np.split(occupied(crystals), np.cumsum(crystals.site_numbers)[:-1])
    return [
        kind(crystals.groups[i], crystals.site_elements(i), positions[i])
        for i in range(len(crystals))
    ]


def _of_group(crystals, group):
    """``occupied`` for crystals of one space group."""
    table, vectors = symmetry.positions(), symmetry.centring_vectors(group)
    first_sites = np.cumsum(crystals.site_numbers) - crystals.site_numbers
    of_atoms = crystals.sites + np.repeat(first_sites, np.diff(crystals.starts))
    first_atoms = np.flatnonzero(np.diff(of_atoms, prepend=-1))
    multiplicities = np.diff(np.append(first_atoms, len(of_atoms))) * len(vectors)

    # the nearest position of each site, by origin, and how far each crystal is from them
    shifts, positions, farthest = _shifts(group), [], []
    for shift in shifts:
        places = crystals.positions + shift
        nearest = np.full(len(first_atoms), np.inf)
        positions.append(np.zeros(len(first_atoms), np.int64))
        for index in range(table.first[group], table.first[group + 1]):
            atoms = (multiplicities == table.multiplicities[index])[of_atoms]
            distances = np.full(len(of_atoms), np.inf)
            distances[atoms] = _distances(places[atoms], index, vectors)
            of_sites = np.minimum.reduceat(distances, first_atoms)
            nearer = of_sites < nearest
            nearest[nearer], positions[-1][nearer] = of_sites[nearer], index
        farthest.append(np.maximum.reduceat(nearest, first_sites))

        # the standard one of two origins is a centre of inversion, and the other one is none
        if len(shifts) > 1:
            from_centres = [
                _from_centre(places[start:end], vectors) for start, end in pairwise(crystals.starts)
            ]
            farthest[-1] = np.maximum(farthest[-1], from_centres)

    if (np.min(farthest, axis=0) > SAME_PLACE).any():
        raise ValueError(f"space group {group}: a site that is on no Wyckoff position")
    origins = np.repeat(np.argmin(farthest, axis=0), crystals.site_numbers)
    return np.array(positions)[origins, np.arange(len(origins))]


def _distances(places, index, vectors):
    """How far some places (m, 3) are from the first coordinates of a position, (m,)."""
    table = symmetry.positions()
    image = table.starts[index]
    normals = _normals(tuple(table.rotations[image].ravel().tolist()))
    from_image = places[:, None] - table.translations[image] + vectors
    heights = from_image @ normals.T
    return np.abs(heights - np.rint(heights)).max(axis=-1, initial=0).min(axis=1)


@cache
def _normals(rotation):
    """A basis (k, 3) of the whole-number vectors l with l R = 0, for the entries of a matrix R.

    Of three dimensions, the shortest vectors that are independent are one.
    """
    rotation = np.array(rotation).reshape(3, 3)
    normals = np.empty((0, 3))
    for vector in sorted(product(range(-2, 3), repeat=3), key=lambda one: np.dot(one, one)):
        longer = np.vstack([normals, vector])
        if not (vector @ rotation).any() and np.linalg.matrix_rank(longer) == len(longer):
            normals = longer
    return normals


def _shifts(group):
    """Vectors, of which one added to coordinates gives those of the standard origin."""
    standard, shifts = symmetry.standard_group(group), [np.zeros(3)]
    for one in gemmi.spacegroup_table():
        if (one.number, one.ext, one.qualifier, standard.ext) == (group, "1", "", "2"):
            shifts.append(-np.array(one.basisop.tran) / gemmi.Op.DEN)
    return shifts


def _from_centre(places, vectors):
    """How far places (m, 3) are from being symmetric about the origin."""
    between = places[:, None, None] + places[:, None] + vectors
    distances = np.abs(between - np.rint(between)).max(axis=-1)
    return distances.min(axis=(1, 2)).max()
