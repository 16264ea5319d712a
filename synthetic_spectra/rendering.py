"""Peaks → spectra: pure functions of (peaks, settings, random generator).

The peaks of n spectra of one class are three arrays, called peaks below: positions (n, k) integers in datapoints,
heights (n, k) relative to the highest peak of the class, widths (n,) as the σ of a Gaussian in datapoints. The rules
are those of Schuetzke, Szymanski, Reischl, npj Comput. Mater. 9, 100 (2023), to the bit.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

MAX_HEIGHT = 2.0  # rendered heights are clipped to [0, MAX_HEIGHT]
TRUNCATE = 4.0  # a Gaussian ends at this many σ, the default of scipy.ndimage.gaussian_filter1d


def draw_peaks(spectrum, rendering, n_spectra, n_datapoints, rng):
    """Draw the peaks of training or validation spectra of one class.

    Positions move by integers from [-shift_range, shift_range), heights change by a uniform draw from
    ±variation_range, σ is uniform in kernel_range. The generator is used spectrum by spectrum, and within one for all
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
        shifts.append(rng.integers(-shift, shift, moved) if shift else 0)  # [-0, 0) holds no integer to draw
        rng.random(out=row)
    positions += np.reshape(shifts, (n_spectra, -1))
    lowest = heights[:, varied] - rendering.variation_range
    highest = heights[:, varied] + rendering.variation_range
    heights[:, varied] = lowest + (highest - lowest) * uniform[:, :-1]
    narrowest, widest = rendering.kernel_range
    widths = narrowest + (widest - narrowest) * uniform[:, -1]
    return np.clip(positions, 0, n_datapoints - 1), np.clip(heights, 0, MAX_HEIGHT), widths


def test_peaks(spectrum, rendering, n_datapoints):
    """The peaks of the test spectra of one class: every height step with every position step, heights outermost.

    All peaks of a spectrum take the same steps; a peak of height 1 keeps its height. Nothing is random.

    Args:
        spectrum, rendering, n_datapoints: as in ``draw_peaks``.

    Returns:
        positions (n, k), heights (n, k), widths (n,) with n = len(test_heights) × len(test_shifts).
    """
    base = np.array(spectrum.peak_heights)
    height_steps, shift_steps = np.meshgrid(rendering.test_heights, rendering.test_shifts, indexing="ij")
    positions = np.array(spectrum.peak_positions) + shift_steps.reshape(-1, 1) * rendering.test_shift
    heights = np.where(base == 1, base, base + height_steps.reshape(-1, 1) * rendering.test_var)
    widths = np.full(len(positions), float(rendering.test_kernel))
    return np.clip(positions, 0, n_datapoints - 1), np.clip(heights, 0, MAX_HEIGHT), widths


test_peaks.__test__ = False  # a function of this module, not a test for pytest to collect


def render(positions, heights, widths, n_datapoints, dtype="float64"):
    """Render spectra: every peak a Gaussian, normalised to sum 1 times its height, truncated at 4σ, zero off the axis.

    The values are to the bit those of ``gaussian_filter1d(sticks, width, mode="constant")``, where ``sticks`` holds
    each height at its position (of two peaks on one datapoint the later one counts). Where the window of ±4σ around a
    peak touches no other one and lies inside the axis, that filter is a copy of the kernel; only elsewhere it is run.

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
    # Kernels are as long as the widest one, and zero beyond their own radius: there they add nothing to any neighbour.
    windows = positions + n_datapoints * np.arange(len(positions))[:, None]
    windows = windows[:, :, None] + np.arange(-widest, widest + 1)
    values = (heights * inside[:, None])[:, :, None] * _gaussians(widths, radii)[:, None, :]
    np.add.at(spectra, windows.ravel(), values.ravel())
    spectra = spectra[: spectra.size - widest].reshape(len(positions), n_datapoints)
    for row in np.flatnonzero(~inside | touching.any(axis=1)):
        sticks = np.zeros(n_datapoints)
        sticks[positions[row]] = heights[row]
        if not sticks.any():
            raise ValueError(f"spectrum {row} is empty: a peak of height 0 fell onto its only other ones")
        lower, upper = in_order[row, :-1], in_order[row, 1:]
        if inside[row]:  # what lies outside the touching windows is right already
            lower, upper = lower[touching[row]], upper[touching[row]]
        first = max(0, min(lower, default=in_order[row, 0]) - radii[row])
        reach = slice(first, max(upper, default=in_order[row, 0]) + radii[row] + 1)
        filtered = spectra[row, reach]
        gaussian_filter1d(sticks[reach], widths[row], mode="constant", truncate=TRUNCATE, output=filtered)
    return spectra


def ideal_spectrum(spectrum, rendering, n_datapoints):
    """The spectrum of a class as it is defined, of the width of test spectra, scaled to a maximum of 1.

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
