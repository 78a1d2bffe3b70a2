"""Which networks can read which rows: sparse ones, sequences of different lengths, and columns of categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from descend.engine import sparse
from descend.engine.sequences import Sequences, split
from descend.plan import ops
from descend.plan.plan import Plan
from descend.plan.sources import category_columns

#: Ops that treat every step by itself, or leave out those beyond a row's length.
_STEP_BY_STEP = (
    ops.Dense,
    ops.Activation,
    ops.PReLU,
    ops.Softmax,
    ops.Dropout,
    ops.GaussianNoise,
    ops.LayerNorm,
    ops.BatchNorm,
    ops.Add,
    ops.Concatenate,
    ops.Recurrent,
    ops.Adjust,
)


def check_rows(plan: Plan, X: Any, name: str = "X") -> None:
    """Refuse rows that a network cannot read: sparse ones, those with lengths of their own, and unknown categories.

    Parameters
    ----------
    plan : of the network
    X : rows in an engine's form
    name : the argument's name in messages

    Raises
    ------
    ValueError
        Naming the layer and the remedy, and for categories the row, the column and the number.
    """
    for op in plan.ops:
        if isinstance(op, ops.Embedding):
            _check_categories(op, category_columns(plan, op), X, name)
    if sparse.is_sparse(X):
        sparse.check_plan(plan, name)
    if not isinstance(X, Sequences):
        return
    if not any(isinstance(op, ops.Recurrent) or pools_steps(op) for op in plan.ops):
        raise ValueError(
            f"{name} has rows of different lengths, but no layer of the network is recurrent or pools over all steps; "
            "put one in, such as layers.GRU(32) or layers.GlobalAveragePool1D()"
        )
    if X.ndim == 2:
        _check_tokens(plan, name)
    for op in plan.ops:
        several = any(plan.values[value].positions > 1 for value in op.inputs)
        if isinstance(op, ops.Reshape):  # what it makes would be taken for steps
            several |= plan.values[op.output].positions > 1
        within = isinstance(op, ops.Warp) and op.image == op.grid  # moves steps within each row's length
        if several and not within and not isinstance(op, _STEP_BY_STEP) and not pools_steps(op):
            raise ValueError(
                f"{name} has rows of different lengths, but the layer {op.name!r} ({type(op).__name__}) mixes steps; "
                "put it behind a recurrent layer that gives its last state, or pass whole rows"
            )


def pools_steps(op: ops.Op) -> bool:
    """Whether an op is a pool over all steps of a sequence."""
    return isinstance(op, ops.Pool) and op.window.image[0] == 1 and op.window.size == op.window.image


def _check_tokens(plan: Plan, name: str) -> None:
    for op in plan.ops:
        if plan.input in op.inputs and not (isinstance(op, ops.Embedding) and len(plan.values[op.output].shape) == 2):
            raise ValueError(
                f"{name} holds sequences of integers, which the layer {op.name!r} ({type(op).__name__}) cannot read; "
                "begin with layers.Embedding(levels, units), or pass sequences of shape (steps, features)"
            )


def _check_categories(op: ops.Embedding, columns: tuple[int, ...], X: Any, name: str) -> None:
    if sparse.is_sparse(X) or X.ndim != 2:
        return  # which is refused for its form
    X, lengths = split(X)
    for column, levels in zip(columns, op.levels, strict=True):
        values = np.asarray(X)[:, column : column + 1].ravel()
        # A NaN is in no range.
        outside = ~((values >= 0) & (values < levels) & (values == np.floor(values)))
        bad = np.flatnonzero(outside if lengths is None else outside & (column < lengths))
        if bad.size:
            raise ValueError(
                f"{name}[{bad[0]}, {column}] is {values[bad[0]]:g}, but column {column} holds categories for the layer "
                f"{op.name!r}: integers from 0 to {levels - 1}; encode them so, or raise levels"
            )
