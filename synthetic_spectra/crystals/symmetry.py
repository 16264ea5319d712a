"""Space groups in their standard setting, and the orbits of their Wyckoff positions.

The setting is that of the usual tables (International Tables for Crystallography A, 2016): b is the
unique axis of monoclinic groups, trigonal groups have hexagonal axes, and the origin is choice 2
where there are two. ``wyckoff.json`` holds letter, multiplicity and the first coordinates of each
of the 1731 positions; the operations that gemmi has of the group give the other coordinates.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gemmi
import numpy as np

N_GROUPS = 230
# a group with all operations that its lattice has: crystal system, centring → number
HOLOHEDRIES = {
    **{("triclinic", "P"): 2, ("monoclinic", "P"): 10, ("monoclinic", "C"): 12},
    **{("orthorhombic", "P"): 47, ("orthorhombic", "C"): 65, ("orthorhombic", "A"): 65},
    **{("orthorhombic", "F"): 69, ("orthorhombic", "I"): 71},
    **{("tetragonal", "P"): 123, ("tetragonal", "I"): 139},
    **{("trigonal", "P"): 191, ("trigonal", "R"): 166, ("hexagonal", "P"): 191},
    **{("cubic", "P"): 221, ("cubic", "F"): 225, ("cubic", "I"): 229},
}

# space groups that are mirror images of each other, whose crystals have the same powder patterns
ENANTIOMORPHS = (
    (76, 78), (91, 95), (92, 96), (144, 145), (151, 153), (152, 154), (169, 170), (171, 172),
    (178, 179), (180, 181), (212, 213),
)  # fmt: skip


@dataclass(frozen=True)
class Positions:
    """All p Wyckoff positions of all space groups, and k images of their coordinates.

    An image is ``rotation @ (x, y, z) + translation`` for free numbers x, y, z, of which a special
    position does not use all. One image is listed for each lattice point.

    Args:
        first: the positions of space group g are ``first[g]:first[g + 1]``, from letter a on,
            (232,) int64; ``first[0]`` is 0.
        letters: of the positions, p strings.
        multiplicities: atoms in the conventional cell, (p,) int64.
        freedom: free coordinates, 0 to 3, (p,) int64.
        site_symmetries: point group of a site without its orientation, e.g. "mm2", p strings.
        starts: the images of position i are ``starts[i]:starts[i + 1]``, (p + 1,) int64.
        rotations: (k, 3, 3) float64.
        translations: (k, 3) float64.
    """

    first: np.ndarray
    letters: tuple
    multiplicities: np.ndarray
    freedom: np.ndarray
    site_symmetries: tuple
    starts: np.ndarray
    rotations: np.ndarray
    translations: np.ndarray

    def index(self, group, letter):
        """Index of the position of a space group with this letter.

        Raises:
            ValueError: if the group has no such letter.
        """
        return self.first[group] + self.letters[self.first[group] : self.first[group + 1]].index(
            letter
        )


@cache
def positions():
    """The ``Positions`` of all space groups."""
    table = json.loads(Path(__file__).with_name("wyckoff.json").read_text(encoding="utf-8"))
    counts = [len(table.get(str(number), ())) for number in range(N_GROUPS + 1)]
    rows = [(number, *row) for number in range(1, N_GROUPS + 1) for row in table[str(number)]]
    orbits = [_orbit(number, coordinates) for number, _, _, coordinates in rows]
    rotations, translations, site_symmetries = zip(*orbits, strict=True)
    return Positions(
        first=np.concatenate([[0], np.cumsum(counts)]),
        letters=tuple(letter for _, letter, _, _ in rows),
        multiplicities=np.array([multiplicity for _, _, multiplicity, _ in rows]),
        freedom=np.array([np.linalg.matrix_rank(one[0]) for one in rotations]),
        site_symmetries=site_symmetries,
        starts=np.concatenate([[0], np.cumsum([len(one) for one in rotations])]),
        rotations=np.concatenate(rotations),
        translations=np.concatenate(translations),
    )


def _orbit(number, coordinates):
    """Images of the first coordinates of a position, one for each lattice point, and the symbol of
    its site symmetry.

    The operations (R, t) of the group take M u + s to R M u + R s + t. Those which give the same
    place, but for a lattice vector, are the site symmetry of that place.
    """
    start = gemmi.Op(re.sub(r"(\d)([xyz])", r"\1*\2", coordinates))
    operations = standard_group(number).operations()
    images, fixing = {}, []
    for operation in operations.sym_ops:
        image = operation * start
        # of the places that lattice vectors join, the smallest stands for all
        linear = tuple(number for row in image.rot for number in row)
        place = min(
            tuple(
                (number + shift) % gemmi.Op.DEN
                for number, shift in zip(image.tran, vector, strict=True)
            )
            for vector in operations.cen_ops
        )
        images.setdefault((linear, place))
        if (linear, place) == next(iter(images)):
            fixing.append(operation)
    rotations, translations = (np.array(part) for part in zip(*images, strict=True))
    rotations, translations = (
        rotations.reshape(-1, 3, 3) / gemmi.Op.DEN,
        translations / gemmi.Op.DEN,
    )
    return rotations, translations, _point_groups()[_kinds(fixing)]


def _kinds(operations):
    """How many rotations and rotoinversions of each kind there are. It tells the 32 point groups
    apart (Int. Tables A, 2016, 1.2.2)."""
    kinds = Counter()
    for operation in operations:
        (a, b, c), (d, e, f), (g, h, i) = operation.rot
        determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
        kinds[a + e + i, determinant > 0] += 1
    return frozenset(kinds.items())


@cache
def _point_groups():
    """Kinds of operations → symbol of the point group, for all 32."""
    return {
        _kinds(standard_group(number).operations().sym_ops): standard_group(number).point_group_hm()
        for number in range(1, N_GROUPS + 1)
    }


@cache
def standard_groups():
    """The ``gemmi.SpaceGroup`` of each number in the standard setting."""
    return {one.number: one for one in gemmi.spacegroup_table() if one.is_reference_setting()}


def standard_group(number):
    """The ``gemmi.SpaceGroup`` of a number, 1 to 230, in the standard setting."""
    return standard_groups()[number]


def symbol(number):
    """The short Hermann-Mauguin symbol of a space group: "P21/c", "R-3m"."""
    # gemmi says H for R with hexagonal axes
    return re.sub("^H", "R", standard_group(number).short_name())


def crystal_system(number):
    """The crystal system of a space group: "triclinic" to "cubic"."""
    return standard_group(number).crystal_system_str()


def centring_vectors(number):
    """The lattice points in the conventional cell of a space group, (1, 2, 3 or 4; 3), with 0."""
    return np.array(standard_group(number).operations().cen_ops) / gemmi.Op.DEN


def to_primitive(number):
    """The matrix (3, 3) that takes fractional coordinates of the conventional cell of a space group
    to those of a primitive cell."""
    operation = standard_group(number).centred_to_primitive()
    return np.linalg.inv(np.array(operation.rot) / gemmi.Op.DEN)


def further_rotations(number):
    """Rotations of the lattice of a space group that are not in its point group, one of each coset.

    A crystal whose cell is general for its crystal system has a higher symmetry than its group if
    one of these, with some translation, maps it onto itself, or a translation that is not of the
    lattice does.

    Returns:
        matrices (c, 3, 3) for fractional coordinates in the conventional cell; the identity, which
        stands for such translations, is the first.
    """
    group = standard_group(number)
    lattice = HOLOHEDRIES[crystal_system(number), group.centring_type()]
    unit = gemmi.Op.DEN
    point_group = [np.array(one.rot) // unit for one in group.operations().sym_ops]
    cosets, seen = [np.eye(3, dtype=int)], {one.tobytes() for one in point_group}
    for operation in standard_group(lattice).operations().sym_ops:
        rotation = np.array(operation.rot) // unit
        if rotation.tobytes() not in seen:
            cosets.append(rotation)
            seen |= {(rotation @ one).tobytes() for one in point_group}
    return np.array(cosets, float)
