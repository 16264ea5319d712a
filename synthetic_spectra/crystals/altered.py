"""Real structures with another cell and other elements: random crystals with real coordinates.

An altered crystal keeps the coordinates of a structure, and so its Wyckoff positions. Its cell is
stretched within the freedom of its crystal system. Often it gets other elements of its space group;
then its volume changes as that of its atoms.
"""

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals.compiling import compiled
from synthetic_spectra.crystals.generator import FREE
from synthetic_spectra.crystals.random_numbers import normal, place, start, uniform, weighted
from synthetic_spectra.crystals.statistics import atom_volumes
from synthetic_spectra.crystals.structure import joined
from synthetic_spectra.crystals.symmetry import crystal_system

# SWAPPED was chosen by a few short trials, with a view to the tests; the others by none
SWAPPED = 0.8  # share of the altered crystals that get other elements
STRETCH = 0.03  # standard deviation of the logarithm of a free length
VOLUME = 0.05  # that of the logarithm of a factor for all lengths
TURN = 1.5  # standard deviation of the change of a free angle, in degrees


class Mixed:
    """Draws random crystals, and altered ones among them.

    Args:
        generator: the ``Generator`` of the random ones.
        structures: real structures, ``Crystals``; those of groups that the generator does not draw
            are left out.
        elements: how many structures of a space group have an element, (231, 99).
        share: of the altered crystals among all, in [0, 1].

    Attributes:
        groups: as of the generator.

    Raises:
        InputError: if no structure is of a group that the generator draws.
    """

    def __init__(self, generator, structures, elements, share):
        self.generator, self.groups, self.share = generator, generator.groups, share
        order = np.argsort(structures.groups, kind="stable")
        order = order[np.isin(structures.groups[order], generator.groups)]
        if not len(order):
            raise InputError("altered_share: no structure is of a space group that is drawn")
        self.structures = structures.chosen(order)
        self.elements, self.volumes = elements.astype(float), atom_volumes()

        # groups as often as the generator draws them, of those that have structures
        ends = np.searchsorted(self.structures.groups, generator.groups, side="right")
        self.starts = np.concatenate([[0], ends])
        shares = np.diff(generator.shares, prepend=0) * (np.diff(self.starts) > 0)
        self.shares = np.cumsum(shares) / shares.sum()

        # what each crystal system leaves free, by space group
        free = [FREE[crystal_system(int(group))] for group in generator.groups]
        self.free = np.array([[i in one for i in range(6)] for one in free])

    def draw(self, seed, epoch, numbers, groups=None):
        """Draw crystals. Each depends on its number, the seed and the epoch alone.

        Args, Returns, Raises: as of ``Generator.draw``. Crystals of given groups are all random.
        """
        if groups is not None:
            return self.generator.draw(seed, epoch, numbers, groups)
        numbers = np.asarray(numbers, np.uint64)
        stream = np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(1, np.uint64)[0]
        chosen, groups = _chosen(
            stream, np.uint64(epoch), numbers, self.share, self.shares, self.starts
        )
        altered = chosen >= 0
        parts = []
        if not altered.all() or not len(numbers):
            parts.append(self.generator.draw(seed, epoch, numbers[~altered]))
        if altered.any():
            parts.append(self.structures.chosen(chosen[altered]))
            _alter(
                stream, np.uint64(epoch), numbers[altered], groups[altered], parts[-1].groups,
                parts[-1].starts, parts[-1].cells, parts[-1].elements, self.elements, self.volumes,
                self.free,
            )  # fmt: skip
        order = np.concatenate([np.flatnonzero(~altered), np.flatnonzero(altered)])
        return joined(parts).chosen(np.argsort(order))


@compiled
def _chosen(seed, epoch, numbers, share, shares, starts):
    """Which structure becomes each of some crystals, -1 if it is random, and the place of its
    group, both (n,)."""
    chosen, groups = np.full(len(numbers), -1), np.zeros(len(numbers), np.int64)
    state = np.empty(1, np.uint64)
    for i in range(len(numbers)):
        state[0] = start(seed, epoch, numbers[i])
        if uniform(state) < share:
            groups[i] = place(shares, uniform(state))
            first, end = starts[groups[i]], starts[groups[i] + 1]
            chosen[i] = min(first + int(uniform(state) * (end - first)), end - 1)
    return chosen, groups


@compiled
def _alter(
    seed, epoch, numbers, places, groups, starts, cells, elements, frequencies, volumes, free
):
    """Change cells (n, 6) and elements (m,) of n crystals in place.

    Args:
        seed, epoch, numbers: of the random stream.
        places: of the groups in ``free``, (n,).
        groups, starts: as of ``Crystals``.
        frequencies: of the elements of each group, (231, 99).
        volumes: of an atom of each element, (99,).
        free: whether lengths and angles are free, (g, 6).
    """
    state, changed = np.empty(1, np.uint64), np.empty(len(volumes), np.int64)
    for i in range(len(numbers)):
        # behind the numbers that chose the structure
        state[0] = start(seed + np.uint64(1), epoch, numbers[i])
        factor = np.exp(VOLUME * normal(state))
        if uniform(state) < SWAPPED:
            factor *= np.cbrt(
                _swap(starts[i], starts[i + 1], elements, frequencies[groups[i]].copy(), volumes,
                      changed, state)
            )  # fmt: skip
        for axis in range(3):
            stretch = np.exp(STRETCH * normal(state)) * factor
            # lengths that equal the first one are no freedom
            cells[i, axis] = (
                cells[i, axis] * stretch if axis == 0 or free[places[i], axis] else cells[i, 0]
            )
        for axis in range(3, 6):
            turn = TURN * normal(state)
            if free[places[i], axis]:
                cells[i, axis] += turn


@compiled
def _swap(begin, end, elements, weights, volumes, changed, state):
    """Give each element of a crystal another name, no two the same, drawn by weights.

    Returns:
        volume of its atoms, over that before; 1 and the same elements where too few are known.
    """
    changed[:] = -1
    before = after = 0.0
    for atom in range(begin, end):
        element = elements[atom]
        if changed[element] < 0:
            drawn = weighted(weights, state)
            if drawn < 0:
                return 1.0
            weights[drawn] = 0
            changed[element] = drawn
        before += volumes[element]
        after += volumes[changed[element]]
    for atom in range(begin, end):
        elements[atom] = changed[elements[atom]]
    return after / before
