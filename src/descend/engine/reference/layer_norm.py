"""Layer normalization over the features: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, x, y (rows, features).

Mean and (biased) variance are each row's own, in training and in inference alike.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import LayerNorm


def forward(op: LayerNorm, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, features)."""
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    inverse = 1.0 / np.sqrt(variance + op.epsilon)
    normalized = (x - mean) * inverse
    y = normalized
    if op.gamma is not None:
        y = y * context.parameter(op.gamma)
    if op.beta is not None:
        y = y + context.parameter(op.beta)
    return y, {"mean": mean, "variance": variance, "inverse_deviation": inverse, "normalized": normalized}


def backward(op: LayerNorm, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx (rows, features), dgamma = sum over rows of dy normalized, dbeta = sum over rows of dy."""
    normalized, inverse = saved["normalized"], saved["inverse_deviation"]
    if op.beta is not None:
        context.add_gradient(op.beta, dy.sum(axis=0))
    if op.gamma is not None:
        context.add_gradient(op.gamma, (dy * normalized).sum(axis=0))
        dy = dy * context.parameter(op.gamma)
    # Mean and variance depend on every feature of the row: what dy changes through them is taken away.
    along = (dy * normalized).mean(axis=1, keepdims=True)
    return inverse * (dy - dy.mean(axis=1, keepdims=True) - normalized * along)
