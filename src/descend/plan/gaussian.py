"""Gaussian inference of DropConnect: the dense op takes over the activation after it."""

from __future__ import annotations

from dataclasses import replace

from descend.plan import ops
from descend.plan.plan import Plan


def include_activations(plan: Plan) -> Plan:
    """Let each dense op that samples include the activation that reads it, which then is one of training only.

    Raises
    ------
    ValueError
        When something else reads it, or nothing.
    """
    changed: dict[int, ops.Op] = {}
    for i, op in enumerate(plan.ops):
        if not isinstance(op, ops.Dense) or op.drop_connect is None or not op.drop_connect.samples:
            continue
        readers = [j for j, other in enumerate(plan.ops) if op.output in other.inputs]
        follower = plan.ops[readers[0]] if len(readers) == 1 else None
        if not isinstance(follower, ops.Activation) or op.output == plan.output:
            found = "nothing" if follower is None else type(follower).__name__
            raise ValueError(
                f"layer {op.name!r}: inference='gaussian' is the mean over an elementwise activation, but what follows "
                f"is {found}; pass activation='relu', say, or inference='mean'"
            )
        drop = replace(op.drop_connect, function=follower.function, alpha=follower.alpha)
        changed[i] = replace(op, drop_connect=drop)
        changed[readers[0]] = replace(follower, training_only=True)
    return replace(plan, ops=tuple(changed.get(i, op) for i, op in enumerate(plan.ops))) if changed else plan
