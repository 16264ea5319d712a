"""The fast twin of a network: outputs, gradients and steps are those of the plain network."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from synthetic_spectra.common.backend import keras

# isort: split
from model_implementations import MODELS, build, ho, published_choices, schopmans
from synthetic_spectra.training.fast_layers import Adam, StandIn, accelerated

layers = keras.layers
LENGTH, CLASSES = 301, 7
# the pools of parkCNN need more values
LONG = 801
# networks that are others with more layers or other hidden layers
SAME = ("park_small", "park_big", "resnet18", "resnet101")
# of kinds of layers that the quick tests have in other networks
SLOW = ("cnn6_bn", "cnn_bn", "inc3", "inc6", "resnet", "resnet50")


def some_spectra(length, n=4, channels=1):
    spectra = np.abs(np.random.default_rng(1).normal(size=(n, length, channels)))
    spectra[:, length // 3 : length // 2] = 0  # equal values for the pools
    return spectra.astype("float32")


def arrays(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def small(name, precision="float32"):
    """A network with 16 units in each hidden layer and without dropout."""
    published = published_choices(name)
    choices = {choice: 0.0 for choice in published if "dropout" in choice}
    if "blocks" in published:
        choices["blocks"] = (1, 2)
    keras.config.set_dtype_policy(precision)
    length = LONG if name.startswith("park") else LENGTH
    model = build(name, length, CLASSES, dense=(16,) * len(published["dense"]), **choices)
    keras.config.set_dtype_policy("float32")
    return model


def one_step(model, adam):
    """Outputs, then gradients, trained weights and statistics after one step of training."""
    x, y = some_spectra(model.input_shape[1]), np.arange(4)
    outputs = keras.ops.convert_to_numpy(model(x, training=False))
    model.compile(adam(1e-3), "sparse_categorical_crossentropy", run_eagerly=True)
    model.train_on_batch(x, y)
    momentums = [value for value in model.optimizer.variables if "momentum" in value.path]
    return {
        "outputs": outputs,
        # the momentum of the first step is a share of its gradient
        "gradients": [momentum / (1 - model.optimizer.beta_1) for momentum in arrays(momentums)],
        "weights": arrays(model.trainable_variables),
        "statistics": arrays(model.non_trainable_variables),
    }


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in MODELS
        if name not in SAME
    ],
)
def test_the_fast_network_trains_as_the_plain_one(name, monkeypatch):
    """Outputs, gradients and a step of training are those of the plain network and Keras's Adam."""
    # two of Resnet's six layers have blocks of both kinds; the others repeat them
    monkeypatch.setattr(ho, "N_LAYERS", 2)
    monkeypatch.setattr(schopmans, "FILTERS", (32, 64))
    monkeypatch.setattr(schopmans, "STRIDES", (1, 4))
    keras.utils.set_random_seed(3)
    plain, twin, exact = small(name), small(name), small(name, "float64")
    for model in (twin, exact):
        model.set_weights(plain.get_weights())
    fast = accelerated(twin)
    assert any(isinstance(layer, StandIn) for layer in fast.layers)
    assert [id(variable) for variable in fast.variables] == [id(v) for v in twin.variables]

    theirs, ours = one_step(plain, keras.optimizers.Adam), one_step(fast, Adam)
    exact_gradients = one_step(exact, keras.optimizers.Adam)["gradients"]
    np.testing.assert_allclose(ours["outputs"], theirs["outputs"], rtol=1e-4)
    assert ours["outputs"].sum(axis=1) == pytest.approx([1] * 4)
    assert len(ours["gradients"]) == len(plain.trainable_variables)
    assert np.mean([np.any(gradient != 0) for gradient in ours["gradients"]]) > 0.9

    largest = max(np.abs(gradient).max() for gradient in exact_gradients)
    pairs = zip(ours["gradients"], theirs["gradients"], exact_gradients, strict=True)
    for gradient, plain_gradient, exact_gradient in pairs:
        # In a deep network the rounding of float32 grows: ours may be as far off as the plain one.
        rounding = 2 * np.abs(plain_gradient - exact_gradient).max()
        tolerance = max(1e-4 * largest, rounding)
        np.testing.assert_allclose(gradient, exact_gradient, rtol=1e-4, atol=tolerance)

    pairs = zip(ours["weights"], theirs["weights"], theirs["gradients"], strict=True)
    for weights, plain_weights, gradient in pairs:
        clear = np.abs(gradient) > 1e-2 * largest  # Adam's first step divides by the gradient
        np.testing.assert_allclose(weights[clear], plain_weights[clear], rtol=0, atol=1e-5)
    for statistic, plain_statistic in zip(ours["statistics"], theirs["statistics"], strict=True):
        np.testing.assert_allclose(statistic, plain_statistic, rtol=1e-4, atol=1e-6)


def convolution(**choices):
    settings = {"filters": 6, "kernel_size": 5, "bias_initializer": "random_normal"} | choices
    return layers.Conv1D(**settings)


def normalization(**choices):
    return layers.BatchNormalization(gamma_initializer="random_normal", **choices)


def frozen(layer):
    layer.trainable = False
    return layer


def with_two_readers(x):
    y = normalization()(x)
    return layers.Concatenate()([layers.ReLU()(y), y])


def with_a_shared_layer(x):
    shared = convolution(filters=4, padding="same")
    return shared(shared(x))


# a block of layers: values (n, 31, 4) → (n, length, channels); the stand-ins that replace it
BLOCKS = {
    "convolution": (lambda x: convolution()(x), ["FastConvolution"]),
    "with ReLU": (lambda x: convolution(activation="relu")(x), ["FastConvolution"]),
    "with strides": (lambda x: convolution(strides=3, padding="same")(x), ["FastConvolution"]),
    "frozen": (lambda x: frozen(convolution())(x), ["FastConvolution"]),
    "shared": (with_a_shared_layer, ["FastConvolution", "FastConvolution"]),
    "with tanh": (lambda x: convolution(activation="tanh")(x), []),
    "causal": (lambda x: convolution(padding="causal")(x), []),
    "dilated": (lambda x: convolution(dilation_rate=2)(x), []),
    "in groups": (lambda x: convolution(groups=2)(x), []),
    "without bias": (lambda x: convolution(use_bias=False)(x), []),
    "with an activity regularizer": (lambda x: convolution(activity_regularizer="l2")(x), []),
    "of masked values": (lambda x: convolution()(layers.Masking()(x)), []),
    "pool without gaps": (
        lambda x: layers.MaxPooling1D(2, 2)(convolution()(x)), ["FastConvolution"],
    ),
    "padded pool": (
        lambda x: layers.MaxPooling1D(2, 3, padding="same")(convolution()(x)), ["FastConvolution"],
    ),
    "pool of tanh": (
        lambda x: layers.MaxPooling1D(2, 3)(convolution(activation="tanh")(x)), [],
    ),
    "normalization": (lambda x: normalization()(x), ["FastNormalization"]),
    "normalization, ReLU": (lambda x: layers.ReLU()(normalization()(x)), ["FastNormalization"]),
    "normalization, leaky ReLU": (
        lambda x: layers.LeakyReLU(0.1)(normalization()(x)), ["FastNormalization"],
    ),
    "normalization, activation": (
        lambda x: layers.Activation("relu")(normalization()(x)), ["FastNormalization"],
    ),
    "normalization, ReLU up to 6": (
        lambda x: layers.ReLU(max_value=0.5)(normalization()(x)), ["FastNormalization"],
    ),
    "normalization, two readers": (with_two_readers, ["FastConcatenation", "FastNormalization"]),
    "normalization, frozen": (lambda x: frozen(normalization())(x), ["FastNormalization"]),
    "normalization, not in training": (lambda x: normalization()(x, training=False), []),
    "normalization without scale": (lambda x: normalization(scale=False)(x), []),
    "normalization of lengths": (lambda x: normalization(axis=1)(x), []),
    "normalization in bfloat16": (
        lambda x: layers.ReLU(dtype="float32")(normalization(dtype="mixed_bfloat16")(x)),
        ["FastNormalization"],
    ),
    "sum, ReLU": (
        lambda x: layers.ReLU()(layers.Add()([x, layers.Dense(4)(x)])), ["SumAndReLU"],
    ),
    "sum of three, ReLU": (lambda x: layers.ReLU()(layers.Add()([x, x, x])), []),
    "sum of two shapes, ReLU": (
        lambda x: layers.ReLU()(layers.Add()([x, layers.MaxPooling1D(31)(x)])), [],
    ),
    "concatenation": (
        lambda x: layers.Concatenate()([x, layers.Dense(3)(x), x]), ["FastConcatenation"],
    ),
    "concatenation of lengths": (lambda x: layers.Concatenate(axis=1)([x, x]), []),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_only_what_is_understood_is_replaced(name):
    """A step of training changes the same arrays by the same amounts, whatever the block is."""
    block, stand_ins = BLOCKS[name]
    spectra = keras.Input((31, 4))
    # a layer before the block, which learns from the gradient that the block gives back
    plain = keras.Model(spectra, block(layers.Dense(4)(spectra)))
    fast = accelerated(plain)
    found = [type(layer).__name__ for layer in fast.layers if isinstance(layer, StandIn)]
    assert sorted(found) == stand_ins

    x, before, after = some_spectra(31, channels=4), plain.get_weights(), []
    for model in (plain, fast):
        plain.set_weights(before)
        np.testing.assert_allclose(model(x), plain(x), rtol=1e-5, atol=1e-6)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.train_on_batch(x, np.zeros((4, *plain.output_shape[1:])))
        after.append(plain.get_weights())
    assert fast.compiled and plain.optimizer is not fast.optimizer
    for ours, theirs in zip(*after, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "kernel_size, strides, pool_size, pool_strides",
    [(9, 1, 2, 3), (8, 3, 2, 3), (10, 2, 1, 2), (4, 3, 1, 4), (3, 2, 3, 5), (2, 4, 2, 5)],
)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_only_the_values_that_a_pool_reads_are_computed(
    kernel_size, strides, pool_size, pool_strides, padding
):
    convolution = layers.Conv1D(4, kernel_size, strides, padding=padding, activation="relu")
    pool = layers.MaxPooling1D(pool_size, pool_strides)
    for length in range(40, 46):
        spectra = keras.Input((length, 3))
        plain = keras.Model(spectra, pool(convolution(spectra)))
        fast = accelerated(plain)
        assert [type(layer).__name__ for layer in fast.layers[1:]] == ["ConvolutionAndPool"]
        x = some_spectra(length, n=2, channels=3)
        np.testing.assert_allclose(fast(x), plain(x), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_pool_and_the_seeds_are_the_same_on_jax(passes_on_jax):
    models = ROOT / "tests" / "test_models.py"
    passes_on_jax(__file__, models, words=("values_that_a_pool", "seeds"))


class Doubled(keras.Model):
    def call(self, spectra, training=None):
        return 2 * super().call(spectra, training=training)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = convolution()

    def call(self, spectra):
        return self.convolution(spectra)


def test_models_of_every_kind_have_a_twin_on_their_variables():
    spectra = keras.Input((31, 4))
    sequential = keras.Sequential([spectra, convolution(), layers.ReLU()])
    subclassed = Subclassed()
    subclassed(spectra)
    models = {
        "FastConvolution": sequential,
        # with code of their own: each is a layer of its twin
        "Doubled": Doubled(spectra, sequential(spectra)),
        "Subclassed": subclassed,
        "Sequential": keras.Model(spectra, sequential(spectra)),
    }
    x = some_spectra(31, channels=4)
    for inside, model in models.items():
        twin = accelerated(model)
        assert type(twin.layers[1]).__name__ == inside
        twin.compile(keras.optimizers.SGD(0.1), "mse")
        twin.train_on_batch(x, np.zeros((4, 27, 6)))
        assert not model.compiled
        np.testing.assert_allclose(twin(x), model(x), rtol=1e-5, atol=1e-6)


def test_a_saved_network_is_of_keras_alone(tmp_path):
    """A process that does not know this project loads it, and it predicts the same."""
    model = small("cnn_bn")
    fast = accelerated(model)
    x = some_spectra(LENGTH)
    fast(x, training=True)  # moves the statistics of the batch normalisation
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    loads = (
        "import keras, numpy; model = keras.models.load_model('model.keras'); "
        "print(model(numpy.load('x.npy')).numpy().tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", loads], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(json.loads(done.stdout), fast(x), rtol=1e-5)
