"""Blocks that more than one architecture uses: pooling, batch normalisation, dropout, the dense
layers at the end."""

from keras import layers, regularizers


def max_pool(x, *, pool_size, strides):
    """Max pooling without padding.

    Args:
        x: values (n, length, channels).
        pool_size: values of a pool.
        strides: distance from one pool to the next, in values.

    Raises:
        ValueError: if ``length`` is less than ``pool_size``.
    """
    return layers.MaxPooling1D(_checked(pool_size, x), strides)(x)


def average_pool(x, *, pool_size, strides):
    """Average pooling without padding; arguments and errors are those of ``max_pool``."""
    return layers.AveragePooling1D(_checked(pool_size, x), strides)(x)


def _checked(pool_size, x):
    length = x.shape[1]
    if length < pool_size:
        raise ValueError(
            f"the spectra are too short, {length} values are left where a pool needs {pool_size}"
        )
    return pool_size


def normalized(x, momentum):
    """Values after batch normalisation.

    Outside of training it uses moving averages of the means and variances of the batches.

    Args:
        x: values (n, length, channels).
        momentum: share of a moving average that stays at each training step, 0 to below 1.

    Raises:
        ValueError: for another momentum.
    """
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum is {momentum:g}, expected 0 to below 1")
    return layers.BatchNormalization(momentum=momentum)(x)


def dropped(x, rate):
    """Values after dropout of ``rate``, 0 to below 1; a rate of 0 adds no layer."""
    return layers.Dropout(rate)(x) if rate else x


def classifier(x, classes, *, dense, hidden_activation, dropout, activity_l2=0.0):
    """Values of the last convolution → hidden layers → probabilities of the classes.

    Dropout comes before each hidden layer and before the output.

    Args:
        x: values (n, length, channels).
        classes: number of classes.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate, 0 to below 1.
        activity_l2: weight in the loss of the sum of the squared probabilities, ≥ 0.

    Returns:
        Probabilities (n, classes), in float32 whatever the precision of the other layers.
    """
    x = layers.Flatten()(x)
    # A layer takes its random seed where it is made: each dense layer before its dropout.
    for units in dense:
        hidden_layer = layers.Dense(units, activation=hidden_activation)
        x = hidden_layer(dropped(x, dropout))
    penalty = regularizers.L2(activity_l2) if activity_l2 else None
    output_layer = layers.Dense(
        classes, activation="softmax", activity_regularizer=penalty, dtype="float32"
    )
    return output_layer(dropped(x, dropout))
