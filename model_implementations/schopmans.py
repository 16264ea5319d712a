"""parkCNN and ResNets for space groups from powder diffraction; and a small network of strided
convolutions, of this project.

H. Schopmans, P. Reiser, P. Friederich, Digital Discovery 2, 1414 (2023). parkCNN is of W. B. Park,
J. Chung, J. Jung, K. Sohn, S. P. Singh, M. Pyo, N. Shin, K.-S. Sohn, IUCrJ 4, 486 (2017).
"""

import keras
from keras import layers

from model_implementations.basic_blocks import average_pool, classifier, dropped

# of each convolution of parkCNN: size of its kernel, strides, size and strides of the pool behind
PARK = ((100, 5, 3, 2), (50, 5, 3, 3), (25, 2, 3, 3))
PARK_FILTERS = 80

# of each group of residual blocks
FILTERS = (64, 128, 256, 512)
STRIDES = (1, 4, 4, 4)
KERNEL_SIZE = 9
# Filters at the end of a bottleneck, for each of those between its two small convolutions.
EXPANSION = 4

STRIDED_KERNEL_SIZE = 9
STRIDED_STRIDES = (4, 4, 4, 4, 2)


def park(
    input_size,
    classes,
    *,
    conv_dropout=0.0,
    dense=(4040, 202),
    hidden_activation="relu",
    dropout=0.0,
):
    """parkCNN: three convolutions with large kernels and average pools, two hidden layers.

    The published networks have 700 and 70 units in their hidden layers (small), 4040 and 202
    (medium) or 2300 and 1150 (big). Trained on synthetic crystals they have no dropout; trained on
    real structures they have 0.3 after convolutions and 0.5 after hidden layers.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        conv_dropout: dropout rate between each convolution and its pool, 0 to below 1.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate after each hidden layer, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = spectra
    for kernel_size, strides, pool_size, pool_strides in PARK:
        x = layers.Conv1D(PARK_FILTERS, kernel_size, strides, padding="same", activation="relu")(x)
        x = average_pool(dropped(x, conv_dropout), pool_size=pool_size, strides=pool_strides)
    x = layers.Flatten()(x)
    for units in dense:
        x = dropped(layers.Dense(units, activation=hidden_activation)(x), dropout)
    probabilities = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(spectra, probabilities, name="park")


def resnet(
    input_size,
    classes,
    *,
    blocks=(1, 1, 1, 1),
    bottleneck=False,
    dense=(256,),
    hidden_activation="linear",
    dropout=0.0,
):
    """ResNet with group normalisation: four groups of residual blocks with kernels of nine, whose
    values are flattened, not averaged, and a linear hidden layer.

    ResNet-10 has one block in each group and ResNet-18 two. ResNet-50 and 101 have 3, 4, 6, 3 and
    3, 4, 23, 3 bottlenecks.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        blocks: residual blocks of each of the four groups.
        bottleneck: whether a block is a bottleneck, of kernels 1, 9 and 1, in place of 9 and 9.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: if ``blocks`` has not a number for each of the four groups.
    """
    if len(blocks) != len(FILTERS):
        raise ValueError(f"blocks is {blocks}, expected a number for each of {len(FILTERS)} groups")
    spectra = keras.Input((input_size, 1))
    x = layers.ReLU()(_convolution(spectra, 64, kernel_size=7, strides=2))
    x = layers.MaxPooling1D(3, 2, padding="same")(x)

    # the first block of a group shortens the spectrum
    for n_blocks, filters, strides in zip(blocks, FILTERS, STRIDES, strict=True):
        for i in range(n_blocks):
            x = _residual_block(x, filters, strides if i == 0 else 1, bottleneck, project=i == 0)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="resnet")


def _residual_block(x, filters, strides, bottleneck, project):
    """Convolutions beside a shortcut, which is a convolution if ``project``."""
    last = EXPANSION * filters if bottleneck else filters
    if bottleneck:
        y = layers.ReLU()(_convolution(x, filters, kernel_size=1, strides=1))
        y = layers.ReLU()(_convolution(y, filters, KERNEL_SIZE, strides))
        y = _convolution(y, last, kernel_size=1, strides=1)
    else:
        y = layers.ReLU()(_convolution(x, filters, KERNEL_SIZE, strides))
        y = _convolution(y, filters, KERNEL_SIZE, strides=1)
    shortcut = _convolution(x, last, kernel_size=1, strides=strides) if project else x
    return layers.ReLU()(layers.Add()([shortcut, y]))


def _convolution(x, filters, kernel_size, strides):
    """A convolution without bias, and its group normalisation."""
    x = layers.Conv1D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return layers.GroupNormalization(32, epsilon=1e-3)(x)


def strided(
    input_size,
    classes,
    *,
    filters=(16, 32, 64, 128, 128),
    dense=(256,),
    hidden_activation="relu",
    dropout=0.0,
):
    """Five strided convolutions with ReLU and one hidden layer, small enough for a processor.

    The convolutions have He initialisation, with which it learns faster than with Keras's own.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        filters: filters of each of the five convolutions.
        dense: units of each hidden layer.
        hidden_activation: activation of the hidden layers, such as "linear" or "relu".
        dropout: dropout rate before each hidden layer and before the output, 0 to below 1.

    Returns:
        An uncompiled model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        ValueError: if ``filters`` has not a number for each of the five convolutions.
    """
    if len(filters) != len(STRIDED_STRIDES):
        raise ValueError(
            f"filters is {filters}, expected a number for each of {len(STRIDED_STRIDES)} "
            "convolutions"
        )
    spectra = keras.Input((input_size, 1))
    x = spectra
    for channels, strides in zip(filters, STRIDED_STRIDES, strict=True):
        x = layers.Conv1D(
            channels,
            STRIDED_KERNEL_SIZE,
            strides,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )(x)
    probabilities = classifier(
        x, classes, dense=dense, hidden_activation=hidden_activation, dropout=dropout
    )
    return keras.Model(spectra, probabilities, name="strided")
