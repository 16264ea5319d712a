"""Resnet, for Raman spectra of bacteria.

C.-S. Ho, N. Jean, C. A. Hogan, L. Blackmon, S. S. Jeffrey, M. Holodniy, N. Banaei, A. A. E. Saleh,
S. Ermon, J. Dionne, Nature Communications 10, 4927 (2019).
"""

import keras
from keras import layers

from model_implementations.basic_blocks import classifier, normalized

N_LAYERS = 6
BLOCKS_PER_LAYER = 2
FILTERS = 100
KERNEL_SIZE = 5


def resnet(
    input_size,
    classes,
    *,
    batch_normalization=True,
    momentum=0.99,
    first_activation="linear",
    dense=(),
    hidden_activation="linear",
    dropout=0.5,
):
    """Resnet: a convolution and six layers of two residual blocks; every layer halves the spectrum.

    The defaults are the benchmarked network, without hidden layers. The first layer of Ho et al.
    has stride 1.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        batch_normalization: batch normalisation after every convolution.
        momentum: share of the moving averages of batch normalisation that stays at each training
            step, 0 to below 1; the benchmarked one is the default of Keras.
        first_activation: activation of the first convolution, such as "linear" or "relu".
        dense: units of each hidden layer; none as benchmarked.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for another momentum.
    """

    def normalization(values):
        return normalized(values, momentum) if batch_normalization else values

    spectra = keras.Input((input_size, 1))
    x = layers.Conv1D(64, KERNEL_SIZE, padding="same", activation=first_activation)(spectra)
    x = normalization(x)
    for _ in range(N_LAYERS):
        x = _residual_block(x, normalization, strides=2)
        for _ in range(BLOCKS_PER_LAYER - 1):
            x = _residual_block(x, normalization, strides=1)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="resnet")


def _residual_block(x, normalization, strides):
    """Two convolutions beside a shortcut, which is a convolution for ``strides`` above 1.

    ``normalization`` is a function of the values behind each convolution.
    """

    def convolution(values, kernel_size, strides):
        values = layers.Conv1D(FILTERS, kernel_size, strides, padding="same")(values)
        return normalization(values)

    y = layers.ReLU()(convolution(x, KERNEL_SIZE, strides))
    y = convolution(y, KERNEL_SIZE, strides=1)
    shortcut = convolution(x, kernel_size=1, strides=strides) if strides > 1 else x
    return layers.ReLU()(layers.Add()([shortcut, y]))
