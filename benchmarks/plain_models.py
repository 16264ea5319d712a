"""The networks as they are described, every convolution computed whole: the baseline of the benchmark of training and
the reference of the tests."""

from contextlib import ExitStack
from unittest.mock import patch

from keras import layers

from model_implementations import basic_blocks, build, lee, szymanski


def plain_build(name, input_size, classes, **choices):
    """``model_implementations.build`` without its shortcuts; the weights of the two fit each other."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(basic_blocks, "BatchNormalization", layers.BatchNormalization))
        for module in (lee, szymanski):
            stack.enter_context(patch.object(module, "convolved_and_pooled", convolution_and_pool))
        return build(name, input_size, classes, **choices)


def convolution_and_pool(x, filters, kernel_size, strides, pool_size, pool_stride):
    """A "same" convolution with ReLU, then a max pool."""
    x = layers.Conv1D(filters, kernel_size, strides, padding="same", activation="relu")(x)
    return layers.MaxPooling1D(pool_size, pool_stride)(x)
