"""The beginning of a plan that changes rows at random in training."""

from __future__ import annotations

from dataclasses import replace

from descend.plan import ops
from descend.plan.plan import Plan
from descend.plan.printing import parameters_of


def augmenting_part(plan: Plan) -> Plan | None:
    """The plan up to the last op that augments, of those that follow each other from the input; None without one.

    What it uses is what the plan begins with, its parameters included. Between these ops may stand what gives rows
    another shape and what works on columns.
    """
    value, end = plan.input, 0
    for position, op in enumerate(plan.ops):
        readers = [other for other in plan.ops if value in other.inputs]
        if op.inputs != (value,) or len(readers) != 1:
            break
        if isinstance(op, ops.AUGMENTATIONS | ops.GaussianNoise):
            end = position + 1
        elif not isinstance(op, ops.Reshape | ops.ColumnMap):
            break
        value = op.output
    if not end:
        return None
    kept = plan.ops[:end]
    values = tuple(value for value in plan.values if value.id == plan.input or value.id in {op.output for op in kept})
    used = {parameter.id for op in kept for parameter in parameters_of(op, plan)}
    parameters = tuple(parameter for parameter in plan.parameters if parameter.id in used)
    return replace(plan, values=values, ops=kept, parameters=parameters, output=kept[-1].output, loss=None)
