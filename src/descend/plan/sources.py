"""Where an op's input comes from: columns of categories must come as they are, and mixed rows untrained and alone."""

from __future__ import annotations

from collections.abc import Sequence

from descend.plan import ops
from descend.plan.adapting import trained_values
from descend.plan.plan import Plan


def category_columns(plan: Plan, op: ops.Embedding | ops.OneHot) -> tuple[int, ...]:
    """The columns of the plan's input that an embedding's columns of categories are.

    Raises
    ------
    ValueError
        Naming a layer between that changes their numbers.
    """
    columns = op.columns if isinstance(op, ops.Embedding) else _worked_on(op)
    found = []
    for column in columns:
        origin, changed = _origin(plan, op.inputs[0], column)
        if changed is not None:
            remedy = "leave that column out of its columns=, or " if isinstance(changed, ops.ColumnMap) else ""
            raise ValueError(
                f"the layer {op.name!r} reads categories in column {column} of its input, but the layer "
                f"{changed.name!r} changes their numbers; {remedy}let {op.name!r} come first, or first in a branch"
            )
        found.append(origin)
    return tuple(found)


def check_sources(plan: Plan) -> None:
    """Refuse embeddings and mixed rows whose input training changes, changed categories, and rows mixed in part.

    Raises
    ------
    ValueError
        Naming the layers and the remedy.
    """
    fault = mixing_fault(plan)
    if fault is not None:
        raise ValueError(fault)
    trained = trained_values(plan)
    for op in plan.ops:
        if not isinstance(op, ops.Embedding | ops.OneHot | ops.Mix | ops.SwapNoise):
            continue
        found = trained.get(op.inputs[0])
        if isinstance(op, ops.Embedding) and found is not None:
            raise ValueError(
                f"the layer {op.name!r} reads categories of the network's input, but what comes before it depends on "
                f"{found!r}, which training changes; let the embedding come first, or first in a branch"
            )
        if isinstance(op, ops.Embedding):
            category_columns(plan, op)
        if isinstance(op, ops.OneHot):
            _check_levels(plan, op)
        if isinstance(op, ops.Mix | ops.SwapNoise) and found is not None:
            raise ValueError(
                f"the layer {op.name!r} mixes rows of a batch, but its input depends on "
                f"{found!r}, which training changes; put it before the first layer that is trained"
            )


def mixing_fault(plan: Plan) -> str | None:
    """What is wrong with the op that mixes rows and targets: there are several, or it mixes a part of a row alone."""
    mixing = [op for op in plan.ops if isinstance(op, ops.Mix)]
    if not mixing:
        return None
    if len(mixing) > 1:
        names = " and ".join(repr(op.name) for op in mixing)
        return f"the layers {names} would both mix rows and targets, which is done once; leave one of them out"
    before = set(mixing[0].inputs)
    for op in reversed(plan.ops):
        if op.output in before:
            before |= set(op.inputs)
    for op in plan.ops:
        if op is not mixing[0] and op.output not in before and before & set(op.inputs):
            return (
                f"the layer {mixing[0].name!r} mixes rows and targets, but the layer {op.name!r} reads the rows "
                "unmixed; put it before the branches"
            )
    return None


def _check_levels(plan: Plan, op: ops.OneHot) -> None:
    """Refuse categories that are disturbed at random; what is computed of them has levels of its own."""
    for column in _worked_on(op):
        _, changed = _origin(plan, op.inputs[0], column)
        if changed is not None and ops.streams_of(changed):
            raise ValueError(
                f"the layer {op.name!r} reads categories in column {column} of its input, but the layer "
                f"{changed.name!r} changes their numbers at random; put it behind "
                f"{op.name!r}"
            )


def _worked_on(op: ops.ColumnMap) -> Sequence[int]:
    return sorted({column for column, slot in zip(op.sources, op.slots, strict=True) if slot >= 0})


def _origin(plan: Plan, value: int, column: int) -> tuple[int, ops.Op | None]:
    """The column of the plan's input that a value's column is, and the first op on the way back that changes it."""
    producers = {op.output: op for op in plan.ops}
    while value != plan.input:
        op = producers[value]
        if isinstance(op, ops.ColumnMap) and op.slots[column] == -1:
            column = op.sources[column]
        elif not (isinstance(op, ops.SwapNoise) or (isinstance(op, ops.Mix) and op.by_feature)):
            return column, op
        value = op.inputs[0]
    return column, None
