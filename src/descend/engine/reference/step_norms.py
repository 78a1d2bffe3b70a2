"""Batch normalization inside a recurrent cell: y = gamma (x - mean_s) / sqrt(variance_s + epsilon), x (rows, columns).

Mean and (biased) variance of step s are those of the rows that have it. Where that is one row at most, when frozen and
in inference, they are the running ones of step s, or of the last step that training has seen. A step that is seen for
the first time has its running statistics start from that last one. See `descend.plan.ops.StepNorm`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context
from descend.plan.ops import StepNorm


@dataclass(frozen=True)
class Kind:
    """What is normalized: the ids of its parameters."""

    gamma: int
    mean: int
    variance: int


@dataclass(frozen=True)
class Normed:
    """One step's result, and what goes back through it: y, (x - mean) / deviation, 1 / deviation, of how many rows the
    statistics are (0 for running ones).
    """

    y: Array
    normalized: Array
    inverse: Array
    count: int


def kinds(norm: StepNorm) -> dict[str, Kind]:
    """By name."""
    found = {
        "input": Kind(norm.input_gamma, norm.input_mean, norm.input_variance),
        "recurrent": Kind(norm.recurrent_gamma, norm.recurrent_mean, norm.recurrent_variance),
    }
    if norm.cell_gamma is not None and norm.cell_mean is not None and norm.cell_variance is not None:
        found["cell"] = Kind(norm.cell_gamma, norm.cell_mean, norm.cell_variance)
    return found


def forward(norm: StepNorm, kind: Kind, context: Context, x: Array, s: int, there: NDArray[np.bool_]) -> Normed:
    """Normalize x (rows, columns) of step s, which the rows `there` have; moves running statistics in training."""
    gamma = context.parameter(kind.gamma)
    count = int(there.sum())
    if not context.training or norm.frozen or count < 2:
        seen = int(context.parameter(norm.steps_seen)[0])
        step = min(s, seen - 1) if seen > 0 else s
        mean, variance, count = context.parameter(kind.mean)[step], context.parameter(kind.variance)[step], 0
    else:
        mean, variance = x[there].mean(axis=0), x[there].var(axis=0)
        _move(norm, kind, context, s, mean, variance)
    inverse = 1.0 / np.sqrt(variance + norm.epsilon)
    normalized = (x - mean) * inverse
    return Normed(normalized * gamma, normalized, inverse, count)


def backward(kind: Kind, context: Context, normed: Normed, dy: Array, there: NDArray[np.bool_]) -> Array:
    """Dx, and dgamma = sum over rows of dy normalized."""
    dy = dy * there[:, None]
    context.add_gradient(kind.gamma, (dy * normed.normalized).sum(axis=0))
    dy = dy * context.parameter(kind.gamma)
    if not normed.count:
        return dy * normed.inverse
    through = (dy.sum(axis=0) + normed.normalized * (dy * normed.normalized).sum(axis=0)) / normed.count
    return normed.inverse * (dy - through) * there[:, None]


def _move(norm: StepNorm, kind: Kind, context: Context, s: int, mean: Array, variance: Array) -> None:
    seen = int(context.parameter(norm.steps_seen)[0])
    for index, batch in ((kind.mean, mean), (kind.variance, variance)):
        running = context.running.setdefault(index, context.parameter(index).copy())
        before = context.parameter(index)[seen - 1 if s >= seen > 0 else s]
        running[s] = norm.momentum * before + (1.0 - norm.momentum) * batch
    known = context.running.setdefault(norm.steps_seen, context.parameter(norm.steps_seen).copy())
    known[0] = max(float(int(known[0])), seen, s + 1)
