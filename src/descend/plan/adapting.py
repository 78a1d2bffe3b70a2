"""Which ops take statistics from data, and where they may stand."""

from __future__ import annotations

from descend.plan import ops
from descend.plan.plan import Plan
from descend.plan.validator import check_op


def adaptive_ops(plan: Plan) -> list[ops.ColumnMap]:
    """The ops that take statistics from data, in order."""
    return [op for op in plan.ops if isinstance(op, ops.ColumnMap) and op.rule]


def check_adaptive(plan: Plan) -> None:
    """Refuse statistics of values that training changes, and filling them: engines pass no gradient through either.

    Raises
    ------
    ValueError
        Naming the layer, the weights it depends on, and the remedy.
    """
    wanted = {op.name for op in plan.ops if isinstance(op, ops.ColumnMap) and not isinstance(op, ops.Periodic)}
    trained = trained_values(plan)
    for op in plan.ops:
        found = next((trained[value] for value in op.inputs if value in trained), None)
        if found is not None and op.name in wanted:
            raise ValueError(
                f"the layer {op.name!r} prepares data before training, but its input depends on {found!r}, which "
                "training changes; put it before the first layer that is trained, or use BatchNorm or LayerNorm there"
            )


def trained_values(plan: Plan) -> dict[int, str]:
    """For each value that depends on trained parameters, the name of one."""
    trained: dict[int, str] = {}
    for op in plan.ops:
        found = next((trained[value] for value in op.inputs if value in trained), None)
        own = next((plan.parameters[i].name for i in check_op(op, plan) if plan.parameters[i].trainable), None)
        if found is not None or own is not None:
            trained[op.output] = found or own or ""
    return trained
