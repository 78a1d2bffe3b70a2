"""Lowering: from a list of layers to a plan. One function per layer type, found by the type."""

from __future__ import annotations

import functools
import itertools
import numbers
from collections.abc import Iterator, Sequence
from dataclasses import replace

from descend import initializers, layers, penalties
from descend.plan import ops
from descend.plan.adapting import check_adaptive
from descend.plan.builder import PlanBuilder
from descend.plan.gaussian import include_activations
from descend.plan.naming import TIED, WITHOUT_PARAMETERS, Names
from descend.plan.plan import Plan
from descend.plan.sources import check_sources
from descend.plan.validator import validate

_WEIGHTED = layers.Dense | layers.Sliding  # layers whose weights depend on the next activation


def lower(
    network: Sequence[layers.Layer],
    input_shape: int | Sequence[int],
    *,
    penalty: penalties.Penalty | str | None = None,
    initializer: initializers.Initializer | str | None = None,
) -> Plan:
    """Lower a network to a plan.

    Parameters
    ----------
    network : layers in order
    input_shape : of one row, such as (32,)
    penalty : for every weight matrix that has none of its own
    initializer : likewise; None for one that fits the next activation

    Returns
    -------
    a validated plan without a loss (see `attach_loss`)

    Raises
    ------
    ValueError
        when two layers have the same name, or a layer cannot take its input.
    TypeError
        when something in the list is not a layer.
    """
    shape = check_input_shape(input_shape)
    builder = PlanBuilder(shape, penalty=penalties.resolve(penalty))
    named = complete_initializers(name_layers(expand(network)), initializer)
    plan = include_activations(builder.build(lower_stack(named, builder, 0)))
    check_sources(plan)
    validate(plan)
    check_adaptive(plan)
    return plan


def check_input_shape(input_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The shape of one row as a tuple of positive integers; an integer n is short for (n,)."""
    raw = (input_shape,) if isinstance(input_shape, numbers.Integral) else input_shape
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        raise TypeError(f"input_shape must be the shape of one row, such as (32,), got {input_shape!r}")
    for size in raw:
        if isinstance(size, bool) or not isinstance(size, numbers.Integral):
            raise TypeError(f"input_shape must hold integers, got {input_shape!r}")
        if size < 1:
            raise ValueError(f"input_shape must hold positive integers, got {input_shape!r}")
    if not raw:
        raise ValueError("input_shape must have at least one axis, such as (32,), got ()")
    return tuple(int(size) for size in raw)


def expand(network: Sequence[layers.Layer]) -> list[layers.Layer]:
    """Replace composite layers, those in stacks included, by the built-in layers they stand for."""
    if isinstance(network, layers.Layer) or not isinstance(network, Sequence):
        raise TypeError(f"layers must be a list of layers, got {type(network).__name__}")
    if not network:
        raise ValueError("layers must hold at least one layer, got an empty list")
    for position, layer in enumerate(network):
        if not isinstance(layer, layers.Layer):
            raise TypeError(f"layers[{position}] must be a layer such as layers.Dense(64), got {layer!r}")
    return Expansion().stack(network)


class Expansion:
    """Expands layers, each object once: what shares its parameters before still is one object afterwards."""

    def __init__(self) -> None:
        # By object and by whether it is frozen; with the object, so that its id stays taken.
        self._done: dict[tuple[int, bool], tuple[layers.Layer, list[layers.Layer]]] = {}

    def stack(self, stack: Sequence[layers.Layer], frozen: bool = False) -> list[layers.Layer]:
        """The built-in layers that layers in order stand for; `frozen` by what they are inside of."""
        return [part for layer in stack for part in self._parts(layer, 0, frozen)]

    def _parts(self, layer: layers.Layer, depth: int, frozen: bool) -> list[layers.Layer]:
        frozen = frozen or not layer.trainable
        key = id(layer), frozen
        if key not in self._done:
            inner = layers.expand_once(layer, depth)
            if inner is None:
                found = [self._finish(layer, frozen)]
            else:
                found = [part for one in inner for part in self._parts(one, depth + 1, frozen)]
            self._done[key] = layer, found
        return self._done[key][1]

    def _finish(self, layer: layers.Layer, frozen: bool) -> layers.Layer:
        if (id(layer), not frozen) in self._done and not isinstance(layer, WITHOUT_PARAMETERS):
            raise ValueError(
                f"one {type(layer).__name__} object is trained in one place and frozen in another; freeze it itself, "
                "with trainable=False, or make a new object for each place"
            )
        if frozen and layer.trainable:
            layer = replace(layer, trainable=False)
        if isinstance(layer, TIED) and isinstance(layer.tied_to, layers.Layer):
            return replace(layer, tied_to=self._tied(layer, layer.tied_to))
        return layer.with_stacks([self.stack(inner, frozen) for inner in layer.stacks()])

    def _tied(self, layer: layers.Layer, other: layers.Layer) -> layers.Layer:
        for frozen in (False, True):
            if (id(other), frozen) in self._done:
                return self._done[id(other), frozen][1][0]
        raise ValueError(
            f"{layer.name or type(layer).__name__}: tied_to is a layer that does not come earlier in the network; tie "
            "to one of the objects in the list of layers, or to a name"
        )


def walk(stack: Sequence[layers.Layer]) -> Iterator[layers.Layer]:
    """All layers in the order of the plan: those in a layer's stacks come before it."""
    for layer in stack:
        for inner in layer.stacks():
            yield from walk(inner)
        yield layer


def name_layers(expanded: Sequence[layers.Layer]) -> list[layers.Layer]:
    """Name every layer: its own name, or its kind and a counter ("dense_1"); see `naming`."""
    return Names(expanded).stack(expanded)


def complete_initializers(
    stack: Sequence[layers.Layer],
    initializer: initializers.Initializer | str | None = None,
    following: layers.Layer | None = None,
) -> list[layers.Layer]:
    """Give dense layers and convolutions without an initializer the one given, or one that fits the next activation.

    `following` is the activation after the stack. What comes before a layer with stacks of its own has none, since it
    goes several ways.
    """
    given = None if initializer is None else initializers.resolve(initializer)
    completed: list[layers.Layer] = []
    for layer in reversed(stack):
        if layer.stacks():
            layer = layer.with_stacks(
                [complete_initializers(inner, initializer, following) for inner in layer.stacks()]
            )
            following = None
        elif isinstance(layer, _WEIGHTED):
            tied = isinstance(layer, TIED) and layer.tied_to is not None
            if layer.weight_initializer is None and not tied:
                relu_like = isinstance(following, layers.RELU_FAMILY)
                fitting = initializers.HeUniform() if relu_like else initializers.GlorotUniform()
                layer = replace(layer, weight_initializer=given or fitting)
            following = None
        elif isinstance(layer, layers.Recurrent):
            following = None
        elif isinstance(layer, layers.Elementwise | layers.PReLU | layers.Softmax):
            following = layer
        completed.append(layer)
    return completed[::-1]


def lower_stack(stack: Sequence[layers.Layer], builder: PlanBuilder, value: int) -> int:
    """Append the ops of layers that follow each other, from `value` on, and return the id of what the last writes."""
    for layer in stack:
        builder.frozen = not layer.trainable
        value = lower_layer(layer, builder, value)
    return value


@functools.singledispatch
def lower_layer(layer: layers.Layer, builder: PlanBuilder, value: int) -> int:
    """Append the ops of `layer`, which reads `value`, and return the id of what it writes."""
    raise TypeError(
        f"no lowering for the layer {type(layer).__name__}; define its `expand` in terms of built-in layers"
    )


def _name(layer: layers.Layer) -> str:
    if layer.name is None:
        raise ValueError(f"{type(layer).__name__} has no name yet; call name_layers first")
    return layer.name


@lower_layer.register
def _(layer: layers.Dense, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    inputs = builder.shape(value)[-1]
    shape = layer.output_shape(builder.shape(value))
    if isinstance(layer.tied_to, str):
        weight = builder.tied(name, f"{layer.tied_to}/weight", (layer.units, inputs), ("inputs", "units"))
    else:
        weight = builder.parameter(
            f"{name}/weight",
            (inputs, layer.units),
            initializers.resolve(layer.weight_initializer or "glorot_uniform"),
            penalty=penalties.resolve(layer.penalty),
            regularized=True,
            max_norm=layer.max_norm,
        )
    tied = layer.tied_to is not None
    bias = None
    if layer.use_bias:
        bias = builder.parameter(f"{name}/bias", (layer.units,), initializers.resolve(layer.bias_initializer))
    drop = None
    if layer.drop_connect:
        samples = layer.samples if layer.inference == "gaussian" else 0
        drop = ops.DropConnect(layer.drop_connect, builder.stream(), samples)
    return builder.add(name, shape, lambda out: ops.Dense(name, (value,), out, weight, bias, tied, drop))


@lower_layer.register
def _(layer: layers.BatchNorm, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    ones, zeros = initializers.Ones(), initializers.Zeros()
    gamma = builder.parameter(f"{name}/gamma", shape[-1:], ones) if layer.scale else None
    beta = builder.parameter(f"{name}/beta", shape[-1:], zeros) if layer.center else None
    mean = builder.parameter(f"{name}/running_mean", shape[-1:], zeros, trainable=False)
    variance = builder.parameter(f"{name}/running_variance", shape[-1:], ones, trainable=False)
    return builder.add(
        name,
        shape,
        lambda out: ops.BatchNorm(
            name,
            (value,),
            out,
            gamma,
            beta,
            mean,
            variance,
            layer.momentum,
            layer.epsilon,
            frozen=layer.frozen or not layer.trainable,
        ),
    )


@lower_layer.register
def _(layer: layers.LayerNorm, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    gamma = builder.parameter(f"{name}/gamma", shape[-1:], initializers.Ones()) if layer.scale else None
    beta = builder.parameter(f"{name}/beta", shape[-1:], initializers.Zeros()) if layer.center else None
    return builder.add(name, shape, lambda out: ops.LayerNorm(name, (value,), out, gamma, beta, layer.epsilon))


@lower_layer.register
def _(layer: layers.Elementwise, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    return builder.add(name, shape, lambda out: ops.Activation(name, (value,), out, layer.kind, layer.alpha))


@lower_layer.register
def _(layer: layers.PReLU, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    slope = builder.parameter(f"{name}/slope", shape[-1:], initializers.resolve(layer.initializer))
    return builder.add(name, shape, lambda out: ops.PReLU(name, (value,), out, slope))


@lower_layer.register
def _(layer: layers.Softmax, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    return builder.add(name, shape, lambda out: ops.Softmax(name, (value,), out, layer.groups or ()))


@lower_layer.register
def _(layer: layers.SpatialDropout2D, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    stream = builder.stream()
    return builder.add(name, shape, lambda out: ops.Dropout(name, (value,), out, layer.rate, stream, whole=True))


@lower_layer.register
def _(layer: layers.Dropout, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    stream = builder.stream()
    return builder.add(name, shape, lambda out: ops.Dropout(name, (value,), out, layer.rate, stream))


@lower_layer.register
def _(layer: layers.GaussianNoise, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    stream = builder.stream()
    return builder.add(name, shape, lambda out: ops.GaussianNoise(name, (value,), out, layer.stddev, stream))


@lower_layer.register
def _(layer: layers.Residual, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    inner, shortcut = (lower_stack(stack, builder, value) for stack in layer.stacks())
    return builder.add(name, shape, lambda out: ops.Add(name, (inner, shortcut), out))


@lower_layer.register
def _(layer: layers.Concatenate, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    shape = layer.output_shape(builder.shape(value))
    branches = tuple(lower_stack(stack, builder, value) for stack in layer.stacks())
    return builder.add(name, shape, lambda out: ops.Concatenate(name, branches, out))


@lower_layer.register
def _(layer: layers.Embedding, builder: PlanBuilder, value: int) -> int:
    name = _name(layer)
    chosen = layer.chosen(builder.shape(value))
    columns, levels = (tuple(part) for part in zip(*chosen, strict=True))
    apart = not isinstance(layer.levels, int)
    offsets = tuple(itertools.accumulate(levels[:-1], initial=0)) if apart else (0,) * len(levels)
    weight = builder.parameter(
        f"{name}/weight",
        (sum(levels) if apart else levels[0], layer.units),
        initializers.resolve(layer.initializer or initializers.Normal(deviation=layer.units**-0.5)),
        penalty=penalties.resolve(layer.penalty),
        regularized=True,
    )
    shape = layer.output_shape(builder.shape(value))
    return builder.add(name, shape, lambda out: ops.Embedding(name, (value,), out, weight, columns, offsets, levels))
