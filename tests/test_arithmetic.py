"""Multiply-accumulates: known numbers for each kind of layer, and none where they are not known."""

import re

import pytest

from synthetic_spectra.common.backend import keras
from synthetic_spectra.training.arithmetic import multiply_accumulates

layers, ops = keras.layers, keras.ops


def nested(x):
    inside = keras.Input((12, 4))
    part = keras.Model(inside, layers.Dense(5)(layers.Conv1D(6, 3)(inside)))
    return part(x)


def nested_twice(x):
    part = keras.Sequential([keras.Input((12, 4)), layers.Dense(4)])
    return part(part(x))


def of_two_lengths(x, layer):
    """Attention of 12 queries with 4 channels to 3 values with 6 channels."""
    values = layers.Dense(6)(layers.AveragePooling1D(4)(x))  # 3 × 4 × 6
    return layer(x, values)


# a layer or block: values (n, 12, 4) → its multiply-accumulates, by hand
KNOWN = {
    "dense, at each of 12 places": (layers.Dense(5), 12 * 4 * 5),
    "convolution": (layers.Conv1D(6, 3, strides=2), 5 * 3 * 4 * 6),
    "convolution, padded": (layers.Conv1D(6, 3, padding="same"), 12 * 3 * 4 * 6),
    "convolution in 2 groups": (layers.Conv1D(6, 3, groups=2), 10 * 3 * 2 * 6),
    "depthwise": (layers.DepthwiseConv1D(3, depth_multiplier=2), 10 * 3 * 4 * 2),
    "separable": (layers.SeparableConv1D(6, 3), 10 * (3 * 4 + 4 * 6)),
    "transposed": (layers.Conv1DTranspose(6, 3, strides=2), 12 * 3 * 4 * 6),
    "in two dimensions": (
        lambda x: layers.Conv2D(5, (3, 2))(layers.Reshape((12, 4, 1))(x)), 10 * 3 * 3 * 2 * 5,
    ),
    "einsum": (layers.EinsumDense("nlc,cde->nlde", (None, 2, 3)), 12 * 4 * 2 * 3),
    "einsum, any batch": (layers.EinsumDense("...c,cd->...d", 5), 12 * 4 * 5),
    "einsum over lengths": (layers.EinsumDense("nlc,lcd->nd", 5), 12 * 4 * 5),
    "simple recurrent": (layers.SimpleRNN(5), 12 * (4 * 5 + 5 * 5)),
    "LSTM": (layers.LSTM(5, return_sequences=True), 12 * 4 * (4 * 5 + 5 * 5)),
    "GRU": (layers.GRU(5), 12 * 3 * (4 * 5 + 5 * 5)),
    "stacked cells": (
        layers.RNN([layers.LSTMCell(5), layers.SimpleRNNCell(2)]),
        12 * (4 * (4 * 5 + 5 * 5) + 5 * 2 + 2 * 2),
    ),
    "both directions": (
        layers.Bidirectional(layers.GRU(5)), 2 * 12 * 3 * (4 * 5 + 5 * 5),
    ),
    "recurrent convolution": (
        lambda x: layers.ConvLSTM1D(5, 3, padding="same", return_sequences=True)(
            layers.Reshape((3, 4, 4))(x)
        ),
        3 * 4 * 4 * (3 * 4 * 5 + 3 * 5 * 5),
    ),
    "at each time": (
        lambda x: layers.TimeDistributed(layers.Conv1D(5, 2))(layers.Reshape((3, 4, 4))(x)),
        3 * 3 * 2 * 4 * 5,
    ),
    "attention": (lambda x: layers.Attention()([x, x]), 12 * 12 * (4 + 4)),
    "attention by concatenation": (
        lambda x: layers.Attention(score_mode="concat")([x, x]), 12 * 12 * 4,
    ),
    "additive attention": (lambda x: layers.AdditiveAttention()([x, x]), 12 * 12 * (4 + 4)),
    "attention of 2 heads": (
        # projections to 2 × 3 of query, key and value, and back to 4 channels; 2 heads of pairs
        lambda x: layers.MultiHeadAttention(2, 3)(x, x),
        4 * 12 * 4 * 6 + 12 * 12 * 2 * (3 + 3),
    ),
    "attention to another length": (
        lambda x: of_two_lengths(x, layers.MultiHeadAttention(2, 3, value_dim=5)),
        3 * 4 * 6
        + (12 * 4 * 6 + 3 * 6 * 6 + 3 * 6 * 10 + 12 * 10 * 4)
        + 12 * 3 * 2 * (3 + 5),
    ),
    "named arguments": (
        lambda x: of_two_lengths(
            x, lambda q, v: layers.MultiHeadAttention(2, 3)(value=v, key=v, query=q)
        ),
        3 * 4 * 6 + (12 * 4 * 6 + 2 * 3 * 6 * 6 + 12 * 6 * 4) + 12 * 3 * 2 * (3 + 3),
    ),
    "grouped attention": (
        lambda x: layers.GroupQueryAttention(3, 4, 2)(x, x),
        12 * (4 * 4 * 3 + 2 * 4 * 2 * 3 + 4 * 3 * 4) + 12 * 12 * 4 * (3 + 3),
    ),
    "dot of two layers": (lambda x: layers.Dot(axes=1)([x, x]), 4 * 4 * 12),
    "matrix product": (lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), 12 * 12 * 4),
    "einsum of two": (lambda x: ops.einsum("nlc,nmc->nlm", x, x), 12 * 12 * 4),
    "nested": (nested, 10 * (3 * 4 * 6 + 6 * 5)),
    "nested, called twice": (nested_twice, 2 * 12 * 4 * 4),
    "value by value": (
        lambda x: ops.sqrt(layers.BatchNormalization()(layers.ReLU()(x * x + 1.0))), 0,
    ),
    "embedding": (lambda x: layers.Embedding(9, 5)(ops.cast(x, "int32")), 0),
    "a pool that leaves values out": (
        lambda x: layers.MaxPooling1D(2, 3)(layers.Conv1D(6, 2)(x)), 4 * 2 * 2 * 4 * 6,
    ),
    "a pool that reads all": (
        lambda x: layers.MaxPooling1D(2, 2)(layers.Conv1D(6, 2)(x)), 11 * 2 * 4 * 6,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_known_numbers(name, capsys):
    block, expected = KNOWN[name]
    values = keras.Input((12, 4))
    model = keras.Model(values, block(values))
    assert multiply_accumulates(model) == expected, capsys.readouterr().err


def test_a_sequential_model_counts_as_its_layers():
    values = keras.Input((12, 4))
    sequential = keras.Sequential([values, layers.Conv1D(6, 2), layers.MaxPooling1D(2, 3)])
    assert multiply_accumulates(sequential) == 4 * 2 * 2 * 4 * 6


class Doubled(layers.Layer):
    def call(self, x):
        return ops.matmul(x, ops.ones((4, 4)))


class OwnDense(layers.Dense):
    pass


class OwnCell(layers.SimpleRNNCell):
    pass


class OwnModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(5)

    def call(self, x):
        return self.dense(x)


def of_any_length(x):
    inside = keras.Input((None, 4))
    return keras.Model(inside, layers.Dense(5)(inside))(x)


# what cannot be counted, and the reason
UNKNOWN = {
    "own layer": (Doubled(name="twice"), "Doubled 'twice' has code of its own"),
    "own dense layer": (OwnDense(5), "OwnDense '.*' has code of its own"),
    "own cell": (layers.RNN(OwnCell(5)), "OwnCell '.*' has code of its own"),
    "own model": (lambda x: OwnModel()(x), "OwnModel '.*' has code of its own"),
    "Lambda": (layers.Lambda(lambda x: 2 * x), "no rule for Lambda 'lambda'"),
    "distributed own layer": (layers.TimeDistributed(OwnDense(5)), "OwnDense"),
    "spectral normalization": (
        layers.SpectralNormalization(layers.Dense(5)), "no rule for SpectralNormalization",
    ),
    "operation": (lambda x: ops.dot(x, ops.ones((4, 4))), "no rule for Dot"),
    "loop": (
        lambda x: ops.map(lambda row: ops.matmul(row, ops.ones((4, 4))), x), "no rule for Map",
    ),
    "Fourier transform": (lambda x: ops.rfft(x)[0], "no rule for RFFT"),
    "another length than built for": (of_any_length, "other shapes than it was built for"),
    "sequences of rank 4": (
        lambda x: layers.MultiHeadAttention(2, 3)(*[layers.Reshape((3, 4, 4))(x)] * 2),
        "other inputs than sequences",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_has_a_reason_and_no_number(name, capsys):
    block, reason = UNKNOWN[name]
    keras.utils.clear_session()
    values = keras.Input((12, 4))
    model = keras.Model(values, layers.Dense(3)(block(values)), name="network")
    assert multiply_accumulates(model) is None
    shown, notice = capsys.readouterr()
    assert shown == "" and notice.startswith("network: multiply-accumulates are not counted: ")
    assert re.search(reason, notice)


def test_code_of_its_own_and_open_lengths_are_not_counted(capsys):
    own = OwnModel()
    own.build((None, 12, 4))
    values = keras.Input((None, 4))
    for model in (own, keras.Model(values, layers.Conv1D(6, 3)(values))):
        assert multiply_accumulates(model) is None
    notices = capsys.readouterr().err
    assert "its call is code of its own" in notices and "the lengths are not fixed" in notices
