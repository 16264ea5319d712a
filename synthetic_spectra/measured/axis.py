"""A measured spectrum onto the axis of a dataset: wavelength, units, points of the grid."""

from dataclasses import dataclass

import numpy as np

from synthetic_spectra.common.bragg import other_wavelength
from synthetic_spectra.common.errors import InputError

# neighbours in a file that are further apart than this many usual steps have a gap between them
GAP = 20

HIGHEST_ANGLE = 180  # 2θ in degrees

# a file that covers a smaller share of the axis is refused
LEAST_COVER = 0.05

# what the readers say -> other names of it, which a user's own axis may have
OTHER_NAMES = {
    "momentum_transfer": ("q", "q_vector", "scattering_vector", "wave_vector", "wavevector"),
    "d_spacing": ("d", "d_value", "dspacing", "lattice_spacing", "spacing"),
}

# spellings of units -> what the readers say
UNITS = {
    "degree": ("degree", "degrees", "deg", "°"),
    "radian": ("radian", "radians", "rad"),
    "1/cm": ("1/cm", "cm-1", "cm^-1", "cm⁻¹", "cm−1", "cm⁻1"),
    "nm": ("nm", "nanometer", "nanometre", "nanometers"),
    "µm": ("µm", "μm", "um", "micrometer", "micrometers"),
    "ppm": ("ppm",),
}


@dataclass(frozen=True, eq=False)
class OnAxis:
    """A spectrum on the points of a dataset's axis."""

    intensities: np.ndarray
    """Shape (datapoints,), float64; zero where the file has no data."""
    covered: np.ndarray
    """Shape (datapoints,), bool: where the file has data."""
    low: float
    """The first position that the file covers, in the unit of the axis."""
    high: float
    """The last one."""
    guessed: bool
    """Whether the wavelength of the file is a guess: the axis's one is assumed."""
    notes: tuple[str, ...]
    """What was done, or was taken for granted, each in one phrase."""


def onto(measured, axis, datapoints, wavelength=None, guess=True):
    """Bring a measured spectrum onto the axis of a dataset.

    Args:
        measured: ``readers.Measured``.
        axis: an object with ``quantity``, ``unit``, ``first``, ``step`` and, in Å for two_theta,
            ``wavelength``; a descending axis has a negative step.
        datapoints: number of points of the axis.
        wavelength: of the measurement in Å, where the user knows it; wins over the file.
        guess: whether a file of unknown wavelength is taken to have that of the axis.

    Returns:
        OnAxis

    Raises:
        InputError: if the quantities differ without a defined conversion, the wavelength is
            unknown and not guessed, or the file does not meet the axis; does not name the file.
    """
    notes = list(measured.notes)
    positions = _in_quantity(measured, axis, wavelength, notes)

    # X-rays: what was measured with another wavelength stands at other angles
    guessed = False
    if axis.quantity == "two_theta" and axis.wavelength is not None:
        source = wavelength or measured.wavelength
        if source is None and not guess:
            raise InputError(
                "the file does not tell its wavelength; expected --measured-wavelength in Å, as "
                "1.5406 for Cu Kα"
            )
        guessed = source is None
        if guessed:
            notes.append(f"wavelength unknown, taken to be {axis.wavelength:g} Å")
        elif source != axis.wavelength:
            positions = other_wavelength(positions, source, axis.wavelength)
            if abs(source / axis.wavelength - 1) > 1e-4:
                notes.append(f"2θ turned from {source:g} Å into {axis.wavelength:g} Å")

    # positions that have no counterpart on the axis are NaN
    there = np.isfinite(positions)
    if not there.any():
        raise InputError(f"none of its positions has a {axis.quantity}")
    positions, heights = positions[there], measured.intensities[there]
    order = np.argsort(positions, kind="stable")
    positions, heights = positions[order], heights[order]
    grid = axis.first + axis.step * np.arange(datapoints)
    intensities, covered = regridded(positions, heights, grid)
    share = covered.mean()
    low, high = positions[0], positions[-1]
    if share < LEAST_COVER:
        raise InputError(
            f"covers {low:g} to {high:g}, {100 * share:.1f} % of the axis from {grid.min():g} to "
            f"{grid.max():g} {axis.unit}; expected at least {100 * LEAST_COVER:g} %"
        )
    return OnAxis(intensities, covered, float(low), float(high), guessed, tuple(notes))


def _in_quantity(measured, axis, wavelength, notes):
    """The positions in quantity and unit of the axis, shape (n,), NaN where there is none."""
    positions, source = measured.axis, measured.quantity or axis.quantity
    unit, wanted = (spelled(text) for text in (measured.unit, axis.unit))
    if axis.quantity in OTHER_NAMES.get(source, ()):
        source = axis.quantity
        notes.append(f"its {measured.quantity} is taken to be in {axis.unit}")
    if measured.quantity is None:
        if axis.quantity == "two_theta" and positions[-1] > HIGHEST_ANGLE:
            raise InputError(
                f"its axis goes to {positions[-1]:g}, which is no 2θ in degrees; expected an axis "
                "of another quantity"
            )
        notes.append(f"the file does not tell its axis, taken to be {axis.quantity}")

    # wavelengths in nm or µm, where shifts or wavenumbers are wanted
    if source == "wavelength" and wanted == "1/cm":
        nanometres = positions * 1000 if unit == "µm" else positions
        if axis.quantity == "wavenumber":
            return wavenumber(nanometres)
        laser = wavelength or measured.wavelength
        if axis.quantity == "raman_shift" and laser:
            return raman_shift(nanometres, laser / 10)
        raise InputError("its axis is a wavelength; the laser's is needed for Raman shifts")
    if source != axis.quantity:
        raise InputError(f"its axis is {source}, expected {axis.quantity}")
    if unit is None or unit == wanted:
        return positions
    factors = {("radian", "degree"): 180 / np.pi, ("µm", "nm"): 1000, ("nm", "µm"): 0.001}
    if (unit, wanted) not in factors:
        raise InputError(f"its axis is in {measured.unit}, expected {axis.unit}")
    return positions * factors[unit, wanted]


def spelled(unit):
    """The one spelling of a unit, or the text itself where it is not known; None stays None."""
    if unit is None:
        return None
    plain = unit.strip().lower()
    return next((name for name, spellings in UNITS.items() if plain in spellings), plain)


def wavenumber(nanometres):
    """Wavenumbers in 1/cm of wavelengths in nm (vacuum), same shape: 10⁷/λ."""
    values = np.asarray(nanometres, dtype=np.float64)
    return np.divide(1e7, values, out=np.full(values.shape, np.nan), where=values > 0)


def raman_shift(nanometres, laser):
    """Stokes shifts in 1/cm of wavelengths in nm, same shape: 10⁷ (1/λ_laser - 1/λ).

    Args:
        nanometres: wavelengths of the scattered light, any shape.
        laser: wavelength of the laser in nm, > 0.
    """
    return 1e7 / laser - wavenumber(nanometres)


def regridded(positions, heights, grid):
    """A spectrum on the points of an evenly spaced grid.

    Where the file is finer than the grid, points of one bin (half a step to either side) become
    their mean; where it is coarser, it is interpolated linearly between its points.

    Args:
        positions: shape (n,), ascending.
        heights: shape (n,), n >= 1.
        grid: shape (m,), evenly spaced, m >= 2.

    Returns:
        intensities: shape (m,), zero where the file has no data.
        covered: shape (m,), bool: within the range of the file, and in no gap of it. A gap is
            wider than 20 usual steps of the file, and than 2 of the grid.
    """
    step = abs(grid[1] - grid[0])
    start = min(grid[0], grid[-1]) - step / 2
    usual = np.median(np.diff(positions)) if len(positions) > 1 else step

    # one point per bin: the mean position and the mean height of what lies in it
    _, place, counts = np.unique(
        np.floor((positions - start) / step), return_inverse=True, return_counts=True
    )
    centres = np.bincount(place, weights=positions) / counts
    means = np.bincount(place, weights=heights) / counts
    intensities = np.interp(grid, centres, means)

    # covered: a point within half a step, or neighbours on both sides that are not far apart
    after = np.searchsorted(centres, grid).clip(1, max(len(centres) - 1, 1))
    left, right = centres[after - 1], centres[np.minimum(after, len(centres) - 1)]
    half = step / 2 * (1 + 1e-9)
    close = np.minimum(np.abs(grid - left), np.abs(grid - right)) <= half
    within = (left <= grid) & (grid <= right)
    covered = close | (within & (right - left <= max(GAP * usual, 2 * step)))
    return np.where(covered, intensities, 0.0), covered
