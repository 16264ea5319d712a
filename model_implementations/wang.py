"""VGG: Wang, Xie, Li, Deng, Zhao, Xin, Lin, J. Chem. Inf. Model. 60, 2004 (2020), on powder
diffraction of MOFs."""

import keras

from model_implementations.basic_blocks import classifier, dropped, pool
from synthetic_spectra.training import fast_layers

GROUPS = ((6,), (16, 16), (32, 32), (64, 64))  # filters of the convolutions before each pool


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
        kernel_size: of all convolutions.
        conv_dropout: rate after each pool.
        dense: units of each hidden layer.
        hidden_activation: of the hidden layers.
        dropout: rate before each hidden layer and the output.

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = spectra
    for group in GROUPS:
        for filters in group:
            x = fast_layers.Conv1D(filters, kernel_size, padding="same", activation="relu")(x)
        x = dropped(pool(x, 2, 2), conv_dropout)
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name="vgg"
    )
