"""Many crystals as plain arrays: what the generator makes and what the diffraction reads.

The parts of this room and what passes between them:

- ``symmetry``: space groups in their standard setting, and the orbits of their Wyckoff positions.
- ``statistics``: counts over real structures, read from ``crystal_statistics/<name>.npz``.
- ``generator``: ``Generator(statistics, limits).draw(seed, epoch, numbers)`` → ``Crystals``, one
  for each of ``numbers``. Crystal k of epoch e depends on (seed, e, k) alone.
- ``diffraction``: ``Crystals`` → lines.

Setting: b is the unique axis of monoclinic groups, trigonal groups have hexagonal axes. The origin
of generated crystals is choice 2 where there are two; that of real ones may be choice 1, which
changes the phases of structure factors, but no intensity.
"""

from dataclasses import dataclass

import gemmi
import numpy as np

from synthetic_spectra.crystals.diffraction import Crystal
from synthetic_spectra.crystals.symmetry import centring_vectors, to_primitive


@dataclass(frozen=True)
class Crystals:
    """n crystals with m atoms in all. Every place is fully occupied.

    Args:
        groups: numbers of the space groups, (n,) int64, 1 to 230.
        cells: a, b, c in Å, then α, β, γ in degrees, of the conventional cells, (n, 6) float64.
        starts: the atoms of crystal i are ``starts[i]:starts[i + 1]``, (n + 1,) int64.
        elements: atomic numbers, (m,) int64.
        positions: fractional coordinates in the conventional cell, (m, 3) float64, in [0, 1). One
            atom is listed for each lattice point: in a centred cell the vectors of
            ``symmetry.centring_vectors`` give the others.
        sites: index of the Wyckoff site that each atom is on, within its crystal, (m,) int64.
    """

    groups: np.ndarray
    cells: np.ndarray
    starts: np.ndarray
    elements: np.ndarray
    positions: np.ndarray
    sites: np.ndarray

    def __len__(self):
        return len(self.groups)

    @property
    def volumes(self):
        """Volumes of the conventional cells in Å³, (n,)."""
        cosines = np.cos(np.radians(self.cells[:, 3:]))
        squares = 1 - (cosines**2).sum(axis=1) + 2 * cosines.prod(axis=1)
        return self.cells[:, :3].prod(axis=1) * np.sqrt(squares)

    @property
    def site_numbers(self):
        """Sites of the asymmetric units, (n,)."""
        return np.maximum.reduceat(self.sites, self.starts[:-1]) + 1

    def site_elements(self, i):
        """Atomic numbers of the sites of crystal i."""
        atoms = slice(self.starts[i], self.starts[i + 1])
        return self.elements[atoms][np.flatnonzero(np.diff(self.sites[atoms], prepend=-1))]

    @property
    def atom_numbers(self):
        """Atoms in the conventional cells, (n,)."""
        return np.diff(self.starts) * self._lattice_points()

    def totals(self, values):
        """Sums over the atoms in the conventional cells, (n,), of what elements have, by atomic
        number."""
        sums = np.add.reduceat(values[self.elements], self.starts[:-1])
        return sums * self._lattice_points()

    def smallest_distances(self, radii):
        """Smallest distances of two atoms, divided by the sum of their radii, (n,).

        Args:
            radii: in Å by atomic number.
        """
        from synthetic_spectra.crystals import spacing

        kinds, places = np.unique(self.groups, return_inverse=True)
        lattices = np.linalg.inv([to_primitive(int(kind)) for kind in kinds])[places]
        return spacing.smallest_distances(
            self.starts, self.elements, self.positions, self.sites, self.cells, lattices, radii
        )

    def _lattice_points(self):
        kinds, places = np.unique(self.groups, return_inverse=True)
        return np.array([len(centring_vectors(int(kind))) for kind in kinds])[places]

    def chosen(self, indices):
        """The ``Crystals`` with these indices, (k,) int64, in this order."""
        indices = np.asarray(indices, np.int64)
        numbers = np.diff(self.starts)[indices]
        starts = np.concatenate([[0], np.cumsum(numbers)])
        atoms = np.arange(starts[-1]) + np.repeat(self.starts[indices] - starts[:-1], numbers)
        return Crystals(
            self.groups[indices],
            self.cells[indices],
            starts,
            self.elements[atoms],
            self.positions[atoms],
            self.sites[atoms],
        )

    def crystal(self, i):
        """Crystal i with all atoms of its conventional cell: a ``diffraction.Crystal``."""
        atoms = slice(self.starts[i], self.starts[i + 1])
        vectors = centring_vectors(int(self.groups[i]))
        positions = (self.positions[atoms] + vectors[:, None]).reshape(-1, 3) % 1
        symbols = [gemmi.Element(int(number)).name for number in self.elements[atoms]]
        return Crystal(
            name="",
            formula="",
            entry="",
            cell=tuple(self.cells[i].tolist()),
            positions=positions,
            elements=tuple(symbols * len(vectors)),
            occupancies=np.ones(len(positions)),
        )


def joined(parts):
    """One ``Crystals`` of several, in their order."""
    atoms = np.concatenate([np.diff(part.starts) for part in parts])
    starts = np.concatenate([[0], np.cumsum(atoms)]).astype(np.int64)
    return Crystals(
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.cells for part in parts]),
        starts,
        np.concatenate([part.elements for part in parts]),
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.sites for part in parts]),
    )
