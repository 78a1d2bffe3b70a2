"""Add: y = x_1 + x_2 + ... of values of one shape (rows, ...)."""

from __future__ import annotations

from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Add


def forward(op: Add, context: Context, *x: Array) -> tuple[Array, Saved]:
    """Y, the sum in the order of the inputs."""
    y = x[0] + x[1]
    for further in x[2:]:
        y = y + further
    return y, {}


def backward(op: Add, context: Context, saved: Saved, dy: Array) -> tuple[Array, ...]:
    """Dx_i = dy."""
    return (dy,) * len(op.inputs)
