"""The published rendering rules the plain way: one draw, one peak, one row at a time.

The baseline of the benchmark and the reference of the tests; it shares no code with
``synthetic_spectra.spectra``.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d


def render_plainly(definitions, folder):
    """Render a resolved config and save the six arrays, as ``sources.render`` does."""
    size = definitions.n_datapoints
    rng = np.random.default_rng(definitions.rendering.seed)
    x = {"train": [], "val": [], "test": []}
    y = {"train": [], "val": [], "test": []}
    for label, spectrum in definitions.spectra.items():
        rendering = definitions.rendering_of(label)
        for split, n_spectra in (("train", rendering.n_train), ("val", rendering.n_val)):
            for _ in range(n_spectra):
                x[split].append(_random_row(spectrum, rendering, size, rng))
                y[split].append(label)
        for height_step in rendering.test_heights:
            for shift_step in rendering.test_shifts:
                positions = [p + shift_step * rendering.test_shift for p in spectrum.peak_positions]
                heights = [
                    h if h == 1 else h + height_step * rendering.test_var
                    for h in spectrum.peak_heights
                ]
                x["test"].append(plain_row(positions, heights, rendering.test_kernel, size))
                y["test"].append(label)
    for split in x:
        np.save(folder / f"x_{split}.npy", np.array(x[split], definitions.rendering.dtype))
        np.save(folder / f"y_{split}.npy", np.array(y[split], "float64"))


def _random_row(spectrum, rendering, size, rng):
    shift, variation = rendering.shift_range, rendering.variation_range
    positions = [p + rng.integers(-shift, shift) if shift else p for p in spectrum.peak_positions]
    heights = []
    for height in spectrum.peak_heights:
        fixed = height == 1 and not rendering.vary_highest
        heights.append(height if fixed else rng.uniform(height - variation, height + variation))
    return plain_row(positions, heights, rng.uniform(*rendering.kernel_range), size)


def plain_row(positions, heights, width, size):
    """One spectrum: sticks clipped to the axis and to heights of 0 to 2, then the filter over the
    whole row."""
    sticks = np.zeros(size)
    for position, height in zip(positions, heights, strict=True):
        sticks[min(max(position, 0), size - 1)] = min(max(height, 0), 2)
    return gaussian_filter1d(sticks, width, mode="constant")
