"""Fourier filter: a measured spectrum without its fast changes, where a criterion finds it noisy.

H. Wang, Y. Xie, D. Li, H. Deng, Y. Zhao, M. Xin, J. Lin, J. Chem. Inf. Model. 60, 2004 (2020).
"""

from dataclasses import dataclass

import numpy as np

CRITERION = 1.0  # of the paper
BINS = 200  # kept ones, of the paper; its code keeps 150
BLOCK = 256  # the buffer is a multiple of it: 2304 for 2251 datapoints, as in the paper


@dataclass(frozen=True, eq=False)
class Filtered:
    """What the filter makes of a spectrum.

    Args:
        intensities: (n_datapoints,), of the unit of the spectrum; itself if it is not noisy.
        amplitudes: of the frequencies, (buffer / 2 + 1,), bin 0 first.
        noisiness: mean natural logarithm of the amplitudes from bin ``bins`` on.
        noisy: whether the noisiness is above the criterion, so that the spectrum was filtered.
    """

    intensities: np.ndarray
    amplitudes: np.ndarray
    noisiness: float
    noisy: bool


def filtered(spectrum, criterion=CRITERION, bins=BINS):
    """Leave out the fast changes of a noisy spectrum.

    Args:
        spectrum: intensities at even distances, (n_datapoints,), not all equal.
        criterion: noisiness above which a spectrum is filtered.
        bins: number of the lowest frequencies that are kept, ≥ 1, at most half the buffer.

    Returns:
        ``Filtered``

    Raises:
        ValueError: if all intensities are equal, or ``bins`` is out of range.
    """
    spectrum = np.asarray(spectrum, "float64")
    size = -(-len(spectrum) // BLOCK) * BLOCK
    if not 1 <= bins <= size // 2:
        raise ValueError(f"bins is {bins}, expected 1 to {size // 2}")
    deviation = spectrum.std()
    if not deviation > 0:
        raise ValueError("all intensities are equal")

    # 1. the spectrum around 0, in a buffer that ends in zeros
    median = np.median(spectrum)
    buffer = np.zeros(size)
    buffer[: len(spectrum)] = (spectrum - median) / deviation

    # 2. how strong its fast changes are
    transform = np.fft.rfft(buffer)
    amplitudes = np.abs(transform)
    tiny = np.finfo(float).tiny
    noisiness = float(np.log(np.maximum(amplitudes[bins:], tiny)).mean())

    # 3. the slow changes alone
    noisy = noisiness > criterion
    if noisy:
        transform[bins:] = 0
        kept = np.fft.irfft(transform, size)[: len(spectrum)]
        spectrum = kept * deviation + median
    return Filtered(spectrum, amplitudes, noisiness, noisy)
