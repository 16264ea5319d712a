"""The architectures: published sizes, any input size and class count, mistakes in one sentence."""

import numpy as np
import pytest
from conftest import ROOT

from benchmarks.plain_models import plain_build
from model_implementations import (
    MODELS,
    build,
    checked_choices,
    multiply_accumulates,
    parse_choices,
    published_choices,
)
from model_implementations.blurred_areas import standing_out
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset

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
    # not published
    "blurred_areas": (764212, 521563, (200, 3), 0.8),
}


# where pools leave values out: million multiply-accumulates without those
LESS = {
    "cnn2": 55.5,
    "cnn3": 105.5,
    "cnn6": 504.3,
    "inc3": 166.1,
    "inc6": 310.4,
    "cnn6_convdo": 504.3,
}


@pytest.fixture(autouse=True)
def forget_models():
    yield
    keras.utils.clear_session(free_memory=True)


def test_every_model_is_checked():
    assert PUBLISHED.keys() == MODELS.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size(name):
    parameters_500, parameters_27, after_convolutions, millions = PUBLISHED[name]
    assert build(name, 5000, 27).count_params() == parameters_27
    model = build(name, 5000, 500)
    assert model.count_params() == parameters_500
    flatten = next(layer for layer in model.layers if isinstance(layer, keras.layers.Flatten))
    assert flatten.input.shape == (None, *after_convolutions)
    assert not model.compiled
    plain = plain_build(name, 5000, 500)
    assert round(multiply_accumulates(plain) / 1e6, 1) == millions
    assert round(multiply_accumulates(model) / 1e6, 1) == LESS.get(name, millions)
    assert [weights.shape for weights in model.weights] == [
        weights.shape for weights in plain.weights
    ]


def trained_dense(model):
    return [
        layer for layer in model.layers if isinstance(layer, keras.layers.Dense) and layer.trainable
    ]


@pytest.mark.parametrize("name", MODELS)
def test_other_sizes_and_activations(name):
    model = build(name, 333, 7)
    assert model.input_shape == (None, 333, 1)
    assert model.output_shape == (None, 7)
    probabilities = model(keras.ops.ones((2, 333, 1)))
    assert keras.ops.convert_to_numpy(probabilities).sum(axis=1) == pytest.approx([1, 1])
    published = published_choices(name)
    hidden = trained_dense(model)[:-1]
    assert tuple(layer.units for layer in hidden) == published["dense"]
    assert {layer.activation.__name__ for layer in hidden} == (
        {published["hidden_activation"]} if hidden else set()
    )
    tanh = build(name, 333, 7, hidden_activation="tanh", dense=(5,))
    assert trained_dense(tanh)[0].activation.__name__ == "tanh"


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("resnet")])
def test_too_short_spectra_are_told(name):
    with pytest.raises(InputError, match=f"{name}.* 2 datapoints.*too short"):
        build(name, 2, 3)


def test_resnet_takes_any_length():
    assert build("resnet", 2, 3).output_shape == (None, 3)


def test_choices_from_the_shell_replace_the_benchmarked_ones():
    others = parse_choices(["dropout=0.5", "dense=[40,30]"])
    assert others == {"dropout": 0.5, "dense": [40, 30]}
    choices = checked_choices("cnn2", others)
    assert choices == {"dense": [40, 30], "hidden_activation": "linear", "dropout": 0.5}
    layers = build("cnn2", 333, 7, **choices).layers
    assert [layer.units for layer in layers if isinstance(layer, keras.layers.Dense)] == [40, 30, 7]
    assert {layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)} == {0.5}
    assert checked_choices("resnet_mod", {"first_activation": "elu"})["first_activation"] == "elu"


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
        build("cnn2", 333, 7, **checked_choices("cnn2", parse_choices([text])))


def test_mistakes_are_told():
    with pytest.raises(InputError, match=r"'cnn1'.*cnn2, cnn3"):
        build("cnn1", 5000, 3)
    with pytest.raises(InputError, match="n_blocks is 7"):
        build("inc6", 5000, 3, n_blocks=7)


@pytest.fixture(scope="module")
def some_spectra(shell, tmp_path_factory):
    """A few training spectra of the challenge and their labels."""
    folder = tmp_path_factory.mktemp("challenge")
    shell(
        folder,
        "spectra_from_config.py",
        "--config",
        ROOT / "dataset_configs" / "challenge.json",
        "--n-train",
        2,
    )
    data = dataset.load(folder / "datasets", "challenge")
    return data.x["train"][::20, :, None], data.y["train"][::20]


@pytest.mark.parametrize(
    "name, activation",
    [
        (name, activation)
        for name in MODELS
        for activation in (
            ("linear", "relu") if published_choices(name)["dense"] else ("published",)
        )
    ],
)
def test_one_training_step_on_the_challenge(name, activation, some_spectra):
    keras.utils.set_random_seed(0)
    model = build(
        name, 5000, 27, **({} if activation == "published" else {"hidden_activation": activation})
    )
    model.compile(keras.optimizers.SGD(1e-2), "sparse_categorical_crossentropy")
    before = [keras.ops.convert_to_numpy(weights) for weights in model.trainable_variables]
    loss = model.train_on_batch(*some_spectra)
    assert 0 < loss < 100
    after = [keras.ops.convert_to_numpy(weights) for weights in model.trainable_variables]
    assert sum(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)) > 0.9 * len(
        after
    )


def test_background_and_noise_are_taken_off_and_peaks_stay():
    bins, distances = np.arange(400), [4, 5, 6, 7, 8]
    rng = np.random.default_rng(0)

    def out(x):
        return keras.ops.convert_to_numpy(standing_out(np.asarray(x, "float32")[None], distances))[
            0
        ]

    peaks = np.zeros(400)
    peaks[[60, 61, 200, 330]] = 1.0, 0.4, 0.3, 0.05
    assert np.array_equal(out(peaks) > 0, peaks > 0)
    np.testing.assert_allclose(out(peaks), peaks, atol=1e-6)
    smooth = 3 + 0.002 * bins + 0.1 * np.sin(bins / 80)
    found = out(peaks + smooth)
    assert found[[60, 61, 200, 330]] == pytest.approx([1.0, 0.4, 0.3, 0.05], abs=2e-3)
    assert np.delete(found, [60, 61, 200, 330]).max() < 2e-3
    noisy = out(peaks + smooth + rng.normal(scale=0.02, size=400))
    assert noisy[[60, 61, 200]] == pytest.approx([1.0, 0.4, 0.3], abs=0.08)
    assert (np.delete(noisy, [60, 61, 200, 330]) > 0).sum() <= 1
