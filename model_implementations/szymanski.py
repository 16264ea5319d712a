"""CNN6, for powder diffraction.

N. J. Szymanski, C. J. Bartel, Y. Zeng, Q. Tu, G. Ceder, Chemistry of Materials 33, 4204 (2021).
"""

import keras
from keras import layers

from model_implementations.basic_blocks import classifier, dropped, max_pool

KERNEL_SIZES = (35, 30, 25, 20, 15, 10)
POOL_SIZES = (3, 3, 2, 1, 1, 1)


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
        batch_normalization: batch normalisation between each convolution and its activation.
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
    for kernel_size, pool_size in zip(KERNEL_SIZES, POOL_SIZES, strict=True):
        if batch_normalization:
            x = layers.Conv1D(64, kernel_size, padding="same")(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
        else:
            x = layers.Conv1D(64, kernel_size, padding="same", activation="relu")(x)
        x = dropped(max_pool(x, pool_size=pool_size, strides=2), conv_dropout)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="cnn6")
