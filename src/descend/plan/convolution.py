"""Convolutions, pools and reshaping: how they are lowered, checked and printed."""

from __future__ import annotations

import math

from descend import initializers, layers, penalties
from descend.layers.windows import Window
from descend.plan import ops
from descend.plan.builder import PlanBuilder
from descend.plan.lowering import _name as layer_name
from descend.plan.lowering import lower_layer
from descend.plan.plan import Plan
from descend.plan.printing import describe_op
from descend.plan.validator import _parameter as check_parameter
from descend.plan.validator import _require as require
from descend.plan.validator import _shapes as shapes_of
from descend.plan.validator import check_drop_connect, check_op


@lower_layer.register
def _(layer: layers.Sliding, builder: PlanBuilder, value: int) -> int:
    name, before = layer_name(layer), builder.shape(value)
    window, shape, weight_shape = layer.window(before), layer.output_shape(before), layer.weight_shape(before)
    tied = isinstance(layer, layers.Tieable) and layer.tied_to is not None
    weight = _weight(layer, builder, value)
    bias = None
    if layer.use_bias:
        bias = builder.parameter(f"{name}/bias", shape[-1:], initializers.resolve(layer.bias_initializer))
    transposed = isinstance(layer, layers.Conv2DTranspose)
    drop = ops.DropConnect(layer.drop_connect, builder.stream()) if layer.drop_connect else None
    if weight_shape[-2] == 1 and before[-1] > 1 and not transposed and not tied:  # each channel by itself
        return builder.add(name, shape, lambda out: ops.Depthwise(name, (value,), out, weight, bias, window, drop))
    groups = before[-1] // weight_shape[-2]
    return builder.add(
        name,
        shape,
        lambda out: ops.Convolution(name, (value,), out, weight, bias, window, groups, transposed, tied, drop),
    )


def _weight(layer: layers.Sliding, builder: PlanBuilder, value: int) -> int:
    """The weight of its own, or of the layer it is tied to."""
    if isinstance(layer, layers.Tieable) and layer.tied_to is not None:
        return _tied(layer, builder, value)
    return builder.parameter(
        f"{layer_name(layer)}/weight",
        layer.weight_shape(builder.shape(value)),
        initializers.resolve(layer.weight_initializer or "glorot_uniform"),
        penalty=penalties.resolve(layer.penalty),
        regularized=True,
        max_norm=layer.max_norm,
    )


def _tied(layer: layers.Tieable, builder: PlanBuilder, value: int) -> int:
    name, shape = layer_name(layer), layer.tied_shape(builder.shape(value))
    if layer.groups > 1 and shape[-2] == 1:
        raise ValueError(
            f"{name}: tied_to needs groups of several filters, got {layer.filters} filters in {layer.groups} groups; "
            "what treats each channel by itself cannot be tied"
        )
    return builder.tied(name, f"{layer.tied_to}/weight", shape, ("channels", "filters"))


@lower_layer.register(layers.Pool)
@lower_layer.register(layers.GlobalPool)
def _(layer: layers.Pool | layers.GlobalPool, builder: PlanBuilder, value: int) -> int:
    name, before = layer_name(layer), builder.shape(value)
    window, average = layer.window(before), layer.average
    return builder.add(name, layer.output_shape(before), lambda out: ops.Pool(name, (value,), out, window, average))


@lower_layer.register
def _(layer: layers.ZeroPadding, builder: PlanBuilder, value: int) -> int:
    name, before = layer_name(layer), builder.shape(value)
    window = layer.window(before)
    return builder.add(name, layer.output_shape(before), lambda out: ops.Pad(name, (value,), out, window))


@lower_layer.register(layers.Reshape)
@lower_layer.register(layers.Flatten)
def _(layer: layers.Reshape | layers.Flatten, builder: PlanBuilder, value: int) -> int:
    name = layer_name(layer)
    return builder.add(name, layer.output_shape(builder.shape(value)), lambda out: ops.Reshape(name, (value,), out))


def _check_window(op: ops.Convolution | ops.Depthwise | ops.Pool, plan: Plan) -> tuple[int, int]:
    """Check a window against the shapes around it and return the channels of input and output."""
    before, after = shapes_of(op, plan)
    window = op.window
    transposed = isinstance(op, ops.Convolution) and op.transposed
    read, written = (window.grid, window.image) if transposed else (window.image, window.grid)
    fits = math.prod(before[:-1]) == math.prod(read) and math.prod(after[:-1]) == math.prod(written)
    require(fits, f"op {op.name} turns shape {before} into {after}, which is not what its window does")
    for axis in (0, 1):
        size, stride, dilation = window.size[axis], window.strides[axis], window.dilation[axis]
        require(min(size, stride, dilation) > 0, f"op {op.name} has a window with a size, stride or dilation below 1")
        reach, last = (size - 1) * dilation + 1, (window.grid[axis] - 1) * stride - window.before[axis]
        require(
            0 <= window.before[axis] < reach and last < window.image[axis],
            f"op {op.name} has a window that lies outside the image",
        )
        if isinstance(op, ops.Pool):
            require(dilation == 1, f"op {op.name} pools with a dilation")
    return before[-1], after[-1]


@check_op.register
def _(op: ops.Convolution, plan: Plan) -> tuple[int, ...]:
    inputs, outputs = _check_window(op, plan)
    divides = op.groups > 0 and inputs % op.groups == 0 and outputs % op.groups == 0
    require(divides, f"op {op.name} has {op.groups} groups of {inputs} channels and {outputs} outputs")
    if not op.tied:
        return _check_kernel(op, plan, (inputs // op.groups, outputs), outputs)
    require(op.drop_connect is None, f"op {op.name} drops weights of another op's parameter")
    return _check_kernel(op, plan, (outputs // op.groups, inputs), outputs)


@check_op.register
def _(op: ops.Depthwise, plan: Plan) -> tuple[int, ...]:
    inputs, outputs = _check_window(op, plan)
    require(outputs % inputs == 0, f"op {op.name} has {outputs} outputs, which are no multiple of {inputs} channels")
    return _check_kernel(op, plan, (1, outputs), outputs)


def _check_kernel(
    op: ops.Convolution | ops.Depthwise, plan: Plan, matrix: tuple[int, int], outputs: int
) -> tuple[int, ...]:
    axes = len(plan.values[op.output].shape) - 1
    check_drop_connect(op, op.drop_connect)
    check_parameter(op, plan, op.weight, (*op.window.size[2 - axes :], *matrix))
    if op.bias is None:
        return (op.weight,)
    check_parameter(op, plan, op.bias, (outputs,))
    return op.weight, op.bias


@check_op.register
def _(op: ops.Pool, plan: Plan) -> tuple[int, ...]:
    before, after = _check_window(op, plan)
    require(before == after, f"op {op.name} turns {before} channels into {after}")
    return ()


@check_op.register
def _(op: ops.Pad, plan: Plan) -> tuple[int, ...]:
    before, after = shapes_of(op, plan)
    window = op.window
    fits = math.prod(before[:-1]) == math.prod(window.image) and math.prod(after[:-1]) == math.prod(window.grid)
    require(fits and before[-1] == after[-1], f"op {op.name} turns shape {before} into {after}, not what it pads")
    require((window.size, window.strides) == ((1, 1), (1, 1)), f"op {op.name} pads by more than single pixels")
    for axis in (0, 1):
        room = window.grid[axis] - window.image[axis]
        require(0 <= window.before[axis] <= room, f"op {op.name} pads {window.before[axis]} of {room} pixels before")
    return ()


@check_op.register
def _(op: ops.Reshape, plan: Plan) -> tuple[int, ...]:
    before, after = shapes_of(op, plan)
    require(math.prod(before) == math.prod(after), f"op {op.name} turns shape {before} into {after}, of other size")
    return ()


def _window(window: Window) -> str:
    parts = {"size": window.size, "strides": window.strides, "dilation": window.dilation, "before": window.before}
    plain = {"strides": (1, 1), "dilation": (1, 1), "before": (0, 0)}
    return " ".join(f"{key}={a}x{b}" for key, (a, b) in parts.items() if plain.get(key) != (a, b))


def _dropped(op: ops.Convolution | ops.Depthwise) -> str:
    drop = op.drop_connect
    return "" if drop is None else f" drop_connect={drop.rate:g} stream={drop.stream}"


@describe_op.register
def _(op: ops.Convolution) -> tuple[str, tuple[int | None, ...], str]:
    name = "transposed_convolution" if op.transposed else "convolution"
    groups = f" groups={op.groups}" if op.groups > 1 else ""
    tied = " tied" if op.tied else ""
    return name, (op.weight, op.bias), _window(op.window) + groups + tied + _dropped(op)


@describe_op.register
def _(op: ops.Depthwise) -> tuple[str, tuple[int | None, ...], str]:
    return "depthwise", (op.weight, op.bias), _window(op.window) + _dropped(op)


@describe_op.register
def _(op: ops.Pad) -> tuple[str, tuple[int | None, ...], str]:
    before = op.window.before
    after = tuple(op.window.grid[axis] - op.window.image[axis] - before[axis] for axis in (0, 1))
    return "pad", (), f"before={before[0]}x{before[1]} after={after[0]}x{after[1]}"


@describe_op.register
def _(op: ops.Pool) -> tuple[str, tuple[int | None, ...], str]:
    return "average_pool" if op.average else "max_pool", (), _window(op.window)
