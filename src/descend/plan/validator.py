"""Checks any plan, however it was made, before an engine trusts it."""

from __future__ import annotations

import functools
import math

from descend.plan import ops
from descend.plan.plan import Parameter, Plan

#: Ops that may use the parameters of another op of their type.
SHARING = (
    ops.Dense
    | ops.Embedding
    | ops.BatchNorm
    | ops.LayerNorm
    | ops.PReLU
    | ops.Convolution
    | ops.Depthwise
    | ops.Recurrent
)

_LINKS_OF = {"sigmoid": "bce", "softmax": "cce", "exponential": "poisson"}


class PlanError(ValueError):
    """A plan that no engine can run; the message names the op, value or parameter at fault."""


def validate(plan: Plan) -> None:
    """Check a plan.

    Raises
    ------
    PlanError
        when ids do not count up, an op reads what is not written yet, shapes do not agree, parameters are not
        consecutive slices, a name is taken twice, or a number is out of its range.
    """
    _check_values(plan)
    _check_parameters(plan)
    written = {plan.input}
    used: dict[int, ops.Op] = {}
    streams: set[int] = set()
    names: set[str] = set()
    for op in plan.ops:
        _require(op.name not in names, f"two ops are called {op.name!r}")
        names.add(op.name)
        for value in op.inputs:
            _require(value in written, f"op {op.name} reads value {value}, which no earlier op writes")
        _require(0 <= op.output < len(plan.values), f"op {op.name} writes value {op.output}, which does not exist")
        _require(op.output not in written, f"op {op.name} writes value {op.output}, which is written already")
        written.add(op.output)
        for index in check_op(op, plan):
            first = used.setdefault(index, op)
            _require(
                first is op or _may_share(first, op),
                f"op {op.name} uses parameter {plan.parameters[index].name}, which belongs to the "
                f"{type(first).__name__} {first.name}, and these cannot share; use a layer object of its own",
            )
        for stream in ops.streams_of(op):
            _require(stream not in streams, f"op {op.name} shares random stream {stream} with another op")
            streams.add(stream)
    _require(plan.output in written, f"the output, value {plan.output}, is never written")
    for value in plan.values:
        _require(value.id in written, f"value {value.id} ({value.name}) is never written")
    for parameter in plan.parameters:
        _require(parameter.id in used, f"parameter {parameter.name} is used by no op")
    if plan.loss is not None:
        _check_loss(plan, plan.loss, written)


def _may_share(first: ops.Op, op: ops.Op) -> bool:
    if any(ops.drop_connect_of(one) is not None for one in (first, op)):
        return False  # each would leave out other weights
    if any(isinstance(one, ops.Recurrent) and one.norm is not None for one in (first, op)):
        return False  # the statistics of a step are those of one place
    if isinstance(first, ops.BatchNorm) and isinstance(op, ops.BatchNorm):
        return first.frozen == op.frozen
    if isinstance(first, ops.Embedding) and isinstance(op, ops.Dense):
        return True  # their weights are matrices
    return type(first) is type(op) and isinstance(op, SHARING)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise PlanError(f"invalid plan: {message}")


def _check_values(plan: Plan) -> None:
    _require(len(plan.values) > 0, "it has no values")
    _require(0 <= plan.input < len(plan.values), f"its input, value {plan.input}, does not exist")
    for position, value in enumerate(plan.values):
        _require(value.id == position, f"value {position} says its id is {value.id}")
        _require(len(value.shape) > 0, f"value {value.id} ({value.name}) has no axes")
        _require(all(size > 0 for size in value.shape), f"value {value.id} ({value.name}) has shape {value.shape}")


def _check_parameters(plan: Plan) -> None:
    offset = 0
    names: set[str] = set()
    for position, parameter in enumerate(plan.parameters):
        _require(parameter.id == position, f"parameter {position} says its id is {parameter.id}")
        _require(parameter.name not in names, f"two parameters are called {parameter.name!r}")
        names.add(parameter.name)
        _require(all(size > 0 for size in parameter.shape), f"parameter {parameter.name} has shape {parameter.shape}")
        _require(
            parameter.offset == offset,
            f"parameter {parameter.name} starts at {parameter.offset}, but the ones before it end at {offset}",
        )
        offset += parameter.size
        _require(
            parameter.trainable or not (parameter.regularized or parameter.penalty),
            f"parameter {parameter.name} is not trained and cannot be regularized",
        )
        if parameter.max_norm is not None:
            _require(
                0 < parameter.max_norm < math.inf,
                f"parameter {parameter.name} has max_norm {parameter.max_norm}, which is not positive",
            )
            _require(
                parameter.trainable and len(parameter.shape) >= 2,
                f"parameter {parameter.name} has a max_norm, but is not a trained matrix",
            )


@functools.singledispatch
def check_op(op: ops.Op, plan: Plan) -> tuple[int, ...]:
    """Check one op's shapes and numbers and return the ids of the parameters it uses."""
    raise PlanError(f"invalid plan: op {op.name} is of the unknown type {type(op).__name__}")


def _shapes(op: ops.Op, plan: Plan) -> tuple[tuple[int, ...], tuple[int, ...]]:
    _require(len(op.inputs) == 1, f"op {op.name} reads {len(op.inputs)} values instead of 1")
    return plan.values[op.inputs[0]].shape, plan.values[op.output].shape


def _check_same_shape(op: ops.Op, plan: Plan) -> tuple[int, ...]:
    before, after = _shapes(op, plan)
    _require(before == after, f"op {op.name} turns shape {before} into {after}, but it keeps shapes")
    return before


def _parameter(op: ops.Op, plan: Plan, index: int, shape: tuple[int, ...]) -> Parameter:
    _require(0 <= index < len(plan.parameters), f"op {op.name} uses parameter {index}, which does not exist")
    parameter = plan.parameters[index]
    _require(parameter.shape == shape, f"op {op.name} needs {parameter.name} of shape {shape}, not {parameter.shape}")
    return parameter


@check_op.register
def _(op: ops.Dense, plan: Plan) -> tuple[int, ...]:
    before, after = _shapes(op, plan)
    _require(
        before[:-1] == after[:-1], f"op {op.name} turns shape {before} into {after}; only the last axis may change"
    )
    _parameter(op, plan, op.weight, (after[-1], before[-1]) if op.transposed else (before[-1], after[-1]))
    if op.drop_connect is not None:
        _require(not op.transposed, f"op {op.name} drops weights of another op's parameter")
        _check_drop_connect(op, op.drop_connect, plan)
    if op.bias is None:
        return (op.weight,)
    _parameter(op, plan, op.bias, after[-1:])
    return op.weight, op.bias


def check_drop_connect(op: ops.Op, drop: ops.DropConnect | None) -> None:
    """Check how an op leaves out weights."""
    if drop is None:
        return
    _require(0 < drop.rate < 1, f"op {op.name} drops weights at rate {drop.rate}, which is not in (0, 1)")
    _require(drop.stream >= 0, f"op {op.name} has random stream {drop.stream}")
    _require(not drop.samples or isinstance(op, ops.Dense), f"op {op.name} samples, which only dense ops do")


def _check_drop_connect(op: ops.Dense, drop: ops.DropConnect, plan: Plan) -> None:
    check_drop_connect(op, drop)
    _require(drop.samples >= 0, f"op {op.name} takes {drop.samples} samples")
    readers = [other for other in plan.ops if op.output in other.inputs]
    included = [other for other in readers if isinstance(other, ops.Activation) and other.training_only]
    if not drop.samples:
        _require(not included, f"op {op.name} does not include the activation after it")
        return
    _require(len(included) == len(readers) == 1, f"op {op.name} samples, but includes no activation after it")
    same = (included[0].function, included[0].alpha) == (drop.function, drop.alpha)
    _require(same, f"op {op.name} includes another activation than the one after it")


@check_op.register
def _(op: ops.BatchNorm, plan: Plan) -> tuple[int, ...]:
    shape = _check_same_shape(op, plan)
    _require(0 <= op.momentum < 1, f"op {op.name} has momentum {op.momentum}, which is not in [0, 1)")
    _require(0 < op.epsilon < math.inf, f"op {op.name} has epsilon {op.epsilon}, which is not positive")
    running = (op.running_mean, op.running_variance)
    for index in running:
        parameter = _parameter(op, plan, index, shape[-1:])
        _require(not parameter.trainable, f"parameter {parameter.name} must not be trained")
    learned = tuple(index for index in (op.gamma, op.beta) if index is not None)
    for index in learned:
        _parameter(op, plan, index, shape[-1:])
    _require(len({*learned, *running}) == len(learned) + 2, f"op {op.name} uses one parameter for two purposes")
    return learned + running


@check_op.register
def _(op: ops.LayerNorm, plan: Plan) -> tuple[int, ...]:
    shape = _check_same_shape(op, plan)
    _require(0 < op.epsilon < math.inf, f"op {op.name} has epsilon {op.epsilon}, which is not positive")
    learned = tuple(index for index in (op.gamma, op.beta) if index is not None)
    for index in learned:
        _parameter(op, plan, index, shape[-1:])
    _require(len(set(learned)) == len(learned), f"op {op.name} uses one parameter for two purposes")
    return learned


@check_op.register
def _(op: ops.Activation, plan: Plan) -> tuple[int, ...]:
    _check_same_shape(op, plan)
    _require(op.function in ops.ACTIVATIONS, f"op {op.name} applies the unknown function {op.function!r}")
    _require(math.isfinite(op.alpha), f"op {op.name} has alpha {op.alpha}")
    before = [other for other in plan.ops if other.output in op.inputs]
    dense = bool(before) and isinstance(before[0], ops.Dense) and before[0].drop_connect is not None
    _require(not op.training_only or dense, f"op {op.name} is of training only, but no op before includes it")
    return ()


@check_op.register
def _(op: ops.PReLU, plan: Plan) -> tuple[int, ...]:
    _parameter(op, plan, op.slope, _check_same_shape(op, plan)[-1:])
    return (op.slope,)


@check_op.register
def _(op: ops.Softmax, plan: Plan) -> tuple[int, ...]:
    _check_groups(op.groups, _check_same_shape(op, plan)[-1], f"op {op.name}")
    return ()


def _check_groups(groups: tuple[int, ...], outputs: int, owner: str) -> None:
    fits = all(size > 0 for size in groups) and sum(groups) in (outputs, 0)
    _require(fits, f"{owner} has groups {groups}, which do not make up {outputs} outputs")


@check_op.register
def _(op: ops.Dropout, plan: Plan) -> tuple[int, ...]:
    _check_same_shape(op, plan)
    _require(0 <= op.rate < 1, f"op {op.name} has rate {op.rate}, which is not in [0, 1)")
    _require(op.stream >= 0, f"op {op.name} has random stream {op.stream}")
    return ()


@check_op.register
def _(op: ops.GaussianNoise, plan: Plan) -> tuple[int, ...]:
    _check_same_shape(op, plan)
    _require(0 <= op.deviation < math.inf, f"op {op.name} has deviation {op.deviation}, which is not in [0, inf)")
    _require(op.stream >= 0, f"op {op.name} has random stream {op.stream}")
    return ()


@check_op.register
def _(op: ops.Embedding, plan: Plan) -> tuple[int, ...]:
    before, after = _shapes(op, plan)
    _require(len(before) == 1, f"op {op.name} needs rows of categories, not rows of shape {before}")
    _require(0 <= op.weight < len(plan.parameters), f"op {op.name} uses parameter {op.weight}, which does not exist")
    shape, count = plan.parameters[op.weight].shape, len(op.columns)
    _require(len(shape) == 2, f"op {op.name} needs a matrix, not {plan.parameters[op.weight].name} of shape {shape}")
    _require(
        count > 0 and len(op.offsets) == len(op.levels) == count and len(set(op.columns)) == count,
        f"op {op.name} needs columns, each once, with an offset and levels",
    )
    for column, offset, levels in zip(op.columns, op.offsets, op.levels, strict=True):
        _require(0 <= column < before[0], f"op {op.name} reads column {column} of {before[0]}")
        _require(
            offset >= 0 and levels > 0 and offset + levels <= shape[0],
            f"op {op.name} has the rows {offset} to {offset + levels - 1} of {shape[0]} for column {column}",
        )
    fits = ((count, shape[1]), (count * shape[1] + before[0] - count,))
    _require(
        after == fits[1] or (after == fits[0] and count == before[0]),
        f"op {op.name} gives rows of shape {after} instead of {_list(list(fits))}",
    )
    return (op.weight,)


def _several(op: ops.Op, plan: Plan) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    _require(len(op.inputs) > 1, f"op {op.name} reads {len(op.inputs)} values instead of two or more")
    return [plan.values[value].shape for value in op.inputs], plan.values[op.output].shape


@check_op.register
def _(op: ops.Add, plan: Plan) -> tuple[int, ...]:
    before, after = _several(op, plan)
    _require(set(before) == {after}, f"op {op.name} adds {_list(before)} and gives {after}; all must be the same")
    return ()


@check_op.register
def _(op: ops.Concatenate, plan: Plan) -> tuple[int, ...]:
    before, after = _several(op, plan)
    fits = all(shape[:-1] == after[:-1] for shape in before) and after[-1] == sum(shape[-1] for shape in before)
    _require(fits, f"op {op.name} puts {_list(before)} together and gives {after}")
    return ()


def _list(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))


def _check_loss(plan: Plan, loss: ops.Loss, written: set[int]) -> None:
    _require(loss.kind in ops.LOSSES, f"unknown loss {loss.kind!r}")
    _require(loss.link in ops.LINKS, f"the loss has the unknown link {loss.link!r}")
    _require(loss.prediction in written, f"the loss reads value {loss.prediction}, which is never written")
    _require(
        loss.link == "identity" or _LINKS_OF[loss.link] == loss.kind,
        f"loss {loss.kind!r} cannot absorb {loss.link}",
    )
    _require(not loss.groups or loss.kind == "cce", f"loss {loss.kind!r} takes no groups")
    _check_groups(loss.groups, plan.values[loss.prediction].shape[-1], "the loss")
    _require(loss.target in ("dense", "index"), f"the loss has the unknown target {loss.target!r}")
    _require(loss.target == "dense" or loss.kind == "cce", f"loss {loss.kind!r} cannot take class numbers")
    _require(0 <= loss.label_smoothing < 1, f"label smoothing {loss.label_smoothing} is not in [0, 1)")
    _require(loss.label_smoothing == 0 or loss.kind in ("bce", "cce"), f"loss {loss.kind!r} takes no label smoothing")
    noise = loss.label_noise
    _require(0 <= noise < math.inf, f"label noise {noise} is not in [0, inf)")
    _require(noise < 1 or loss.kind not in ("bce", "cce", "hinge"), f"label noise {noise} is no probability below 1")
    _require(noise == 0 or loss.kind != "poisson", "loss 'poisson' takes no label noise")
    _require(0 < loss.scale < math.inf, f"the loss is scaled by {loss.scale}, which is not positive")
    _require(loss.ceiling > 0, f"the loss's ceiling {loss.ceiling} is not positive")
    _require(loss.ceiling == math.inf or loss.kind in ("bce", "cce"), f"loss {loss.kind!r} takes no ceiling")
    if loss.kind == "huber":
        _require(0 < loss.parameter < math.inf, f"Huber's delta {loss.parameter} is not positive")
    if loss.kind == "pinball":
        _require(0 < loss.parameter < 1, f"the quantile {loss.parameter} is not in (0, 1)")
