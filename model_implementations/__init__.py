"""The architectures: name → builder. A variant is the same builder with other arguments.

A builder is a function ``build(input_size, classes, **choices)`` that returns an uncompiled Keras model from spectra of
shape (input_size, 1) to the probabilities of ``classes`` classes. Its keyword arguments are its choices, their
defaults the benchmarked network; every builder with hidden layers takes ``dense`` and ``hidden_activation``.
"""

import inspect
from functools import partial

from synthetic_spectra import backend  # noqa: F401  first, as it keeps the start of Keras quiet

# isort: split
from model_implementations import ho, lee, liu, szymanski, wang
from synthetic_spectra.scripts import InputError

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
        wang.vgg, kernel_size=20, conv_dropout=0.0, dense=(2000, 500), hidden_activation="relu", dropout=0.3
    ),
    "resnet_mod": partial(
        ho.resnet,
        batch_normalization=False,
        first_activation="relu",
        dense=(3100, 1200),
        hidden_activation="relu",
    ),
}


def published_choices(name):
    """The keyword arguments of a model's builder and their benchmarked values, e.g. ``{"dropout": 0.3, …}``.

    Raises:
        InputError: for an unknown name.
    """
    if name not in MODELS:
        raise InputError(f"model {name!r}: unknown; known models: {', '.join(MODELS)}")
    parameters = inspect.signature(MODELS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def build(name, input_size, classes, **choices):
    """Build a model by its name; uncompiled.

    Args:
        name: a key of ``MODELS``.
        input_size: datapoints of a spectrum.
        classes: number of classes.
        choices: keyword arguments of the builder that differ from the benchmarked ones.

    Raises:
        InputError: for an unknown name, or spectra that are too short for the model.
    """
    published_choices(name)
    try:
        return MODELS[name](input_size, classes, **choices)
    except ValueError as error:
        raise InputError(f"model {name!r} for {input_size} datapoints and {classes} classes: {error}") from None
