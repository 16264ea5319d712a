"""Blurred areas: this project's own network, for peaks that share one width and shift by a known
range."""

import math

import keras
import numpy as np
from keras import layers

from model_implementations.basic_blocks import classifier

# Distances of the bins whose mean is the background, in shift ranges: farther from a peak than the
# widest published spectra reach, and near it all the same.
BACKGROUND_DISTANCES = (0.4, 0.5, 0.6, 0.7, 0.8)
# A spectrum is divided into so many parts; a quarter of them holds no peak.
PARTS = 40
# A bin belongs to a peak if it is higher than so many standard deviations of the noise.
NOISE_LEVELS = 4
# Smallest distance of two samples of the blurred spectrum, in datapoints.
CLOSEST = 0.1
# Share of the whole area from which on the logarithm distinguishes two heights of a peak.
FAINT = 0.003
SMALLEST_AREA = 1e-6  # of spectra whose highest intensity is 1


def blurred_areas(
    input_size,
    classes,
    shift_range=50,
    *,
    blur=1.0,
    step=0.5,
    peaks_only=True,
    areas=True,
    root=True,
    logarithm=True,
    dense=(512,),
    hidden_activation="relu",
    dropout=0.0,
):
    """The areas of peaks, blurred as wide as peaks shift, and one hidden layer with ReLU.

    The area of a peak is its height times its width, and all peaks of a spectrum share one width.
    Divided by the sum of the spectrum, areas keep the heights, and the width cancels. They are
    blurred with a Gaussian as wide as the shift range and sampled twice per its width. A peak
    becomes a few numbers that change smoothly with its position, where max pooling only keeps that
    there is one. Square root and logarithm of these numbers keep small peaks from being drowned.

    The blur is fixed, not trained: the data tell how wide it should be.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        shift_range: largest shift of a peak in the training spectra, in datapoints; ``train.py``
            takes it from the dataset.
        blur: standard deviation of the Gaussian, in units of ``shift_range``, above 0.
        step: distance of the samples, in units of that standard deviation, above 0.
        peaks_only: whether background and noise are removed first, as ``peaks_of`` does it.
        areas: whether a spectrum is divided by its sum.
        root: whether the hidden layer also takes the square root of the blurred spectrum.
        logarithm: whether the hidden layer also takes its logarithm.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for spectra that are shorter than the shift range or the standard deviation of
            the blur, and for samples that are closer than 0.1 datapoints.
    """
    deviation = blur * max(1, shift_range)
    if blur <= 0 or step * deviation < CLOSEST:
        raise ValueError(
            f"blur {blur:g} and step {step:g} must be above 0, and their product times the shift "
            f"range at least {CLOSEST} datapoints"
        )
    if input_size < max(deviation, shift_range):
        raise ValueError(f"the spectra are too short for a blur of {deviation:g} datapoints")
    spectra = keras.Input((input_size, 1))

    # Bins that are narrow beside the blur: the result stays the same, of fewer numbers.
    bin_width = max(1, int(deviation / 10))
    x = layers.ZeroPadding1D((0, -input_size % bin_width))(spectra)
    x = keras.ops.sum(layers.Reshape((-1, bin_width))(x), axis=2)
    if peaks_only:
        distances = [
            max(1, round(share * shift_range / bin_width)) for share in BACKGROUND_DISTANCES
        ]
        x = peaks_of(x, distances)

    # The samples begin as far from the start of the spectrum as they end from its end.
    centres = bin_width * np.arange(x.shape[1]) + (bin_width - 1) / 2
    samples = np.arange(0, input_size, step * deviation)
    samples += (input_size - 1 - samples[-1]) / 2
    # The blur as a product with a matrix, several times as fast as a strided convolution.
    gaussians = layers.Dense(len(samples), use_bias=False, trainable=False, dtype="float32")
    blurred = gaussians(x)
    gaussians.set_weights([np.exp(-0.5 * ((centres[:, None] - samples) / deviation) ** 2)])
    if areas:
        # A spectrum of which nothing stands out of the noise has no area to divide by.
        area = keras.ops.sum(x, axis=1, keepdims=True)
        blurred = blurred / keras.ops.maximum(area, SMALLEST_AREA)

    x = keras.ops.relu(layers.Reshape((-1, 1))(blurred))
    channels = [x]
    if root:
        # The slope of a square root is infinite at 0.
        channels.append(keras.ops.sqrt(x + 1e-9))
    if logarithm:
        channels.append(keras.ops.log1p(x / FAINT) / math.log1p(1 / FAINT))
    x = layers.Concatenate()(channels) if len(channels) > 1 else x
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="blurred_areas")


def peaks_of(x, distances):
    """The peaks of spectra, without background and noise.

    The background of a bin is the mean of the bins at some distances before and behind it, so that
    a background with a constant slope cancels. The noise is taken from the quieter parts of the
    rest, where no peak is.

    Args:
        x: spectra (n, bins).
        distances: distances of the bins that give the background, in bins.

    Returns:
        (n, bins): what is higher than background and noise, else 0.
    """
    n_bins, reach = x.shape[1], max(distances)

    # The spectrum goes on beyond its ends, turned by half a turn about them.
    first, last = x[:, 1 : reach + 1], x[:, -reach - 1 : -1]
    padded = keras.ops.concatenate(
        [2 * x[:, :1] - first[:, ::-1], x, 2 * x[:, -1:] - last[:, ::-1]], axis=1
    )
    around = sum(
        padded[:, reach + i : reach + i + n_bins] + padded[:, reach - i : reach - i + n_bins]
        for i in distances
    )
    x = x - around / (2 * len(distances))

    # The mean magnitude of each part; sorting these few takes less time than a median of all bins.
    size = max(1, n_bins // PARTS)
    parts = keras.ops.reshape(
        keras.ops.abs(x[:, : n_bins // size * size]), (-1, n_bins // size, size)
    )
    in_order = keras.ops.sort(keras.ops.mean(parts, axis=2), axis=1)
    quiet = in_order[:, n_bins // size // 4, None]
    # mean magnitude → standard deviation of a normal distribution
    noise = quiet * math.sqrt(math.pi / 2)
    return keras.ops.where(x > NOISE_LEVELS * noise, x, 0.0)
