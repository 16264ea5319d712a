"""CNN6: Szymanski, Bartel, Zeng, Tu, Ceder, Chemistry of Materials 33, 4204 (2021), on powder
diffraction."""

import keras

from model_implementations.basic_blocks import (
    classifier,
    convolved_and_pooled,
    dropped,
    normalized,
    pool,
)
from synthetic_spectra.training import fast_layers

# kernel size of a convolution, size and stride of the pool after it
STAGES = ((35, 3, 2), (30, 3, 2), (25, 2, 2), (20, 1, 2), (15, 1, 2), (10, 1, 2))


def cnn6(
    input_size,
    classes,
    *,
    batch_normalization=False,
    conv_dropout=0.0,
    dense=(3100, 1200),
    hidden_activation="relu",
    dropout=0.7,
):
    """CNN6: six convolutions with ever smaller kernels, two hidden layers with ReLU, strong
    dropout.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        batch_normalization: whether there is any, between each convolution and its activation.
        conv_dropout: rate after each pool.
        dense: units of each hidden layer.
        hidden_activation: of the hidden layers.
        dropout: rate before each hidden layer and the output.

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = spectra
    for kernel_size, pool_size, pool_stride in STAGES:
        if batch_normalization:  # over all values, also those that the pool leaves out
            x = fast_layers.Conv1D(64, kernel_size, padding="same")(x)
            x = pool(normalized(x, batch_normalization, negative_slope=0.0), pool_size, pool_stride)
        else:
            x = convolved_and_pooled(x, 64, kernel_size, 1, pool_size, pool_stride)
        x = dropped(x, conv_dropout)
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name="cnn6"
    )
