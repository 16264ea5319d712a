"""Random crystals after the statistics of real ones, as many as are wanted.

Method: H. Schopmans, P. Reiser, P. Friederich, Digital Discovery 2, 1414 (2023), section 2.

1. The space group is drawn by its frequency.
2. The group's statistics give the number of elements, the elements (each once), for each the number
   of its sites, and their Wyckoff positions. A position without freedom holds one site.
3. The atoms give the volume of the conventional cell, by a kernel density of the denseness
   V_cell / V_atoms, conditional on V_atoms. The crystal system gives its shape, by a kernel density
   of the lengths, divided by the cube root of the volume, and the angles.
4. Free coordinates are uniform. A crystal with a higher symmetry than its group is drawn again.

Not published: of several uniform places a site takes the one that is farthest from other atoms, and
of several occupations of the sites a crystal takes the one whose atoms have the likeliest volume.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import symmetry
from synthetic_spectra.crystals.statistics import atom_radii, atom_volumes
from synthetic_spectra.crystals.structure import Crystals

# of V_atoms in Å³ and of the denseness: published in ML4pXRDs, the code of the paper
BANDWIDTHS = (104.043, 0.0530715)
LEAST_SPREAD = 0.01  # of the kernels of lengths, of a cell of volume 1; that of angles is 1°
# lengths and angles that a crystal system leaves free, by their place in a cell
FREE = {
    "triclinic": (0, 1, 2, 3, 4, 5),
    "monoclinic": (0, 1, 2, 4),
    "orthorhombic": (0, 1, 2),
    "tetragonal": (0, 2),
    "trigonal": (0, 2),
    "hexagonal": (0, 2),
    "cubic": (),
}


@dataclass(frozen=True)
class Limits:
    """Which crystals are drawn.

    Args:
        least_structures: of a space group in the statistics, or it is left out, ≥ 1.
        max_volume: volume of the conventional cell in Å³ that all crystals stay below, > 0.
        max_sites: most sites in the asymmetric unit, ≥ 1.
        uniform_groups: whether all groups are equally frequent; else as in the statistics.
        compat_last_element: whether the last element of a crystal has one site, whatever was drawn
            for it, as in the published code.
        places: random places of each site, ≥ 1. It takes the one whose smallest distance from the
            atoms placed before, divided by the sum of the radii, is largest; 1 as published.
        occupations: random occupations of the sites of a crystal, ≥ 1. It takes the one whose
            atoms' volume is nearest to that of a structure of the group, which is drawn at random;
            1 as published.
    """

    least_structures: int = 50
    max_volume: float = 7000.0
    max_sites: int = 100
    uniform_groups: bool = False
    compat_last_element: bool = False
    places: int = 1
    occupations: int = 1


class Tables(NamedTuple):
    """What compiled code needs, for g space groups and all Wyckoff positions of ``symmetry``.

    Shares are cumulated; arrays of groups have a row for each of the g groups, in ascending order.
    """

    numbers: np.ndarray  # of the groups, (g,)
    systems: np.ndarray  # crystal systems by their place in FREE, (g,)
    element_numbers: np.ndarray  # shares of 0, 1, … elements
    elements: np.ndarray  # how many structures have an element, by atomic number
    repetitions: np.ndarray  # shares of 0, 1, … sites of an element
    structures: np.ndarray  # where those of a group start in the next two, (g + 1,)
    atomic_volumes: np.ndarray
    densenesses: np.ndarray
    largest: np.ndarray  # of the atomic volumes of a group, (g,)
    to_primitive: np.ndarray  # (g, 3, 3)
    lattices: np.ndarray  # primitive vectors as columns of fractional coordinates, (g, 3, 3)
    cosets: np.ndarray  # where those of a group start in the next, (g + 1,)
    further_rotations: np.ndarray  # for coordinates in the primitive cell, (c, 3, 3)
    first: np.ndarray  # where the positions of a group start in the next ones, (g + 1,)
    positions: np.ndarray  # how many sites have a position
    freedom: np.ndarray
    multiplicities: np.ndarray
    starts: np.ndarray
    rotations: np.ndarray
    translations: np.ndarray
    atom_volumes: np.ndarray  # by atomic number, (99,)
    radii: np.ndarray  # of atoms in Å, by atomic number, (99,)
    cell_starts: np.ndarray  # where the cells of a crystal system start in the next, (8,)
    cells: np.ndarray  # lengths for a volume of 1, angles in degrees
    kernels: np.ndarray  # Cholesky factors of the kernels' covariances, (7, 6, 6)
    equal_lengths: np.ndarray  # whether b and c are a, (7, 3)
    bandwidths: np.ndarray


class Generator:
    """Draws random crystals.

    Args:
        statistics: a ``statistics.Statistics``.
        limits: a ``Limits``.

    Attributes:
        groups: numbers of the space groups that are drawn, ascending, (g,) int64.
        shares: cumulated shares of them among all crystals, (g,).
        tables: ``Tables`` of these groups, for compiled code.

    Raises:
        InputError: if no space group has enough structures.
    """

    def __init__(self, statistics, limits=Limits()):
        frequencies = statistics.frequencies()
        self.groups = np.flatnonzero(frequencies >= max(1, limits.least_structures))
        if not len(self.groups):
            raise InputError(
                f"least_structures is {limits.least_structures}, expected at most "
                f"{frequencies.max()}: no space group has more structures"
            )
        weights = np.ones(len(self.groups)) if limits.uniform_groups else frequencies[self.groups]
        self.shares = _cumulated(weights[None])[0]
        self.tables = _tables(statistics, self.groups)
        self._limits = (
            float(limits.max_volume),
            int(limits.max_sites),
            bool(limits.compat_last_element),
            int(limits.places),
            int(limits.occupations),
        )

    def draw(self, seed, epoch, numbers, groups=None):
        """Draw crystals. Each depends on its number, the seed and the epoch alone.

        Args:
            seed, epoch: ≥ 0.
            numbers: of the crystals in the epoch, (n,), ≥ 0.
            groups: space group of each, (n,), of ``self.groups``; they are drawn by default.

        Returns:
            ``Crystals``.

        Raises:
            InputError: if a space group has no crystal within the limits.
        """
        # compiled at the first use
        from synthetic_spectra.crystals import drawing

        numbers = np.asarray(numbers, np.uint64)
        places = np.full(len(numbers), -1)
        if groups is not None:
            places = np.searchsorted(self.groups, groups)
            if not np.isin(groups, self.groups).all():
                raise InputError(f"space groups {groups}, expected some of {self.groups.tolist()}")
        stream = (np.uint64(number % 2**64) for number in (seed, epoch))
        *arrays, failed = drawing.draw(
            *stream, numbers, self.shares, places, self.tables, self._limits
        )
        if failed >= 0:
            raise InputError(
                f"space group {self.groups[failed]}: no crystal stays below {self._limits[0]:g} Å³ "
                f"and has at most {self._limits[1]} sites, atoms no larger in all than those of a "
                "real crystal, and no higher symmetry"
            )
        return Crystals(*arrays)


def _tables(statistics, groups):
    """The ``Tables`` of some space groups."""
    table = symmetry.positions()
    order = np.lexsort((statistics.atomic_volumes, statistics.groups))
    order = order[np.isin(statistics.groups[order], groups)]
    sorted_groups = statistics.groups[order]

    # Wyckoff positions of these groups, and the images of their coordinates
    chosen = np.concatenate([np.arange(table.first[g], table.first[g + 1]) for g in groups])
    images = np.concatenate([np.arange(table.starts[p], table.starts[p + 1]) for p in chosen])

    # rotations in the primitive cell
    to_primitive = np.array([symmetry.to_primitive(int(g)) for g in groups])
    cosets = [
        matrix @ symmetry.further_rotations(int(g)) @ np.linalg.inv(matrix)
        for g, matrix in zip(groups, to_primitive, strict=True)
    ]
    systems = list(FREE)
    cells, kernels = _cells(statistics)
    atomic_volumes = statistics.atomic_volumes[order]
    structures = np.append(np.searchsorted(sorted_groups, groups), len(order))
    return Tables(
        numbers=groups,
        systems=np.array([systems.index(symmetry.crystal_system(int(g))) for g in groups]),
        element_numbers=_cumulated(statistics.element_numbers[groups]),
        elements=statistics.elements[groups].astype(float),
        repetitions=_cumulated(statistics.repetitions[groups]),
        structures=structures,
        atomic_volumes=atomic_volumes,
        densenesses=statistics.densenesses[order],
        largest=atomic_volumes[structures[1:] - 1],
        to_primitive=to_primitive,
        lattices=np.linalg.inv(to_primitive),
        cosets=_starts(cosets),
        further_rotations=np.rint(np.concatenate(cosets)),
        first=_starts([range(table.first[g], table.first[g + 1]) for g in groups]),
        positions=statistics.positions[chosen].astype(float),
        freedom=table.freedom[chosen],
        multiplicities=table.multiplicities[chosen],
        starts=_starts([range(table.starts[p], table.starts[p + 1]) for p in chosen]),
        rotations=table.rotations[images],
        translations=table.translations[images],
        atom_volumes=atom_volumes(),
        radii=atom_radii(),
        cell_starts=_starts(cells),
        cells=np.concatenate(cells),
        kernels=kernels,
        equal_lengths=np.array([[False, 1 not in FREE[s], 2 not in FREE[s]] for s in systems]),
        bandwidths=np.array(BANDWIDTHS),
    )


def _cells(statistics):
    """Cells of the structures of each crystal system, and the Cholesky factors of their kernels.

    The kernels have the covariance of the cells, times the square of D. Scott's factor
    n^(-1 / (d + 4)) for n cells of d free lengths and angles (Multivariate Density Estimation,
    1992), as ``scipy.stats.gaussian_kde`` takes it.
    """
    names = [symmetry.crystal_system(number) for number in range(1, symmetry.N_GROUPS + 1)]
    systems = np.array(["", *names])[statistics.groups]
    cells, kernels = [], np.zeros((len(FREE), 6, 6))
    for place, (system, free) in enumerate(FREE.items()):
        cells.append(statistics.cells[systems == system])
        n, d = len(cells[-1]), len(free)
        if d and n > d:
            covariance = np.atleast_2d(np.cov(cells[-1][:, free].T)) * n ** (-2 / (d + 4))
        elif d:
            covariance = np.zeros((d, d))
        else:
            continue
        # a few cells, or cells that are all alike
        if np.linalg.eigvalsh(covariance).min() < LEAST_SPREAD**2:
            covariance += np.diag(np.square([LEAST_SPREAD if i < 3 else 1.0 for i in free]))
        kernels[place][np.ix_(free, free)] = np.linalg.cholesky(covariance)
    return cells, kernels


def _cumulated(counts):
    """Cumulated shares of each row."""
    cumulated = np.cumsum(counts, axis=1, dtype=float)
    return cumulated / cumulated[:, -1:]


def _starts(parts):
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])])
