"""The architectures: name → builder. A variant is the same builder with other arguments.

A builder is a function ``build(input_size, classes, **choices)``. It returns an uncompiled Keras
model of any kind from spectra (n, input_size, 1) to probabilities (n, classes). All its other
arguments are choices, and their defaults are the benchmarked network. A builder with hidden layers
takes ``dense`` and ``hidden_activation``. A builder with a parameter ``shift_range`` gets from
``train.py`` how far the peaks of the dataset shift, in datapoints.
"""

import inspect
import json
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import keras

from model_implementations import blurred_areas, contract, ho, lee, liu, schopmans, szymanski, wang
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
    # for space groups
    "park_small": partial(schopmans.park, dense=(700, 70)),
    "park_medium": schopmans.park,
    "park_big": partial(schopmans.park, dense=(2300, 1150)),
    "resnet10": schopmans.resnet,
    "resnet18": partial(schopmans.resnet, blocks=(2, 2, 2, 2)),
    "resnet50": partial(schopmans.resnet, blocks=(3, 4, 6, 3), bottleneck=True),
    "resnet101": partial(schopmans.resnet, blocks=(3, 4, 23, 3), bottleneck=True),
    # as the code of its paper has it
    "vgg_wang": partial(
        wang.vgg,
        padding="valid",
        dense=(120, 84),
        hidden_activation="relu",
        activity_l2=0.1,
    ),
    # of this project
    "strided": schopmans.strided,
    "blurred_areas": blurred_areas.blurred_areas,
}


def published_choices(name):
    """The choices of a model with their benchmarked values, such as ``{"dropout": 0.3, …}``.

    Raises:
        InputError: for an unknown name, or a builder that cannot be called with the sizes alone.
    """
    if name not in MODELS:
        raise InputError(f"model {name!r}: unknown; known models: {', '.join(MODELS)}")
    signature = inspect.signature(MODELS[name])
    sizes = {"shift_range": 1} if "shift_range" in signature.parameters else {}
    try:
        taken = signature.bind(1, 1, **sizes).arguments
    except TypeError as error:
        raise InputError(
            f"model {name!r}: its builder must be called with input_size and classes, and have "
            f"defaults for all its choices: {error}"
        ) from None
    return {
        parameter.name: parameter.default
        for parameter in signature.parameters.values()
        if parameter.name not in taken
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def hidden_activation(choices, asked):
    """The activation of a model's hidden layers that names its runs.

    Args:
        choices: all choices of the model, as ``checked_choices`` gives them.
        asked: Keras name of an activation, or "published" for the benchmarked one.

    Returns:
        a Keras name; "none" for a model without hidden layers, or whose builder has no choice
        ``hidden_activation``.
    """
    if "hidden_activation" not in choices or choices.get("dense") in ((), []):
        return "none"
    return (choices["hidden_activation"] or "linear") if asked == "published" else asked


def parse_choices(texts):
    """Choices given as text: ``["dropout=0.5", "dense=[1000,300]"]`` → ``{"dropout": 0.5, "dense":
    [1000, 300]}``.

    A value that is not JSON is text.

    Raises:
        InputError: for a text that is not name=value.
    """
    choices = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(
                f"model argument {text!r}: expected name=value, e.g. dropout=0.5 or "
                "dense=[1000,300]"
            )
        try:
            choices[name] = json.loads(value)
        except ValueError:
            choices[name] = value
    return choices


def checked_choices(name, changed):
    """All choices of a model: the benchmarked ones, and ``changed`` in their place.

    The hidden activation is no choice here, as it is part of the name of every run.

    Args:
        name: key of ``MODELS``.
        changed: name of a choice → value, as ``parse_choices`` gives them.

    Raises:
        InputError: for an unknown model, a choice that its builder does not have, or a value of
            another type than the benchmarked one.
    """
    choices = published_choices(name)
    free = {choice: value for choice, value in choices.items() if choice != "hidden_activation"}
    for choice, value in changed.items():
        if choice not in free:
            raise InputError(
                f"model argument {choice!r}: {name} has none; it has {', '.join(free)}"
            )
        if not _of_same_type(value, free[choice]):
            raise InputError(
                f"model argument {choice}={value!r}: expected a value like {free[choice]!r} for "
                f"{name}"
            )
        choices[choice] = value
    return choices


def _of_same_type(value, benchmarked):
    """Whether a value from the shell can stand in the place of a benchmarked one."""
    if benchmarked is None:
        return True
    if isinstance(benchmarked, tuple | list):
        # without an example they are numbers of units
        example = benchmarked[0] if benchmarked else 1
        if not isinstance(value, list):
            return False
        if type(example) is int:
            return all(type(number) is int and number > 0 for number in value)
        return all(_of_same_type(part, example) for part in value)
    if isinstance(benchmarked, float):
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is type(benchmarked)


def build(name, input_size, classes, shift_range=None, **choices):
    """Build a model by its name.

    Args:
        name: key of ``MODELS``.
        input_size: datapoints of a spectrum.
        classes: number of classes.
        shift_range: largest shift of a peak in the training spectra, in datapoints, for the
            builders that take it.
        choices: choices of the builder that differ from the benchmarked ones.

    Returns:
        An uncompiled Keras model from spectra (n, input_size, 1) to probabilities (n, classes).

    Raises:
        InputError: for an unknown name, or a model that cannot be built, as for too short spectra.
    """
    published_choices(name)
    if shift_range is not None and "shift_range" in inspect.signature(MODELS[name]).parameters:
        choices["shift_range"] = shift_range
    try:
        return contract.called(MODELS[name](input_size, classes, **choices), input_size, classes)
    except ValueError as error:
        raise InputError(
            f"model {name!r} for {input_size} datapoints and {classes} classes: "
            f"{contract.reason(error)}"
        ) from None


def check(name, model, input_size):
    """Refuse a model that could be trained, but not saved and loaded afterwards.

    Args:
        name: key of ``MODELS``.
        model: what ``build`` returned, before it is trained.
        input_size: datapoints of a spectrum.

    Raises:
        InputError: says in one sentence what to change.
    """
    try:
        contract.check(model, input_size)
    except ValueError as error:
        raise InputError(f"model {name!r}: {error}") from error


def outline(*arguments, **choices):
    """The model that ``build`` gives, with layers and shapes but no values in its weights.

    It takes no memory for the weights. Arguments and errors are those of ``build``.
    """

    def build_without_values():
        with keras.StatelessScope(initialize_variables=False):
            return build(*arguments, **choices)

    # Keras keeps a list of variables without values for each thread, and fills them at the next
    # occasion: that of a thread of its own ends with the thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(build_without_values).result()
