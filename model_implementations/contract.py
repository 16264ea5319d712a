"""What a builder must return so that every script can train, save and load the model."""

import random
import re
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np

# what a class derived from keras.Model could do in another way than train.py
TRAINING = ("compile", "fit", "train_step", "test_step", "predict_step", "compute_loss")
REGISTER = "@keras.saving.register_keras_serializable()"


def called(model, input_size, classes):
    """A model that a builder returned, after a first call on spectra (n, input_size, 1).

    The call gives weights to a sequential or subclassed model that has none yet.

    Raises:
        ValueError: says what the builder must return in its place.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"its builder returns {type(model).__name__}, expected a Keras model")
    if model.compiled:
        raise ValueError("its builder compiles the model, which is left to train.py")
    output = model(keras.Input((input_size, 1)))
    shape = getattr(output, "shape", "several arrays")
    if shape != (None, classes):
        raise ValueError(f"it gives {shape}, expected probabilities (None, {classes})")
    return model


def reason(error):
    """What Keras says of a model that cannot be built, in one line."""
    # of an error in a call, the first line says where and the second one what, in bold letters
    lines = re.sub(r"\x1b\[\d+m", "", str(error)).split("\n\n")
    return lines[1 if "when calling" in lines[0] and len(lines) > 1 else 0].splitlines()[0]


def check(model, input_size):
    """Try what the end of a training needs on a model that is not trained yet.

    The model must give probabilities. If any of its code is not Keras's own, the model is saved and
    loaded as every script does it, and must then give the same probabilities.

    Args:
        model: what ``called`` returned.
        input_size: datapoints of a spectrum.

    Raises:
        ValueError: says in one sentence what to change.
    """
    for method in TRAINING:
        if getattr(type(model), method) is not getattr(keras.Model, method):
            raise ValueError(f"its class has a {method} of its own, which train.py does not use")
    if not model.trainable_variables:
        raise ValueError("it has no weights to train")

    # Loading makes layers, which draw seeds: the random numbers of a run stay as they were.
    state = random.getstate()
    try:
        loaded = _saved_and_loaded(model)
    finally:
        random.setstate(state)

    # two spectra of one peak each, as a network may expect peaks
    positions = np.arange(input_size) - input_size * np.array([[0.3], [0.6]])
    spectra = np.exp(-((positions / 3) ** 2)).astype("float32")[..., None]
    probabilities = _output(model, spectra)
    sums = probabilities.sum(axis=1)
    # bfloat16 has two to three digits
    if not (probabilities.min() >= 0 and np.allclose(sums, 1, atol=0.02)):
        raise ValueError(
            f"its outputs for a spectrum add up to {sums[0]:.3g}, expected probabilities: let it "
            "end with a softmax"
        )
    if loaded is not model and not np.array_equal(_output(loaded, spectra), probabilities):
        raise ValueError(
            "after it is saved and loaded, it gives other probabilities: let each layer make its "
            "weights in __init__ or build, and return all arguments of __init__ in get_config"
        )


def _output(model, spectra):
    output = keras.ops.cast(model(spectra, training=False), "float32")
    return keras.ops.convert_to_numpy(output)


def _saved_and_loaded(model):
    """The model from its saved file; the model itself if all of its code is Keras's own.

    Raises:
        ValueError: says what to change, if it cannot be saved or loaded.
    """
    for kind in {type(layer): None for layer in model._flatten_layers()}:
        if "<locals>" in kind.__qualname__:
            raise ValueError(f"define its class {kind.__name__} outside of any function")
        if not kind.__module__.startswith("keras.") and not _is_registered(kind):
            raise ValueError(f"write {REGISTER} above its class {kind.__name__}")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            config = keras.saving.serialize_keras_object(model)
        if any("`lambda`" in str(warning.message) for warning in caught):
            raise ValueError("Python lambda")
        if not _has_foreign_parts(config):
            return model
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            model.save(file)
            return keras.models.load_model(file, compile=False)
    except Exception as error:  # whatever the code of the model leads to
        raise ValueError(f"it cannot be saved and loaded: {_remedy(str(error))}") from error


def _is_registered(kind):
    return keras.saving.get_registered_object(keras.saving.get_registered_name(kind)) is kind


def _has_foreign_parts(config):
    """Whether a serialized model has classes or functions that are not Keras's own."""
    if isinstance(config, dict):
        foreign = not str(config.get("module")).startswith("keras")
        if (foreign and config.get("registered_name")) or config.get("class_name") == "__lambda__":
            return True
        config = list(config.values())
    return isinstance(config, list | tuple) and any(map(_has_foreign_parts, config))


def _remedy(message):
    """What to change in a model, from the message of Keras when it was saved or loaded."""
    if "Python lambda" in message:
        return f"write each lambda in it as a layer or function of its own below {REGISTER}"
    unknown = re.search(r"Could not locate (class|function) '(\w+)'", message)
    if unknown:
        return f"write {REGISTER} above the {unknown[1]} {unknown[2]}"
    without_config = re.search(r"Object (\w+) was created by passing", message)
    if without_config:
        return f"give the class {without_config[1]} a get_config with all arguments of __init__"
    return message.split("Exception encountered: ")[-1].strip().splitlines()[0]
