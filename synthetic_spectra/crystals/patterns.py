"""Crystals → diffractograms in plain NumPy: the reference of ``compiled``, which is faster.

The intensities are those of ``diffraction``, with every set of equivalent reflections once. Each is
a Gaussian of the area of its intensity on 2θ, whose width is that of crystallites of one size. The
diffractogram is scaled to a maximum of 1. So do Schopmans, Reiser, Friederich, Digital Discovery 2,
1414 (2023). ``Profiles`` say what an instrument makes of the lines.
"""

from dataclasses import dataclass

import gemmi
import numpy as np

from synthetic_spectra.crystals.diffraction import (
    form_factors,
    lorentz_polarisation,
    scherrer_sigma,
)
from synthetic_spectra.crystals.symmetry import standard_group

CUT = 5.0  # a Gaussian ends at this many σ
SEEN = 1e-9  # of the highest line: what is lower is absent, but for rounding
TAIL = 1e-4  # of the highest line: a Lorentzian ends where it is lower, all widths being equal
SECOND = 0.5  # intensity of a line of the second wavelength, of that of the first one


@dataclass(frozen=True)
class Grid:
    """The axis of diffractograms.

    Args:
        wavelength: of the X-rays, λ in Å.
        first, last: degrees 2θ of the first and the last datapoint, 0 < first < last < 180.
        n_datapoints: ≥ 2.
        logarithmic: whether datapoints are evenly spaced in ln sin θ, where all lines of a larger
            crystal of the same shape are moved by one distance; else in 2θ.
    """

    wavelength: float = 1.5406
    first: float = 5.0
    last: float = 90.0
    n_datapoints: int = 8501
    logarithmic: bool = False

    @property
    def inverse_d(self):
        """1/d = 2 sin θ / λ in 1/Å of the first and of the last datapoint."""
        return tuple(2 * np.sin(np.radians([self.first, self.last]) / 2) / self.wavelength)

    def reach(self, second_wavelength):
        """``inverse_d``, wide enough for lines of a second wavelength too; 0 Å if there is none."""
        lowest, highest = self.inverse_d
        ratio = (second_wavelength or self.wavelength) / self.wavelength
        # sin θ stays below 1
        highest = min(highest * max(1, 1 / ratio), 2 / self.wavelength * (1 - 1e-9))
        return lowest * min(1, 1 / ratio), highest

    @property
    def step(self):
        """Distance of two datapoints, in radians 2θ or in ln sin θ."""
        first, last = np.radians([self.first, self.last])
        if self.logarithmic:
            first, last = np.log(np.sin([first / 2, last / 2]))
        return (last - first) / (self.n_datapoints - 1)

    def two_theta(self):
        """2θ of the datapoints, in degrees, (n_datapoints,)."""
        if not self.logarithmic:
            return np.linspace(self.first, self.last, self.n_datapoints)
        ends = np.log(np.sin(np.radians([self.first, self.last]) / 2))
        return np.degrees(2 * np.arcsin(np.exp(np.linspace(*ends, self.n_datapoints))))


@dataclass(frozen=True, eq=False)
class Profiles:
    """What an instrument makes of the lines of n diffractograms.

    Args:
        caglioti: U, V, W of FWHM² = U tan² θ + V tan θ + W, in degrees² 2θ, (n, 3) (Caglioti,
            Paoletti, Ricci, Nucl. Instrum. 3, 223 (1958)). It is added to the square of the width
            of the crystallites; below 0 it counts as 0.
        mixing: share of the Lorentzian in the pseudo-Voigt profile of the whole width, (n,).
        second_wavelength: of the X-rays in Å, of half the intensity; 0 if there is none.
    """

    caglioti: np.ndarray
    mixing: np.ndarray
    second_wavelength: float = 0.0

    @classmethod
    def plain(cls, n):
        """Gaussians of the widths of the crystallites alone."""
        return cls(np.zeros((n, 3)), np.zeros(n))

    def chosen(self, places):
        return Profiles(self.caglioti[places], self.mixing[places], self.second_wavelength)


def patterns(crystals, sizes, grid, profiles=None):
    """The diffractograms of crystals.

    Args:
        crystals: ``Crystals``, n of them.
        sizes: of the crystallites of each, (n,) in nm.
        grid: a ``Grid``.
        profiles: a ``Profiles``; Gaussians of the widths of the crystallites without.

    Returns:
        float32 (n, n_datapoints), each with a maximum of 1; 0 if the crystal has no line there.
    """
    found = np.zeros((len(crystals), grid.n_datapoints), "float32")
    profiles = profiles or Profiles.plain(len(crystals))
    for i, row in enumerate(found):
        of_one = lines(crystals, i, grid, profiles.second_wavelength)
        row[:] = pattern(*of_one, sizes[i], grid, profiles.chosen([i]))
    return found


def lines(crystals, i, grid, second_wavelength=0.0):
    """The lines of crystal ``i``: one for each set of equivalent reflections, so that two may lie
    at one angle.

    Args:
        crystals: ``Crystals``.
        i: index of the crystal.
        grid: a ``Grid``.
        second_wavelength: in Å, which must find its lines as well; 0 if there is none.

    Returns:
        sin θ (k,) of the first wavelength and intensities (k,) relative to the highest; k may be 0.
    """
    # 1. One of each set of reflections that the Laue class joins, but none that centring, screw
    #    axes or glide planes extinguish.
    group = standard_group(int(crystals.groups[i]))
    cell = gemmi.UnitCell(*crystals.cells[i])
    lowest, highest = grid.reach(second_wavelength)
    hkl = gemmi.make_miller_array(cell, group, 1 / highest, 1 / lowest)
    if not len(hkl):
        return np.empty(0), np.empty(0)
    inverse_d = np.sqrt(cell.calculate_1_d2_array(hkl))

    # 2. Their multiplicity: the operations of the point group over those that leave hkl where it
    #    is; twice that where none takes hkl to -h-k-l, which scatters alike.
    operations = group.operations()
    multiplicities = len(operations.sym_ops) / operations.epsilon_factor_without_centering_array(
        hkl
    )
    multiplicities *= 2 - operations.centric_flag_array(hkl)

    # 3. Structure factors, element by element; (sin θ / λ)² = 1 / 4d².
    atoms = slice(crystals.starts[i], crystals.starts[i + 1])
    elements, positions = crystals.elements[atoms], crystals.positions[atoms]
    structure_factors = np.zeros(len(hkl), complex)
    for element in np.unique(elements):
        phases = _phases(hkl, positions[elements == element])
        structure_factors += form_factors(int(element), inverse_d**2 / 4) * phases

    # 4. Intensities relative to the highest.
    sines = grid.wavelength * inverse_d / 2
    intensities = multiplicities * np.abs(structure_factors) ** 2 * lorentz_polarisation(sines)
    intensities /= intensities.max() or 1
    seen = intensities > SEEN
    return sines[seen], intensities[seen]


def pattern(sines, intensities, size, grid, profiles=None):
    """The diffractogram of lines.

    On the axis ln sin θ each datapoint has the intensity that it has on 2θ, with a Gaussian of the
    width that the axis has at the line.

    Args:
        sines, intensities: sin θ and intensities of k lines.
        size: of the crystallites, in nm.
        grid: a ``Grid``.
        profiles: ``Profiles`` of one; Gaussians of the width of the crystallites without.

    Returns:
        float64 (n_datapoints,) with a maximum of 1; 0 if there is no line.
    """
    row = np.zeros(grid.n_datapoints)
    profiles = profiles or Profiles.plain(1)
    of_wavelengths = [(sines, intensities, grid.wavelength)]
    if profiles.second_wavelength:
        moved = sines * (profiles.second_wavelength / grid.wavelength)
        there = moved < 1
        of_wavelengths.append(
            (moved[there], SECOND * intensities[there], profiles.second_wavelength)
        )
    for of_one in of_wavelengths:
        if len(of_one[0]):
            row += _profiles(*of_one, size, grid, profiles.caglioti[0], profiles.mixing[0])
    return row / (row.max() or 1)


def _profiles(sines, intensities, wavelength, size, grid, caglioti, mixing):
    """The sum of the profiles of k lines of one wavelength, float64 (n_datapoints,)."""
    # widths on 2θ in radians: squares of both add up
    cosines = np.sqrt(1 - sines**2)
    u, v, w = caglioti
    tangents = sines / cosines
    instrument = np.maximum(0, u * tangents**2 + v * tangents + w)
    instrument *= np.radians(1) ** 2 / (8 * np.log(2))
    sigmas = np.sqrt(scherrer_sigma(cosines, size, wavelength) ** 2 + instrument)
    row = np.zeros(grid.n_datapoints)

    # Lorentzians on 2θ; a Gaussian has the area of its intensity, but for 1 / √(2π)
    angles, places = np.radians(grid.two_theta()), 2 * np.arcsin(sines)
    half_widths = sigmas * np.sqrt(2 * np.log(2))
    reaches = half_widths / np.sqrt(TAIL * intensities.max() / intensities)
    for place, half_width, intensity, reach in zip(
        places, half_widths, intensities, reaches, strict=True
    ):
        if not mixing:
            break
        near = slice(*np.searchsorted(angles, [place - reach, place + reach]))
        areas = mixing * intensity * np.sqrt(2 / np.pi) * half_width
        row[near] += areas / ((angles[near] - place) ** 2 + half_width**2)

    # positions and widths in datapoints; d ln sin θ / d 2θ = cos θ / (2 sin θ)
    heights = (1 - mixing) * intensities / sigmas
    first = np.radians(grid.first)
    distances = places - first
    if grid.logarithmic:
        distances = np.log(sines) - np.log(np.sin(first / 2))
        sigmas = sigmas * cosines / (2 * sines)
    positions, sigmas = distances / grid.step, sigmas / grid.step

    # a window around each line, as wide as the widest one needs
    reach = int(CUT * sigmas.max()) + 1
    datapoints = np.rint(positions).astype(int)[:, None] + np.arange(-reach, reach + 1)
    distances = (datapoints - positions[:, None]) / sigmas[:, None]
    values = heights[:, None] * np.exp(-0.5 * distances**2)
    inside = (datapoints >= 0) & (datapoints < grid.n_datapoints) & (np.abs(distances) <= CUT)
    return row + np.bincount(datapoints[inside], values[inside], grid.n_datapoints)


def _phases(hkl, positions):
    """Σ exp(2πi (hx + ky + lz)) over positions (n, 3), for hkl (k, 3)."""
    # the exponential of a sum is a product: that of hx for each h, of ky for each k and of lz for
    # each l are enough
    products = 1
    for index, coordinates in zip(hkl.T, positions.T, strict=True):
        lowest = index.min()
        every = np.arange(lowest, index.max() + 1)
        products = products * np.exp(2j * np.pi * np.outer(every, coordinates))[index - lowest]
    return products.sum(axis=1)
