"""Resnet: Ho, Jean, Hogan, Blackmon, Jeffrey, Holodniy, Banaei, Saleh, Ermon, Dionne, Nature
Communications 10, 4927 (2019), on Raman spectra of bacteria."""

import keras

from model_implementations.basic_blocks import classifier, normalized
from synthetic_spectra.training import fast_layers

N_LAYERS = 6
BLOCKS_PER_LAYER = 2
FILTERS = 100
KERNEL_SIZE = 5


def resnet(
    input_size,
    classes,
    *,
    batch_normalization=True,
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
        batch_normalization: whether there is any, after every convolution.
        first_activation: of the first convolution.
        dense: units of each hidden layer; none as benchmarked.
        hidden_activation: of the hidden layers.
        dropout: rate before each hidden layer and the output.
    """
    spectra = keras.Input((input_size, 1))
    x = fast_layers.Conv1D(64, KERNEL_SIZE, padding="same", activation=first_activation)(spectra)
    x = normalized(x, batch_normalization)
    for _ in range(N_LAYERS):
        for block in range(BLOCKS_PER_LAYER):
            x = _residual_block(x, batch_normalization, halve=block == 0)
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name="resnet"
    )


def _residual_block(x, batch_normalization, halve):
    strides = 2 if halve else 1
    y = fast_layers.Conv1D(FILTERS, KERNEL_SIZE, strides, padding="same")(x)
    y = normalized(y, batch_normalization, negative_slope=0.0)
    y = normalized(fast_layers.Conv1D(FILTERS, KERNEL_SIZE, padding="same")(y), batch_normalization)
    if halve:
        x = normalized(
            fast_layers.Conv1D(FILTERS, 1, strides, padding="same")(x), batch_normalization
        )
    return fast_layers.AddReLU()([x, y])
