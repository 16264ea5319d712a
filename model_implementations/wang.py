"""VGG, for powder diffraction of metal–organic frameworks.

H. Wang, Y. Xie, D. Li, H. Deng, Y. Zhao, M. Xin, J. Lin, J. Chem. Inf. Model. 60, 2004 (2020).
"""

import keras
from keras import layers

from model_implementations.basic_blocks import classifier, dropped, max_pool

# filters of the convolutions before each pool
GROUPS = ((6,), (16, 16), (32, 32), (64, 64))


def vgg(
    input_size,
    classes,
    *,
    kernel_size=5,
    conv_dropout=0.2,
    dense=(120, 84, 186),
    hidden_activation="linear",
    dropout=0.0,
):
    """VGG: seven convolutions with small kernels in four groups, three hidden layers.

    The defaults are the benchmarked network, with linear hidden layers; the code of Wang et al. has
    two hidden layers and ReLU.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        kernel_size: kernel size of all convolutions, in values.
        conv_dropout: dropout rate after each pool, 0 to below 1.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = spectra
    for group in GROUPS:
        for filters in group:
            x = layers.Conv1D(filters, kernel_size, padding="same", activation="relu")(x)
        x = dropped(max_pool(x, pool_size=2, strides=2), conv_dropout)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="vgg")
