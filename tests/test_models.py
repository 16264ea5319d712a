"""The architectures: published sizes, any input size and class count, mistakes in one sentence."""

import math
import random

import numpy as np
import pytest
import test_schopmans
from conftest import ROOT

from synthetic_spectra.common.backend import keras

# isort: split
from model_implementations import (
    MODELS,
    build,
    checked_choices,
    ho,
    outline,
    parse_choices,
    published_choices,
)
from model_implementations.blurred_areas import peaks_of
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import fast_layers
from synthetic_spectra.training.arithmetic import multiply_accumulates

# model: parameters for 500 classes, for 27 classes, values after the convolutions, million
# multiply-accumulates for 500 classes with every convolution computed whole (all for 5000
# datapoints)
PUBLISHED = {
    "cnn2": (19150728, 18913755, (139, 64), 69.7),
    "cnn3": (25347872, 24874399, (139, 64), 145.4),
    "cnn6": (20212224, 19644151, (78, 64), 542.6),
    "vgg": (2556174, 2467723, (312, 64), 35.9),
    "resnet": (5204540, 1467367, (79, 100), 985.6),
    "cnn_bn": (82963316, 81994139, (625, 64), 111.5),
    "inc3": (78870534, 78520041, (139, 147), 206.0),
    "inc6": (186817238, 186627565, (139, 332), 350.3),
    "cnn_bn_mod": (82962868, 81993691, (625, 64), 111.5),
    "cnn6_convdo": (20212224, 19644151, (78, 64), 542.6),
    "cnn6_bn": (20213760, 19645687, (78, 64), 542.6),
    "vgg_mod": (41349990, 41113017, (312, 64), 174.6),
    "resnet_mod": (30056584, 29488511, (79, 100), 1010.5),
    # as the code of its paper has it
    "vgg_wang": (2435604, 2395399, (305, 64), 35.2),
    # not published
    "blurred_areas": (764212, 521563, (200, 3), 0.8),
}
# where pools leave values out: multiply-accumulates without those, for 500 and 27 classes
LESS = {
    "cnn2": (55509200, 55272700),
    "cnn3": (105531840, 105058840),
    "cnn6": (504308480, 503740880),
    "inc3": (166108176, 165758156),
    "inc6": (310446739, 310257539),
    "cnn6_convdo": (504308480, 503740880),
}
# begins of the names of networks whose padded convolutions take spectra of any length
ANY_LENGTH = ("resnet", "strided")


def test_every_model_is_checked():
    assert PUBLISHED.keys() | test_schopmans.PUBLISHED.keys() == MODELS.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size(name):
    parameters_500, parameters_27, after_convolutions, millions = PUBLISHED[name]
    for_500, for_27 = (outline(name, 5000, classes) for classes in (500, 27))
    assert (for_500.count_params(), for_27.count_params()) == (parameters_500, parameters_27)
    flatten = next(layer for layer in for_500.layers if isinstance(layer, keras.layers.Flatten))
    assert flatten.input.shape == (None, *after_convolutions)
    assert not for_500.compiled
    published = published_choices(name)
    *hidden, output = trained_dense(for_500)
    assert tuple(layer.units for layer in hidden) == published["dense"]
    assert {layer.activation.__name__ for layer in hidden} == (
        {published["hidden_activation"]} if hidden else set()
    )
    assert (output.units, output.activation.__name__) == (500, "softmax")

    whole = sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in for_500.layers
        if isinstance(layer, keras.layers.Conv1D | keras.layers.Dense)
    )
    assert round(whole / 1e6, 1) == millions
    counted = multiply_accumulates(for_500), multiply_accumulates(for_27)
    assert counted == LESS[name] if name in LESS else counted[0] == whole


def test_an_outline_has_the_shapes_of_the_network_and_leaves_no_trace():
    drawn, built = outline("inc3", 333, 7), build("inc3", 333, 7, dense=(5,))
    assert [v.shape for v in outline("inc3", 333, 7, dense=(5,)).weights] == [
        v.shape for v in built.weights
    ]
    with keras.StatelessScope():  # at its end Keras gives values to all that have none
        pass
    assert drawn.weights[0]._value is None


def trained_dense(model):
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return [layer for layer in dense if layer.trainable]


@pytest.mark.parametrize("name", MODELS)
def test_other_sizes_and_activations(name):
    model = outline(name, 801, 7, hidden_activation="tanh", dense=(5,))
    assert model.input_shape == (None, 801, 1)
    assert model.output_shape == (None, 7)
    hidden, output = trained_dense(model)
    assert (hidden.units, hidden.activation.__name__) == (5, "tanh")
    assert output.activation.__name__ == "softmax"


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith(ANY_LENGTH)])
def test_too_short_spectra_are_told(name):
    with pytest.raises(InputError, match=f"{name}.* 2 datapoints.*too short"):
        build(name, 2, 3)


@pytest.mark.parametrize("name", ["resnet", "strided"])
def test_strided_convolutions_take_any_length(name):
    assert build(name, 2, 3).output_shape == (None, 3)


def test_choices_from_the_shell_replace_the_benchmarked_ones():
    changed = parse_choices(["dropout=0.5", "dense=[40,30]"])
    assert changed == {"dropout": 0.5, "dense": [40, 30]}
    choices = checked_choices("cnn2", changed)
    assert choices == {"dense": [40, 30], "hidden_activation": "linear", "dropout": 0.5}
    layers = build("cnn2", 333, 7, **choices).layers
    assert [layer.units for layer in layers if isinstance(layer, keras.layers.Dense)] == [40, 30, 7]
    assert {layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)} == {0.5}
    assert checked_choices("resnet_mod", {"first_activation": "elu"})["first_activation"] == "elu"


@pytest.mark.parametrize("name", ["cnn_bn", "resnet"])
def test_the_momentum_of_batch_normalization(name, monkeypatch):
    """It changes how fast the moving averages follow, and nothing else; unnamed it is Keras's."""
    monkeypatch.setattr(ho, "N_LAYERS", 1)
    spectra = np.random.default_rng(2).random((3, 301, 1), "float32")
    averages, weights = {}, []
    for momentum in ({}, {"momentum": 0.99}, {"momentum": 0.9}):
        keras.utils.set_random_seed(4)
        model = build(name, 301, 7, **momentum)
        weights.append(model.get_weights())
        fast_layers.accelerated(model)(spectra, training=True)
        first = next(
            one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)
        )
        averages[first.momentum] = keras.ops.convert_to_numpy(first.moving_mean)
    assert list(averages) == [0.99, 0.9]
    np.testing.assert_allclose(averages[0.9], 10 * averages[0.99], rtol=1e-4)
    for default, *changed in zip(*weights, strict=True):
        assert all(np.array_equal(default, values) for values in changed)
    with pytest.raises(InputError, match=f"{name}.*momentum is 1.5, expected 0 to below 1"):
        build(name, 301, 7, momentum=1.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dropout", "name=value"),
        ("droput=0.5", "'droput'.*dense, dropout"),
        ("dropout=much", "dropout='much'.*0.3"),
        ("dense=5", r"dense=5.*\(2000, 500\)"),
        ("dense=[5,0]", r"dense=\[5, 0\]"),
        ("hidden_activation=relu", "hidden_activation"),
        ("dropout=2", "dropout|rate"),
    ],
)
def test_mistakes_in_choices_are_told(text, words):
    with pytest.raises(InputError, match=words):
        outline("cnn2", 333, 7, **checked_choices("cnn2", parse_choices([text])))


def test_mistakes_are_told():
    with pytest.raises(InputError, match=r"'cnn1'.*cnn2, cnn3"):
        build("cnn1", 5000, 3)
    with pytest.raises(InputError, match="n_blocks is 7"):
        build("inc6", 5000, 3, n_blocks=7)


# layers in the order in which they draw their seeds from that of the run
SEEDED = {
    "cnn2": ["conv1d", "conv1d_1", "dense", "dropout", "dense_1", "dropout_1"],
    "cnn6_convdo": [
        "conv1d", "dropout", "conv1d_1", "dropout_1", "conv1d_2", "dropout_2", "conv1d_3",
        "dropout_3", "conv1d_4", "dropout_4", "conv1d_5", "dropout_5", "dense", "dense_1",
    ],
    "inc3": [*(f"conv1d_{i}" if i else "conv1d" for i in range(21)), "dense", "dropout", "dense_1"],
    "blurred_areas": ["dense", "dense_1", "dense_2"],
}  # fmt: skip


@pytest.mark.parametrize("name", SEEDED)
def test_seeds_are_drawn_in_the_order_of_the_published_runs(name):
    """A seed gives the weights and the dropout that it always gave; the fast network draws none."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(8)
    model = build(name, 301, 7, dense=(16,))
    drawn = random.Random(8)
    expected = {layer: drawn.randint(1, 10**9) for layer in SEEDED[name]}
    state = random.getstate()
    fast = fast_layers.accelerated(model)
    assert random.getstate() == state
    seeds = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv1D | keras.layers.Dense):
            seeds[layer.name] = layer.kernel_initializer.seed
        if isinstance(layer, keras.layers.Dropout):
            seeds[layer.name] = int(keras.ops.convert_to_numpy(layer.seed_generator.state)[0])
            assert layer in fast.layers
    assert {layer: seeds[layer] for layer in expected} == expected


def test_training_steps_on_the_challenge(shell, tmp_path):
    """A network of published size learns spectra of the challenge; the tests of its fast layers
    train every network."""
    challenge = ROOT / "dataset_configs" / "challenge.json"
    shell(tmp_path, "spectra_from_config.py", "--config", challenge, "--n-train", 2)
    data = dataset.load(tmp_path / "datasets", "challenge")
    x, y = data.x["train"][::6, :, None], data.y["train"][::6]
    keras.utils.set_random_seed(0)
    plain = build("vgg", 5000, 27, hidden_activation="relu")
    model = fast_layers.accelerated(plain)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    before = plain.get_weights()
    losses = [model.train_on_batch(x, y) for _ in range(5)]
    assert 0 < losses[-1] < losses[0] < 100
    pairs = zip(before, plain.get_weights(), strict=True)
    assert not any(np.array_equal(old, new) for old, new in pairs)


def test_background_and_noise_are_taken_off_and_peaks_stay():
    bins, distances = np.arange(400), [4, 5, 6, 7, 8]
    rng = np.random.default_rng(0)

    def peaks_in(x):
        found = peaks_of(np.asarray(x, "float32")[None], distances)
        return keras.ops.convert_to_numpy(found)[0]

    peaks = np.zeros(400)
    peaks[[60, 61, 200, 330]] = 1.0, 0.4, 0.3, 0.05
    assert np.array_equal(peaks_in(peaks) > 0, peaks > 0)
    np.testing.assert_allclose(peaks_in(peaks), peaks, atol=1e-6)
    smooth = 3 + 0.002 * bins + 0.1 * np.sin(bins / 80)
    found = peaks_in(peaks + smooth)
    assert found[[60, 61, 200, 330]] == pytest.approx([1.0, 0.4, 0.3, 0.05], abs=2e-3)
    assert np.delete(found, [60, 61, 200, 330]).max() < 2e-3
    noisy = peaks_in(peaks + smooth + rng.normal(scale=0.02, size=400))
    assert noisy[[60, 61, 200]] == pytest.approx([1.0, 0.4, 0.3], abs=0.08)
    assert (np.delete(noisy, [60, 61, 200, 330]) > 0).sum() <= 1


def test_a_spectrum_without_a_peak_has_probabilities():
    network = build("blurred_areas", 300, 3, 10)
    noise = np.random.default_rng(0).random((2, 300, 1), "float32")
    noise[1] = 0
    probabilities = keras.ops.convert_to_numpy(network(noise))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
