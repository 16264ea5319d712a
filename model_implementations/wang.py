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
    padding="same",
    conv_dropout=0.2,
    dense=(120, 84, 186),
    hidden_activation="linear",
    dropout=0.0,
    activity_l2=0.0,
):
    """VGG: seven convolutions with small kernels in four groups, three hidden layers.

    The defaults are the benchmarked network, with linear hidden layers. The code of Wang et al. has
    padding "valid", hidden layers of 120 and 84 units with ReLU, and an activity_l2 of 0.1.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        kernel_size: kernel size of all convolutions, in values.
        padding: "same" for convolutions that keep the length, "valid" without zeros at the ends.
        conv_dropout: dropout rate after each pool, 0 to below 1.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.
        activity_l2: weight in the loss of the sum of the squared probabilities, ≥ 0.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = spectra
    for group in GROUPS:
        for filters in group:
            if padding == "valid" and x.shape[1] < kernel_size:
                raise ValueError(
                    f"the spectra are too short, {x.shape[1]} values are left where a convolution "
                    f"needs {kernel_size}"
                )
            x = layers.Conv1D(filters, kernel_size, padding=padding, activation="relu")(x)
        x = dropped(max_pool(x, pool_size=2, strides=2), conv_dropout)
    probabilities = classifier(
        x,
        classes,
        dense=dense,
        hidden_activation=hidden_activation,
        dropout=dropout,
        activity_l2=activity_l2,
    )
    return keras.Model(spectra, probabilities, name="vgg")
