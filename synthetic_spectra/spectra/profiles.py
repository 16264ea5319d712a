"""Peaks → spectra: Gaussians on datapoints, to the bit, and pseudo-Voigt profiles anywhere.

The peaks are those of ``peaks``.
"""

import numpy as np
import scipy

TRUNCATE = 4.0  # a Gaussian ends at this many σ, the default of scipy.ndimage.gaussian_filter1d
# spectra whose Lorentzians are computed in one step: the numbers stay in the processor's cache
ROWS_AT_ONCE = 16


def gaussian(positions, heights, widths, n_datapoints, dtype="float64"):
    """Render peaks on datapoints: every peak is a Gaussian, normalised to sum 1 times its height,
    truncated at 4σ, zero off the axis.

    The values are to the bit those of ``gaussian_filter1d(sticks, width, mode="constant")``, where
    ``sticks`` holds each height at its position (of two peaks on one datapoint the later one
    counts).

    Args:
        positions, heights, widths: peaks of n spectra.
        n_datapoints: length of the axis.
        dtype: float64 or float32.

    Returns:
        the spectra (n, n_datapoints).

    Raises:
        ValueError: if a spectrum is empty, as when a peak of height 0 covers a higher one.
    """
    # Where the window of ±4σ around a peak touches no other one and lies inside the axis, the
    # filter is a copy of the kernel.
    radii = (TRUNCATE * widths + 0.5).astype(int)
    in_order = np.sort(positions, axis=1)
    inside = (in_order[:, 0] >= radii) & (in_order[:, -1] < n_datapoints - radii)
    touching = in_order[:, 1:] - in_order[:, :-1] <= 2 * radii[:, None]

    # Kernels are as long as the widest one, and zero beyond their own radius: there they add
    # nothing to any neighbour.
    widest = radii.max()
    spectra = np.zeros(len(positions) * n_datapoints + widest, dtype)
    windows = positions + n_datapoints * np.arange(len(positions))[:, None]
    windows = windows[:, :, None] + np.arange(-widest, widest + 1)
    values = (heights * inside[:, None])[:, :, None] * _gaussians(widths, radii)[:, None, :]
    np.add.at(spectra, windows.ravel(), values.ravel())
    spectra = spectra[: spectra.size - widest].reshape(len(positions), n_datapoints)

    # only elsewhere the filter is run
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


def pseudo_voigt(positions, heights, widths, mixing, n_datapoints):
    """Render peaks of any position and width, the area of each its height: η L(x; w) + (1 − η)
    G(x; w).

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
    # Gaussians in windows around the peaks; windows that hang over the ends, or lie beyond them,
    # fall into a margin
    n = len(positions)
    reach = int(np.ceil(TRUNCATE * widths.max())) + 1
    margin = 2 * reach + 1
    length = n_datapoints + 2 * margin
    first = np.clip(np.rint(positions), -reach - 1, n_datapoints + reach).astype(int) - reach
    offsets = first[:, :, None] + np.arange(2 * reach + 1)
    distances = offsets - positions[:, :, None]
    areas = heights * (1 - mixing)[:, None]
    values = np.exp(distances**2 * (-0.5 / widths**2)[:, :, None])
    values *= (areas / (widths * np.sqrt(2 * np.pi)))[:, :, None]
    values[np.abs(distances) > (TRUNCATE * widths + 0.5)[:, :, None]] = 0
    padded = np.zeros(n * length)
    offsets += margin + length * np.arange(n)[:, None, None]
    np.add.at(padded, offsets.ravel(), values.ravel())
    spectra = np.ascontiguousarray(padded.reshape(n, length)[:, margin : margin + n_datapoints])

    # Lorentzians over the whole axis
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
            f"spectrum {empty.argmax()} is empty: all of its peaks lie beyond the axis, or have no "
            "height"
        )
    return spectra


def ideal_spectrum(spectrum, rendering, n_datapoints):
    """The spectrum of a class as it is defined, of the width of test spectra, scaled to a maximum
    of 1.

    Args:
        spectrum: the class, with ``peak_positions`` and ``peak_heights``.
        rendering: its settings, with ``test_kernel``.
        n_datapoints: length of the axis.

    Returns:
        the spectrum (n_datapoints,).
    """
    peaks = np.array([spectrum.peak_positions]), np.array([spectrum.peak_heights])
    ideal = gaussian(*peaks, np.array([float(rendering.test_kernel)]), n_datapoints)[0]
    return ideal / ideal.max()


def _gaussians(widths, radii):
    """Normalised Gaussians (n, 2 × highest radius + 1), zero beyond their own radius."""
    # the operations and their order are those of SciPy: other ones give other last bits
    widest = radii.max()
    offsets = np.arange(-widest, widest + 1)
    kernels = np.exp((-0.5 / (widths * widths))[:, None] * offsets**2)

    # sums over each kernel's own radius, all kernels of one radius in one call
    order = np.argsort(radii)
    in_order, sums = kernels[order], np.empty(len(widths))
    first = 0
    for radius, n in zip(*np.unique(radii, return_counts=True), strict=True):
        whole = in_order[first : first + n, widest - radius : widest + radius + 1]
        sums[order[first : first + n]] = np.add.reduce(whole, axis=1)
        first += n
    return np.where(abs(offsets) <= radii[:, None], kernels / sums[:, None], 0)
