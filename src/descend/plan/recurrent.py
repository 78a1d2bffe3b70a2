"""Lowering of the recurrent layers, and the check and the printed form of their op."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend import initializers, layers, penalties
from descend.plan import ops
from descend.plan.builder import PlanBuilder
from descend.plan.lowering import _name as layer_name
from descend.plan.lowering import lower_layer, lower_stack
from descend.plan.plan import Plan
from descend.plan.printing import describe_op
from descend.plan.validator import _parameter as check_parameter
from descend.plan.validator import _require as require
from descend.plan.validator import check_drop_connect, check_op

#: First value of gamma inside cells: with 1 the gradient of tanh and sigmoid vanishes over the steps. Cooijmans, 2016
_GAMMA = 0.1

_CELLS = {layers.SimpleRNN: "rnn", layers.LSTM: "lstm", layers.GRU: "gru"}


@dataclass(frozen=True)
class ByGate(initializers.Initializer):
    """Each part of the last axis drawn by its own initializer, as if it were a parameter by itself."""

    parts: tuple[initializers.Initializer, ...]

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        part = (*shape[:-1], shape[-1] // len(self.parts))
        return np.concatenate([initializer(part, rng) for initializer in self.parts], axis=-1)


@dataclass(frozen=True)
class Raised(initializers.Initializer):
    """1 more than another initializer draws."""

    base: initializers.Initializer

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        return self.base(shape, rng) + 1.0


@lower_layer.register
def _(layer: layers.Recurrent, builder: PlanBuilder, value: int) -> int:
    name, before = layer_name(layer), builder.shape(value)
    shape = layer.output_shape(before)
    cell = next((cell for kind, cell in _CELLS.items() if isinstance(layer, kind)), None)
    if cell is None:
        raise TypeError(f"no lowering for the layer {type(layer).__name__}; derive from SimpleRNN, LSTM or GRU")
    gates, columns, penalty = layer.gates, layer.gates * layer.units, penalties.resolve(layer.penalty)

    def matrix(part: str, rows: int, initializer: initializers.Initializer | str) -> int:
        each = ByGate((initializers.resolve(initializer),) * gates)
        return builder.parameter(f"{name}/{part}", (rows, columns), each, penalty=penalty, regularized=True)

    weight = matrix("weight", before[-1], layer.weight_initializer)
    recurrent = matrix("recurrent_weight", layer.units, layer.recurrent_initializer)
    bias = recurrent_bias = None
    if layer.use_bias:
        start = initializers.resolve(layer.bias_initializer)
        parts = [start] * gates
        if isinstance(layer, layers.LSTM) and layer.unit_forget_bias:
            parts[1] = Raised(start)
        bias = builder.parameter(f"{name}/bias", (columns,), ByGate(tuple(parts)))
        if cell == "gru":
            recurrent_bias = builder.parameter(f"{name}/recurrent_bias", (layer.units,), start)
    norm = _norm(layer, builder, name, before[0]) if layer.batch_norm else None
    rate = layer.recurrent_drop_connect
    drop = ops.DropConnect(rate, builder.stream()) if rate else None
    return builder.add(
        name,
        shape,
        lambda out: ops.Recurrent(
            name,
            (value,),
            out,
            cell=cell,
            function=layer.function,
            weight=weight,
            recurrent=recurrent,
            bias=bias,
            recurrent_bias=recurrent_bias,
            sequences=layer.return_sequences,
            reverse=layer.reverse,
            truncate=layer.truncate or 0,
            dropout=layer.dropout,
            recurrent_dropout=layer.recurrent_dropout,
            stream=builder.stream(),
            recurrent_stream=builder.stream(),
            drop_connect=drop,
            norm=norm,
        ),
    )


def _norm(layer: layers.Recurrent, builder: PlanBuilder, name: str, steps: int) -> ops.StepNorm:
    """The parameters of batch normalization inside the cell."""

    def kind(part: str, columns: int) -> tuple[int, int, int]:
        return (
            builder.parameter(f"{name}/{part}_gamma", (columns,), initializers.Constant(_GAMMA)),
            builder.parameter(f"{name}/{part}_running_mean", (steps, columns), initializers.Zeros(), trainable=False),
            builder.parameter(
                f"{name}/{part}_running_variance", (steps, columns), initializers.Ones(), trainable=False
            ),
        )

    terms, units = layer.gates * layer.units, layer.units
    inputs, states = kind("input", terms), kind("recurrent", terms)
    seen = builder.parameter(f"{name}/steps_seen", (1,), initializers.Zeros(), trainable=False)
    cell: tuple[int | None, ...] = (None, None, None, None)
    if isinstance(layer, layers.LSTM):
        gamma, mean, variance = kind("cell", units)
        cell = gamma, builder.parameter(f"{name}/cell_beta", (units,), initializers.Zeros()), mean, variance
    settings = layer.batch_norm_momentum, layer.batch_norm_epsilon, not layer.trainable
    return ops.StepNorm(*inputs, *states, seen, *cell, *settings)


@lower_layer.register
def _(layer: layers.Bidirectional, builder: PlanBuilder, value: int) -> int:
    shape = layer.output_shape(builder.shape(value))
    both = tuple(lower_stack(stack, builder, value) for stack in layer.stacks())
    name, merge = layer_name(layer), ops.Add if layer.merge == "sum" else ops.Concatenate
    return builder.add(name, shape, lambda out: merge(name, both, out))


@check_op.register
def _(op: ops.Recurrent, plan: Plan) -> tuple[int, ...]:
    require(len(op.inputs) == 1, f"op {op.name} reads {len(op.inputs)} values instead of 1")
    before, after = plan.values[op.inputs[0]].shape, plan.values[op.output].shape
    require(op.cell in ops.CELLS, f"op {op.name} runs the unknown cell {op.cell!r}")
    known = ("tanh", "relu") if op.cell == "rnn" else ("tanh",)
    require(op.function in known, f"op {op.name} applies {op.function!r}, which its cell {op.cell} does not")
    units = after[-1]
    require(
        len(before) == 2 and after == ((before[0], units) if op.sequences else (units,)),
        f"op {op.name} turns shape {before} into {after}; it needs (steps, in) and "
        + ("(steps, units)" if op.sequences else "(units,)"),
    )
    columns = op.gates * units
    check_parameter(op, plan, op.weight, (before[1], columns))
    check_parameter(op, plan, op.recurrent, (units, columns))
    used = [op.weight, op.recurrent]
    for index, shape in ((op.bias, (columns,)), (op.recurrent_bias, (units,))):
        if index is not None:
            check_parameter(op, plan, index, shape)
            used.append(index)
    if op.norm is not None:
        used += _check_norm(op, op.norm, plan, before[0], units)
    require(op.recurrent_bias is None or op.cell == "gru", f"op {op.name} has a recurrent bias, but is no gru")
    require(len(set(used)) == len(used), f"op {op.name} uses one parameter for two purposes")
    require(op.truncate >= 0, f"op {op.name} truncates after {op.truncate} steps")
    for rate in (op.dropout, op.recurrent_dropout):
        require(0 <= rate < 1, f"op {op.name} has the dropout rate {rate}, which is not in [0, 1)")
    check_drop_connect(op, op.drop_connect)
    return tuple(used)


def _check_norm(op: ops.Recurrent, norm: ops.StepNorm, plan: Plan, steps: int, units: int) -> tuple[int, ...]:
    require(0 <= norm.momentum < 1, f"op {op.name} has momentum {norm.momentum}, which is not in [0, 1)")
    require(0 < norm.epsilon < math.inf, f"op {op.name} has epsilon {norm.epsilon}, which is not positive")
    require((norm.cell_gamma is not None) == (op.cell == "lstm"), f"op {op.name} normalizes a memory that is no lstm's")
    cell = norm.cell_gamma, norm.cell_mean, norm.cell_variance
    require(None not in cell or set(cell) == {None}, f"op {op.name} lacks a parameter of its memory's normalization")
    require((norm.cell_beta is None) == (norm.cell_gamma is None), f"op {op.name} lacks its memory's beta")
    kinds = [
        (norm.input_gamma, norm.input_mean, norm.input_variance, op.gates * units),
        (norm.recurrent_gamma, norm.recurrent_mean, norm.recurrent_variance, op.gates * units),
    ]
    if norm.cell_gamma is not None and norm.cell_mean is not None and norm.cell_variance is not None:
        kinds.append((norm.cell_gamma, norm.cell_mean, norm.cell_variance, units))
    for gamma, mean, variance, columns in kinds:
        check_parameter(op, plan, gamma, (columns,))
        for index in (mean, variance):
            statistic = check_parameter(op, plan, index, (steps, columns))
            require(not statistic.trainable, f"parameter {statistic.name} must not be trained")
    if norm.cell_beta is not None:
        check_parameter(op, plan, norm.cell_beta, (units,))
    seen = check_parameter(op, plan, norm.steps_seen, (1,))
    require(not seen.trainable, f"parameter {seen.name} must not be trained")
    return norm.parameters


@describe_op.register
def _(op: ops.Recurrent) -> tuple[str, tuple[int | None, ...], str]:
    settings = [op.function] if op.cell == "rnn" else []
    settings += [word for word, on in (("sequences", op.sequences), ("reverse", op.reverse)) if on]
    settings += [f"truncate={op.truncate}"] if op.truncate else []
    settings += [f"dropout={op.dropout:g} stream={op.stream}"] if op.dropout else []
    if op.recurrent_dropout:
        settings.append(f"recurrent_dropout={op.recurrent_dropout:g} stream={op.recurrent_stream}")
    if op.drop_connect is not None:
        settings.append(f"recurrent_drop_connect={op.drop_connect.rate:g} stream={op.drop_connect.stream}")
    used: tuple[int | None, ...] = (op.weight, op.recurrent, op.bias, op.recurrent_bias)
    if op.norm is not None:
        used += op.norm.parameters
        state = "frozen" if op.norm.frozen else f"momentum={op.norm.momentum:g}"
        settings.append(f"batch_norm {state} epsilon={op.norm.epsilon:g}")
    return op.cell, used, " ".join(settings)
