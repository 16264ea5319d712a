"""CNN BN, for Raman spectra of minerals.

J. Liu, M. Osadchy, L. Ashton, M. Foster, C. J. Solomon, S. J. Gibson, Analyst 142, 4067 (2017).
"""

import keras
from keras import layers

from model_implementations.basic_blocks import classifier, max_pool, normalized

FILTERS = (16, 32, 64)
KERNEL_SIZES = (21, 11, 5)


def cnn_bn(
    input_size,
    classes,
    *,
    batch_normalization=True,
    momentum=0.99,
    dense=(2048,),
    hidden_activation="linear",
    dropout=0.5,
):
    """CNN BN: three convolutions with batch normalisation and leaky ReLU, one hidden layer with
    linear activation.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        batch_normalization: batch normalisation between each convolution and its activation.
        momentum: share of the moving averages of batch normalisation that stays at each training
            step, 0 to below 1; the benchmarked one is the default of Keras.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for too short spectra or another momentum.
    """
    spectra = keras.Input((input_size, 1))
    x = spectra
    for filters, kernel_size in zip(FILTERS, KERNEL_SIZES, strict=True):
        x = layers.Conv1D(filters, kernel_size, padding="same")(x)
        if batch_normalization:
            x = normalized(x, momentum)
        x = layers.LeakyReLU(negative_slope=0.1)(x)
        x = max_pool(x, pool_size=2, strides=2)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="cnn_bn")
