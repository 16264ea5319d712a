"""Crystal structures → the lines of their powder patterns, by kinematic diffraction.

The formula is that of International Tables for Crystallography C (2006), 6.1.1 and 6.2.1, and of
pymatgen's ``XRDCalculator``. A line at 2θ = 2 arcsin(λ / 2d) has the intensity

    I = Σ |F(hkl)|² · (1 + cos² 2θ) / (sin² θ cos θ)   over all hkl of that d (the multiplicity),
    F(hkl) = Σ occupancy · f(sin θ / λ) · exp(2πi (hx + ky + lz))   over all atoms of the cell,

without absorption, thermal motion, anomalous dispersion and preferred orientation. The form
factors f are those of table 6.1.1.4, Σ a exp(−b sin² θ / λ²) + c, which gemmi holds.
"""

from dataclasses import dataclass

import gemmi
import numpy as np

SAME_ANGLE = 1e-4  # degrees 2θ: lines that lie nearer are one line
MAX_REFLECTIONS = 2**21  # hkl around the origin: with more, lines follow on lines without a gap


@dataclass(frozen=True)
class Crystal:
    """The content of one unit cell.

    Args:
        name: of the substance; "" if its source gives none.
        formula: e.g. "O2 Ti".
        entry: of a database, e.g. "COD 9007674"; "" if its source names none.
        cell: a, b, c in Å, then α, β, γ in degrees.
        positions: fractional coordinates of all atoms of the cell, (n, 3).
        elements: chemical symbol of each atom, n strings.
        occupancies: share of the cells in which the atom is there, (n,), mostly 1.
    """

    name: str
    formula: str
    entry: str
    cell: tuple
    positions: np.ndarray
    elements: tuple
    occupancies: np.ndarray


def lines(crystal, wavelength, first, last):
    """The lines of a powder pattern between two angles.

    Args:
        crystal: a ``Crystal``.
        wavelength: in Å.
        first, last: degrees 2θ, 0 ≤ first < last ≤ 180.

    Returns:
        angles (k,) in degrees 2θ, ascending, and heights (k,) relative to the highest; k may be 0.

    Raises:
        ValueError: if there are too many reflections.
    """
    # 1. Every hkl whose 1/d = 2 sin θ / λ lies between those of both angles. Without anomalous
    #    dispersion hkl and -h-k-l scatter alike: the half of them that follows 000 is enough.
    cell = gemmi.UnitCell(*crystal.cell)
    lowest, highest = 2 * np.sin(np.radians([first, last]) / 2) / wavelength
    h_max, k_max, l_max = (limit + 1 for limit in cell.get_hkl_limits(1 / highest))
    if (2 * h_max + 1) * (2 * k_max + 1) * (2 * l_max + 1) > MAX_REFLECTIONS:
        raise ValueError(f"a cell of {crystal.cell} has more than {MAX_REFLECTIONS} reflections")
    h, k, l = (np.arange(-limit, limit + 1) for limit in (h_max, k_max, l_max))  # noqa: E741
    h = h[h_max:]
    hkl = np.stack(np.meshgrid(h, k, l, indexing="ij"), axis=-1).reshape(-1, 3)
    inverse_d = np.sqrt(cell.calculate_1_d2_array(hkl.astype("int32")))
    within = (inverse_d >= lowest) & (inverse_d <= highest)
    within[: len(k) * len(l) // 2 + 1] = False
    inverse_d = inverse_d[within]

    # 2. Structure factors, element by element; (sin θ / λ)² = 1 / 4d². The exponential of a sum is
    #    a product: that of hx for each h, of ky for each k and of lz for each l are enough.
    structure_factors = np.zeros(len(inverse_d), complex)
    for element in sorted(set(crystal.elements)):
        atoms = np.array([symbol == element for symbol in crystal.elements])
        of_x, of_y, of_z = (
            np.exp(2j * np.pi * np.outer(index, coordinate))
            for index, coordinate in zip((h, k, l), crystal.positions[atoms].T, strict=True)
        )
        of_z = (of_z * crystal.occupancies[atoms]).T
        phases = np.concatenate([(of_y * row) @ of_z for row in of_x]).ravel()[within]
        structure_factors += form_factors(element, inverse_d**2 / 4) * phases

    # 3. Intensities, with the Lorentz and the polarisation factor of a powder.
    sines = np.clip(wavelength * inverse_d / 2, 0, 1)
    angles = np.degrees(2 * np.arcsin(sines))
    with np.errstate(divide="ignore"):  # at 2θ = 180° the factor is infinite
        intensities = np.abs(structure_factors) ** 2 * lorentz_polarisation(sines)

    # 4. Lines at one angle are one line: its multiplicity is counted thus.
    order = np.argsort(angles)
    angles, intensities = angles[order], intensities[order]
    starts = np.flatnonzero(np.diff(angles, prepend=-1) > SAME_ANGLE)
    if not len(starts):
        return angles, intensities
    angles, intensities = angles[starts], np.add.reduceat(intensities, starts)

    # 5. Heights relative to the highest, without the lines that symmetry extinguishes.
    heights = intensities / (intensities.max() or 1)
    seen = heights > 1e-9
    return angles[seen], heights[seen]


def form_factors(element, squares):
    """The form factors of an element.

    Args:
        element: chemical symbol or atomic number, 1 to 98.
        squares: (sin θ / λ)² in 1/Å², (k,), at most 4.

    Returns:
        f (k,) in electrons.
    """
    *coefficients, constant = gemmi.Element(element).it92.get_coefs()
    a, b = np.reshape(coefficients, (2, -1))
    return np.exp(-np.outer(squares, b)) @ a + constant


def lorentz_polarisation(sine):
    """The Lorentz and polarisation factor of a powder, (1 + cos² 2θ) / (sin² θ cos θ).

    Args:
        sine: sin θ, above 0 and below 1, a number or an array.
    """
    square = sine * sine
    return (1 + (1 - 2 * square) ** 2) / (square * np.sqrt(1 - square))


def scherrer_sigma(cosine, size, wavelength):
    """The width σ of a line on 2θ, in radians: that of a Gaussian whose full width at half maximum
    is 0.9 λ / (L cos θ), the equation of Scherrer (Nachr. Ges. Wiss. Göttingen, 1918, 98).

    Args:
        cosine: cos θ, above 0, a number or an array.
        size: of the crystallites, L in nm.
        wavelength: λ in Å.
    """
    return 0.09 * wavelength / (size * cosine * np.sqrt(8 * np.log(2)))
