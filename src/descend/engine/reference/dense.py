"""Dense: z = x W + b with x (rows, ..., in), W (in, out), b (out,), z (rows, ..., out).

W is the parameter, or, where the op is transposed, the transpose of the parameter (out, in).
"""

from __future__ import annotations

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.plan.ops import Dense


def forward(op: Dense, context: Context, x: Array) -> tuple[Array, Saved]:
    """Z = x W + b."""
    z = x @ _weight(op, context)
    if op.bias is not None:
        z = z + context.parameter(op.bias)
    return z, {"x": x}


def backward(op: Dense, context: Context, saved: Saved, dz: Array) -> Array:
    """Dx = dz W^T, dW = x^T dz, db = sum of dz over rows and positions; the parameter's gradient is dW or dW^T."""
    dw = lines(saved["x"]).T @ lines(dz)
    context.add_gradient(op.weight, dw.T if op.transposed else dw)
    if op.bias is not None:
        context.add_gradient(op.bias, lines(dz).sum(axis=0))
    return dz @ _weight(op, context).T


def _weight(op: Dense, context: Context) -> Array:
    w = context.parameter(op.weight)
    return w.T if op.transposed else w
