"""What an instrument adds to rows of diffractograms, compiled by numba: backgrounds and noise.

All is drawn by ``random_numbers``, from a stream of each row. No function holds Python's lock.
"""

import numpy as np

from synthetic_spectra.crystals.compiling import compiled, compiled_with_fast_math
from synthetic_spectra.crystals.random_numbers import normal, start, word

# of a background: normal weights two to a length scale, values eight to it; of e^(−m²/4) the
# weights that are left out, at more than REACH places, are 10⁻⁷ of the highest
KNOTS, REACH = 4, 8
_OFFSETS = np.arange(KNOTS)[:, None] / KNOTS - np.arange(-REACH, REACH + 1)
TAPS = np.exp(-(_OFFSETS**2) / 4)


@compiled_with_fast_math
def add_backgrounds(rows, two_theta, lengths, shares, seed, epoch, numbers, taps):
    """Add to each row a smooth curve from 0 to a share of its highest intensity.

    The curve is a draw of a Gaussian process of the squared exponential covariance
    exp(−d² / 2 l²) (Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, equation
    4.9): independent normal weights at distances of l / 2, each times exp(−d² / l²), add up to
    that covariance within 10⁻⁷.

    Args:
        rows: float32 (n, n_datapoints), changed in place.
        two_theta: of the datapoints in degrees, ascending, (n_datapoints,).
        lengths: length scales l in degrees 2θ, (n,).
        shares: of the highest intensity of each row, (n,); nothing is drawn for 0.
        seed, epoch, numbers: the random streams, uint64; numbers (n,).
        taps: ``TAPS``.
    """
    curve, state = np.empty(len(two_theta)), np.empty(1, np.uint64)
    for i in range(len(rows)):
        if shares[i] <= 0:
            continue
        state[0] = start(seed, epoch, numbers[i])
        background(curve, two_theta, lengths[i], state, taps)
        lowest, highest = curve.min(), curve.max()
        unit = shares[i] * rows[i].max() / max(highest - lowest, 1e-30)
        for j in range(len(curve)):
            rows[i, j] += np.float32((curve[j] - lowest) * unit)


@compiled_with_fast_math
def background(curve, two_theta, length, state, taps):
    """Draw a Gaussian process at the datapoints: arguments as of ``add_backgrounds``, and the state
    of the random numbers; ``curve`` (n_datapoints,) takes it."""
    # weights from REACH places before the axis on, and values, one before the axis and two behind
    step = length / (2 * KNOTS)
    n_values = int((two_theta[-1] - two_theta[0]) / step) + 4
    weights = np.empty(n_values // KNOTS + 2 + 2 * REACH)
    for j in range(len(weights)):
        weights[j] = normal(state)
    values = np.empty(n_values)
    for k in range(n_values):
        place, phase = k // KNOTS, k % KNOTS
        total = 0.0
        for m in range(2 * REACH + 1):
            total += taps[phase, m] * weights[place + m]
        values[k] = total

    # between them a cubic through the nearest four
    for j in range(len(two_theta)):
        distance = (two_theta[j] - two_theta[0]) / step + 1
        k = min(max(int(distance), 1), n_values - 3)
        t = distance - k
        a, b, c, d = values[k - 1], values[k], values[k + 1], values[k + 2]
        curve[j] = (
            -a * t * (t - 1) * (t - 2) / 6
            + b * (t + 1) * (t - 1) * (t - 2) / 2
            - c * (t + 1) * t * (t - 2) / 2
            + d * (t + 1) * t * (t - 1) / 6
        )


@compiled
def add_noise(rows, additive, multiplicative, seed, epoch, numbers, quantiles):
    """Add normal noise to each row, in place.

    A datapoint of intensity y gets one draw of the variance (additive · highest)² +
    (multiplicative · y)²: the sum of two independent draws has the same distribution.

    Args:
        rows: float32 (n, n_datapoints).
        additive: standard deviations as shares of the highest intensity of each row, (n,).
        multiplicative: as shares of the intensity of each datapoint, (n,).
        seed, epoch, numbers: the random streams, uint64; numbers (n,).
        quantiles: of the standard normal distribution, equally likely ones, float32 (65536,).
    """
    state = np.empty(1, np.uint64)
    for i in range(len(rows)):
        state[0] = start(seed, epoch, numbers[i])
        _add_noise(rows[i], additive[i], multiplicative[i], state, quantiles)


@compiled_with_fast_math
def _add_noise(row, additive, multiplicative, state, quantiles):
    constant = np.float32((additive * row.max()) ** 2)
    square = np.float32(multiplicative**2)
    bits = np.uint64(0)
    for j in range(len(row)):
        # four numbers of 16 bits from a word
        if j % 4 == 0:
            bits = word(state)
        drawn = quantiles[bits & np.uint64(0xFFFF)]
        bits = bits >> np.uint64(16)
        row[j] += drawn * np.sqrt(constant + square * row[j] * row[j])
