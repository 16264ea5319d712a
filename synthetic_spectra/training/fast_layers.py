"""A network → the same network on the same variables, trained faster; and a faster Adam.

Every spectrum of a batch goes through a network as (length, channels) numbers: 300 million of them
in a step of Resnet. TensorFlow's operations between the convolutions read and write these numbers
several times, some of them value by value. The stand-ins here do it in fewer passes.
"""

from math import ceil

from synthetic_spectra.common.backend import keras
from synthetic_spectra.training import graph

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
if ON_TENSORFLOW:
    import tensorflow as tf

    from synthetic_spectra.training import fast_operations


def accelerated(model):
    """Another model of the same function that shares the variables of ``model`` and trains faster.

    Stand-ins replace those layers of a functional or sequential model that they understand: a
    convolution and its max pool where the pool leaves values out, and on TensorFlow convolutions,
    batch normalisation, sums and concatenations, each with its ReLU. All other layers are the very
    layers of ``model``, and a model with code of its own is taken as one layer. Training one of the
    two models trains both; compiling one leaves the other uncompiled.

    Args:
        model: Keras model of any kind that was called on a ``keras.Input``.

    Returns:
        An uncompiled model.
    """
    network = graph.functional(model)
    if network is None:
        spectra = keras.tree.map_structure(
            lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype), model.input
        )
        return keras.Model(spectra, model(spectra), name=model.name)
    steps = graph.calls(network)
    before = graph.preceding_calls(network, steps)

    # From the end to the start: a pool or a ReLU is met before the layer that it takes along.
    stand_ins, taken_along = {}, set()
    for call in reversed(steps):
        if call not in taken_along:
            stand_in, first = _stand_in(call, before.get(call))
            if stand_in:
                stand_ins[call] = stand_in, first
                taken_along |= {first} - {call}
    if not stand_ins:
        return keras.Model(network.input, network.output, name=model.name)

    tensors = {id(tensor): tensor for tensor in network.inputs}
    for call in steps:
        if call in taken_along:
            continue
        if call in stand_ins:
            stand_in, first = stand_ins[call]
            (inputs,), _ = first.arguments.fill_in(tensors)
            outputs = stand_in(inputs)
        else:
            positional, named = call.arguments.fill_in(tensors)
            outputs = call.operation(*positional, **named)
        for plain, fast in zip(call.outputs, keras.tree.flatten(outputs), strict=True):
            tensors[id(plain)] = fast
    outputs = keras.tree.map_structure(lambda tensor: tensors[id(tensor)], network.output)
    return keras.Model(network.input, outputs, name=model.name)


def _stand_in(call, before):
    """The stand-in for a call, and the call whose input it takes: this one or the one before it."""
    layer = call.operation
    if graph.leaves_values_out(call, before):
        return ConvolutionAndPool(before.operation, layer), before
    if not ON_TENSORFLOW:
        return None, None
    slope = graph.slope_below_zero(call)
    if slope is not None and before is not None and graph.of_one_precision(call, before):
        if graph.is_simple_normalization(before):
            return FastNormalization(before.operation, slope), before
        if slope == 0 and graph.is_simple_sum(before):
            return SumAndReLU(before.operation), before
    if graph.is_simple_convolution(call):
        return FastConvolution(layer), call
    if graph.is_simple_normalization(call):
        return FastNormalization(layer, None), call
    if graph.is_of(call, keras.layers.Concatenate) and layer.axis in (-1, 2):
        return FastConcatenation(layer), call
    return None, None


class StandIn(keras.layers.Layer):
    """Computes what a layer of Keras computes, with the variables of that layer.

    Args:
        layer: built layer.
    """

    def __init__(self, layer):
        super().__init__(dtype=layer.dtype_policy)
        self.layer = layer

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


class FastConvolution(StandIn):
    """A convolution with its bias and its ReLU, on TensorFlow."""

    def call(self, inputs):
        return _convolved(inputs, self.layer, self.layer.strides[0], self.layer.padding)


class ConvolutionAndPool(StandIn):
    """A convolution and the max pool behind it, without the values that the pool leaves out.

    The convolution takes the steps of the pool, once for each value of a pool.

    Args:
        layer: built ``Conv1D``.
        pool: ``MaxPooling1D`` whose strides are longer than its size.
    """

    def __init__(self, layer, pool):
        super().__init__(layer)
        self.pool = pool

    def compute_output_shape(self, input_shape):
        return self.pool.compute_output_shape(self.layer.compute_output_shape(input_shape))

    def call(self, inputs):
        (kernel_size,), (stride,) = self.layer.kernel_size, self.layer.strides
        (pool_size,), (pool_stride,) = self.pool.pool_size, self.pool.strides
        _, n_pools, filters = self.compute_output_shape(inputs.shape)

        # zeros before the spectrum: of a padding "same" the smaller half
        n_before, length = 0, inputs.shape[1]
        if self.layer.padding == "same":
            n_before = max((ceil(length / stride) - 1) * stride + kernel_size - length, 0) // 2

        step = stride * pool_stride
        values = []
        for i in range(pool_size):
            first = i * stride - n_before
            end = first + (n_pools - 1) * step + kernel_size
            values.append(_convolved(_window(inputs, first, end), self.layer, step, "valid"))
        if pool_size == 1:
            return values[0]
        side_by_side = keras.ops.reshape(
            keras.ops.concatenate(values, -1), (-1, n_pools * pool_size, filters)
        )
        return keras.ops.max_pool(
            side_by_side, pool_size, pool_size, padding="valid", data_format="channels_last"
        )


class FastNormalization(StandIn):
    """Batch normalisation and the ReLU behind it, on TensorFlow.

    Args:
        layer: built ``BatchNormalization``.
        negative_slope: slope of the ReLU below zero; None for no ReLU.
    """

    def __init__(self, layer, negative_slope):
        super().__init__(layer)
        self.negative_slope = negative_slope

    def call(self, inputs, training=None):
        layer, slope = self.layer, self.negative_slope
        if not (training and layer.trainable):
            outputs = layer(inputs, training=training)
            return outputs if slope is None else keras.activations.relu(outputs, slope)
        gamma, beta = (keras.ops.cast(weight, "float32") for weight in (layer.gamma, layer.beta))
        outputs, mean, variance = fast_operations.normalization(
            inputs, gamma, beta, layer.epsilon, slope
        )
        for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(moving * layer.momentum + batch * (1 - layer.momentum))
        return outputs


class SumAndReLU(StandIn):
    """The sum of two tensors and the ReLU behind it, on TensorFlow."""

    def call(self, inputs):
        return fast_operations.relu_of_sum(*inputs)


class FastConcatenation(StandIn):
    """A concatenation along the channels, on TensorFlow."""

    def call(self, inputs):
        return fast_operations.concatenation(*inputs)


def _convolved(inputs, layer, stride, padding):
    """The values of a simple convolution with another stride and padding than the layer's own."""
    kernel, bias = map(keras.ops.convert_to_tensor, (layer.kernel, layer.bias))
    relu = layer.activation is keras.activations.relu
    if ON_TENSORFLOW:
        return fast_operations.convolution(inputs, kernel, bias, stride, padding.upper(), relu)
    outputs = keras.ops.conv(inputs, kernel, stride, padding, data_format="channels_last") + bias
    return layer.activation(outputs)


def _window(inputs, first, end):
    """Values ``first`` to ``end`` (exclusive) of spectra, zero where they lie outside."""
    length = inputs.shape[1]
    inside = inputs[:, max(first, 0) : min(end, length)]
    if first >= 0 and end <= length:
        return inside
    return keras.ops.pad(inside, ((0, 0), (max(-first, 0), max(end - length, 0)), (0, 0)))


class Adam(keras.optimizers.Adam):
    """Keras's Adam; on TensorFlow one operation updates a variable in one pass through the memory.

    The networks have up to 187 million parameters. Keras's own update of TensorFlow variables is
    about ten operations, each of which reads or writes all of them.
    """

    def update_step(self, gradient, variable, learning_rate):
        if not ON_TENSORFLOW:
            return super().update_step(gradient, variable, learning_rate)
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
