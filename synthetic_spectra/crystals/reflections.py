"""Reflections of space groups in the standard settings, for compiled code: which are unique, how
many are equivalent, which a centred lattice extinguishes, and tables of form factors."""

from functools import cache
from typing import NamedTuple

import gemmi
import numpy as np

from synthetic_spectra.crystals.compiling import compiled_with_fast_math
from synthetic_spectra.crystals.diffraction import form_factors
from synthetic_spectra.crystals.symmetry import N_GROUPS, standard_group

# order matters: compiled code knows the Laue classes and the centrings by their place here
LAUE_CLASSES = (
    "-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-31m", "-3m1", "6/m", "6/mmm", "m-3", "m-3m",
)  # fmt: skip
CENTRINGS = ("P", "A", "C", "I", "F", "R")
# of the trigonal groups with mirrors or twofold axes, those whose Laue class is -31m
BAR_31M = (149, 151, 153, 157, 159, 162, 163)
HEAVIEST = 98  # atomic number: form factors of heavier elements are not tabulated
INTERVALS = 4096  # of a table of form factors: interpolation is right to 1e-6 of the electrons


class Tables(NamedTuple):
    """What compiled code needs of symmetry and of elements.

    Args:
        laue: place of the Laue class of each space group in ``LAUE_CLASSES``, (231,).
        centring: place of its centring in ``CENTRINGS``, (231,).
        rotations: those of each Laue class, one of each pair that the inversion joins, for hkl,
            (12, 24, 3, 3); the rest is not set.
        orders: how many rotations a Laue class has in ``rotations``, (12,).
        factors: form factors of each atomic number at evenly spaced (sin θ / λ)², the first at 0,
            (99, INTERVALS + 2).
        per_square: 1 / distance of these, Å².
    """

    laue: np.ndarray
    centring: np.ndarray
    rotations: np.ndarray
    orders: np.ndarray
    factors: np.ndarray
    per_square: float


@cache
def tables(highest):
    """The ``Tables`` for reflections with 1/d up to ``highest``, in 1/Å."""
    laue, centring = np.zeros(N_GROUPS + 1, np.int64), np.zeros(N_GROUPS + 1, np.int64)
    rotations = np.zeros((len(LAUE_CLASSES), 24, 3, 3), np.int64)
    orders = np.zeros(len(LAUE_CLASSES), np.int64)
    for number in range(1, N_GROUPS + 1):
        laue[number] = LAUE_CLASSES.index(laue_class(number))
        centring[number] = CENTRINGS.index(standard_group(number).centring_type())
        half = _half_of_the_rotations(number)
        rotations[laue[number], : len(half)], orders[laue[number]] = half, len(half)

    squares = np.arange(INTERVALS + 2) * (highest**2 / 4 / INTERVALS)
    factors = np.zeros((HEAVIEST + 1, len(squares)))
    for number in range(1, HEAVIEST + 1):
        factors[number] = form_factors(number, squares)
    return Tables(laue, centring, rotations, orders, factors, 1 / squares[1])


def laue_class(number):
    """The Laue class of a space group, one of ``LAUE_CLASSES``."""
    laue = standard_group(number).laue_str()
    if laue != "-3m":
        return laue
    return "-31m" if number in BAR_31M else "-3m1"


def _half_of_the_rotations(number):
    """Matrices that take hkl, as a row, to reflections that scatter alike: of R and -R just one."""
    found = {}
    for operation in standard_group(number).operations().sym_ops:
        rotation = np.array(operation.rot) // gemmi.Op.DEN
        if (-rotation).tobytes() not in found:
            found[rotation.tobytes()] = rotation
    return np.array(list(found.values()))


@compiled_with_fast_math
def reciprocal_metric(cell):
    """a*·a*, b*·b*, c*·c*, b*·c*, a*·c*, a*·b* in 1/Å²."""
    a, b, c = cell[0], cell[1], cell[2]
    alpha, beta, gamma = np.radians(cell[3]), np.radians(cell[4]), np.radians(cell[5])
    ca, cb, cg = np.cos(alpha), np.cos(beta), np.cos(gamma)
    square = 1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg
    return (
        (1 - ca * ca) / (square * a * a),
        (1 - cb * cb) / (square * b * b),
        (1 - cg * cg) / (square * c * c),
        (cb * cg - ca) / (square * b * c),
        (ca * cg - cb) / (square * a * c),
        (ca * cb - cg) / (square * a * b),
    )


# The region of the unique reflections of each Laue class, by its place in LAUE_CLASSES: h ≥ 0, and
# k and l from and to the following limits. They are those of the program library CCP4.


@compiled_with_fast_math
def first_k(laue, h, k_max):
    if laue == 0:
        return -k_max if h > 0 else 0
    if laue in (3, 5, 8):  # one row of h0l and 0kl is enough
        return 1 if h > 0 else 0
    return h if laue >= 10 else 0


@compiled_with_fast_math
def last_k(laue, h, k_max):
    return min(h, k_max) if laue in (4, 6, 7, 9) else k_max


@compiled_with_fast_math
def first_l(laue, h, k, l_max):
    if laue == 0:
        return 0 if h == 0 and k == 0 else -l_max
    if laue == 1:
        return -l_max if h > 0 else 0
    if laue in (5, 6):
        return -l_max if k > 0 else 0
    if laue == 7:
        return -l_max if h > k else 0
    if laue == 10:
        return h
    return k if laue == 11 else 0


@compiled_with_fast_math
def last_l(laue, h, k, l_max):
    return h if laue == 10 and k == h else l_max


@compiled_with_fast_math
def is_absent(centring, h, k, l):  # noqa: E741
    """Whether the lattice points of a centred cell extinguish a reflection; ``centring`` is the
    place in CENTRINGS."""
    if centring == 0:
        return False
    if centring == 1:
        return (k + l) % 2 != 0
    if centring == 2:
        return (h + k) % 2 != 0
    if centring == 3:
        return (h + k + l) % 2 != 0
    if centring == 4:
        return (h + k) % 2 != 0 or (k + l) % 2 != 0
    return (-h + k + l) % 3 != 0


@compiled_with_fast_math
def multiplicity(laue, h, k, l, table):  # noqa: E741
    """How many reflections are equivalent to hkl, itself and -h-k-l among them."""
    order, fixing = table.orders[laue], 0
    for i in range(order):
        rotation = table.rotations[laue, i]
        h_ = h * rotation[0, 0] + k * rotation[1, 0] + l * rotation[2, 0]
        k_ = h * rotation[0, 1] + k * rotation[1, 1] + l * rotation[2, 1]
        l_ = h * rotation[0, 2] + k * rotation[1, 2] + l * rotation[2, 2]
        fixing += h_ == h and k_ == k and l_ == l
        fixing += h_ == -h and k_ == -k and l_ == -l
    return 2 * order / fixing
