"""Softmax over the last axis: p_j = exp(x_j) / sum_k exp(x_k), with the largest x taken away first."""

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


def forward(op: Softmax, context: Context, x: Array) -> tuple[Array, Saved]:
    """p, of the shape of x."""
    p = softmax(x)
    return p, {"p": p}


def backward(op: Softmax, context: Context, saved: Saved, dp: Array) -> Array:
    """Dx = p (dp - sum_k dp_k p_k), which is the full Jacobian times dp."""
    p = saved["p"]
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))
