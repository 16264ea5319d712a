"""The architectures: published sizes, any input size and class count, mistakes in one sentence."""

import pytest

from model_implementations import MODELS, build, published_choices
from synthetic_spectra.backend import keras
from synthetic_spectra.scripts import InputError

# model: parameters for 500 classes, for 27 classes, values after the convolutions (all for 5000 datapoints)
PUBLISHED = {
    "cnn2": (19150728, 18913755, (139, 64)),
    "cnn3": (25347872, 24874399, (139, 64)),
    "cnn6": (20212224, 19644151, (78, 64)),
    "vgg": (2556174, 2467723, (312, 64)),
    "resnet": (5204540, 1467367, (79, 100)),
    "cnn_bn": (82963316, 81994139, (625, 64)),
    "inc3": (78870534, 78520041, (139, 147)),
    "inc6": (186817238, 186627565, (139, 332)),
    "cnn_bn_mod": (82962868, 81993691, (625, 64)),
    "cnn6_convdo": (20212224, 19644151, (78, 64)),
    "cnn6_bn": (20213760, 19645687, (78, 64)),
    "vgg_mod": (41349990, 41113017, (312, 64)),
    "resnet_mod": (30056584, 29488511, (79, 100)),
}


@pytest.fixture(autouse=True)
def forget_models():
    yield
    keras.utils.clear_session(free_memory=True)


def test_every_model_is_checked():
    assert PUBLISHED.keys() == MODELS.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size(name):
    parameters_500, parameters_27, after_convolutions = PUBLISHED[name]
    assert build(name, 5000, 27).count_params() == parameters_27
    model = build(name, 5000, 500)
    assert model.count_params() == parameters_500
    flatten = next(layer for layer in model.layers if isinstance(layer, keras.layers.Flatten))
    assert flatten.input.shape == (None, *after_convolutions)
    assert not model.compiled


@pytest.mark.parametrize("name", MODELS)
def test_other_sizes_and_activations(name):
    model = build(name, 333, 7)
    assert model.input_shape == (None, 333, 1)
    assert model.output_shape == (None, 7)
    probabilities = model(keras.ops.ones((2, 333, 1)))
    assert keras.ops.convert_to_numpy(probabilities).sum(axis=1) == pytest.approx([1, 1])
    published = published_choices(name)
    hidden = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][:-1]
    assert tuple(layer.units for layer in hidden) == published["dense"]
    assert {layer.activation.__name__ for layer in hidden} == ({published["hidden_activation"]} if hidden else set())
    tanh = build(name, 333, 7, hidden_activation="tanh", dense=(5,))
    assert next(layer for layer in tanh.layers if isinstance(layer, keras.layers.Dense)).activation.__name__ == "tanh"


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("resnet")])
def test_too_short_spectra_are_told(name):
    with pytest.raises(InputError, match=f"{name}.* 2 datapoints.*too short"):
        build(name, 2, 3)


def test_resnet_takes_any_length():
    assert build("resnet", 2, 3).output_shape == (None, 3)


def test_mistakes_are_told():
    with pytest.raises(InputError, match=r"'cnn1'.*cnn2, cnn3"):
        build("cnn1", 5000, 3)
    with pytest.raises(InputError, match="n_blocks is 7"):
        build("inc6", 5000, 3, n_blocks=7)
