"""What stands out of the background and the noise of a measured spectrum."""

from dataclasses import dataclass

import numpy as np
import scipy

WINDOW = 5  # half width of the widest peak that is no background, in its σ
STANDING = 4  # standard deviations of the noise above which a value belongs to a peak
CLEAR = 8  # by how many of them the highest peak must
NARROWER = 0.7  # one clipping window and the one before it


@dataclass(frozen=True, eq=False)
class Foreground:
    """What stands out of the background of a measured spectrum.

    Args:
        intensities: (n,), 0 to 1, the highest peak; 0 where the file has no data.
        covered: (n,) bool, where the file has data.
        noise: standard deviation of their noise.
        sigma: of the peaks in datapoints, all in all.
    """

    intensities: np.ndarray
    covered: np.ndarray
    noise: float
    sigma: float


def foreground(intensities, covered, kernel_range):
    """Take background and noise off a measured spectrum.

    Args:
        intensities, covered: (n,), as ``measured.axis.onto`` gives them.
        kernel_range: σ of the narrowest and of the widest peak in datapoints.

    Returns:
        a ``Foreground``; all is 0 where nothing stands out of the noise.
    """
    inside = np.flatnonzero(covered)
    reach = slice(inside[0], inside[-1] + 1)
    # what lies in a gap is drawn through, and left out at the end
    values = np.interp(np.arange(reach.start, reach.stop), inside, intensities[inside])

    # 1. Noise: third differences cancel what is smooth; of independent noise they have 20 times
    #    the variance. A Gaussian of width σ leaves 1 / 2σ√π of it.
    noise = 1.4826 * np.median(np.abs(np.diff(values, 3))) / np.sqrt(20) if len(values) > 3 else 0.0
    smoothing = max(1.0, kernel_range[0])
    values = scipy.ndimage.gaussian_filter1d(values, smoothing, mode="nearest")
    noise /= np.sqrt(2 * smoothing * np.sqrt(np.pi))

    # 2. Background, and the middle of the noise above it.
    window = int(np.clip(WINDOW * kernel_range[1], 1, (len(values) - 1) // 2))
    values = values - background(values, window)
    values = values - min(np.median(values), STANDING * noise)
    standing = np.zeros(len(intensities))
    standing[reach] = np.where(values > STANDING * noise, values, 0)
    standing[~covered] = 0
    highest = standing.max()
    if highest < CLEAR * noise:  # of thousands of datapoints some stand out by chance
        standing[:] = 0
    elif highest:
        standing, noise = standing / highest, noise / highest

    # 3. Width: for Gaussians of one width far from each other Σ y² / Σ y'² is 2σ².
    slopes = np.sum(np.diff(standing) ** 2)
    sigma = np.sqrt(np.sum(standing**2) / (2 * slopes)) if slopes else smoothing
    return Foreground(standing, covered, float(noise), float(sigma))


def background(intensities, window):
    """The slowly varying part of a spectrum, by peak clipping.

    SNIP of Ryan, Clayton, Griffin, Sie, Cousens, Nucl. Instrum. Methods B 34, 396 (1988), from wide
    to narrow clipping as Morháč, Matoušek, Appl. Spectrosc. 62, 91 (2008). A window for every
    datapoint, as there, would clip broad humps as well. Logarithms of the intensities, as in both
    papers, would bend a slope near its lowest end, and leave a hump of fluorescence there.

    Args:
        intensities: (n,).
        window: half width of the widest peak that is kept, in datapoints, 1 to (n − 1) / 2.

    Returns:
        float64 (n,).
    """
    curve = np.array(intensities, float)
    reach = window
    while reach >= 1:
        means = (curve[: -2 * reach] + curve[2 * reach :]) / 2
        curve[reach:-reach] = np.minimum(curve[reach:-reach], means)
        reach = int(reach * NARROWER)
    return curve
