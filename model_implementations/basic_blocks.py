"""Layers that more than one architecture uses."""

from math import ceil

from keras import layers

from synthetic_spectra.training import fast_layers


def pool(x, size, stride):
    """Max pooling of ``size`` values every ``stride`` values, without padding.

    Raises:
        ValueError: if fewer than ``size`` values are left of the spectrum.
    """
    if x.shape[1] < size:
        raise ValueError(
            f"the spectra are too short, {x.shape[1]} values are left where a pool needs {size}"
        )
    return layers.MaxPooling1D(size, stride)(x)


def convolved_and_pooled(x, filters, kernel_size, strides, pool_size, pool_stride):
    """A "same" convolution with ReLU and the max pool after it, without the values that the pool
    leaves out.

    The function is that of ``pool(Conv1D(filters, kernel_size, strides, padding="same",
    activation="relu")(x), …)``, with the same weights. Where the stride of the pool is larger than
    its size, only the values that it reads are
    computed: the convolution takes larger steps, once for each value of a pool.

    Raises:
        ValueError: if fewer than ``pool_size`` values are left of the spectrum.
    """
    if pool_stride <= pool_size:
        x = fast_layers.Conv1D(filters, kernel_size, strides, padding="same", activation="relu")(x)
        return pool(x, pool_size, pool_stride)
    length = x.shape[1]
    convolved = ceil(length / strides)
    if convolved < pool_size:
        raise ValueError(
            f"the spectra are too short, {convolved} values are left where a pool needs {pool_size}"
        )
    pooled = (convolved - pool_size) // pool_stride + 1
    left = (
        max((convolved - 1) * strides + kernel_size - length, 0) // 2
    )  # zeros before the spectrum, as "same" has
    step = strides * pool_stride
    convolution = fast_layers.Conv1D(filters, kernel_size, step, activation="relu")
    parts = []
    for i in range(pool_size):
        first = i * strides - left
        end = first + (pooled - 1) * step + kernel_size
        parts.append(convolution(_window(x, first, end)))
    if pool_size == 1:
        return parts[0]
    side_by_side = layers.Reshape((pooled * pool_size, filters))(layers.Concatenate()(parts))
    return layers.MaxPooling1D(pool_size)(side_by_side)


def _window(x, first, end):
    """Values ``first`` to ``end`` of a spectrum, zero where they lie outside of it."""
    before, after = first, x.shape[1] - end
    if before > 0 or after > 0:
        x = layers.Cropping1D((max(before, 0), max(after, 0)))(x)
    if before < 0 or after < 0:
        x = layers.ZeroPadding1D((max(-before, 0), max(-after, 0)))(x)
    return x


def dropped(x, rate):
    """Dropout of a share ``rate`` of the values; no layer at all for a rate of 0."""
    return layers.Dropout(rate)(x) if rate else x


def normalized(x, batch_normalization, negative_slope=None):
    """Batch normalisation if ``batch_normalization``; with a ``negative_slope`` a ReLU of that
    slope below zero."""
    if batch_normalization:
        return fast_layers.BatchNormalization(negative_slope=negative_slope)(x)
    return x if negative_slope is None else layers.ReLU(negative_slope=negative_slope)(x)


def classifier(x, classes, dense, hidden_activation, dropout):
    """Flattened values → hidden layers → class probabilities, with dropout before each hidden layer
    and the output.

    Args:
        x: values after the convolutions.
        classes: number of classes.
        dense: units of each hidden layer.
        hidden_activation: of the hidden layers, e.g. "linear" or "relu".
        dropout: rate, 0 for none.
    """
    x = layers.Flatten()(x)
    for units in dense:
        x = layers.Dense(units, activation=hidden_activation)(dropped(x, dropout))
    # probabilities in float32 whatever the precision of the rest
    return layers.Dense(classes, activation="softmax", dtype="float32")(dropped(x, dropout))
