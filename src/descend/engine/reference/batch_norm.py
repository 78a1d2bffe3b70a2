"""Batch normalization: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, x and y (rows, ..., features), over rows
and all axes but the last.

The variance is the biased one, mean((x - mean)^2), and every row counts alike. A batch of one row (and position) has
none: it is normalized by the running statistics and leaves them alone, as a frozen op does with every batch. Of rows
with lengths of their own the steps that there are count, each alike; the others are normalized too, without effect.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved, lines, steps_there
from descend.plan.ops import BatchNorm


def forward(op: BatchNorm, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y, of the shape of x; in training also the new running statistics, into context.running."""
    mean, variance = context.parameter(op.running_mean), context.parameter(op.running_variance)
    if _of_batch(op, context, x):
        real = _real(context, x)
        mean, variance = real.mean(axis=0), real.var(axis=0)
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
    there = steps_there(context, dy)
    dy = dy if there is None else dy * there[..., None]
    if op.beta is not None:
        context.add_gradient(op.beta, lines(dy).sum(axis=0))
    if op.gamma is not None:
        context.add_gradient(op.gamma, lines(dy * normalized).sum(axis=0))
        dy = dy * context.parameter(op.gamma)
    if not _of_batch(op, context, dy):
        return dy * inverse
    # Mean and variance depend on every row and position: what dy changes through them is taken away.
    count = len(_real(context, dy))
    through = (lines(dy).sum(axis=0) + normalized * lines(dy * normalized).sum(axis=0)) / count
    return inverse * (dy - (through if there is None else through * there[..., None]))


def _of_batch(op: BatchNorm, context: Context, x: Array) -> bool:
    """Whether the statistics are those of the batch."""
    return context.training and not op.frozen and len(_real(context, x)) > 1


def _real(context: Context, x: Array) -> Array:
    """The lines that count, (lines, features)."""
    there = steps_there(context, x)
    return lines(x) if there is None else x[there]
