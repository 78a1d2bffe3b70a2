"""Layers that work on columns: how they are lowered, checked and printed."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from descend import initializers, layers
from descend.plan import ops
from descend.plan.builder import PlanBuilder
from descend.plan.lowering import _name, lower_layer
from descend.plan.plan import Plan
from descend.plan.printing import describe_op
from descend.plan.validator import _parameter, _require, _shapes, check_op

_ZEROS, _ONES = initializers.Zeros(), initializers.Ones()

_Map = TypeVar("_Map", bound=ops.ColumnMap)


def _layout(layer: layers.ColumnLayer, shape: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """(sources, slots) of the outputs: what becomes of a column stands in its place."""
    outputs = dict(zip(layer.chosen(shape), layer.outputs(shape), strict=True))
    sources: list[int] = []
    slots: list[int] = []
    used = 0
    for column in range(shape[-1]):
        count = outputs.get(column, 0)
        sources += [column] * max(count, 1)
        slots += list(range(used, used + count)) or [-1]
        used += count
    return sources, slots


def _lower(
    kind: type[_Map],
    layer: layers.ColumnLayer,
    builder: PlanBuilder,
    value: int,
    rule: str,
    layout: tuple[list[int], list[int]] | None = None,
    **fields: Any,
) -> int:
    name, shape = _name(layer), builder.shape(value)
    sources, slots = layout or _layout(layer, shape)
    return builder.add(
        name,
        (*shape[:-1], len(sources)),
        lambda out: kind(name, (value,), out, tuple(sources), tuple(slots), rule, **fields),
    )


def _slots(layer: layers.ColumnLayer, builder: PlanBuilder, value: int) -> int:
    return sum(layer.outputs(builder.shape(value)))


@lower_layer.register
def _(layer: layers.Standardize, builder: PlanBuilder, value: int) -> int:
    name, count = _name(layer), _slots(layer, builder, value)
    mean = builder.parameter(f"{name}/mean", (count,), _ZEROS, trainable=False)
    deviation = builder.parameter(f"{name}/deviation", (count,), _ONES, trainable=False)
    return _lower(ops.Rescale, layer, builder, value, "moments", center=mean, spread=deviation)


@lower_layer.register
def _(layer: layers.RobustScale, builder: PlanBuilder, value: int) -> int:
    name, count = _name(layer), _slots(layer, builder, value)
    median = builder.parameter(f"{name}/median", (count,), _ZEROS, trainable=False)
    spread = builder.parameter(f"{name}/spread", (count,), _ONES, trainable=False)
    limit = math.inf if layer.limit is None else layer.limit
    return _lower(ops.Rescale, layer, builder, value, "quartiles", center=median, spread=spread, limit=limit)


@lower_layer.register
def _(layer: layers.QuantileTransform, builder: PlanBuilder, value: int) -> int:
    name, shape = _name(layer), (layer.quantiles, _slots(layer, builder, value))
    knots = builder.parameter(f"{name}/quantiles", shape, _ZEROS, trainable=False)
    values = builder.parameter(f"{name}/values", shape, _ZEROS, trainable=False)
    return _lower(ops.Interpolate, layer, builder, value, layer.output, knots=knots, values=values)


@lower_layer.register
def _(layer: layers.Impute, builder: PlanBuilder, value: int) -> int:
    name, shape = _name(layer), builder.shape(value)
    chosen = layer.chosen(shape)
    constant = initializers.Constant(layer.value if layer.strategy == "constant" else 0.0)
    fill = builder.parameter(f"{name}/fill", (len(chosen),), constant, trainable=False)
    sources, slots = _layout(layer, shape)
    if layer.indicator:
        sources += chosen
        slots += range(len(chosen), 2 * len(chosen))
    rule = "" if layer.strategy == "constant" else layer.strategy
    count = len(chosen) if layer.indicator else 0
    return _lower(ops.Impute, layer, builder, value, rule, (sources, slots), fill=fill, count=count)


@lower_layer.register
def _(layer: layers.OneHot, builder: PlanBuilder, value: int) -> int:
    shape = (_slots(layer, builder, value),)
    levels = builder.parameter(f"{_name(layer)}/levels", shape, _ZEROS, trainable=False)
    return _lower(ops.OneHot, layer, builder, value, "levels", levels=levels)


@lower_layer.register
def _(layer: layers.PeriodicEmbedding, builder: PlanBuilder, value: int) -> int:
    shape = (_slots(layer, builder, value) // 2,)
    normal = initializers.Normal(0.0, layer.sigma)
    frequency = builder.parameter(f"{_name(layer)}/frequency", shape, normal)
    return _lower(ops.Periodic, layer, builder, value, "", frequency=frequency, count=layer.frequencies)


@lower_layer.register
def _(layer: layers.PiecewiseLinearEmbedding, builder: PlanBuilder, value: int) -> int:
    name, shape = _name(layer), (_slots(layer, builder, value),)
    start = builder.parameter(f"{name}/start", shape, _ZEROS, trainable=False)
    width = builder.parameter(f"{name}/width", shape, _ZEROS, trainable=False)
    return _lower(ops.PiecewiseLinear, layer, builder, value, layer.split, start=start, width=width, count=layer.bins)


def _check_layout(op: ops.ColumnMap, plan: Plan) -> int:
    """Check where the outputs come from, and return the number of slots."""
    before, after = _shapes(op, plan)
    _require(
        before[:-1] == after[:-1], f"op {op.name} turns shape {before} into {after}; only the last axis may change"
    )
    _require(len(op.sources) == len(op.slots) == after[-1], f"op {op.name} does not say where its outputs come from")
    _require(all(0 <= column < before[-1] for column in op.sources), f"op {op.name} reads a column that does not exist")
    used = [(slot, column) for slot, column in zip(op.slots, op.sources, strict=True) if slot != -1]
    _require(sorted(slot for slot, _ in used) == list(range(len(used))), f"op {op.name} does not use each slot once")
    _require(len(used) > 0, f"op {op.name} works on no column")
    return len(used)


def _check_statistic(op: ops.ColumnMap, plan: Plan, index: int, shape: tuple[int, ...]) -> None:
    parameter = _parameter(op, plan, index, shape)
    _require(not parameter.trainable, f"parameter {parameter.name} must not be trained")


@check_op.register
def _(op: ops.Rescale, plan: Plan) -> tuple[int, ...]:
    count = _check_layout(op, plan)
    _require(op.rule in ("moments", "quartiles"), f"op {op.name} has the unknown rule {op.rule!r}")
    _require(op.limit > 0, f"op {op.name} has the limit {op.limit}, which is not positive")
    for index in (op.center, op.spread):
        _check_statistic(op, plan, index, (count,))
    return op.center, op.spread


@check_op.register
def _(op: ops.Interpolate, plan: Plan) -> tuple[int, ...]:
    count = _check_layout(op, plan)
    _require(op.rule in ("uniform", "normal"), f"op {op.name} has the unknown rule {op.rule!r}")
    _require(0 <= op.knots < len(plan.parameters), f"op {op.name} uses parameter {op.knots}, which does not exist")
    points = plan.parameters[op.knots].shape[0]
    for index in (op.knots, op.values):
        _check_statistic(op, plan, index, (points, count))
    return op.knots, op.values


@check_op.register
def _(op: ops.Impute, plan: Plan) -> tuple[int, ...]:
    count = _check_layout(op, plan)
    _require(op.rule in ("", "mean", "median"), f"op {op.name} has the unknown rule {op.rule!r}")
    _require(op.count in (0, count // 2), f"op {op.name} has {op.count} indicators for {count} slots")
    _check_statistic(op, plan, op.fill, (count - op.count,))
    return (op.fill,)


@check_op.register
def _(op: ops.OneHot, plan: Plan) -> tuple[int, ...]:
    _check_statistic(op, plan, op.levels, (_check_layout(op, plan),))
    _require(op.rule == "levels", f"op {op.name} has the unknown rule {op.rule!r}")
    return (op.levels,)


@check_op.register
def _(op: ops.Periodic, plan: Plan) -> tuple[int, ...]:
    count = _check_layout(op, plan)
    _require(op.rule == "", f"op {op.name} has the unknown rule {op.rule!r}")
    _require(op.count > 0 and count % (2 * op.count) == 0, f"op {op.name} has {count} slots for {op.count} frequencies")
    _parameter(op, plan, op.frequency, (count // 2,))
    return (op.frequency,)


@check_op.register
def _(op: ops.PiecewiseLinear, plan: Plan) -> tuple[int, ...]:
    count = _check_layout(op, plan)
    _require(op.rule in ("quantiles", "tree"), f"op {op.name} has the unknown rule {op.rule!r}")
    _require(op.count > 0 and count % op.count == 0, f"op {op.name} has {count} slots for {op.count} bins")
    for index in (op.start, op.width):
        _check_statistic(op, plan, index, (count,))
    return op.start, op.width


def _columns(op: ops.ColumnMap) -> str:
    """The columns worked on, in few words."""
    used = sorted({column for column, slot in zip(op.sources, op.slots, strict=True) if slot >= 0})
    if -1 not in op.slots:
        return ""
    shown = ",".join(map(str, used)) if len(used) <= 6 else f"{used[0]},...,{used[-1]}"
    return f" columns={shown}"


@describe_op.register
def _(op: ops.Rescale) -> tuple[str, tuple[int | None, ...], str]:
    limit = "" if math.isinf(op.limit) else f" limit={op.limit:g}"
    return "rescale", (op.center, op.spread), f"rule={op.rule}{limit}{_columns(op)}"


@describe_op.register
def _(op: ops.Interpolate) -> tuple[str, tuple[int | None, ...], str]:
    return "interpolate", (op.knots, op.values), f"rule={op.rule}{_columns(op)}"


@describe_op.register
def _(op: ops.Impute) -> tuple[str, tuple[int | None, ...], str]:
    return "impute", (op.fill,), f"rule={op.rule or 'constant'} indicators={op.count}{_columns(op)}"


@describe_op.register
def _(op: ops.OneHot) -> tuple[str, tuple[int | None, ...], str]:
    return "one_hot", (op.levels,), f"rule={op.rule}{_columns(op)}"


@describe_op.register
def _(op: ops.Periodic) -> tuple[str, tuple[int | None, ...], str]:
    return "periodic", (op.frequency,), f"frequencies={op.count}{_columns(op)}"


@describe_op.register
def _(op: ops.PiecewiseLinear) -> tuple[str, tuple[int | None, ...], str]:
    return "piecewise_linear", (op.start, op.width), f"rule={op.rule} bins={op.count}{_columns(op)}"
