"""Blurred areas: this project's own network, made for peaks that share one width and shift by a
known range."""

import math

import keras
import numpy as np
from keras import layers

from model_implementations.basic_blocks import classifier

AROUND = (
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
)  # shift ranges: beyond a peak of the widest published spectra, and near it
PARTS = 40  # of a spectrum, of which a quarter holds no peak
NOISE_LEVELS = 4  # standard deviations of the noise above which a bin belongs to a peak
FAINT = 0.003  # share of the whole area from which the logarithm tells two heights of a peak apart


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

    The area of a peak is its height times its width, and all peaks of a spectrum share one width:
    divided by the sum of the spectrum, areas carry the heights, and the width drops out. Blurred
    with a Gaussian as wide as the shift range and sampled twice per its width, a peak becomes a few
    numbers that tell its position smoothly, where max pooling leaves only that there is one. Square
    root and logarithm of these numbers keep small peaks from being drowned.

    The blur is fixed, not trained: how wide it should be is known from the data.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        shift_range: how far peaks of the training spectra shift, in datapoints; ``train.py`` takes
            it from the dataset.
        blur: σ of the Gaussian, in units of ``shift_range``.
        step: distance of the samples, in units of σ.
        peaks_only: whether background and noise are taken off first: from every bin the mean of
            those around it, and then all that does not stand out of the noise.
        areas: whether a spectrum is divided by its sum; else it stays as it is.
        root: whether the square root of the blurred spectrum is given to the hidden layer as well.
        logarithm: whether its logarithm is.
        dense: units of each hidden layer.
        hidden_activation: of the hidden layers.
        dropout: rate before each hidden layer and the output.

    Raises:
        ValueError: for spectra that are shorter than the shift range or the σ of the blur.
    """
    sigma = blur * max(1, shift_range)
    if input_size < max(sigma, shift_range):
        raise ValueError(f"the spectra are too short for a blur of {sigma:g} datapoints")
    spectra = keras.Input((input_size, 1))
    width = max(1, int(sigma / 10))  # of the bins: next to the blur the same, and fewer numbers
    x = layers.ZeroPadding1D((0, -input_size % width))(spectra)
    x = keras.ops.sum(layers.Reshape((-1, width))(x), axis=2)
    if peaks_only:
        x = standing_out(x, [max(1, round(share * shift_range / width)) for share in AROUND])
    bins = width * np.arange(x.shape[1]) + (width - 1) / 2
    samples = np.arange(0, input_size, step * sigma)
    samples += (input_size - 1 - samples[-1]) / 2  # as far from one end as from the other
    # a strided convolution, as the one product with a matrix that it is: several times as fast
    gaussians = layers.Dense(len(samples), use_bias=False, trainable=False, dtype="float32")
    areas_nearby = gaussians(x)
    gaussians.set_weights([np.exp(-0.5 * ((bins[:, None] - samples) / sigma) ** 2)])
    if areas:
        areas_nearby = areas_nearby / keras.ops.sum(x, axis=1, keepdims=True)
    x = layers.Reshape((-1, 1))(areas_nearby)
    x = keras.ops.relu(x)
    channels = [x]
    if root:
        channels.append(keras.ops.sqrt(x + 1e-9))  # its slope at 0 would be infinite
    if logarithm:
        channels.append(keras.ops.log1p(x / FAINT) / math.log1p(1 / FAINT))
    x = layers.Concatenate()(channels) if len(channels) > 1 else x
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name="blurred_areas"
    )


def standing_out(x, distances):
    """What stands out of the bins around it and of the noise, the rest 0: peaks of a few bins.

    Of each bin the mean of those around it is taken off, as far before as after, so that a
    background that rises evenly
    cancels. Noise is told by the quieter parts of what is left, where no peak is: it is 0 where
    there is none.

    Args:
        x: spectra (n, bins).
        distances: of the bins around a bin.

    Returns:
        (n, bins), not negative.
    """
    n, reach = x.shape[1], max(distances)
    first, last = (
        x[:, 1 : reach + 1],
        x[:, -reach - 1 : -1],
    )  # turned about the ends, where the background goes on
    padded = keras.ops.concatenate(
        [2 * x[:, :1] - first[:, ::-1], x, 2 * x[:, -1:] - last[:, ::-1]], axis=1
    )
    around = sum(
        padded[:, reach + i : reach + i + n] + padded[:, reach - i : reach - i + n]
        for i in distances
    )
    x = x - around / (2 * len(distances))
    size = max(1, n // PARTS)
    parts = keras.ops.reshape(keras.ops.abs(x[:, : n // size * size]), (-1, n // size, size))
    in_order = keras.ops.sort(
        keras.ops.mean(parts, axis=2), axis=1
    )  # of few values: a median of all takes longer
    quiet = in_order[:, n // size // 4, None]
    noise = quiet * math.sqrt(
        math.pi / 2
    )  # mean magnitude → standard deviation of a normal distribution
    return keras.ops.where(x > NOISE_LEVELS * noise, x, 0.0)
