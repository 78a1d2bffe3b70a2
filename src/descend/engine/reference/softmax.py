"""Softmax over the last axis, or over segments of it: p_j = exp(x_j) / sum_k exp(x_k).

The largest x is taken away first.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Softmax


def softmax(x: Array) -> Array:
    """exp(x_j) / sum_k exp(x_k)."""
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def log_softmax(x: Array) -> Array:
    """x_j - log sum_k exp(x_k)."""
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def segments(groups: tuple[int, ...], x: Array) -> list[slice]:
    """Where each group lies on the last axis; without groups, all of it."""
    ends = np.cumsum(groups or (x.shape[-1],)).tolist()
    return [slice(first, last) for first, last in zip([0, *ends], ends, strict=False)]


def forward(op: Softmax, context: Context, x: Array) -> tuple[Array, Saved]:
    """p, of the shape of x."""
    p = np.concatenate([softmax(x[..., part]) for part in segments(op.groups, x)], axis=-1)
    return p, {"p": p}


def backward(op: Softmax, context: Context, saved: Saved, dp: Array) -> Array:
    """Dx = p (dp - sum_k dp_k p_k) in each group, which is the full Jacobian times dp."""
    p = saved["p"]
    dx = np.empty_like(p)
    for part in segments(op.groups, p):
        dx[..., part] = p[..., part] * (dp[..., part] - (dp * p)[..., part].sum(axis=-1, keepdims=True))
    return dx
