"""Batch normalization: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, x and y (rows, ..., features), over rows
and all axes but the last.

The variance is the biased one, mean((x - mean)^2), and every row counts alike. A batch of one row (and position) has
none: it is normalized by the running statistics and leaves them alone, as a frozen op does with every batch.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.plan.ops import BatchNorm


def forward(op: BatchNorm, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y, of the shape of x; in training also the new running statistics, into context.running."""
    mean, variance = context.parameter(op.running_mean), context.parameter(op.running_variance)
    if _of_batch(op, context, x):
        mean, variance = lines(x).mean(axis=0), lines(x).var(axis=0)
        for index, batch in ((op.running_mean, mean), (op.running_variance, variance)):
            before = context.running.get(index, context.parameter(index))  # moved by another op that shares it
            context.running[index] = op.momentum * before + (1.0 - op.momentum) * batch
    inverse = 1.0 / np.sqrt(variance + op.epsilon)
    normalized = (x - mean) * inverse
    y = normalized
    if op.gamma is not None:
        y = y * context.parameter(op.gamma)
    if op.beta is not None:
        y = y + context.parameter(op.beta)
    return y, {"mean": mean, "variance": variance, "inverse_deviation": inverse, "normalized": normalized}


def backward(op: BatchNorm, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx, dgamma = sum over rows and positions of dy normalized, dbeta = the same sum of dy."""
    normalized, inverse = saved["normalized"], saved["inverse_deviation"]
    if op.beta is not None:
        context.add_gradient(op.beta, lines(dy).sum(axis=0))
    if op.gamma is not None:
        context.add_gradient(op.gamma, lines(dy * normalized).sum(axis=0))
        dy = dy * context.parameter(op.gamma)
    if not _of_batch(op, context, dy):
        return dy * inverse
    # Mean and variance depend on every row and position: what dy changes through them is taken away.
    return inverse * (dy - lines(dy).mean(axis=0) - normalized * lines(dy * normalized).mean(axis=0))


def _of_batch(op: BatchNorm, context: Context, x: Array) -> bool:
    """Whether the statistics are those of the batch."""
    return context.training and not op.frozen and len(lines(x)) > 1
