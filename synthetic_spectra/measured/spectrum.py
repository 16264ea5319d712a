"""A measured spectrum, and how columns of numbers become one."""

from dataclasses import dataclass

import numpy as np

from synthetic_spectra.common.errors import InputError

# bounds on what a stranger's file may ask for
MOST_BYTES = 64 * 2**20
MOST_PARSED = 16 * 2**20  # of texts that geddes takes apart, at 50 times their size in memory
MOST_ROWS = 1_000_000

# fewer points are no spectrum
FEWEST_ROWS = 10

# larger numbers are damage, and their sums would overflow
LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class Measured:
    """A spectrum from a file, and what the file says about it.

    ``quantity``, ``unit`` and ``wavelength`` are None where the file does not say.
    """

    axis: np.ndarray
    """Positions, shape (n,), float64, strictly ascending."""
    intensities: np.ndarray
    """Intensities at these positions, shape (n,), float64, finite, in the unit of the file."""
    quantity: str | None = None
    """What the axis is: two_theta, raman_shift, wavenumber, wavelength, chemical_shift; of a text
    table also theta, d_spacing or momentum_transfer, which no conversion is defined for."""
    unit: str | None = None
    """The unit of the axis: degree, 1/cm, nm, ppm."""
    wavelength: float | None = None
    """Of the radiation in Å: X-rays for two_theta, the laser for raman_shift and wavelength."""
    name: str | None = None
    """The sample, as the file names it."""
    format: str = ""
    """The format of the file, in words."""
    notes: tuple[str, ...] = ()
    """What was done to the rows, or is unusual, each in one phrase."""


def spectrum(axis, intensities, notes=(), **said):
    """A ``Measured`` from raw columns.

    Missing rows are left out, a descending axis is turned round, rows in disorder are sorted, and
    the intensities of repeated positions are averaged.

    Args:
        axis, intensities: numbers, shape (n,) each; NaN where a value is missing.
        notes: phrases to begin with.
        said: further fields of ``Measured``.

    Raises:
        InputError: if these columns are no spectrum; the text does not name the file.
    """
    axis, intensities = (np.asarray(x, dtype=np.float64).ravel() for x in (axis, intensities))
    notes = list(notes)
    if len(axis) != len(intensities):
        raise InputError(f"{len(axis)} axis values, but {len(intensities)} intensities")
    if len(axis) > MOST_ROWS:
        raise InputError(f"{len(axis):,} rows, expected at most {MOST_ROWS:,}")

    # rows without a value on either side say nothing
    whole = (np.abs(axis) < LARGEST) & (np.abs(intensities) < LARGEST)
    if not whole.all():
        notes.append(f"{plural(np.count_nonzero(~whole))} without a number left out")
        axis, intensities = axis[whole], intensities[whole]
    if len(axis) < FEWEST_ROWS:
        raise InputError(f"{plural(len(axis))} of numbers, expected at least {FEWEST_ROWS}")

    # the axis runs one way, or the column is something else
    steps = np.sign(np.diff(axis))
    backward = min(np.count_nonzero(steps > 0), np.count_nonzero(steps < 0))
    if backward > len(steps) / 20:
        raise InputError("no axis: its values go up and down")
    if backward:
        notes.append(f"rows in disorder at {backward} places, sorted")
    if steps.sum() < 0:
        axis, intensities = axis[::-1], intensities[::-1]

    positions, place, counts = np.unique(axis, return_inverse=True, return_counts=True)
    if len(positions) < max(FEWEST_ROWS, len(axis) / 2):
        raise InputError(f"no axis: only {len(positions)} different values in {len(axis)} rows")
    if len(positions) < len(axis):
        notes.append(f"{plural(len(axis) - len(positions))} at repeated positions, averaged")
    heights = np.bincount(place, weights=intensities) / counts
    if heights.min() == heights.max():
        raise InputError(f"no spectrum: every intensity is {heights[0]:g}")
    return Measured(positions, heights, notes=tuple(notes), **said)


def plural(n):
    """A number of rows in words."""
    return "1 row" if n == 1 else f"{n or 'no'} rows"


def absorbance(transmittance, notes, kind="transmittance"):
    """-log10(T), whose maxima are the bands, shape (n,); NaN where T <= 0.

    Args:
        transmittance: T as a share, or in percent where the largest is above 2, shape (n,).
        notes: list that takes a phrase about it.
        kind: what T is, in words.
    """
    notes.append(f"{kind} turned into absorbance")
    transmittance = np.asarray(transmittance, dtype=np.float64)
    share = transmittance / (100 if np.fmax.reduce(transmittance, initial=0) > 2 else 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.log10(np.where(share > 0, share, np.nan))
