"""What is computed in another way than it is described: the same outputs, gradients and training
steps."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.plain_models import convolution_and_pool, plain_build
from model_implementations import MODELS, build, multiply_accumulates, published_choices
from model_implementations.basic_blocks import convolved_and_pooled
from synthetic_spectra.common.backend import keras
from synthetic_spectra.training.fast_layers import Adam, Conv1D, standard


@pytest.mark.parametrize("name", MODELS)
def test_the_shortcuts_change_nothing(name):
    """Outputs, gradients and a training step are those of the plain network and of Keras's own
    optimizer."""
    rng, size = np.random.default_rng(1), 1003
    x, y = np.abs(rng.normal(size=(4, size, 1))).astype("float32"), rng.integers(0, 27, 4)
    x[:, size // 3 : size // 2] = 0  # equal values for the pools
    initial = {}  # weights that all begin with
    no_dropout = {choice: 0.0 for choice in published_choices(name) if "dropout" in choice}

    def trained(builder, optimizer, precision="float32"):
        keras.utils.set_random_seed(3)
        keras.config.set_dtype_policy(precision)
        model = builder(name, size, 27, **no_dropout)
        keras.config.set_dtype_policy("float32")
        model.set_weights(initial.setdefault("weights", model.get_weights()))
        outputs = keras.ops.convert_to_numpy(model(x, training=False))
        model.compile(optimizer(1e-3), "sparse_categorical_crossentropy", run_eagerly=True)
        model.train_on_batch(x, y)
        momentums = [value for value in model.optimizer.variables if "momentum" in value.path]
        gradients = [
            keras.ops.convert_to_numpy(value) / (1 - model.optimizer.beta_1) for value in momentums
        ]
        weights = [keras.ops.convert_to_numpy(value) for value in model.trainable_variables]
        return (
            outputs,
            gradients,
            weights,
            [keras.ops.convert_to_numpy(v) for v in model.non_trainable_variables],
        )

    outputs, gradients, weights, others = trained(build, Adam)
    plain_outputs, plain_gradients, plain_weights, plain_others = trained(
        plain_build, keras.optimizers.Adam
    )
    np.testing.assert_allclose(outputs, plain_outputs, rtol=1e-4)
    _, exact_gradients, *_ = trained(plain_build, keras.optimizers.Adam, "float64")
    assert len(gradients) == len(weights)
    largest = max(np.abs(gradient).max() for gradient in exact_gradients)
    for ours, plain, exact in zip(gradients, plain_gradients, exact_gradients, strict=True):
        # in a deep network the rounding of float32 grows: ours may be as far off as the plain one
        # is
        rounding = 2 * np.abs(plain - exact).max()
        np.testing.assert_allclose(ours, exact, rtol=1e-4, atol=max(1e-4 * largest, rounding))
    for ours, plain, gradient in zip(weights, plain_weights, plain_gradients, strict=True):
        clear = np.abs(gradient) > 1e-2 * largest  # Adam's first step divides by the gradient
        np.testing.assert_allclose(ours[clear], plain[clear], rtol=0, atol=1e-5)
    for ours, plain in zip(others, plain_others, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "steps", [(9, 1, 2, 3), (8, 3, 2, 3), (10, 2, 1, 2), (4, 3, 1, 4), (3, 2, 3, 5), (2, 4, 2, 5)]
)
def test_only_the_values_that_a_pool_reads_are_computed(steps):
    for length in range(40, 52):
        x = np.random.default_rng(length).normal(size=(2, length, 3)).astype("float32")
        spectra = keras.Input((length, 3))
        ours, plain = (
            keras.Model(spectra, block(spectra, 4, *steps))
            for block in (convolved_and_pooled, convolution_and_pool)
        )
        ours.set_weights(plain.get_weights())
        np.testing.assert_allclose(ours(x), plain(x), rtol=1e-5, atol=1e-6)
        assert multiply_accumulates(ours) < multiply_accumulates(plain)


@pytest.mark.parametrize(
    "choices",
    [{}, {"activation": "relu"}, {"activation": "tanh"}, {"padding": "causal"}, {"dilation_rate": 2}, {"groups": 2},
     {"use_bias": False}, {"strides": 3, "padding": "same"}],
)  # fmt: skip
def test_a_convolution_is_that_of_keras_whatever_is_chosen(choices):
    x = np.random.default_rng(4).normal(size=(2, 31, 4)).astype("float32")
    ours, plain = (
        kind(6, 5, bias_initializer="random_normal", **choices)
        for kind in (Conv1D, keras.layers.Conv1D)
    )
    plain.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(plain.get_weights())
    np.testing.assert_allclose(ours(x), plain(x), rtol=1e-5, atol=1e-6)


def test_a_saved_network_is_of_keras_alone(tmp_path):
    """A process that does not know this project loads it, and it predicts the same."""
    model = build("resnet", 502, 5)
    x = np.random.default_rng(2).normal(size=(3, 502, 1)).astype("float32")
    model(x, training=True)  # moves the statistics of the batch normalisation
    standard(model, model.get_weights()).save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    loads = "import keras, numpy; print(keras.models.load_model('model.keras')(numpy.load('x.npy')).numpy().tolist())"
    done = subprocess.run(
        [sys.executable, "-c", loads], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(json.loads(done.stdout), model(x), rtol=1e-5)
