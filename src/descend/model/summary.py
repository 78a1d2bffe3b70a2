"""A network as a table for people."""

from __future__ import annotations

import math

from descend.plan import expand, name_layers, ops, parameters_of, walk
from descend.plan.plan import Parameter, Plan
from descend.training.core import Core
from descend.wording import counted

#: Of a network of more layers `brief` shows this many at either end.
_SHOWN = 6


def brief(core: Core) -> str:
    """Return the line that `repr` shows: layers by name, with the shape of a row wherever it changes, and weights."""
    if core.plan is None:
        return f"Network({', '.join(_elided([repr(layer) for layer in core.layers]))}; input shape not known yet)"
    plan, parts = core.plan, []
    shape = None
    for name, value in [("input", plan.input), *((op.name, op.output) for op in plan.ops)]:
        before, shape = shape, plan.values[value].shape
        parts.append(name if shape == before else f"{name} ({', '.join(map(str, shape))})")
    return f"Network({', '.join(_elided(parts))}; {counted(plan.size, 'weight')})"


def _elided(parts: list[str]) -> list[str]:
    left_out = len(parts) - 2 * _SHOWN
    return parts if left_out <= 1 else [*parts[:_SHOWN], f"... {left_out} more ...", *parts[-_SHOWN:]]


def describe(core: Core) -> str:
    """Return the table that `Network.summary` shows."""
    if core.plan is None:
        named = name_layers(expand(core.layers))
        rows = [(layer.name or "", type(layer).__name__, "?", "?") for layer in walk(named)]
        return _table(rows) + "\n\nshapes are known once the input shape is: call fit or pass input_shape\n"
    sharing = _convolutions(core.plan) + _recurrent(core.plan)
    return _table(_rows(core, core.plan)) + f"\n\n{_totals(core.plan)}\n{sharing}"


def _rows(core: Core, plan: Plan) -> list[tuple[str, str, str, str]]:
    kinds = {layer.name: type(layer).__name__ for layer in walk(name_layers(expand(core.layers)))}
    source = plan.values[plan.input]
    rows = [(source.name, "", _shape(source.shape), "")]
    for op in plan.ops:
        count = sum(p.size for p in plan.parameters if _layer_of(p) == op.name)
        shape = _shape(plan.values[op.output].shape)
        kind = kinds.get(op.name, type(op).__name__)
        rows.append((op.name, kind, shape, _weights(f"{count:,}" if count else "", _shared(op, plan))))
    return rows


def _shared(op: ops.Op, plan: Plan) -> list[Parameter]:
    """The parameters that the op uses and another layer counts."""
    return [p for p in parameters_of(op, plan) if _layer_of(p) != op.name]


def _weights(own: str, shared: list[Parameter]) -> str:
    owners = dict.fromkeys(_layer_of(p) for p in shared)
    return " + ".join([*([own] if own else []), *(f"{owner}'s" for owner in owners)])


def _layer_of(parameter: Parameter) -> str:
    return parameter.name.rsplit("/", 1)[0]


def _shape(shape: tuple[int, ...]) -> str:
    return f"(rows, {', '.join(map(str, shape))})"


def _totals(plan: Plan) -> str:
    trained = sum(p.size for p in plan.parameters if p.trainable)
    fixed = plan.size - trained
    text = counted(trained, "trained weight")
    if fixed:
        text += f", {fixed:,} not trained"
    shared = sum(p.size for op in plan.ops for p in _shared(op, plan))
    if shared:
        text += f" ({plan.size + shared:,} weights without sharing)"
    return text + ("" if plan.loss is None else f"; loss {plan.loss.kind}")


def _convolutions(plan: Plan) -> str:
    """How many weights the convolutions have, and how many the same layers would have with their own everywhere."""
    apart = 0
    counted: dict[int, int] = {}  # sizes by id: some have several uses
    for op in plan.ops:
        if isinstance(op, ops.Convolution | ops.Depthwise):
            own = {one.id: one.size for one in parameters_of(op, plan)}
            counted |= own
            weights = own[op.weight]
            biases = sum(own.values()) - weights
            apart += weights * math.prod(op.window.grid) + biases * plan.values[op.output].positions
    total = sum(counted.values())
    return f"convolutions: {total:,} weights, {apart:,} if positions did not share them\n" if counted else ""


def _recurrent(plan: Plan) -> str:
    """How many weights the recurrent layers have, and how many they would have with their own in every step."""
    shared = apart = 0
    for op in plan.ops:
        if isinstance(op, ops.Recurrent):
            stepwise = set() if op.norm is None else {*op.norm.statistics, op.norm.steps_seen}
            weights = sum(one.size for one in parameters_of(op, plan) if one.id not in stepwise)
            shared += weights
            apart += weights * plan.values[op.inputs[0]].shape[0]
    return f"recurrent layers: {shared:,} weights, {apart:,} if steps did not share them\n" if shared else ""


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    rows = [("name", "layer", "output", "weights"), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
