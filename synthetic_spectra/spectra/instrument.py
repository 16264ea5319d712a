"""Peaks → spectra as an instrument records them: shifts, impurities, background, noise, a range.

All functions are pure functions of (peaks or spectra, settings, random generator). What they add to
the published rules is off by default. The peaks are those of ``peaks``; ``settings`` is the
``rendering`` of a resolved config.
"""

from functools import cache

import numpy as np
import scipy

from synthetic_spectra.common import bragg
from synthetic_spectra.spectra import profiles

DEGREE = 5  # of a polynomial background
SMOOTHNESS = 1 / 8  # length over which a Gaussian process varies, as a share of the axis
HUMP = (1 / 20, 1 / 8)  # lowest, highest σ of a hump, as shares of the axis


def disturb(positions, heights, widths, settings, n_datapoints, rng, axis=None):
    """Peaks as an instrument and a sample leave them: strained, stretched, moved together, of
    several widths, among peaks of something else.

    Args:
        positions, heights, widths: peaks of n spectra.
        settings: what is on.
        n_datapoints: length of the axis.
        rng: a ``numpy.random.Generator``; it is advanced.
        axis: a ``names.Axis`` of two_theta, which a strain needs.

    Returns:
        positions (n, m) in datapoints, heights (n, m), widths (n, m) and mixing (n,), the share of
        the Lorentzian in the profile of each spectrum; just the peaks that were given, with a
        mixing of 0, where nothing is on.
    """
    n, k = positions.shape
    mixing = np.zeros(n)
    if not _moves_peaks(settings):
        return positions, heights, widths, mixing

    # the axis: strained, stretched, then moved; what is not reflected any more lies nowhere on it
    positions, widths = positions.astype(float), np.tile(widths[:, None], (1, k))
    if settings.strain:
        strains = rng.uniform(-settings.strain, settings.strain, (n, 1))
        strained = axis.position(bragg.strained(axis.value(positions), strains))
        positions = np.nan_to_num(strained, nan=np.inf)
    if settings.scale:
        positions *= 1 + rng.uniform(-settings.scale, settings.scale, (n, 1))
    if settings.zero_shift:
        positions += rng.uniform(-settings.zero_shift, settings.zero_shift, (n, 1))

    # peaks of something else, of the width of the spectrum
    if settings.impurities:
        shape = (n, settings.impurities)
        positions = np.hstack([positions, rng.uniform(0, n_datapoints - 1, shape)])
        heights = np.hstack([heights, rng.uniform(0, settings.impurity_height, shape)])
        widths = np.hstack([widths, np.tile(widths[:, :1], (1, settings.impurities))])

    # widths and profiles
    if settings.width_spread:
        widths = widths * rng.uniform(
            1 - settings.width_spread, 1 + settings.width_spread, widths.shape
        )
    if settings.profile == "lorentzian":
        mixing += 1
    if settings.profile == "pseudo_voigt":
        mixing = rng.uniform(*settings.mixing, n)
    return positions, heights, widths, mixing


def measure(positions, heights, widths, mixing, settings, n_datapoints, rng):
    """Render the peaks that ``disturb`` gives, add background and noise, and keep a range.

    Args:
        positions, heights, widths, mixing: peaks of n spectra.
        settings, n_datapoints, rng: as in ``disturb``.

    Returns:
        the spectra (n, n_datapoints), of the dtype of the settings.

    Raises:
        ValueError: if a spectrum is empty.
    """
    if _moves_peaks(settings):
        spectra = profiles.pseudo_voigt(positions, heights, widths, mixing, n_datapoints)
    else:
        spectra = profiles.gaussian(positions, heights, widths, n_datapoints, settings.dtype)
    cropped = settings.crop < 1
    if cropped or settings.background or settings.counts or settings.noise:
        # spectrum by spectrum, so that it does not matter how many are rendered in one call
        for i, row in enumerate(spectra):
            if cropped:
                # background and noise are relative to what is left
                start, end = _kept_range(row, settings.crop, rng)
                row[:start] = row[end:] = 0
            add_background_and_noise(row, settings, rng)
            if cropped:
                row[:start] = row[end:] = 0
            if not row.max() > 0:
                raise ValueError(f"spectrum {i} is empty: no photon was counted, or noise hides it")
    return spectra.astype(settings.dtype, copy=False)


def _kept_range(row, smallest, rng):
    """A random range of a spectrum (n_datapoints,), as start and end.

    Its length is uniform from the smallest share of the axis to the whole axis. It holds one
    datapoint at least that is drawn in proportion to the intensities, as no one measures where
    there is nothing, and lies anywhere around it.
    """
    length = max(1, round(len(row) * rng.uniform(smallest, 1)))
    rising = np.cumsum(row, dtype="float64")
    kept = int(np.searchsorted(rising, (1 - rng.random()) * rising[-1]))
    first, last = max(0, kept - length + 1), min(kept, len(row) - length)
    start = int(rng.integers(first, last + 1))
    return start, start + length


def add_background_and_noise(row, settings, rng):
    """Add a background, the noise of counting and normal noise to one spectrum, in place.

    A background is a smooth curve that begins at 0 and reaches up to a share of the highest
    intensity, uniform between 0 and ``background``. Counts are drawn from a Poisson distribution,
    background included; normal noise comes last, from one of 65536 equally likely values per
    datapoint, ±4.3 standard deviations at most.

    Args:
        row: the spectrum (n_datapoints,).
        settings, rng: as in ``disturb``.
    """
    n_datapoints, highest = len(row), row.max()
    if settings.background:
        curve = _background(settings.background_shape, n_datapoints, rng)
        row += curve * (highest * rng.uniform(0, settings.background))
    if settings.counts:
        lit = np.flatnonzero(row)
        with np.errstate(all="ignore"):  # very few counts give 0 or NaN, which ``measure`` refuses
            unit = highest / settings.counts
            row[lit] = rng.poisson(row[lit] * (settings.counts / highest)) * unit
    if settings.noise:
        # Four indices of 16 bits from each word of random bits are faster than rng.integers; every
        # index is in range.
        bits = rng.bit_generator.random_raw(-(-n_datapoints // 4)).view("uint16")[:n_datapoints]
        noise = normal_quantiles().take(bits, mode="wrap")
        noise *= highest * settings.noise
        row += noise


def _moves_peaks(settings):
    """Whether peaks lie anywhere between datapoints, or have profiles or widths of their own."""
    moving = (
        settings.width_spread, settings.zero_shift, settings.scale, settings.strain,
        settings.impurities,
    )  # fmt: skip
    return settings.profile != "gaussian" or any(moving)


def _background(shape, n_datapoints, rng):
    """A random smooth curve (n_datapoints,) from 0 to 1."""
    if shape == "hump":
        centre, sigma = rng.uniform(0, n_datapoints), n_datapoints * rng.uniform(*HUMP)
        curve = np.exp(-0.5 * ((np.arange(n_datapoints) - centre) / sigma) ** 2)
    else:
        curves = {"polynomial": _polynomials, "gaussian_process": _gaussian_process}[shape](
            n_datapoints
        )
        curve = rng.standard_normal(len(curves)) @ curves
    curve -= curve.min()
    return curve / (curve.max() or 1)


@cache
def normal_quantiles():
    """The standard normal distribution as 65536 equally likely values, ±4.3 at most, to be chosen
    by 16 random bits."""
    probabilities = (np.arange(2**16) + 0.5) / 2**16
    return scipy.special.ndtri(probabilities).astype("float32")


@cache
def _polynomials(n_datapoints):
    """The Chebyshev polynomials of degree 1 to ``DEGREE`` over the axis, (DEGREE, n_datapoints)."""
    return np.ascontiguousarray(
        np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, n_datapoints), DEGREE)[:, 1:].T
    )


@cache
def _gaussian_process(n_datapoints):
    """Curves (m, n_datapoints) whose sums with standard normal weights are draws of a Gaussian
    process.

    Its covariance is the squared exponential (Rasmussen, Williams, Gaussian Processes for Machine
    Learning, 2006, equation 4.9), taken at some points of the axis and continued smoothly between
    them; directions of no weight are left out.
    """
    points = np.linspace(0, 1, 65)
    covariance = np.exp(-0.5 * ((points[:, None] - points) / SMOOTHNESS) ** 2)
    values, vectors = np.linalg.eigh(covariance)
    curves = (vectors * np.sqrt(np.clip(values, 0, None)))[:, values > 1e-6 * values.max()]
    return np.ascontiguousarray(
        scipy.interpolate.CubicSpline(points, curves)(np.linspace(0, 1, n_datapoints)).T
    )
