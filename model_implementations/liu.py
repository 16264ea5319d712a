"""CNN BN: Liu, Osadchy, Ashton, Foster, Solomon, Gibson, Analyst 142, 4067 (2017), on Raman
spectra."""

import keras

from model_implementations.basic_blocks import classifier, normalized, pool
from synthetic_spectra.training import fast_layers

STAGES = ((16, 21), (32, 11), (64, 5))  # filters and kernel size of each convolution


def cnn_bn(
    input_size,
    classes,
    *,
    batch_normalization=True,
    dense=(2048,),
    hidden_activation="linear",
    dropout=0.5,
):
    """CNN BN: three convolutions with batch normalisation and leaky ReLU, one hidden layer with
    linear activation.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        batch_normalization: whether there is any, between each convolution and its activation.
        dense: units of each hidden layer.
        hidden_activation: of the hidden layers.
        dropout: rate before each hidden layer and the output.

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = spectra
    for filters, kernel_size in STAGES:
        x = fast_layers.Conv1D(filters, kernel_size, padding="same")(x)
        x = pool(normalized(x, batch_normalization, negative_slope=0.1), 2, 2)
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name="cnn_bn"
    )
