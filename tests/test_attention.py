"""Activation maps: they show what a network decides by, whatever kind of Keras model it is."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from known_networks import WINDOW, all_kinds, by_height

from model_implementations import build
from synthetic_spectra.analysis import attention
from synthetic_spectra.common import backend
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset


@pytest.fixture(scope="module")
def data(example):
    return dataset.load(example / "datasets", "example")


def test_attention_of_a_known_network(data):
    """Only the peak at 250 speaks for class 1; the mean of the gradient no longer tells where it
    came from."""
    spectra = np.stack([data.x["test"][(data.y["test"] == 1).argmax()], np.zeros(500, "float32")])
    predicted, maps = attention.activation_maps(by_height(), spectra)
    assert predicted.tolist() == [1, 0]
    exact, averaged = maps["HiResCAM"], maps["Grad-CAM"]
    assert exact.shape == averaged.shape == (2, 500)
    assert exact[0, WINDOW].max() == 1 and spectra[0, exact[0].argmax()] == spectra[0, WINDOW].max()
    outside = np.ones(500, bool)
    outside[WINDOW] = False
    assert not exact[0, outside].any()
    assert averaged[0] == pytest.approx(spectra[0], abs=1e-6)
    assert not exact[1].any() and not averaged[1].any()


def assert_scores_follow(network, spectra):
    """The scores become the network's probabilities, and their gradient is that of small steps."""
    passed = attention.pass_through(network, spectra)
    probabilities = network(spectra[..., None], training=False)
    expected = keras.ops.convert_to_numpy(probabilities)
    given = keras.ops.convert_to_numpy(keras.ops.softmax(passed.scores))
    assert given == pytest.approx(expected, abs=1e-5)
    unchanged = keras.ops.convert_to_numpy(passed.scores_with(np.zeros_like(passed.values)))
    assert unchanged == pytest.approx(passed.scores, abs=1e-5)

    labels = np.array([1, 0])
    gradient = backend.gradient_of_score(passed.scores_with, np.zeros_like(passed.values), labels)
    assert gradient.shape == passed.values.shape and gradient.any()
    direction = np.random.default_rng(1).normal(size=gradient.shape).astype("float32")
    step = 1e-3 * direction
    ahead, behind = (
        keras.ops.convert_to_numpy(passed.scores_with(sign * step))[[0, 1], labels]
        for sign in (1, -1)
    )
    difference = (gradient * 2 * step).sum(axis=(1, 2))
    assert difference == pytest.approx(ahead - behind, rel=0.02, abs=1e-4)


@pytest.mark.parametrize("name", ["cnn2", "vgg", "resnet", "inc3"])  # each way to be built
def test_scores_follow_the_last_values_along_the_spectrum(name):
    keras.utils.set_random_seed(0)
    network = build(name, 333, 7, dense=(5,))
    spectra = np.random.default_rng(0).random((2, 333), "float32")
    assert_scores_follow(network, spectra)
    keras.utils.clear_session(free_memory=True)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_scores_follow_in_every_kind_of_network(precision):
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    spectra = np.random.default_rng(0).random((2, 500), "float32")
    for network in all_kinds().values():
        before = keras.ops.convert_to_numpy(network(spectra[..., None], training=False))
        if precision == "float32":
            assert_scores_follow(network, spectra)
        predicted, maps = attention.activation_maps(network, spectra)
        assert predicted.tolist() == before.argmax(axis=1).tolist()
        assert all(one.shape == spectra.shape for one in maps.values())
        # the network is as it was
        after = keras.ops.convert_to_numpy(network(spectra[..., None], training=False))
        assert np.array_equal(after, before)


def test_values_without_padding_are_drawn_where_they_come_from():
    """Each value of vgg_wang answers to the datapoints around the place where it is drawn."""
    keras.utils.set_random_seed(0)
    network = build("vgg_wang", 946, 3)
    lost = attention.lost_at_an_end(network)
    assert lost == 2 + 2 * 4 + 4 * 4 + 8 * 4
    spectra = np.zeros((2, 946), "float32")
    spectra[0, 300], spectra[1, 640] = 1, 1
    empty = attention.pass_through(network, np.zeros((2, 946), "float32")).values
    answers = np.abs(attention.pass_through(network, spectra).values - empty)
    maps = attention.stretched(answers, 946, lost)
    middles = (maps * np.arange(946)).sum(axis=1) / maps.sum(axis=1)
    assert middles == pytest.approx([300, 640], abs=16)
    assert attention.lost_at_an_end(build("vgg", 946, 3)) == 0


def test_why_a_network_has_no_map():
    spectra = np.random.default_rng(0).random((2, 60), "float32")
    values = [keras.layers.Conv1D(4, 5), keras.layers.Flatten()]
    shares = keras.layers.Lambda(lambda x: abs(x) / keras.ops.sum(abs(x), axis=1, keepdims=True))
    for layers, reason in (
        ([values[1], keras.layers.Dense(2, activation="softmax")], "no convolution"),
        ([*values, keras.layers.Dense(2, activation="sigmoid")], "no softmax"),
        ([*values, keras.layers.Dense(2), shares], "no softmax"),
    ):
        network = keras.Sequential([keras.Input((60, 1)), *layers])
        with pytest.raises(InputError, match=reason):
            attention.activation_maps(network, spectra)


@pytest.mark.slow
def test_attention_is_the_same_on_jax(data, tmp_path):
    pytest.importorskip("jax")
    network = by_height()
    network.save(tmp_path / "model.keras")
    code = (
        "import keras, numpy as np\n"
        "from synthetic_spectra.analysis import attention\n"
        "network = keras.models.load_model('model.keras', compile=False)\n"
        "predicted, maps = attention.activation_maps(network, np.load('spectra.npy'))\n"
        "np.savez('maps.npz', predicted=predicted, **maps)"
    )
    spectra = data.x["test"][9:12]
    np.save(tmp_path / "spectra.npy", spectra)
    environment = {
        "PATH": "",
        "KERAS_BACKEND": "jax",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    predicted, maps = attention.activation_maps(network, spectra)
    with np.load(tmp_path / "maps.npz") as on_jax:
        assert np.array_equal(on_jax["predicted"], predicted)
        for kind, expected in maps.items():
            # the two channels of this network cancel each other in their mean
            assert expected.any() == (kind != "mean activation")
            assert on_jax[kind] == pytest.approx(expected, abs=1e-3)
