"""Networks for tests: one whose decisions are known, and one of every kind that Keras has."""

import numpy as np

from synthetic_spectra.common.backend import keras

# class 1 of the example has a peak at 250, of height 0.2, that class 0 lacks
WINDOW = slice(205, 296)
UNIT = 2 * np.sqrt(2 * np.pi)  # sum over a peak of height 1 and the width of the test spectra


def by_height():
    """A network that takes a spectrum of the width of the test spectra for class 1 if its peak at
    250 is above 0.1."""
    spectra = keras.Input((500, 1))
    values = keras.layers.Conv1D(2, 1, use_bias=False)(spectra)
    probabilities = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(values))
    model = keras.Model(spectra, probabilities)
    weights = np.zeros((500, 2, 2))
    weights[WINDOW, 0, 1] = 1
    model.set_weights([np.array([[[1, -1]]]), weights.reshape(1000, 2), np.array([0.1 * UNIT, 0])])
    return model


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    def call(self, values):
        return 2 * values


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    def __init__(self, **choices):
        super().__init__(**choices)
        self.convolution = keras.layers.Conv1D(4, 5, activation="tanh")
        self.rest = [keras.layers.Flatten(), keras.layers.Dense(2)]

    def call(self, spectra):
        values = self.convolution(spectra)
        for layer in self.rest:
            values = layer(values)
        return keras.ops.softmax(values)


def of_layers(*layers):
    """A network of these layers, from spectra to the scores of two classes, and a softmax."""
    end = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    return keras.Sequential([keras.Input((500, 1)), *layers, *end])


def all_kinds():
    """Networks of every kind that Keras has, by name."""
    layers = keras.layers
    nested = keras.Input((500, 1))
    nested = keras.Model(nested, of_layers(layers.Conv1D(4, 5), layers.MaxPooling1D(2))(nested))
    softmax = [layers.Conv1D(4, 5), layers.Flatten(), layers.Dense(2), layers.Softmax()]
    spectra = keras.Input((500, 1))
    values = layers.Dense(4)(layers.AveragePooling1D(10)(spectra))
    values = layers.MultiHeadAttention(2, 2)(values, values)
    values = layers.GlobalAveragePooling1D()(values)
    subclassed = Subclassed()
    subclassed(np.zeros((1, 500, 1), "float32"))
    pool = layers.AveragePooling1D(20)
    return {
        "sequential": of_layers(layers.Conv1D(4, 5), layers.ReLU()),
        "separate": keras.Sequential([keras.Input((500, 1)), *softmax]),
        "nested": nested,
        "nested_inside": of_layers(
            keras.Sequential([layers.Conv1D(4, 5), layers.BatchNormalization()])
        ),
        "registered": of_layers(layers.SeparableConv1D(4, 5), Doubled()),
        "recurrent": of_layers(pool, layers.Bidirectional(layers.GRU(3, return_sequences=True))),
        "attention": keras.Model(spectra, layers.Dense(2, activation="softmax")(values)),
        "subclassed": subclassed,
    }
