"""Layer normalization: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, x and y (rows, ..., features).

Mean and (biased) variance are those over the features of each row and position, in training and in inference alike.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.plan.ops import LayerNorm


def forward(op: LayerNorm, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y, of the shape of x."""
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    inverse = 1.0 / np.sqrt(variance + op.epsilon)
    normalized = (x - mean) * inverse
    y = normalized
    if op.gamma is not None:
        y = y * context.parameter(op.gamma)
    if op.beta is not None:
        y = y + context.parameter(op.beta)
    return y, {"mean": mean, "variance": variance, "inverse_deviation": inverse, "normalized": normalized}


def backward(op: LayerNorm, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx, dgamma = sum over rows and positions of dy normalized, dbeta = the same sum of dy."""
    normalized, inverse = saved["normalized"], saved["inverse_deviation"]
    if op.beta is not None:
        context.add_gradient(op.beta, lines(dy).sum(axis=0))
    if op.gamma is not None:
        context.add_gradient(op.gamma, lines(dy * normalized).sum(axis=0))
        dy = dy * context.parameter(op.gamma)
    # Mean and variance depend on every feature of the row: what dy changes through them is taken away.
    along = (dy * normalized).mean(axis=-1, keepdims=True)
    return inverse * (dy - dy.mean(axis=-1, keepdims=True) - normalized * along)
