"""How far apart atoms of crystals are, under all translations of a lattice; compiled by numba.

The seven Voronoi-relevant vectors of a lattice follow from Selling's reduction (J. Conway,
N. Sloane, Proc. R. Soc. Lond. A 436, 55 (1992)). A vector is the shortest of those that differ by a
lattice vector if none of the seven makes it shorter.
"""

import numpy as np

from synthetic_spectra.crystals.compiling import compiled

ROUNDING = 1e-9  # what makes a vector shorter by less is an error of rounding


@compiled
def orthogonal(cell):
    """Columns a, b, c of a cell in Å, (3, 3); a lies along x, and b in the plane of x and y."""
    cosines = np.cos(np.radians(cell[3:]))
    sine = np.sqrt(1 - cosines[2] ** 2)
    axes = np.zeros((3, 3))
    axes[0, 0] = cell[0]
    axes[0, 1], axes[1, 1] = cell[1] * cosines[2], cell[1] * sine
    y = (cosines[0] - cosines[1] * cosines[2]) / sine
    axes[0, 2], axes[1, 2] = cell[2] * cosines[1], cell[2] * y
    axes[2, 2] = cell[2] * np.sqrt(1 - cosines[1] ** 2 - y**2)
    return axes


@compiled
def relevant_vectors(axes, lattice):
    """The Voronoi-relevant vectors of a lattice, one of each pair v and -v.

    Args:
        axes: of the conventional cell, as columns in Å, (3, 3).
        lattice: of a primitive cell, as columns of fractional coordinates, (3, 3).

    Returns:
        (7, 4): x, y, z in Å, and the square of the length.
    """
    # four vectors with a sum of zero, until no two have an acute angle
    base = np.zeros((4, 3))
    for vector in range(3):
        for i in range(3):
            for j in range(3):
                base[vector, i] += axes[i, j] * lattice[j, vector]
            base[3, i] -= base[vector, i]
    acute = True
    while acute:
        acute = False
        for i in range(3):
            for j in range(i + 1, 4):
                if _dot(base[i], base[j]) > ROUNDING * _dot(base[i], base[i]):
                    for k in range(4):
                        if k not in (i, j):
                            base[k] += base[i]
                    base[i] = -base[i]
                    acute = True

    # sums of one and of two of them
    vectors = np.empty((7, 4))
    for i in range(4):
        vectors[i, :3] = base[i]
    for i in range(3):
        vectors[4 + i, :3] = base[i] + base[3]
    for i in range(7):
        vectors[i, 3] = _dot(vectors[i], vectors[i])
    return vectors


@compiled
def distance(place, other, axes, vectors):
    """The distance in Å of an atom from the nearest one of those that a lattice makes of another.

    Args:
        place, other: fractional coordinates in the conventional cell, (3,).
        axes: of the conventional cell, as columns in Å, (3, 3).
        vectors: of the lattice, as of ``relevant_vectors``.
    """
    a, b, c = other[0] - place[0], other[1] - place[1], other[2] - place[2]
    x = axes[0, 0] * a + axes[0, 1] * b + axes[0, 2] * c
    y = axes[1, 1] * b + axes[1, 2] * c
    z = axes[2, 2] * c
    shorter = True
    while shorter:
        shorter = False
        for i in range(7):
            share = (x * vectors[i, 0] + y * vectors[i, 1] + z * vectors[i, 2]) / vectors[i, 3]
            if abs(share) > 0.5 + ROUNDING:
                times = np.rint(share)
                x -= times * vectors[i, 0]
                y -= times * vectors[i, 1]
                z -= times * vectors[i, 2]
                shorter = True
    return np.sqrt(x**2 + y**2 + z**2)


@compiled
def smallest_distances(starts, elements, positions, sites, cells, lattices, radii):
    """The smallest distance in each of n crystals, divided by the sum of the radii of both atoms.

    The operations of the group take any atom of a site to any other one of it, so one is enough.

    Args:
        starts, elements, positions, sites, cells: as in ``Crystals``.
        lattices: of a primitive cell of each, as columns of fractional coordinates, (n, 3, 3).
        radii: of the atoms in Å, by atomic number.

    Returns:
        (n,).
    """
    smallest = np.full(len(cells), np.inf)
    for crystal in range(len(cells)):
        axes = orthogonal(cells[crystal])
        vectors = relevant_vectors(axes, lattices[crystal])
        shortest = np.sqrt(vectors[:, 3].min())
        for a in range(starts[crystal], starts[crystal + 1]):
            if a > starts[crystal] and sites[a] == sites[a - 1]:
                continue
            smallest[crystal] = min(smallest[crystal], shortest / (2 * radii[elements[a]]))
            for b in range(starts[crystal], starts[crystal + 1]):
                if b == a:
                    continue
                found = distance(positions[a], positions[b], axes, vectors)
                found /= radii[elements[a]] + radii[elements[b]]
                smallest[crystal] = min(smallest[crystal], found)
    return smallest


@compiled
def _dot(some, others):
    return some[0] * others[0] + some[1] * others[1] + some[2] * others[2]
