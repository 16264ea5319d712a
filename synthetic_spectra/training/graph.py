"""What a network consists of: its calls of layers, in order, and the kind of each layer."""

from collections import Counter

from synthetic_spectra.common.backend import keras

layers = keras.layers


def has_own_code(layer):
    """Whether a layer, model or operation is of a class that is not Keras's own."""
    return not type(layer).__module__.startswith("keras.")


def functional(model):
    """The functional model of the same calls and layers.

    Args:
        model: Keras model of any kind.

    Returns:
        a functional model itself, that of a built sequential model, and None for a model whose
        ``call`` is code of its own.
    """
    if type(model) is keras.Sequential and model.built:
        return keras.Model(model.inputs[0], model.outputs[0])
    return model if hasattr(model, "_nodes_by_depth") and not has_own_code(model) else None


def calls(network):
    """The calls of layers and operations that a functional model consists of.

    Returns:
        Keras's records of the calls, each after those whose outputs it takes.
    """
    by_depth = network._nodes_by_depth
    in_order = [call for depth in sorted(by_depth, reverse=True) for call in by_depth[depth]]
    return [call for call in in_order if not call.is_input]


def preceding_calls(network, steps):
    """The call before each call that takes one tensor, if nothing else takes that tensor.

    Args:
        network: functional model.
        steps: its ``calls``.

    Returns:
        call → the call before it, where there is one.
    """
    taken = Counter(id(tensor) for call in steps for tensor in call.input_tensors)
    taken.update(id(tensor) for tensor in network.outputs)
    made_by = {id(tensor): call for call in steps for tensor in call.outputs}
    before = {}
    for call in steps:
        if len(call.input_tensors) == 1:
            tensor = id(call.input_tensors[0])
            if taken[tensor] == 1 and tensor in made_by:
                before[call] = made_by[tensor]
    return before


def leaves_values_out(pool, convolution):
    """Whether a call is a max pool that never reads some values of the convolution before it.

    Args:
        pool: any call.
        convolution: the call before it, or None.
    """
    return (
        convolution is not None
        and is_of(pool, layers.MaxPooling1D)
        and is_simple_convolution(convolution)
        and pool.operation.padding == "valid"
        and pool.operation.data_format == "channels_last"
        and pool.operation.strides[0] > pool.operation.pool_size[0]
        and of_one_precision(pool, convolution)
        and None not in pool.outputs[0].shape[1:]
    )


def is_of(call, kind):
    """Whether a call is of Keras's own layer ``kind``, and of nothing but spectra (n, length,
    channels)."""
    return (
        type(call.operation) is kind
        and call.operation.activity_regularizer is None
        and len(call.arguments.args) == 1
        and all(value is None for value in call.arguments.kwargs.values())
        and all(len(tensor.shape) == 3 for tensor in call.input_tensors)
        and all(getattr(tensor, "_keras_mask", None) is None for tensor in call.input_tensors)
    )


def is_simple_convolution(call):
    layer = call.operation
    return (
        is_of(call, layers.Conv1D)
        and layer.use_bias
        and layer.padding in ("same", "valid")
        and layer.groups == 1
        and layer.dilation_rate == (1,)
        and layer.data_format == "channels_last"
        and layer.activation in (keras.activations.relu, keras.activations.linear)
    )


def is_simple_normalization(call):
    layer = call.operation
    return (
        is_of(call, layers.BatchNormalization)
        and layer.axis in (-1, 2)
        and layer.center
        and layer.scale
        and layer.compute_dtype in ("float32", "bfloat16")
        and not layer.synchronized
        and not layer.renorm
    )


def is_simple_sum(call):
    shapes = [tensor.shape for tensor in call.input_tensors]
    return is_of(call, layers.Add) and len(shapes) == 2 and shapes[0] == shapes[1]


def slope_below_zero(call):
    """The slope below zero of a call that is a ReLU and no more; None of any other call."""
    layer = call.operation
    if is_of(call, layers.LeakyReLU):
        return float(layer.negative_slope)
    if is_of(call, layers.ReLU) and layer.max_value is None and layer.threshold == 0:
        return float(layer.negative_slope)
    if is_of(call, layers.Activation) and layer.activation is keras.activations.relu:
        return 0.0
    return None


def of_one_precision(*steps):
    """Whether the layers of some calls compute in the same precision."""
    return len({call.operation.compute_dtype for call in steps}) == 1
