"""CNN2, CNN3, INC3, INC6: Lee, Park, Lee, Singh, Sohn, Nature Communications 11, 86 (2020), on
powder diffraction.

The versions here are those of the benchmark: the hidden layers have a linear activation.
"""

import keras
from keras import layers

from model_implementations.basic_blocks import classifier, convolved_and_pooled
from synthetic_spectra.training import fast_layers

# filters of each inception block: 1, 1→3 (two numbers), 1→5 (two numbers), pool→1
INCEPTION_FILTERS = (
    (22, 32, 42, 6, 12, 10),
    (28, 43, 56, 7, 14, 14),
    (37, 56, 73, 9, 18, 19),
    (49, 74, 96, 12, 24, 25),
    (65, 97, 126, 16, 32, 32),
    (85, 128, 166, 19, 38, 43),
)


def cnn2(input_size, classes, *, dense=(2000, 500), hidden_activation="linear", dropout=0.3):
    """CNN2: two convolutions with wide strides, two hidden layers.

    Args:
        input_size: datapoints of a spectrum.
        classes: number of classes.
        dense: units of each hidden layer.
        hidden_activation: of the hidden layers.
        dropout: rate before each hidden layer and the output.

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = convolved_and_pooled(spectra, 64, 50, 2, 3, 2)
    x = convolved_and_pooled(x, 64, 25, 3, 2, 3)
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name="cnn2"
    )


def cnn3(input_size, classes, *, dense=(2500, 1000), hidden_activation="linear", dropout=0.3):
    """CNN3: three convolutions, two hidden layers.

    Args:
        input_size, classes, dense, hidden_activation, dropout: as in ``cnn2``.

    Raises:
        ValueError: for too short spectra.
    """
    spectra = keras.Input((input_size, 1))
    x = _three_stages(spectra)
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name="cnn3"
    )


def inception(
    input_size, classes, *, n_blocks=3, dense=(3700, 740), hidden_activation="linear", dropout=0.3
):
    """INC3 and INC6: the convolutions of CNN3, then inception blocks, two hidden layers.

    The defaults are INC3 as benchmarked; the table of the preprint has its hidden layers as 2500,
    1000. INC6 has six blocks and hidden layers of 4000, 400.

    Args:
        n_blocks: number of inception blocks, 1 to 6.
        input_size, classes, dense, hidden_activation, dropout: as in ``cnn2``.

    Raises:
        ValueError: for too short spectra or an impossible number of blocks.
    """
    if not 1 <= n_blocks <= len(INCEPTION_FILTERS):
        raise ValueError(f"n_blocks is {n_blocks}, expected 1 to {len(INCEPTION_FILTERS)}")
    spectra = keras.Input((input_size, 1))
    x = _three_stages(spectra)
    for filters in INCEPTION_FILTERS[:n_blocks]:
        x = _inception_block(x, filters)
    return keras.Model(
        spectra, classifier(x, classes, dense, hidden_activation, dropout), name=f"inc{n_blocks}"
    )


def _three_stages(x):
    x = convolved_and_pooled(x, 64, 20, 1, 3, 3)
    x = convolved_and_pooled(x, 64, 15, 1, 2, 3)
    return convolved_and_pooled(x, 64, 10, 2, 1, 2)


def _inception_block(x, filters):
    def conv(values, n_filters, kernel_size):
        return fast_layers.Conv1D(n_filters, kernel_size, padding="same", activation="relu")(values)

    single, before_3, after_3, before_5, after_5, after_pool = filters
    pooled = layers.AveragePooling1D(3, 1, padding="same")(x)
    return fast_layers.Concatenate()(
        [
            conv(x, single, 1),
            conv(conv(x, before_3, 1), after_3, 3),
            conv(conv(x, before_5, 1), after_5, 5),
            conv(pooled, after_pool, 1),
        ]
    )
