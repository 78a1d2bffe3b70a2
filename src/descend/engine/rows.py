"""Which networks can read rows that are no plain arrays: sparse ones, and sequences of different lengths."""

from __future__ import annotations

from typing import Any

from descend.engine import sparse
from descend.engine.sequences import Sequences
from descend.plan import ops
from descend.plan.plan import Plan

#: Ops that treat every step by itself, so that those beyond a row's length stay without effect.
_STEP_BY_STEP = (
    ops.Dense,
    ops.Activation,
    ops.PReLU,
    ops.Softmax,
    ops.Dropout,
    ops.GaussianNoise,
    ops.LayerNorm,
    ops.Add,
    ops.Concatenate,
    ops.Recurrent,
)


def check_rows(plan: Plan, X: Any, name: str = "X") -> None:
    """Refuse rows that a network cannot read: sparse ones, and those with lengths of their own.

    Parameters
    ----------
    plan : of the network
    X : rows in an engine's form
    name : the argument's name in messages

    Raises
    ------
    ValueError
        Naming the layer and the remedy.
    """
    if sparse.is_sparse(X):
        sparse.check_plan(plan, name)
    if not isinstance(X, Sequences):
        return
    if not any(isinstance(op, ops.Recurrent) for op in plan.ops):
        raise ValueError(f"{name} has rows of different lengths, but no layer of the network is recurrent")
    for op in plan.ops:
        several = any(plan.values[value].positions > 1 for value in op.inputs)
        if several and not isinstance(op, _STEP_BY_STEP):
            raise ValueError(
                f"{name} has rows of different lengths, but the layer {op.name!r} ({type(op).__name__}) mixes steps; "
                "put it behind a recurrent layer that gives its last state, or pass whole rows"
            )
