"""The networks as they are described, every convolution computed whole: the baseline of the
benchmark of training and the reference of the tests."""

from contextlib import ExitStack
from unittest.mock import patch

from keras import layers

from model_implementations import build, lee, szymanski
from synthetic_spectra.training import fast_layers


def plain_build(name, input_size, classes, **choices):
    """``model_implementations.build`` without its shortcuts; the weights of the two fit each other."""
    with ExitStack() as stack:
        stack.enter_context(
            patch.multiple(
                fast_layers, **{kind.__name__: plain_layer(kind) for kind in fast_layers.LAYERS}
            )
        )
        for module in (lee, szymanski):
            stack.enter_context(patch.object(module, "convolved_and_pooled", convolution_and_pool))
        return build(name, input_size, classes, **choices)


def plain_layer(kind):
    """Keras's layers in the place of one of ``fast_layers.LAYERS``: what it is made of and, if it
    has one, its ReLU."""

    def layer(*arguments, **choices):
        slope = choices.pop("negative_slope", getattr(kind, "negative_slope", None))
        first = kind.__base__(*arguments, **choices)
        return first if slope is None else lambda x: layers.ReLU(negative_slope=slope)(first(x))

    return layer


def convolution_and_pool(x, filters, kernel_size, strides, pool_size, pool_stride):
    """A "same" convolution with ReLU, then a max pool."""
    x = layers.Conv1D(filters, kernel_size, strides, padding="same", activation="relu")(x)
    return layers.MaxPooling1D(pool_size, pool_stride)(x)
