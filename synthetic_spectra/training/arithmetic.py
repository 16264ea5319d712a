"""Multiply-accumulates of a network: the products that it adds up for one spectrum."""

import inspect
import re
from math import prod

from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.cli import notice
from synthetic_spectra.training import graph

layers, flatten = keras.layers, keras.tree.flatten

# Modules of Keras whose layers and operations add up no products, but for the names below.
WITHOUT_PRODUCTS = re.compile(
    r"keras\.src\.(layers\.(activations|merging|normalization|pooling|regularization|reshaping)"
    r"|layers\.core\.(embedding|identity|masking)|layers\.preprocessing\.(normalization|rescaling)"
    r"|ops\.(core|math|numpy|nn))\b"
)
# Of these modules, what adds up products, or calls a function, by no rule of this module.
UNKNOWN = {
    # layers
    "SpectralNormalization",
    # keras.ops of single arrays
    "Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "DotProductAttention", "CTCLoss",
    "CTCDecode", "Corrcoef", "Correlate", "Cross", "Dot", "Inner", "Kron", "Slogdet", "Tensordot",
    "Vdot", "CDist", "FFT", "FFT2", "IFFT2", "RFFT", "IRFFT", "STFT", "ISTFT", "Logdet",
    # keras.ops that call a function
    "AssociativeScan", "Cond", "ForiLoop", "Map", "Scan", "Switch", "VectorizedMap", "WhileLoop",
}  # fmt: skip


class NotCounted(Exception):
    """A part of a network whose multiply-accumulates are not known; the text says which and why."""


def multiply_accumulates(model):
    """Multiplications with an addition that a network takes for one spectrum.

    Counted are those of convolutions, dense and recurrent layers, attention and matrix products. A
    convolution counts products with the zeros of its padding, but not the values that the max pool
    behind it leaves out: training does not compute these. What works value by value counts nothing,
    such as activations and normalisation.

    Args:
        model: built Keras model of any kind.

    Returns:
        The number; None where it is not known, with the reason on stderr.
    """
    try:
        network = graph.functional(model)
        if network is None:
            raise NotCounted("its call is code of its own")
        return _of_network(network) - _left_out(network)
    except NotCounted as reason:
        notice(f"{model.name}: multiply-accumulates are not counted: {reason}")
        return None


def _left_out(network):
    """Multiply-accumulates of values that the max pools of a network never read."""
    before = graph.preceding_calls(network, graph.calls(network))
    number = 0
    for pool, convolution in before.items():
        if graph.leaves_values_out(pool, convolution):
            convolved, pooled = convolution.outputs[0].shape[1], pool.outputs[0].shape[1]
            read = pooled * pool.operation.pool_size[0]
            number += _size(convolution.operation.kernel.shape) * (convolved - read)
    return number


def _of_network(network):
    return sum(_of_call(call) for call in graph.calls(network))


def _of_call(call):
    """Multiply-accumulates of one call of a layer or of an operation of ``keras.ops``."""
    layer, output = call.operation, call.outputs[0].shape
    positional, named = call.arguments.args, call.arguments.kwargs
    try:
        bound = inspect.signature(layer.call).bind(*positional, **named).arguments
    except TypeError:
        bound = {"positional": positional, **named}
    shapes = [tuple(x.shape) for x in flatten(list(bound.values())) if hasattr(x, "shape")]
    return _of_layer(layer, shapes, output)


def _of_layer(layer, inputs, output):
    """Multiply-accumulates of a layer.

    Args:
        layer: built layer, model or operation.
        inputs: shapes that it takes, in the order of the arguments of its ``call``.
        output: shape of its first output.
    """
    kind = type(layer)
    if kind in RULES:
        return RULES[kind](layer, inputs, output)
    if kind.__name__ in OPERATION_RULES and kind.__module__ == "keras.src.ops.numpy":
        return OPERATION_RULES[kind.__name__](layer, inputs, output)
    network = graph.functional(layer)
    if network is not None:
        if [tuple(tensor.shape) for tensor in network.inputs] != inputs:
            raise NotCounted(f"{_name(layer)} is called with other shapes than it was built for")
        return _of_network(network)
    if graph.has_own_code(layer):
        raise NotCounted(f"{_name(layer)} has code of its own")
    if kind.__name__ in UNKNOWN or not WITHOUT_PRODUCTS.match(kind.__module__):
        raise NotCounted(f"there is no rule for {_name(layer)}")
    return 0


def _dense(layer, inputs, output):
    return _size(layer.kernel.shape) * _size(output[1:-1])


def _convolution(layer, inputs, output):
    return _size(layer.kernel.shape) * _positions(layer, output)


def _transposed_convolution(layer, inputs, output):
    return _size(layer.kernel.shape) * _positions(layer, inputs[0])


def _separable_convolution(layer, inputs, output):
    kernels = layer.depthwise_kernel, layer.pointwise_kernel
    return sum(_size(kernel.shape) for kernel in kernels) * _positions(layer, output)


def _einsum_dense(layer, inputs, output):
    # Each input is multiplied once for every place along the axes that only the kernel has.
    input_axes, kernel_axes, _ = re.split(",|->", layer.equation.replace(" ", ""))
    sizes = zip(kernel_axes, layer.kernel.shape, strict=True)
    return _size(inputs[0][1:]) * _size(size for axis, size in sizes if axis not in input_axes)


def _recurrent(layer, inputs, output):
    return _size(inputs[0][1:2]) * _of_cell(layer.cell)


def _of_cell(cell):
    """Multiply-accumulates of one time step."""
    if type(cell) is layers.StackedRNNCells:
        return sum(_of_cell(one) for one in cell.cells)
    if type(cell) not in (layers.SimpleRNNCell, layers.GRUCell, layers.LSTMCell):
        raise NotCounted(f"{_name(cell)} has code of its own")
    return _size(cell.kernel.shape) + _size(cell.recurrent_kernel.shape)


def _recurrent_convolution(layer, inputs, output):
    kernels = _size(layer.cell.kernel.shape) + _size(layer.cell.recurrent_kernel.shape)
    of_one_step = output[:1] + output[2:] if layer.return_sequences else output
    return _size(inputs[0][1:2]) * kernels * _positions(layer, of_one_step)


def _bidirectional(layer, inputs, output):
    directions = layer.forward_layer, layer.backward_layer
    return sum(_of_layer(direction, inputs[:1], output) for direction in directions)


def _at_each_time(layer, inputs, output):
    (n, n_times, *rest) = inputs[0]
    of_one_time = (n, *rest), (n, *output[2:])
    return _size([n_times]) * _of_layer(layer.layer, [of_one_time[0]], of_one_time[1])


def _multi_head_attention(layer, inputs, output):
    heads, key_dim, value_dim = layer._num_heads, layer._key_dim, layer._value_dim
    return _heads(layer, inputs, heads * (key_dim + value_dim))


def _grouped_query_attention(layer, inputs, output):
    return _heads(layer, inputs, layer.num_query_heads * 2 * layer.head_dim)


def _heads(layer, inputs, per_pair):
    """Attention with projections; ``per_pair`` is what each pair of query and key takes."""
    n_queries, n_keys = _sequences(layer, inputs)
    of_queries = [layer._query_dense, layer._output_dense, getattr(layer, "_gate_dense", None)]
    of_keys = [layer._key_dense, layer._value_dense]
    return (
        n_queries * sum(_size(dense.kernel.shape) for dense in of_queries if dense)
        + n_keys * sum(_size(dense.kernel.shape) for dense in of_keys)
        + n_queries * n_keys * per_pair
    )


def _attention(layer, inputs, output):
    n_queries, n_keys = _sequences(layer, inputs)
    # scores by "concat" add up no products
    score = inputs[0][-1] if layer.score_mode == "dot" else 0
    return n_queries * n_keys * (score + inputs[1][-1])


def _additive_attention(layer, inputs, output):
    n_queries, n_keys = _sequences(layer, inputs)
    return n_queries * n_keys * (inputs[0][-1] + inputs[1][-1])


def _sequences(layer, inputs):
    """Numbers of queries and of keys; ``inputs`` begins with the shapes of query and value."""
    if len(inputs) < 2 or {len(shape) for shape in inputs[:2]} != {3}:
        raise NotCounted(f"{_name(layer)} takes other inputs than sequences (n, length, channels)")
    return _size(inputs[0][1:2]), _size(inputs[1][1:2])


def _dot(layer, inputs, output):
    axes = [layer.axes] * 2 if isinstance(layer.axes, int) else layer.axes
    return _size(output[1:]) * _size([inputs[0][axes[0]]])


def _matmul(operation, inputs, output):
    if len(inputs[0]) < 2 or len(output) < 2 or output[0] is not None:
        raise NotCounted(f"there is no rule for {_name(operation)} of these shapes")
    return _size(output[1:]) * _size(inputs[0][-1:])


def _einsum(operation, inputs, output):
    axes, arrow, output_axes = operation.subscripts.replace(" ", "").partition("->")
    axes = axes.split(",")
    if not arrow or "." in operation.subscripts or len(axes) > 2 or len(axes) != len(inputs):
        raise NotCounted(f"there is no rule for {_name(operation)} {operation.subscripts!r}")
    if len(axes) == 1:
        return 0
    sizes = {
        axis: n
        for names, shape in zip(axes, inputs, strict=True)
        for axis, n in zip(names, shape, strict=True)
    }
    # the axis of the spectra of a batch
    batch = output_axes[0] if output[0] is None else ""
    return _size(n for axis, n in sizes.items() if axis != batch)


RULES = {
    kind: rule
    for rule, *kinds in (
        (lambda layer, inputs, output: 0, layers.InputLayer),
        (_dense, layers.Dense),
        (_einsum_dense, layers.EinsumDense),
        (_dot, layers.Dot),
        (_convolution, layers.Conv1D, layers.Conv2D, layers.Conv3D),
        (_convolution, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
        (_separable_convolution, layers.SeparableConv1D, layers.SeparableConv2D),
        (_transposed_convolution, layers.Conv1DTranspose, layers.Conv2DTranspose),
        (_transposed_convolution, layers.Conv3DTranspose),
        (_recurrent, layers.RNN, layers.SimpleRNN, layers.GRU, layers.LSTM),
        (_recurrent_convolution, layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D),
        (_bidirectional, layers.Bidirectional),
        (_at_each_time, layers.TimeDistributed),
        (_attention, layers.Attention),
        (_additive_attention, layers.AdditiveAttention),
        (_multi_head_attention, layers.MultiHeadAttention),
        (_grouped_query_attention, layers.GroupQueryAttention),
    )
    for kind in kinds
}
OPERATION_RULES = {"Matmul": _matmul, "Einsum": _einsum}


def _positions(layer, shape):
    """Positions of a kernel over the axes of space of a shape."""
    return _size(shape[1:-1] if layer.data_format == "channels_last" else shape[2:])


def _size(lengths):
    lengths = list(lengths)
    if None in lengths:
        raise NotCounted("the lengths are not fixed")
    return prod(lengths)


def _name(layer):
    return f"{type(layer).__name__} {layer.name!r}"
