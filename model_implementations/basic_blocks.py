"""Layers that more than one architecture uses."""

from keras import layers


def pool(x, size, stride):
    """Max pooling of ``size`` values every ``stride`` values, without padding.

    Raises:
        ValueError: if fewer than ``size`` values are left of the spectrum.
    """
    if x.shape[1] < size:
        raise ValueError(f"the spectra are too short, {x.shape[1]} values are left where a pool needs {size}")
    return layers.MaxPooling1D(size, stride)(x)


def dropped(x, rate):
    """Dropout of a share ``rate`` of the values; no layer at all for a rate of 0."""
    return layers.Dropout(rate)(x) if rate else x


def normalized(x, batch_normalization):
    """Batch normalisation if ``batch_normalization``, else no layer at all."""
    return layers.BatchNormalization()(x) if batch_normalization else x


def classifier(x, classes, dense, hidden_activation, dropout):
    """Flattened values → hidden layers → class probabilities, with dropout before each hidden layer and the output.

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
