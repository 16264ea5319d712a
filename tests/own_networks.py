"""Networks as users write them: those that can be trained and kept, and those that cannot."""

import re

import numpy as np
from conftest import ROOT

from synthetic_spectra.common.backend import keras

layers, ops = keras.layers, keras.ops
REGISTERED = keras.saving.register_keras_serializable("own_networks")


@REGISTERED
class Scaled(layers.Layer):
    """A layer with weights and an argument."""

    def __init__(self, start=1.0, **settings):
        super().__init__(**settings)
        self.start = start

    def build(self, shape):
        self.scale = self.add_weight(
            shape=(shape[-1],), initializer=keras.initializers.Constant(self.start)
        )

    def call(self, x):
        return x * self.scale

    def get_config(self):
        return super().get_config() | {"start": self.start}


@REGISTERED
class Subclassed(keras.Model):
    """A model with code of its own, dropout among it."""

    def __init__(self, classes, **settings):
        super().__init__(**settings)
        self.classes = classes
        self.convolution = layers.Conv1D(8, 9, 4, activation="relu")
        self.flat, self.dropout = layers.Flatten(), layers.Dropout(0.1)
        self.probabilities = layers.Dense(classes, activation="softmax")

    def call(self, spectra, training=None):
        values = self.flat(self.convolution(spectra))
        return self.probabilities(self.dropout(values, training=training))

    def get_config(self):
        return super().get_config() | {"classes": self.classes}


@REGISTERED
def damped(x):
    return ops.tanh(x / 2)


def functional(block):
    """A builder of a functional model around a block: spectra (n, length, 1) → any shape."""

    def build(input_size, classes):
        spectra = keras.Input((input_size, 1))
        values = layers.Flatten()(block(spectra))
        return keras.Model(spectra, layers.Dense(classes, activation="softmax")(values))

    return build


def strided(x):
    """A few values in the place of a spectrum, for layers that are slow along it."""
    return layers.Conv1D(8, 9, 10, padding="same", activation="relu")(x)


def attention(x):
    x = strided(x)
    return layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))


def sequential(input_size, classes, units=8, *, activation="relu"):
    """Choices in the third place, and no ``hidden_activation``; not built."""
    return keras.Sequential([
        layers.Conv1D(8, 9, 4), layers.BatchNormalization(), layers.ReLU(), layers.Flatten(),
        layers.Dense(units, activation=activation), layers.Dense(classes, activation="softmax"),
    ])  # fmt: skip


def sequential_with_input(input_size, classes, *, hidden_activation=None, dense=None):
    """Choices without a default value."""
    model = keras.Sequential([keras.Input((input_size, 1)), layers.Flatten()])
    for units in dense or [8]:
        model.add(layers.Dense(units, activation=hidden_activation))
    model.add(layers.Dense(classes, activation="softmax", dtype="float32"))
    return model


def subclassed(input_size, classes):
    return Subclassed(classes)


def nested(input_size, classes):
    spectra = keras.Input((input_size, 1))
    inside = keras.Sequential([keras.Input((input_size, 1)), layers.Conv1D(8, 9, 4), Scaled(2.0)])
    probabilities = layers.Dense(classes, activation="softmax")
    return keras.Model(spectra, probabilities(layers.GlobalMaxPooling1D()(inside(spectra))))


def of_the_readme():
    """The function that the README shows."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(import keras.*?def my_net.*?)```", text, re.DOTALL)[1]
    names = {}
    exec(code, names)
    return names["my_net"]


TRAINED = {
    "readme": of_the_readme(),
    "sequential": sequential,
    "sequential_with_input": sequential_with_input,
    "subclassed": subclassed,
    "nested": nested,
    "own_layer": functional(lambda x: Scaled(0.5)(strided(x))),
    "own_activation": functional(lambda x: layers.Conv1D(8, 9, 4, activation=damped)(x)),
    "lambda_of_a_function": functional(lambda x: layers.Lambda(damped)(strided(x))),
    "operations": functional(lambda x: ops.sqrt(ops.relu(strided(x)[:, ::2]) + 1e-3)),
    "recurrent": functional(lambda x: layers.Bidirectional(layers.GRU(4))(strided(x))),
    "recurrent_lstm": functional(lambda x: layers.LSTM(8, dropout=0.1)(strided(x))),
    "attention": functional(attention),
}
# networks of Keras's layers alone, whose multiply-accumulates are known
COUNTED = {"readme", "sequential", "sequential_with_input", "own_activation", "operations"}
COUNTED |= {"recurrent", "recurrent_lstm", "attention"}


class Unregistered(Scaled):
    pass


@REGISTERED
class WithoutConfig(layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


@REGISTERED
class Forgetful(layers.Layer):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.number = float(np.random.default_rng().random())

    def call(self, x):
        return x * self.number


@REGISTERED
class UnregisteredInside(Subclassed):
    def __init__(self, classes, **settings):
        super().__init__(classes, **settings)
        self.flat = keras.Sequential([layers.Flatten(), Unregistered()])


class UnregisteredModel(Subclassed):
    pass


@REGISTERED
class TrainedItsWay(Subclassed):
    def train_step(self, batch):
        return {"loss": 0.0}


def unregistered(x):
    return ops.tanh(x)


def with_a_local_class(x):
    @REGISTERED
    class Local(layers.Layer):
        def call(self, x):
            return x

    return Local()(x)


def compiled(input_size, classes):
    model = sequential(input_size, classes)
    model.compile("adam", "mse")
    return model


REGISTER = "@keras.saving.register_keras_serializable()"
# builders of what cannot be saved and loaded, or is no classifier; words of the sentence
REFUSED = {
    "lambda": (functional(lambda x: layers.Lambda(lambda x: 2 * x)(x)), "each lambda", REGISTER),
    "lambda_activation": (
        functional(lambda x: layers.Dense(2, activation=lambda x: 2 * x)(x)),
        "each lambda", REGISTER,
    ),
    "lambda_of_another_function": (
        functional(lambda x: layers.Lambda(unregistered)(x)), REGISTER, "function unregistered",
    ),
    "unregistered_layer": (functional(lambda x: Unregistered()(x)), REGISTER, "class Unregistered"),
    "unregistered_inside": (
        lambda input_size, classes: UnregisteredInside(classes), REGISTER, "class Unregistered",
    ),
    "unregistered_model": (
        lambda input_size, classes: UnregisteredModel(classes), REGISTER, "UnregisteredModel",
    ),
    "unregistered_function": (
        functional(lambda x: layers.Dense(2, activation=unregistered)(x)),
        REGISTER, "function unregistered",
    ),
    "local_class": (functional(with_a_local_class), "class Local", "outside of any function"),
    "without_config": (
        functional(lambda x: WithoutConfig(layers.Dense(2))(x)), "WithoutConfig", "get_config",
    ),
    "forgetful": (functional(lambda x: Forgetful()(x)), "other probabilities", "get_config"),
    "trained_its_way": (
        lambda input_size, classes: TrainedItsWay(classes), "train_step of its own",
    ),
    "without_weights": (
        lambda input_size, classes: keras.Sequential(
            [layers.GlobalMaxPooling1D(), layers.RepeatVector(classes), layers.Flatten(),
             layers.Softmax()]
        ),
        "no weights to train",
    ),
    "logits": (
        lambda input_size, classes: keras.Sequential([layers.Flatten(), layers.Dense(classes)]),
        "probabilities", "softmax",
    ),
    "other_classes": (
        lambda input_size, classes: sequential(input_size, classes + 1), "(None, 4)", "(None, 3)",
    ),
    "two_outputs": (
        lambda input_size, classes: keras.Model(
            *(lambda x: (x, [x, x]))(keras.Input((input_size, 1)))
        ),
        "several arrays", "(None, 3)",
    ),
    "other_lengths": (
        lambda input_size, classes: keras.Sequential(
            [keras.Input((7, 1)), layers.Flatten(), layers.Dense(classes, activation="softmax")]
        ),
        "(None, 7, 1)",
    ),
    "no_model": (lambda input_size, classes: layers.Dense(classes), "Dense", "Keras model"),
    "compiled": (compiled, "compiles"),
}  # fmt: skip
