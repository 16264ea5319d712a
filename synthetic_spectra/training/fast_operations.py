"""TensorFlow operations on batches of spectra that read and write the memory few times.

Each gives the same values as the operations of Keras in whose place it is, up to rounding, and has
its own gradient. XLA compiles what lies between the convolutions into loops over whole vectors.
"""

from math import prod

import tensorflow as tf

# A sum over rows adds so many slices side by side, then so many partial sums.
N_SLICES, N_PARTIAL_SUMS = 8, 64

# Autograph would parse the functions. In CPython 3.11 that is not safe beside another thread that
# parses, as the one of Weights & Biases does.
compiled = tf.function(jit_compile=True, autograph=False)


def convolution(spectra, kernel, bias, stride, padding, relu):
    """A convolution with a bias, and a ReLU behind it.

    Args:
        spectra: (n, length, channels).
        kernel: (kernel size, channels, filters).
        bias: (filters,).
        stride: distance of the kernel's positions, in values.
        padding: "SAME" or "VALID".
        relu: whether there is a ReLU.

    Returns:
        (n, length behind the convolution, filters).
    """
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
                gradient = _gradient_before_relu(outputs, gradient)
            images_gradient = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(images),
                filter=filters,
                out_backprop=tf.expand_dims(gradient, 1),
                strides=strides,
                padding=padding,
            )
            filters_gradient = tf.raw_ops.Conv2DBackpropFilter(
                input=images,
                filter_sizes=tf.shape(filters),
                out_backprop=tf.expand_dims(gradient, 1),
                strides=strides,
                padding=padding,
            )
            bias_gradient = _sum_over_positions(gradient)
            return tf.squeeze(images_gradient, 1), tf.squeeze(filters_gradient, 0), bias_gradient

        return outputs, gradients

    return convolved(spectra, tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias))


@tf.custom_gradient
def relu_of_sum(a, b):
    """The ReLU of the sum of two tensors of one shape."""
    outputs = _relu_of_sum(a, b)

    def gradients(gradient):
        before_relu = _gradient_before_relu(outputs, gradient)
        return before_relu, before_relu

    return outputs, gradients


@tf.custom_gradient
def concatenation(*parts):
    """Tensors of one shape but for the last axis, joined along it."""
    sizes = tuple(part.shape[-1] for part in parts)
    return tf.concat(parts, -1), lambda gradient: _split(gradient, sizes)


def normalization(values, gamma, beta, epsilon, negative_slope):
    """Batch normalisation with the mean and variance of each channel, and a ReLU behind it.

    Args:
        values: (…, channels), float32 or bfloat16.
        gamma, beta: scale and offset (channels,), float32.
        epsilon: added to the variance.
        negative_slope: slope of the ReLU below zero; None for no ReLU.

    Returns:
        the values, the mean (channels,) and the variance (channels,), which have no gradient.
    """

    @tf.custom_gradient
    def normalized(values, gamma, beta):
        outputs, mean, variance = _normalization(values, gamma, beta, epsilon, negative_slope)

        def gradients(gradient, *_):
            return _normalization_gradients(
                values, gamma, beta, mean, variance, epsilon, negative_slope, gradient
            )

        return (outputs, mean, variance), gradients

    return normalized(values, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta))


@compiled
def _normalization(values, gamma, beta, epsilon, negative_slope):
    n = _n_positions(values)
    mean = _sum_of_rows(lambda x: x, values) / n
    variance = _sum_of_rows(lambda x: tf.square(x - mean), values) / n
    scale = gamma * tf.math.rsqrt(variance + epsilon)
    outputs = (_in_float32(values) - mean) * scale + beta
    if negative_slope is not None:
        outputs = tf.where(outputs > 0, outputs, outputs * negative_slope)
    return tf.cast(outputs, values.dtype), mean, variance


@compiled
def _normalization_gradients(
    values, gamma, beta, mean, variance, epsilon, negative_slope, gradient
):
    n = _n_positions(values)
    over_deviation = tf.math.rsqrt(variance + epsilon)
    scale = gamma * over_deviation

    def before_relu(gradient, x):
        # The input of the ReLU is calculated anew, which is faster than to keep and read it.
        if negative_slope is None:
            return gradient
        return tf.where((x - mean) * scale + beta > 0, gradient, gradient * negative_slope)

    def times_deviation(gradient, x):
        return before_relu(gradient, x) * (x - mean)

    beta_gradient = _sum_of_rows(before_relu, gradient, values)
    gamma_gradient = _sum_of_rows(times_deviation, gradient, values) * over_deviation
    slope = scale * over_deviation * gamma_gradient / n
    g, x = _in_float32(gradient), _in_float32(values)
    values_gradient = (before_relu(g, x) - beta_gradient / n) * scale - (x - mean) * slope
    return tf.cast(values_gradient, values.dtype), gamma_gradient, beta_gradient


@compiled
def _relu_of_sum(a, b):
    return tf.nn.relu(a + b)


@compiled
def _gradient_before_relu(outputs, gradient):
    return tf.where(outputs > 0, gradient, tf.zeros((), gradient.dtype))


@compiled
def _sum_over_positions(gradient):
    return tf.cast(_sum_of_rows(lambda values: values, gradient), gradient.dtype)


@compiled
def _split(values, sizes):
    return tf.split(values, sizes, -1)


def _sum_of_rows(function, *arrays):
    """The sum of ``function(*arrays)`` over all axes but the last, in float32.

    XLA's own reduction of the first axes does not add whole vectors; slices side by side it does.
    """
    *lengths, channels = arrays[0].shape
    if None in lengths:  # traced for batches of any size
        return tf.reduce_sum(function(*map(_in_float32, arrays)), range(len(lengths)))
    rows = prod(lengths)
    n_slices = _largest_divisor(rows, N_SLICES)
    slices = [tf.split(tf.reshape(array, (rows, channels)), n_slices) for array in arrays]
    total = _pairwise_sum(
        [function(*map(_in_float32, parts)) for parts in zip(*slices, strict=True)]
    )
    n_partial = _largest_divisor(rows // n_slices, N_PARTIAL_SUMS)
    partial_sums = tf.reduce_sum(tf.reshape(total, (n_partial, -1, channels)), 1)
    return tf.reduce_sum(partial_sums, 0)


def _pairwise_sum(terms):
    while len(terms) > 1:
        terms = [sum(terms[i + 1 : i + 2], terms[i]) for i in range(0, len(terms), 2)]
    return terms[0]


def _largest_divisor(number, limit):
    return next(divisor for divisor in range(limit, 0, -1) if number % divisor == 0)


def _n_positions(values):
    return _in_float32(tf.size(values) // values.shape[-1])


def _in_float32(values):
    return tf.cast(values, "float32")
