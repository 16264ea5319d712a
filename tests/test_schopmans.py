"""Networks for space groups: the published numbers of parameters, and mistakes in one sentence."""

import pytest

from model_implementations import build, outline, published_choices
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.training.arithmetic import multiply_accumulates

# parameters, million multiply-accumulates and values after the convolutions, for 8501 datapoints
# and 145 classes
PUBLISHED = {
    "park_small": (1052305, 73.1, (9, 80)),
    "park_medium": (4246797, 76.2, (9, 80)),
    "park_big": (4959585, 77.0, (9, 80)),
    "resnet10": (9395025, 540.7, (34, 512)),
    "resnet18": (15665745, 1171.7, (34, 512)),
    "resnet50": (41362385, 2723.4, (34, 2048)),
    "resnet101": (60354513, 5242.4, (34, 2048)),
    # not published
    "strided": (839313, 10.8, (17, 128)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size(name):
    parameters, millions, after_convolutions = PUBLISHED[name]
    network = outline(name, 8501, 145)
    assert network.count_params() == parameters
    assert round(multiply_accumulates(network) / 1e6, 1) == millions
    flatten = next(layer for layer in network.layers if isinstance(layer, keras.layers.Flatten))
    assert flatten.input.shape == (None, *after_convolutions)


def dropouts(*arguments, **choices):
    """Layers of a network, in their order, a dropout by its rate."""
    found = outline(*arguments, **choices).layers
    kinds = keras.layers.Dropout, keras.layers.Dense, keras.layers.AveragePooling1D
    return [
        layer.rate if isinstance(layer, kinds[0]) else type(layer).__name__
        for layer in found
        if isinstance(layer, kinds)
    ]


def test_dropout_stands_where_it_was_published_and_is_off_for_synthetic_crystals():
    convolution, hidden = [0.3, "AveragePooling1D"], ["Dense", 0.5]
    expected = [*convolution * 3, *hidden * 2, "Dense"]
    assert dropouts("park_medium", 8501, 145, conv_dropout=0.3, dropout=0.5) == expected
    without = [layer for layer in expected if isinstance(layer, str)]
    assert dropouts("park_medium", 8501, 145) == without
    assert published_choices("park_medium")["dense"] == (4040, 202)


@pytest.mark.parametrize(
    ("name", "choices", "words"),
    [
        ("resnet10", {"blocks": (1, 1)}, r"blocks is \(1, 1\).*4 groups"),
        ("strided", {"filters": (8,)}, r"filters is \(8,\).*5 convolutions"),
    ],
)
def test_mistakes_are_told(name, choices, words):
    with pytest.raises(InputError, match=words):
        build(name, 301, 7, **choices)
