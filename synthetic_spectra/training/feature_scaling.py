"""A network → one that scales every datapoint by its range in the training spectra first.

The range stands in a layer of Keras that is saved with the network. So whoever loads a network and
gives it spectra need not know of the scaling.
"""

import numpy as np

from synthetic_spectra.common.backend import keras
from synthetic_spectra.spectra.dataset import ROWS_AT_ONCE
from synthetic_spectra.training import graph


def scaled_by_feature(network, spectra):
    """A network that takes each datapoint x as (x − lowest) / (highest − lowest).

    H. Wang et al., J. Chem. Inf. Model. 60, 2004 (2020), scale so in their code. A datapoint that
    is the same in all training spectra is moved to 0 and not stretched.

    Args:
        network: Keras model of spectra (n, n_datapoints, 1).
        spectra: training spectra, float32 (n, n_datapoints), an array or ``dataset.Scaled``.

    Returns:
        An uncompiled model with the variables of ``network``. Where that is a functional or
        sequential model, this one has the very layers of it behind the scaling.
    """
    lowest, highest = ranges(spectra)
    spans = np.where(highest > lowest, highest - lowest, 1)
    scaling = keras.layers.Rescaling(
        scale=(1 / spans)[:, None].tolist(),
        offset=(-lowest / spans)[:, None].tolist(),
        dtype="float32",
        name="feature_scaling",
    )
    inputs = keras.Input(network.input_shape[1:])
    functional = graph.functional(network)
    outputs = (
        functional.call(scaling(inputs)) if functional is not None else network(scaling(inputs))
    )
    return keras.Model(inputs, outputs, name=network.name)


def ranges(spectra):
    """Lowest and highest value of every datapoint, float64 (n_datapoints,) each."""
    lowest = highest = np.asarray(spectra[:1], "float64")[0]
    for start in range(0, len(spectra), ROWS_AT_ONCE):
        block = spectra[start : start + ROWS_AT_ONCE]
        lowest = np.minimum(lowest, block.min(axis=0))
        highest = np.maximum(highest, block.max(axis=0))
    return lowest, highest
