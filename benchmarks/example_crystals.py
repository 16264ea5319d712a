"""Crystals of known and of random coordinates, for benchmarks and tests of the diffraction."""

import numpy as np

from synthetic_spectra.crystals import symmetry
from synthetic_spectra.crystals.structure import Crystals


def crystal(group, cell, sites):
    """One crystal of a space group.

    Args:
        group: its number.
        cell: a, b, c in Å, α, β, γ in degrees.
        sites: atomic number, Wyckoff letter and the free coordinates x, y, z of each site.

    Returns:
        ``Crystals`` with one crystal.
    """
    positions = symmetry.positions()
    elements, places, numbers = [], [], []
    for number, (element, letter, free) in enumerate(sites):
        index = positions.index(group, letter)
        images = slice(positions.starts[index], positions.starts[index + 1])
        orbit = positions.rotations[images] @ np.array(free) + positions.translations[images]
        places.append(orbit % 1)
        elements += [element] * len(orbit)
        numbers += [number] * len(orbit)
    return Crystals(
        groups=np.array([group]),
        cells=np.array([cell], float),
        starts=np.array([0, len(elements)]),
        elements=np.array(elements),
        positions=np.concatenate(places),
        sites=np.array(numbers),
    )


def random_crystal(group, elements, volume_per_atom=16.0, seed=0):
    """A crystal with atoms anywhere.

    Args:
        group: number of its space group.
        elements: atomic numbers, one for each site of the general position.
        volume_per_atom: Å³.
        seed: of the coordinates and of the shape of the cell.

    Returns:
        ``Crystals`` with one crystal.
    """
    rng = np.random.default_rng([seed, group])
    positions, system = symmetry.positions(), symmetry.crystal_system(group)
    general = positions.first[group + 1] - 1
    letter = positions.letters[general]

    # lengths and angles that the crystal system leaves free
    a, b, c = rng.uniform(0.8, 1.25, 3)
    angles = rng.uniform(75, 105, 3)
    if system != "triclinic":
        angles[[0, 2]] = 90
        angles[1] = angles[1] if system == "monoclinic" else 90
    if system in ("tetragonal", "trigonal", "hexagonal", "cubic"):
        b, c = a, a if system == "cubic" else c
    if system in ("trigonal", "hexagonal"):
        angles[2] = 120
    cosines = np.cos(np.radians(angles))
    shape = a * b * c * np.sqrt(1 - (cosines**2).sum() + 2 * cosines.prod())
    volume = volume_per_atom * len(elements) * positions.multiplicities[general]
    lengths = np.array([a, b, c]) * (volume / shape) ** (1 / 3)
    sites = [(element, letter, rng.random(3)) for element in elements]
    return crystal(group, [*lengths, *angles], sites)


def halite():
    """NaCl: a from Wyckoff, Crystal Structures 1 (1963)."""
    return crystal(225, [5.64056] * 3 + [90] * 3, [(11, "a", (0, 0, 0)), (17, "b", (0, 0, 0))])


def perovskite():
    """CaTiO3: Sasaki, Prewitt, Bass, Schulze, Acta Cryst. C 43, 1668 (1987)."""
    return crystal(
        62,
        [5.4424, 7.6417, 5.3807, 90, 90, 90],
        [
            (20, "c", (0.03602, 0.25, 0.99328)),
            (22, "b", (0, 0, 0)),
            (8, "c", (0.4838, 0.25, 0.0714)),
            (8, "d", (0.2889, 0.0371, 0.7108)),
        ],
    )


def in_p1():
    """40 atoms of three elements in a cell of P1."""
    return random_crystal(1, [14] * 10 + [8] * 20 + [12] * 10)


def in_p21c():
    """160 atoms of three elements in a cell of P2₁/c."""
    return random_crystal(14, [6] * 20 + [8] * 10 + [7] * 10)


# name → function that makes the crystal; these four were timed by Schopmans et al. too
TIMED = {"NaCl": halite, "CaTiO3": perovskite, "40 in P1": in_p1, "160 in P21/c": in_p21c}
