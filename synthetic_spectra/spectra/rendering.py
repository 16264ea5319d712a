"""Peaks → spectra: pure functions of (peaks, settings, random generator).

The peaks of n spectra of one class are three arrays, called peaks below: positions (n, k) integers
in datapoints, heights (n, k) relative to the highest peak of the class, widths (n,) as the σ of a
Gaussian in datapoints. The rules are those of Schuetzke, Szymanski, Reischl, npj Comput. Mater. 9,
100 (2023), to the bit. What an instrument and a sample add to them (the artefacts of
``config.DatasetRendering``) is this project's.
"""

from functools import cache

import numpy as np
import scipy

MAX_HEIGHT = 2.0  # rendered heights are clipped to [0, MAX_HEIGHT]
TRUNCATE = 4.0  # a Gaussian ends at this many σ, the default of scipy.ndimage.gaussian_filter1d
ROWS_AT_ONCE = 16  # spectra whose Lorentzians are computed in one step: the numbers stay in the processor's cache
DEGREE = 5  # of a polynomial background
SMOOTHNESS = (
    1 / 8
)  # length over which a background of a Gaussian process varies, as a share of the axis
HUMP = (1 / 20, 1 / 8)  # lowest, highest σ of a hump, as shares of the axis


def draw_peaks(spectrum, rendering, n_spectra, n_datapoints, rng):
    """Draw the peaks of training or validation spectra of one class.

    Positions move by integers from [-shift_range, shift_range), heights change by a uniform draw
    from ±variation_range, σ is uniform in kernel_range. The generator is used spectrum by spectrum,
    and within one for all
    positions, then all heights, then the width: the order is part of a dataset's identity.

    Args:
        spectrum: the class, with ``peak_positions`` and ``peak_heights`` (k values each).
        rendering: its settings, every one of them set.
        n_spectra: how many spectra.
        n_datapoints: length of the axis; positions are clipped to it.
        rng: a ``numpy.random.Generator``; it is advanced.

    Returns:
        positions (n_spectra, k), heights (n_spectra, k), widths (n_spectra,).
    """
    positions = np.tile(np.array(spectrum.peak_positions), (n_spectra, 1))
    heights = np.tile(np.array(spectrum.peak_heights), (n_spectra, 1))
    varied = np.flatnonzero(rendering.vary_highest | (heights[0] != 1))
    uniform = np.empty((n_spectra, len(varied) + 1))
    shift, moved = rendering.shift_range, len(spectrum.peak_positions)
    shifts = []
    for row in uniform:
        shifts.append(
            rng.integers(-shift, shift, moved) if shift else 0
        )  # [-0, 0) holds no integer to draw
        rng.random(out=row)
    positions += np.reshape(shifts, (n_spectra, -1))
    lowest = heights[:, varied] - rendering.variation_range
    highest = heights[:, varied] + rendering.variation_range
    heights[:, varied] = lowest + (highest - lowest) * uniform[:, :-1]
    narrowest, widest = rendering.kernel_range
    widths = narrowest + (widest - narrowest) * uniform[:, -1]
    return np.clip(positions, 0, n_datapoints - 1), np.clip(heights, 0, MAX_HEIGHT), widths


def test_peaks(spectrum, rendering, n_datapoints):
    """The peaks of the test spectra of one class: every height step with every position step,
    heights outermost.

    All peaks of a spectrum take the same steps; a peak of height 1 keeps its height. Nothing is
    random.

    Args:
        spectrum, rendering, n_datapoints: as in ``draw_peaks``.

    Returns:
        positions (n, k), heights (n, k), widths (n,) with n = len(test_heights) × len(test_shifts).
    """
    base = np.array(spectrum.peak_heights)
    height_steps, shift_steps = np.meshgrid(
        rendering.test_heights, rendering.test_shifts, indexing="ij"
    )
    positions = (
        np.array(spectrum.peak_positions) + shift_steps.reshape(-1, 1) * rendering.test_shift
    )
    heights = np.where(base == 1, base, base + height_steps.reshape(-1, 1) * rendering.test_var)
    widths = np.full(len(positions), float(rendering.test_kernel))
    return np.clip(positions, 0, n_datapoints - 1), np.clip(heights, 0, MAX_HEIGHT), widths


test_peaks.__test__ = False  # a function of this module, not a test for pytest to collect


def render(positions, heights, widths, n_datapoints, dtype="float64"):
    """Render spectra: every peak a Gaussian, normalised to sum 1 times its height, truncated at 4σ,
    zero off the axis.

    The values are to the bit those of ``gaussian_filter1d(sticks, width, mode="constant")``, where
    ``sticks`` holds each height at its position (of two peaks on one datapoint the later one
    counts). Where the window of ±4σ around a peak touches no other one and lies inside the axis,
    that filter is a copy of the kernel; only elsewhere it is run.

    Args:
        positions, heights, widths: peaks of n spectra.
        n_datapoints: length of the axis.
        dtype: float64 or float32.

    Returns:
        the spectra (n, n_datapoints).

    Raises:
        ValueError: if a spectrum is empty, as when a peak of height 0 covers a higher one.
    """
    radii = (TRUNCATE * widths + 0.5).astype(int)
    widest = radii.max()
    in_order = np.sort(positions, axis=1)
    inside = (in_order[:, 0] >= radii) & (in_order[:, -1] < n_datapoints - radii)
    touching = in_order[:, 1:] - in_order[:, :-1] <= 2 * radii[:, None]
    spectra = np.zeros(len(positions) * n_datapoints + widest, dtype)
    # Kernels are as long as the widest one, and zero beyond their own radius: there they add
    # nothing to any neighbour.
    windows = positions + n_datapoints * np.arange(len(positions))[:, None]
    windows = windows[:, :, None] + np.arange(-widest, widest + 1)
    values = (heights * inside[:, None])[:, :, None] * _gaussians(widths, radii)[:, None, :]
    np.add.at(spectra, windows.ravel(), values.ravel())
    spectra = spectra[: spectra.size - widest].reshape(len(positions), n_datapoints)
    for row in np.flatnonzero(~inside | touching.any(axis=1)):
        sticks = np.zeros(n_datapoints)
        sticks[positions[row]] = heights[row]
        if not sticks.any():
            raise ValueError(
                f"spectrum {row} is empty: a peak of height 0 fell onto its only other ones"
            )
        lower, upper = in_order[row, :-1], in_order[row, 1:]
        if inside[row]:  # what lies outside the touching windows is right already
            lower, upper = lower[touching[row]], upper[touching[row]]
        first = max(0, min(lower, default=in_order[row, 0]) - radii[row])
        reach = slice(first, max(upper, default=in_order[row, 0]) + radii[row] + 1)
        filtered = spectra[row, reach]
        scipy.ndimage.gaussian_filter1d(
            sticks[reach], widths[row], mode="constant", truncate=TRUNCATE, output=filtered
        )
    return spectra


def disturbed(positions, heights, widths, settings, n_datapoints, rng):
    """Peaks as an instrument and a sample leave them: moved together, stretched, of several widths,
    among others.

    Args:
        positions, heights, widths: peaks of n spectra.
        settings: the ``DatasetRendering`` of the dataset, which says what is on.
        n_datapoints: length of the axis.
        rng: a ``numpy.random.Generator``; it is advanced.

    Returns:
        positions (n, m) in datapoints, heights (n, m), widths (n, m) and mixing (n,), the share of
        the Lorentzian in the profile of each spectrum; just the peaks that were given, with a
        mixing of 0, where nothing is on.
    """
    n, k = positions.shape
    mixing = np.zeros(n)
    if not _moves_peaks(settings):
        return positions, heights, widths, mixing
    positions, widths = positions.astype(float), np.tile(widths[:, None], (1, k))
    if settings.scale:
        positions *= 1 + rng.uniform(-settings.scale, settings.scale, (n, 1))
    if settings.zero_shift:
        positions += rng.uniform(-settings.zero_shift, settings.zero_shift, (n, 1))
    if settings.impurities:
        others = (n, settings.impurities)
        positions = np.hstack([positions, rng.uniform(0, n_datapoints - 1, others)])
        heights = np.hstack([heights, rng.uniform(0, settings.impurity_height, others)])
        widths = np.hstack([widths, np.tile(widths[:, :1], (1, settings.impurities))])
    if settings.width_spread:
        widths = widths * rng.uniform(
            1 - settings.width_spread, 1 + settings.width_spread, widths.shape
        )
    if settings.profile == "lorentzian":
        mixing += 1
    if settings.profile == "pseudo_voigt":
        mixing = rng.uniform(*settings.mixing, n)
    return positions, heights, widths, mixing


def measured(positions, heights, widths, mixing, settings, n_datapoints, rng):
    """Render the peaks that ``disturbed`` gives, and add background and noise.

    A background is a smooth curve that begins at 0 and reaches up to a share of the highest
    intensity, uniform between 0 and ``background``. Counts are drawn from a Poisson distribution,
    background included; normal noise comes last, from one of 65536 equally likely values per
    datapoint, ±4.3 standard deviations at most.

    Args:
        positions, heights, widths, mixing: peaks of n spectra.
        settings, n_datapoints, rng: as in ``disturbed``.

    Returns:
        the spectra (n, n_datapoints), of the dtype of the settings.

    Raises:
        ValueError: if a spectrum is empty.
    """
    if _moves_peaks(settings):
        spectra = render_profiles(positions, heights, widths, mixing, n_datapoints)
    else:
        spectra = render(positions, heights, widths, n_datapoints, settings.dtype)
    if not (settings.background or settings.counts or settings.noise):
        return spectra.astype(settings.dtype, copy=False)
    # spectrum by spectrum, so that it does not matter how many are rendered in one call
    for row in spectra:
        highest = row.max()
        if settings.background:
            curve = _background(settings.background_shape, n_datapoints, rng)
            row += curve * (highest * rng.uniform(0, settings.background))
        if settings.counts:
            lit = np.flatnonzero(row)
            row[lit] = rng.poisson(row[lit] * (settings.counts / highest)) * (
                highest / settings.counts
            )
        if settings.noise:
            # whole words of random bits, four indices each, are faster than rng.integers; every
            # index is in range
            drawn = rng.bit_generator.random_raw(-(-n_datapoints // 4)).view("uint16")[
                :n_datapoints
            ]
            noise = _normal_quantiles().take(drawn, mode="wrap")
            noise *= highest * settings.noise
            row += noise
    return spectra.astype(settings.dtype, copy=False)


def render_profiles(positions, heights, widths, mixing, n_datapoints):
    """Render peaks of any position, width and profile, their area the height: η L(x; w) + (1 − η)
    G(x; w) for each.

    G and L are a Gaussian, which ends at 4σ and half a datapoint, and a Lorentzian of the same full
    width at half maximum w = σ √(8 ln 2); η is the mixing: the pseudo-Voigt profile of Wertheim,
    Butler, West, Buchanan, Rev. Sci. Instrum. 45, 1369 (1974).

    Args:
        positions, heights, widths: (n, k) each, positions in datapoints and widths as σ.
        mixing: η of each spectrum, (n,).
        n_datapoints: length of the axis.

    Returns:
        the spectra, float64 (n, n_datapoints).

    Raises:
        ValueError: if a spectrum has no intensity on the axis.
    """
    n = len(positions)
    reach = int(np.ceil(TRUNCATE * widths.max())) + 1
    # windows that hang over the ends, or lie beyond them, fall into a margin
    length = n_datapoints + 4 * reach + 2
    first = np.clip(np.rint(positions), -reach - 1, n_datapoints + reach).astype(int) - reach
    offsets = first[:, :, None] + np.arange(2 * reach + 1)
    distances = offsets - positions[:, :, None]
    areas = heights * (1 - mixing)[:, None]
    values = np.exp(distances**2 * (-0.5 / widths**2)[:, :, None])
    values *= (areas / (widths * np.sqrt(2 * np.pi)))[:, :, None]
    values[np.abs(distances) > (TRUNCATE * widths + 0.5)[:, :, None]] = 0
    padded = np.zeros(n * length)
    np.add.at(
        padded,
        (offsets + (2 * reach + 1) + length * np.arange(n)[:, None, None]).ravel(),
        values.ravel(),
    )
    spectra = np.ascontiguousarray(
        padded.reshape(n, length)[:, 2 * reach + 1 : 2 * reach + 1 + n_datapoints]
    )
    half_widths = widths * np.sqrt(2 * np.log(2))
    axis = np.arange(n_datapoints)
    for start in range(0, n, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        if not mixing[rows].any():
            continue
        for position, height, half_width in zip(
            positions[rows].T, heights[rows].T, half_widths[rows].T, strict=True
        ):
            curve = axis - position[:, None]
            curve *= curve
            curve += (half_width**2)[:, None]
            np.divide((mixing[rows] * height * half_width / np.pi)[:, None], curve, out=curve)
            spectra[rows] += curve
    empty = ~spectra.any(axis=1)
    if empty.any():
        raise ValueError(
            f"spectrum {empty.argmax()} is empty: all of its peaks lie beyond the axis, or have no height"
        )
    return spectra


def ideal_spectrum(spectrum, rendering, n_datapoints):
    """The spectrum of a class as it is defined, of the width of test spectra, scaled to a maximum
    of 1.

    Args:
        spectrum, rendering, n_datapoints: as in ``draw_peaks``.

    Returns:
        the spectrum (n_datapoints,).
    """
    peaks = np.array([spectrum.peak_positions]), np.array([spectrum.peak_heights])
    ideal = render(*peaks, np.array([float(rendering.test_kernel)]), n_datapoints)[0]
    return ideal / ideal.max()


def _gaussians(widths, radii):
    """Normalised Gaussians (n, 2 × highest radius + 1), zero beyond their own radius."""
    widest = radii.max()
    offsets = np.arange(-widest, widest + 1)
    # the operations and their order are those of SciPy: other ones give other last bits
    kernels = np.exp((-0.5 / (widths * widths))[:, None] * offsets**2)
    order = np.argsort(radii)
    in_order, sums = kernels[order], np.empty(len(widths))
    first = 0
    for radius, n in zip(*np.unique(radii, return_counts=True), strict=True):
        whole = in_order[first : first + n, widest - radius : widest + radius + 1]
        sums[order[first : first + n]] = np.add.reduce(whole, axis=1)
        first += n
    return np.where(abs(offsets) <= radii[:, None], kernels / sums[:, None], 0)


def _moves_peaks(settings):
    """Whether peaks lie anywhere between datapoints, or have profiles or widths of their own."""
    artefacts = (settings.width_spread, settings.zero_shift, settings.scale, settings.impurities)
    return settings.profile != "gaussian" or any(artefacts)


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
def _normal_quantiles():
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
