"""Lines → rows of diffractograms, compiled by numba: Gaussians, Lorentzians, and their scale.

Gaussians follow from recurrences: each value and each ratio of neighbours is the one before times a
factor.
"""

import numpy as np

from synthetic_spectra.crystals import diffraction
from synthetic_spectra.crystals.compiling import compiled_with_fast_math
from synthetic_spectra.crystals.patterns import CUT, TAIL

LANES = 8  # values of a Gaussian that are computed side by side
# σ² in radians² of FWHM² in degrees²
SQUARED_SIGMA = np.radians(1.0) ** 2 / (8 * np.log(2))
# a Lorentzian beside a Gaussian of the same area, whose 1 / √(2π) is left out
BESIDE_GAUSSIAN = np.sqrt(2 / np.pi)
HALF_WIDTH = np.sqrt(2 * np.log(2))  # of both, in σ

_scherrer_sigma = compiled_with_fast_math(diffraction.scherrer_sigma)


@compiled_with_fast_math
def add_line(
    row, sine, intensity, size, wavelength, first, step, logarithmic, caglioti, mixing, faintness,
    angles, lanes,
):  # fmt: skip
    """Add a line to a row.

    Args:
        row: float32 (n_datapoints,).
        sine, intensity: of the line.
        size, wavelength: of the crystallites in nm, of the X-rays in Å.
        first, step, logarithmic: the axis, in radians 2θ or ln sin θ.
        caglioti: U, V, W in degrees², (3,).
        mixing: share of the Lorentzian, 0 to 1.
        faintness: the highest intensity of all lines over that of this one, ≥ 1.
        angles: 2θ of the datapoints in radians, float64 (n_datapoints,).
        lanes: memory for numbers, (2, LANES).
    """
    cosine = np.sqrt(1 - sine * sine)
    sigma = _scherrer_sigma(cosine, size, wavelength)
    tangent = sine / cosine
    squared = caglioti[2] + tangent * (caglioti[1] + tangent * caglioti[0])
    if squared > 0:
        sigma = np.sqrt(sigma * sigma + SQUARED_SIGMA * squared)
    if mixing > 0:
        half_width = HALF_WIDTH * sigma
        factor = BESIDE_GAUSSIAN * mixing * intensity * half_width
        reach = half_width / np.sqrt(faintness * TAIL)
        _add_lorentzian(row, angles, 2 * np.arcsin(sine), half_width, factor, reach)
    if mixing < 1:
        height = (1 - mixing) * intensity / sigma
        if logarithmic:
            distance = np.log(sine) - np.log(np.sin(first / 2))
            sigma *= cosine / (2 * sine)
        else:
            distance = 2 * np.arcsin(sine) - first
        _add_gaussian(row, distance / step, sigma / step, height, lanes[0], lanes[1])


@compiled_with_fast_math
def _add_lorentzian(row, angles, angle, half_width, factor, reach):
    """Add factor / (x² + half_width²) to a row, where x is at most the reach, all in radians."""
    start = np.searchsorted(angles, angle - reach)
    end = np.searchsorted(angles, angle + reach)
    # twice as many floats of 32 bits are divided at once
    square, factor_32 = half_width * half_width, np.float32(factor)
    for j in range(start, end):
        distance = angles[j] - angle
        row[j] += factor_32 / np.float32(distance * distance + square)


@compiled_with_fast_math
def _add_gaussian(row, position, sigma, height, values, ratios):
    """Add a Gaussian to a row; ``values`` and ``ratios`` are memory for LANES numbers."""
    start = max(0, int(np.ceil(position - CUT * sigma)))
    end = min(len(row) - 1, int(np.floor(position + CUT * sigma))) + 1
    if start >= end:
        return
    # LANES values side by side: the ratio of a value to that LANES before, and the ratio of two
    # such ratios, which is the same everywhere
    per_square = -0.5 / (sigma * sigma)
    distance = start - position
    lane_step, lane_ratio = np.exp(2 * LANES * per_square), np.exp(2 * LANES * LANES * per_square)
    # from lane to lane the values themselves follow the same recurrence by one datapoint
    value = height * np.exp(per_square * distance * distance)
    ratio = np.exp(per_square * (2 * distance + 1))
    step_ratio = np.exp(2 * per_square)
    far = np.exp(per_square * LANES * (2 * distance + LANES))
    for lane in range(LANES):
        values[lane], ratios[lane] = value, far
        value *= ratio
        ratio *= step_ratio
        far *= lane_step
    for j in range(start, end - LANES + 1, LANES):
        for lane in range(LANES):
            row[j + lane] += np.float32(values[lane])
            values[lane] *= ratios[lane]
            ratios[lane] *= lane_ratio
    rest = (end - start) % LANES
    for lane in range(rest):
        row[end - rest + lane] += np.float32(values[lane])


@compiled_with_fast_math
def finish(row, root):
    """Scale a row to a maximum of 1, and take the root if it is wanted."""
    # floats from 0 on are in the order of their bits; of whole numbers the processor finds the
    # highest eight times as fast
    bits = row.view(np.int32)
    highest = np.zeros(1, np.int32)
    for j in range(len(bits)):
        highest[0] = max(highest[0], bits[j])
    if highest[0] == 0:
        return
    unit = highest.view(np.float32)[0]
    if root:
        for j in range(len(row)):
            row[j] = np.sqrt(row[j] / unit)
    else:
        for j in range(len(row)):
            row[j] /= unit
