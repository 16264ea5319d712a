"""Keras's own optimizer and layers, computed on TensorFlow in fewer passes through the memory;
elsewhere Keras's own.

Every spectrum of a batch goes through a network as (length, channels) numbers, 300 million of them
in a step of Resnet. TensorFlow's operations between the convolutions go through all of these
several times, some of them value by value; those here are compiled by XLA into loops over whole
vectors. ``standard`` puts Keras's layers in the place of these.
"""

from functools import cache
from math import prod
from types import SimpleNamespace

from synthetic_spectra.common.backend import keras

PARTS, ROWS = 8, 64  # of a sum over rows: so many slices side by side, then so many partial sums


def on_tensorflow():
    return keras.backend.backend() == "tensorflow"


class Adam(keras.optimizers.Adam):
    """Keras's Adam; on TensorFlow one operation updates a variable, which goes through the memory
    once.

    The networks have up to 187 million parameters; Keras's own update of TensorFlow variables is
    some ten operations that each read or write all of them.
    """

    def update_step(self, gradient, variable, learning_rate):
        if not on_tensorflow():
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        i = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, variable.dtype)
        return tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[i].value.handle,
            v=self._velocities[i].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class Conv1D(keras.layers.Conv1D):
    """Keras's convolution of spectra (n, length, channels)."""

    def call(self, inputs):
        relu = self.activation is keras.activations.relu
        simple = (
            self.use_bias
            and self.padding != "causal"
            and self.groups == 1
            and self.dilation_rate == (1,)
        )
        if (
            not on_tensorflow()
            or not simple
            or not (relu or self.activation is keras.activations.linear)
        ):
            return super().call(inputs)
        kernel, bias = map(keras.ops.convert_to_tensor, (self.kernel, self.bias))
        return operations().convolution(
            inputs, kernel, bias, self.strides[0], self.padding.upper(), relu
        )


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation of the last axis of spectra (n, length, channels), and a ReLU
    behind it.

    Args:
        negative_slope: of the ReLU, 0 for none; without it there is no ReLU.
    """

    def __init__(self, *, negative_slope=None, **choices):
        super().__init__(**choices)
        self.negative_slope = negative_slope

    def call(self, inputs, training=None, mask=None):
        if not training or not on_tensorflow():
            normalized = super().call(inputs, training=training, mask=mask)
            return activated(normalized, self.negative_slope)
        gamma, beta = (keras.ops.cast(weight, "float32") for weight in (self.gamma, self.beta))
        outputs, mean, variance = operations().normalization(
            inputs, gamma, beta, self.epsilon, self.negative_slope
        )
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return outputs


class AddReLU(keras.layers.Add):
    """Keras's sum of two spectra (n, length, channels), and a ReLU behind it."""

    negative_slope = 0.0

    def call(self, inputs):
        return (
            operations().relu_of_sum(*inputs)
            if on_tensorflow()
            else activated(super().call(inputs), 0.0)
        )


class Concatenate(keras.layers.Concatenate):
    """Keras's concatenation along the channels."""

    def call(self, inputs):
        return operations().concatenation(*inputs) if on_tensorflow() else super().call(inputs)


def activated(values, negative_slope):
    """A ReLU with a slope below zero; without a slope the values as they are."""
    return (
        values
        if negative_slope is None
        else keras.activations.relu(values, negative_slope=negative_slope)
    )


LAYERS = (
    Conv1D,
    BatchNormalization,
    AddReLU,
    Concatenate,
)  # in place of those of Keras that they are subclasses of


def standard(model, weights):
    """An uncompiled model as one of Keras's own layers alone, which any Keras can load.

    Args:
        model: whose layers to take.
        weights: to give it, as ``get_weights`` returns them.
    """

    def own(layer):
        ours = isinstance(layer, LAYERS)
        kind = type(layer).__base__ if ours else type(layer)
        copy = kind.from_config(layer.get_config())
        copy.slope_behind = getattr(layer, "negative_slope", None) if ours else None
        return copy

    def call(layer, *inputs, **choices):
        outputs = layer(*inputs, **choices)
        slope = layer.slope_behind
        return outputs if slope is None else keras.layers.ReLU(negative_slope=slope)(outputs)

    copy = keras.models.clone_model(model, clone_function=own, call_function=call)
    copy.set_weights(weights)
    return copy


@cache
def operations():
    """The operations of TensorFlow: ``convolution``, ``normalization``, ``relu_of_sum``,
    ``concatenation``."""
    import tensorflow as tf

    # autograph would parse the functions, in CPython 3.11 not safely beside another thread that
    # parses, as W&B's does
    compiled = tf.function(jit_compile=True, autograph=False)

    def in_float32(values):
        return tf.cast(values, "float32")

    def sum_of_rows(function, *arrays):
        """The sum over all axes but the last of a function of arrays of one shape, in float32.

        XLA adds slices that lie side by side in whole vectors; its own reduction of the first axes
        does not.
        """
        *others, channels = arrays[0].shape
        if None in others:  # traced for batches of any size
            return tf.reduce_sum(function(*map(in_float32, arrays)), range(len(others)))
        rows = prod(others)
        n = next(n for n in range(PARTS, 0, -1) if rows % n == 0)
        parts = [tf.split(tf.reshape(array, (rows, channels)), n) for array in arrays]
        total = pairwise_sum(
            [function(*map(in_float32, slices)) for slices in zip(*parts, strict=True)]
        )
        several = next(several for several in range(ROWS, 0, -1) if rows // n % several == 0)
        return tf.reduce_sum(tf.reduce_sum(tf.reshape(total, (several, -1, channels)), 1), 0)

    def number_of_rows(values):
        return in_float32(tf.size(values) // values.shape[-1])

    def pairwise_sum(terms):
        while len(terms) > 1:
            terms = [sum(terms[i + 1 : i + 2], terms[i]) for i in range(0, len(terms), 2)]
        return terms[0]

    @compiled
    def sums(gradient):
        return tf.cast(sum_of_rows(lambda values: values, gradient), gradient.dtype)

    @compiled
    def behind_relu(outputs, gradient):
        """The gradient before a ReLU, from that behind it."""
        return tf.where(outputs > 0, gradient, tf.zeros((), gradient.dtype))

    def convolution(spectra, kernel, bias, stride, padding, relu):
        strides = (1, 1, stride, 1)

        @tf.custom_gradient
        def convolved(spectra, kernel, bias):
            images, filters = tf.expand_dims(spectra, 1), tf.expand_dims(kernel, 0)
            outputs = tf.nn.bias_add(tf.nn.conv2d(images, filters, strides, padding), bias)
            if relu:
                outputs = tf.nn.relu(outputs)
            outputs = tf.squeeze(outputs, 1)

            def gradients(gradient):
                if relu:
                    gradient = behind_relu(outputs, gradient)
                same = {
                    "out_backprop": tf.expand_dims(gradient, 1),
                    "strides": strides,
                    "padding": padding,
                }
                sizes = tf.shape(images), tf.shape(filters)
                of_spectra = tf.raw_ops.Conv2DBackpropInput(
                    input_sizes=sizes[0], filter=filters, **same
                )
                of_kernel = tf.raw_ops.Conv2DBackpropFilter(
                    input=images, filter_sizes=sizes[1], **same
                )
                return tf.squeeze(of_spectra, 1), tf.squeeze(of_kernel, 0), sums(gradient)

            return outputs, gradients

        return convolved(spectra, tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias))

    compiled_relu_of_sum = compiled(lambda a, b: tf.nn.relu(a + b))

    @tf.custom_gradient
    def relu_of_sum(a, b):
        outputs = compiled_relu_of_sum(a, b)

        def gradients(gradient):
            of_sum = behind_relu(outputs, gradient)
            return of_sum, of_sum

        return outputs, gradients

    split = compiled(lambda values, sizes: tf.split(values, sizes, -1))

    @tf.custom_gradient
    def concatenation(*parts):
        sizes = tuple(part.shape[-1] for part in parts)
        return tf.concat(parts, -1), lambda gradient: split(gradient, sizes)

    @compiled
    def normalize(values, gamma, beta, epsilon, negative_slope):
        n = number_of_rows(values)
        mean = sum_of_rows(lambda x: x, values) / n
        variance = sum_of_rows(lambda x: tf.square(x - mean), values) / n
        outputs = (in_float32(values) - mean) * (gamma * tf.math.rsqrt(variance + epsilon)) + beta
        if negative_slope is not None:
            outputs = tf.where(outputs > 0, outputs, outputs * negative_slope)
        return tf.cast(outputs, values.dtype), mean, variance

    @compiled
    def normalization_gradients(
        values, gamma, beta, mean, variance, epsilon, negative_slope, gradient
    ):
        n = number_of_rows(values)
        over_deviation = tf.math.rsqrt(variance + epsilon)
        scale = gamma * over_deviation

        def behind(gradient, x):
            """The gradient before the ReLU, whose input is calculated once more rather than read."""
            if negative_slope is None:
                return gradient
            return tf.where((x - mean) * scale + beta > 0, gradient, gradient * negative_slope)

        of_beta = sum_of_rows(behind, gradient, values)
        of_gamma = (
            sum_of_rows(lambda g, x: behind(g, x) * (x - mean), gradient, values) * over_deviation
        )
        slope = scale * over_deviation * of_gamma / n
        g, x = in_float32(gradient), in_float32(values)
        of_values = (behind(g, x) - of_beta / n) * scale - (x - mean) * slope
        return tf.cast(of_values, values.dtype), of_gamma, of_beta

    def normalization(values, gamma, beta, epsilon, negative_slope):
        @tf.custom_gradient
        def normalized(values, gamma, beta):
            outputs, mean, variance = normalize(values, gamma, beta, epsilon, negative_slope)

            def gradients(gradient, *_):  # nothing is learned from mean and variance
                return normalization_gradients(
                    values, gamma, beta, mean, variance, epsilon, negative_slope, gradient
                )

            return (outputs, mean, variance), gradients

        return normalized(values, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta))

    return SimpleNamespace(
        convolution=convolution,
        normalization=normalization,
        relu_of_sum=relu_of_sum,
        concatenation=concatenation,
    )
