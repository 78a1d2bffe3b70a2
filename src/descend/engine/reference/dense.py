"""Dense: z = x W + b with x (rows, ..., in), W (in, out), b (out,), z (rows, ..., out)."""

from __future__ import annotations

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.plan.ops import Dense


def forward(op: Dense, context: Context, x: Array) -> tuple[Array, Saved]:
    """Z = x W + b."""
    z = x @ context.parameter(op.weight)
    if op.bias is not None:
        z = z + context.parameter(op.bias)
    return z, {"x": x}


def backward(op: Dense, context: Context, saved: Saved, dz: Array) -> Array:
    """Dx = dz W^T, dW = x^T dz, db = sum of dz over rows and positions."""
    context.add_gradient(op.weight, lines(saved["x"]).T @ lines(dz))
    if op.bias is not None:
        context.add_gradient(op.bias, lines(dz).sum(axis=0))
    return dz @ context.parameter(op.weight).T
