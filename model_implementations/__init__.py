"""The architectures: name → builder. A variant is the same builder with other arguments.

A builder is a function ``build(input_size, classes, **choices)`` that returns an uncompiled Keras
model from spectra of shape (input_size, 1) to the probabilities of ``classes`` classes. Its keyword
arguments are its choices, their defaults the benchmarked network; every builder with hidden layers
takes ``dense`` and ``hidden_activation``. One that has a third parameter ``shift_range`` is told by
``train.py`` how far the peaks of the dataset shift.
"""

import inspect
import json
import math
from functools import partial

from synthetic_spectra.common.backend import keras  # first, as it keeps the start of Keras quiet

# isort: split
from model_implementations import blurred_areas, ho, lee, liu, szymanski, wang
from synthetic_spectra.common.errors import InputError

MODELS = {
    "cnn2": lee.cnn2,
    "cnn3": lee.cnn3,
    "cnn6": szymanski.cnn6,
    "vgg": wang.vgg,
    "resnet": ho.resnet,
    "cnn_bn": liu.cnn_bn,
    "inc3": partial(lee.inception, n_blocks=3, dense=(3700, 740)),
    "inc6": partial(lee.inception, n_blocks=6, dense=(4000, 400)),
    # the published study of modifications
    "cnn_bn_mod": partial(liu.cnn_bn, batch_normalization=False, hidden_activation="relu"),
    "cnn6_convdo": partial(szymanski.cnn6, conv_dropout=0.2, dropout=0.0),
    "cnn6_bn": partial(szymanski.cnn6, batch_normalization=True),
    "vgg_mod": partial(
        wang.vgg,
        kernel_size=20,
        conv_dropout=0.0,
        dense=(2000, 500),
        hidden_activation="relu",
        dropout=0.3,
    ),
    "resnet_mod": partial(
        ho.resnet,
        batch_normalization=False,
        first_activation="relu",
        dense=(3100, 1200),
        hidden_activation="relu",
    ),
    # of this project
    "blurred_areas": blurred_areas.blurred_areas,
}


def published_choices(name):
    """The keyword arguments of a model's builder and their benchmarked values, e.g. ``{"dropout":
    0.3, …}``.

    Raises:
        InputError: for an unknown name.
    """
    if name not in MODELS:
        raise InputError(f"model {name!r}: unknown; known models: {', '.join(MODELS)}")
    parameters = inspect.signature(MODELS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def parse_choices(texts):
    """Choices given as text: ``["dropout=0.5", "dense=[1000,300]"]`` → ``{"dropout": 0.5, "dense":
    [1000, 300]}``.

    Raises:
        InputError: for a text that is not name=value; a value that is not JSON is taken as text.
    """
    choices = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(
                f"model argument {text!r}: expected name=value, e.g. dropout=0.5 or dense=[1000,300]"
            )
        try:
            choices[name] = json.loads(value)
        except ValueError:
            choices[name] = value
    return choices


def checked_choices(name, others):
    """All keyword arguments of a model's builder: the benchmarked ones, and ``others`` in their
    place.

    Args:
        name: of the model.
        others: keyword argument → value, as ``parse_choices`` gives them.

    Raises:
        InputError: for an unknown model, an argument that its builder does not take, or a value of
            another kind than the benchmarked one. The hidden activation is no choice here: it is
            part of every run's name.
    """
    choices = published_choices(name)
    free = {choice: value for choice, value in choices.items() if choice != "hidden_activation"}
    for choice, value in others.items():
        if choice not in free:
            raise InputError(
                f"model argument {choice!r}: {name} has none; it has {', '.join(free)}"
            )
        if not _alike(value, free[choice]):
            raise InputError(
                f"model argument {choice}={value!r}: expected a value like {free[choice]!r} for {name}"
            )
        choices[choice] = value
    return choices


def multiply_accumulates(model):
    """Multiplications with an addition that one spectrum takes in the convolutions and dense layers
    of a model."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, (keras.layers.Conv1D, keras.layers.Dense)):
            for (
                call
            ) in layer._inbound_nodes:  # several where ``convolved_and_pooled`` takes several steps
                positions = math.prod(
                    call.outputs[0].shape[1:-1]
                )  # of a dense layer: the empty product, 1
                total += math.prod(layer.kernel.shape) * positions
    return total


def _alike(value, benchmarked):
    if isinstance(benchmarked, tuple):
        return isinstance(value, list) and all(type(units) is int and units > 0 for units in value)
    if isinstance(benchmarked, float):
        return type(value) in (int, float)
    return type(value) is type(benchmarked)


def build(name, input_size, classes, shift_range=None, **choices):
    """Build a model by its name; uncompiled.

    Args:
        name: a key of ``MODELS``.
        input_size: datapoints of a spectrum.
        classes: number of classes.
        shift_range: how far peaks of the training spectra shift, for the builders that ask for it.
        choices: keyword arguments of the builder that differ from the benchmarked ones.

    Raises:
        InputError: for an unknown name, or spectra that are too short for the model.
    """
    published_choices(name)
    if shift_range is not None and "shift_range" in inspect.signature(MODELS[name]).parameters:
        choices["shift_range"] = shift_range
    try:
        return MODELS[name](input_size, classes, **choices)
    except ValueError as error:
        raise InputError(
            f"model {name!r} for {input_size} datapoints and {classes} classes: {error}"
        ) from None
