"""Where in a spectrum a network finds what it decides by: class-activation maps."""

import functools
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from synthetic_spectra.common.errors import InputError


def activation_maps(network, spectra):
    """Where in each spectrum the last values along it are high, and speak for the predicted class.

    The mean activation of H. Wang et al., J. Chem. Inf. Model. 60, 2004 (2020), is the mean of the
    values over the channels. No class is in it: it shows where the convolutions answer at all.

    For the other maps the values are multiplied with the gradient of the score of that class and
    summed over the channels; what is below 0 speaks against the class and is left out. Grad-CAM
    (R. R. Selvaraju et al., Int. J. Comput. Vis. 128, 336 (2020)) takes the mean of the gradient
    along the spectrum, HiResCAM (R. L. Draelos and L. Carin, arXiv:2011.08891) takes it as it is.
    Only the latter sees that a dense layer has weights of its own for every position.

    Args:
        network: Keras model of a run: functional, sequential, subclassed or nested.
        spectra: float32 (n, n_datapoints).

    Returns:
        the predicted labels (n,), and name → maps (n, n_datapoints) from 0 to 1; where nothing
        speaks for a class, its map is 0.

    Raises:
        InputError: if no trained layer keeps the axis of the spectrum, or the probabilities are no
            softmax of what a layer gives.
    """
    from synthetic_spectra.common.backend import gradient_of_score  # starts Keras

    passed = pass_through(network, spectra)
    predicted = passed.scores.argmax(axis=1)
    gradients = gradient_of_score(passed.scores_with, np.zeros_like(passed.values), predicted)

    weights = {
        "mean activation": np.ones((1, 1, gradients.shape[2]), "float32"),
        "Grad-CAM": gradients.mean(axis=1, keepdims=True),
        "HiResCAM": gradients,
    }
    n_datapoints, lost = spectra.shape[1], lost_at_an_end(network)
    return predicted, {
        name: stretched(passed.values * weight, n_datapoints, lost)
        for name, weight in weights.items()
    }


def lost_at_an_end(network):
    """Datapoints at either end of a spectrum that are the middle of no value, as convolutions
    without zeros at the ends (padding "valid") begin and end within the spectrum.

    The layers are taken one after the other, as those of a network without branches.
    """
    from synthetic_spectra.common.backend import keras

    lost, distance = 0.0, 1  # of two neighbouring values, in datapoints
    for layer in _single_layers(network, keras.Model):
        if isinstance(layer, keras.layers.Conv1D):
            (kernel_size,), (dilation,) = layer.kernel_size, layer.dilation_rate
            if layer.padding == "valid":
                lost += distance * dilation * (kernel_size - 1) / 2
            distance *= layer.strides[0]
        elif isinstance(layer, keras.layers.MaxPooling1D | keras.layers.AveragePooling1D):
            distance *= layer.strides[0]
    return lost


@dataclass(frozen=True)
class Passed:
    """What a network made of some spectra.

    Attributes:
        network, spectra: as for ``activation_maps``.
        values: what the last layer along the spectrum gave, float32 (n, length, channels).
        scores: a number per class, the softmax of which is its probability, float32 (n, classes).
        places: which calls of layers, counted from 0, gave the values and the scores.
    """

    network: object
    spectra: np.ndarray
    values: np.ndarray
    scores: np.ndarray
    places: tuple

    def scores_with(self, added, training=False):
        """The scores that the network would give if something were added to the values.

        Args:
            added: array or tensor of the backend, shaped as ``values``.
            training: whether dropout is on.

        Returns:
            a float32 tensor of the backend (n, classes).
        """
        from synthetic_spectra.common.backend import keras

        calls, kept = 0, None

        def change(layer, output):
            nonlocal calls, kept
            if calls == self.places[0]:
                output = output + keras.ops.cast(added, output.dtype)
            if calls == self.places[1]:
                kept = output
            calls += 1
            return output

        with _changed(self.network, change):
            self.network(self.spectra[..., None], training=training)
        return keras.ops.cast(kept, "float32")


def pass_through(network, spectra):
    """Give spectra to a network, and note the last values along them and the scores.

    The last values are those after the last convolution, its branches joined and its pool taken.

    Args:
        network, spectra: as for ``activation_maps``.

    Raises:
        InputError: as ``activation_maps``.
    """
    from synthetic_spectra.common.backend import keras

    calls, trained, values, flat = 0, False, None, []

    def note(layer, output):
        nonlocal calls, trained, values
        shape = tuple(getattr(output, "shape", ()))
        if len(shape) == 3 and shape[1] > 1:
            trained = trained or bool(layer.trainable_weights)
            values = calls, output
        elif len(shape) == 2:
            flat.append((calls, output))
        calls += 1
        return output

    with _changed(network, note):
        output = network(spectra[..., None], training=False)
    if not trained:
        raise InputError("no convolution, nor another trained layer that keeps the spectrum's axis")

    # the scores are what that layer gave whose softmax is nearest to what the network gave
    probabilities = as_numpy(keras, output)
    nearest, scores, scores_place = np.inf, None, None
    for place, tensor in flat:
        candidate = as_numpy(keras, tensor)
        if place > values[0] and candidate.shape == probabilities.shape:
            distance = distance_of_softmax(candidate, probabilities)
            if distance <= nearest:
                nearest, scores, scores_place = distance, candidate, place

    # bfloat16 has two to three digits
    exact = keras.backend.standardize_dtype(output.dtype) == "float32"
    if nearest > (1e-4 if exact else 0.03):
        raise InputError("its probabilities are no softmax of what a layer gives")
    places = values[0], scores_place
    return Passed(network, spectra, as_numpy(keras, values[1]), scores, places)


def distance_of_softmax(scores, probabilities):
    """How far logarithms of probabilities differ from scores, up to a number per spectrum.

    Of scores whose softmax they are it is 0. It is relative to the largest score, if that is above
    1, and leaves out what is too improbable for a sum of 1.

    Args:
        scores, probabilities: float32 (n, classes).
    """
    seen = probabilities > 1e-6
    difference = np.where(seen, np.log(np.where(seen, probabilities, 1)) - scores, np.nan)
    spans = np.nanmax(difference, axis=1) - np.nanmin(difference, axis=1)
    return spans.max() / max(1, np.abs(scores).max())


def as_numpy(keras, tensor):
    """A tensor of any precision as a float32 array."""
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def stretched(contributions, n_datapoints, lost=0.0):
    """Contributions (n, length, channels) as maps (n, n_datapoints), each with a maximum of 1.

    The ``length`` values lie in the middle of even parts of the spectrum, but for ``lost``
    datapoints at either end.
    """
    coarse = np.maximum(contributions.sum(axis=2), 0)
    coarse /= np.maximum(coarse.max(axis=1, keepdims=True), np.finfo("float32").tiny)
    length = coarse.shape[1]
    centres = lost + (np.arange(length) + 0.5) * (n_datapoints - 2 * lost) / length - 0.5
    return np.array([np.interp(np.arange(n_datapoints), centres, row) for row in coarse])


@contextmanager
def _changed(network, change):
    """Within the context, a call of a layer gives ``change(layer, output)`` in place of its output.

    An activation softmax is applied after that. The network is not taken apart, so this works for
    every kind of Keras model.
    """
    from synthetic_spectra.common.backend import keras

    softmax, linear = keras.activations.softmax, keras.activations.linear

    def changing(layer):
        call = layer.call

        @functools.wraps(call)
        def changing_call(*args, **kwargs):
            if getattr(layer, "activation", None) is not softmax:
                return change(layer, call(*args, **kwargs))
            layer.activation = linear
            try:
                output = call(*args, **kwargs)
            finally:
                layer.activation = softmax
            return softmax(change(layer, output))

        return changing_call

    layers = list({id(layer): layer for layer in _single_layers(network, keras.Model)}.values())
    for layer in layers:
        layer.call = changing(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def _single_layers(network, model_class):
    """The layers of a network and of the models within it, these models themselves left out."""
    for layer in network.layers:
        if isinstance(layer, model_class):
            yield from _single_layers(layer, model_class)
        else:
            yield layer
