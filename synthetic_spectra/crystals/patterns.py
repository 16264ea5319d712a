"""Crystals → diffractograms in plain NumPy: the reference of ``compiled``, which is faster.

The intensities are those of ``diffraction``, with every set of equivalent reflections once. Each is
a Gaussian of the area of its intensity on 2θ, whose width is that of crystallites of one size. The
diffractogram is scaled to a maximum of 1. So do Schopmans, Reiser, Friederich, Digital Discovery 2,
1414 (2023).
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


def patterns(crystals, sizes, grid):
    """The diffractograms of crystals.

    Args:
        crystals: ``Crystals``, n of them.
        sizes: of the crystallites of each, (n,) in nm.
        grid: a ``Grid``.

    Returns:
        float32 (n, n_datapoints), each with a maximum of 1; 0 if the crystal has no line there.
    """
    found = np.zeros((len(crystals), grid.n_datapoints), "float32")
    for i, row in enumerate(found):
        row[:] = pattern(*lines(crystals, i, grid), sizes[i], grid)
    return found


def lines(crystals, i, grid):
    """The lines of crystal ``i``: one for each set of equivalent reflections, so that two may lie
    at one angle.

    Args:
        crystals: ``Crystals``.
        i: index of the crystal.
        grid: a ``Grid``.

    Returns:
        sin θ (k,) and intensities (k,) relative to the highest; k may be 0.
    """
    # 1. One of each set of reflections that the Laue class joins, but none that centring, screw
    #    axes or glide planes extinguish.
    group = standard_group(int(crystals.groups[i]))
    cell = gemmi.UnitCell(*crystals.cells[i])
    lowest, highest = grid.inverse_d
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


def pattern(sines, intensities, size, grid):
    """The diffractogram of lines.

    On the axis ln sin θ each datapoint has the intensity that it has on 2θ, with a Gaussian of the
    width that the axis has at the line.

    Args:
        sines, intensities: sin θ and intensities of k lines.
        size: of the crystallites, in nm.
        grid: a ``Grid``.

    Returns:
        float64 (n_datapoints,) with a maximum of 1; 0 if there is no line.
    """
    row = np.zeros(grid.n_datapoints)
    if not len(sines):
        return row
    cosines = np.sqrt(1 - sines**2)
    sigmas = scherrer_sigma(cosines, size, grid.wavelength)
    heights = intensities / sigmas

    # positions and widths in datapoints; d ln sin θ / d 2θ = cos θ / (2 sin θ)
    first = np.radians(grid.first)
    if grid.logarithmic:
        distances = np.log(sines) - np.log(np.sin(first / 2))
        sigmas = sigmas * cosines / (2 * sines)
    else:
        distances = 2 * np.arcsin(sines) - first
    positions, sigmas = distances / grid.step, sigmas / grid.step

    # a window around each line, as wide as the widest one needs
    reach = int(CUT * sigmas.max()) + 1
    datapoints = np.rint(positions).astype(int)[:, None] + np.arange(-reach, reach + 1)
    distances = (datapoints - positions[:, None]) / sigmas[:, None]
    values = heights[:, None] * np.exp(-0.5 * distances**2)
    inside = (datapoints >= 0) & (datapoints < grid.n_datapoints) & (np.abs(distances) <= CUT)
    row += np.bincount(datapoints[inside], values[inside], grid.n_datapoints)
    return row / row.max()


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
