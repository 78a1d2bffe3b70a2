"""Reshape: the same numbers of each row in the same order with other axes."""

from __future__ import annotations

from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Reshape


def forward(op: Reshape, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, *shape of the output)."""
    return x.reshape(len(x), *context.plan.values[op.output].shape), {}


def backward(op: Reshape, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx (rows, *shape of the input)."""
    return dy.reshape(len(dy), *context.plan.values[op.inputs[0]].shape)
