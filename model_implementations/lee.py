"""CNN2, CNN3, INC3 and INC6, for powder diffraction.

J.-W. Lee, W. B. Park, J. H. Lee, S. P. Singh, K.-S. Sohn, Nature Communications 11, 86 (2020). The
versions here are those of the benchmark: their hidden layers have a linear activation.
"""

from typing import NamedTuple

import keras
from keras import layers

from model_implementations.basic_blocks import classifier, max_pool


class Filters(NamedTuple):
    """Filters of the convolutions of an inception block."""

    kernel_1: int
    """Of the branch with a kernel of 1."""
    before_kernel_3: int
    """Of the kernel of 1 before that of 3."""
    kernel_3: int
    before_kernel_5: int
    """Of the kernel of 1 before that of 5."""
    kernel_5: int
    after_pool: int
    """Of the kernel of 1 after the average pool."""


INCEPTION_BLOCKS = (
    Filters(22, 32, 42, 6, 12, 10),
    Filters(28, 43, 56, 7, 14, 14),
    Filters(37, 56, 73, 9, 18, 19),
    Filters(49, 74, 96, 12, 24, 25),
    Filters(65, 97, 126, 16, 32, 32),
    Filters(85, 128, 166, 19, 38, 43),
)


def cnn2(input_size, classes, *, dense=(2000, 500), hidden_activation="linear", dropout=0.3):
    """CNN2: two convolutions with wide strides, two hidden layers.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = layers.Conv1D(64, kernel_size=50, strides=2, padding="same", activation="relu")(spectra)
    x = max_pool(x, pool_size=3, strides=2)
    x = layers.Conv1D(64, kernel_size=25, strides=3, padding="same", activation="relu")(x)
    x = max_pool(x, pool_size=2, strides=3)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="cnn2")


def cnn3(input_size, classes, *, dense=(2500, 1000), hidden_activation="linear", dropout=0.3):
    """CNN3: three convolutions, two hidden layers.

    Args, returned model and errors are those of ``cnn2``.
    """
    spectra = keras.Input((input_size, 1))
    x = _three_convolutions(spectra)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="cnn3")


def inception(
    input_size, classes, *, n_blocks=3, dense=(3700, 740), hidden_activation="linear", dropout=0.3
):
    """INC3 and INC6: the convolutions of CNN3, then inception blocks, two hidden layers.

    The defaults are INC3 as benchmarked; the table of the preprint lists its hidden layers as 2500
    and 1000. INC6 has six blocks and hidden layers of 4000 and 400.

    Args:
        n_blocks: number of inception blocks, 1 to 6.
        input_size, classes, dense, hidden_activation, dropout: as in ``cnn2``.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for too short spectra or another number of blocks.
    """
    if not 1 <= n_blocks <= len(INCEPTION_BLOCKS):
        raise ValueError(f"n_blocks is {n_blocks}, expected 1 to {len(INCEPTION_BLOCKS)}")
    spectra = keras.Input((input_size, 1))
    x = _three_convolutions(spectra)
    for filters in INCEPTION_BLOCKS[:n_blocks]:
        x = _inception_block(x, filters)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name=f"inc{n_blocks}")


def _three_convolutions(x):
    x = layers.Conv1D(64, kernel_size=20, strides=1, padding="same", activation="relu")(x)
    x = max_pool(x, pool_size=3, strides=3)
    x = layers.Conv1D(64, kernel_size=15, strides=1, padding="same", activation="relu")(x)
    x = max_pool(x, pool_size=2, strides=3)
    x = layers.Conv1D(64, kernel_size=10, strides=2, padding="same", activation="relu")(x)
    return max_pool(x, pool_size=1, strides=2)


def _inception_block(x, filters):
    """Four branches side by side, joined along the channels."""

    def convolution(values, n_filters, kernel_size):
        return layers.Conv1D(n_filters, kernel_size, padding="same", activation="relu")(values)

    pooled = layers.AveragePooling1D(pool_size=3, strides=1, padding="same")(x)
    first = convolution(x, filters.kernel_1, kernel_size=1)
    second = convolution(x, filters.before_kernel_3, kernel_size=1)
    second = convolution(second, filters.kernel_3, kernel_size=3)
    third = convolution(x, filters.before_kernel_5, kernel_size=1)
    third = convolution(third, filters.kernel_5, kernel_size=5)
    fourth = convolution(pooled, filters.after_pool, kernel_size=1)
    return layers.Concatenate()([first, second, third, fourth])
