"""Concatenate: y (rows, ..., n_1 + n_2 + ...) = [x_1 x_2 ...] of values (rows, ..., n_i)."""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Concatenate


def forward(op: Concatenate, context: Context, *x: Array) -> tuple[Array, Saved]:
    """Y, the inputs' columns side by side."""
    return np.concatenate(x, axis=-1), {}


def backward(op: Concatenate, context: Context, saved: Saved, dy: Array) -> tuple[Array, ...]:
    """Dx_i = the columns of dy that x_i became."""
    ends = np.cumsum([context.plan.values[value].shape[-1] for value in op.inputs])
    return tuple(np.split(dy, ends[:-1], axis=-1))
