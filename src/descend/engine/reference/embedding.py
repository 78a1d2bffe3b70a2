"""Embedding: y = W[v] (rows, columns, units) with v_i = offset_i + x_i for a row's categories x_i, W (levels, units).

Or y (rows, columns * units + others): these vectors side by side, and then the other columns of x.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Embedding


def forward(op: Embedding, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y, the vectors of the categories and the other columns as they are."""
    vectors = context.parameter(op.weight)[_categories(op, x)]  # (rows, columns, units)
    if len(context.plan.values[op.output].shape) > 1:
        return vectors, {"x": x}
    return np.hstack([vectors.reshape(len(x), math.prod(vectors.shape[1:])), np.delete(x, op.columns, axis=1)]), {
        "x": x
    }


def backward(op: Embedding, context: Context, saved: Saved, dy: Array) -> Array:
    """DW[v] = the sum of the gradients of the vectors that are W[v]; dx, which is 0 for categories."""
    x, dw = saved["x"], np.zeros_like(context.parameter(op.weight))
    dy = dy.reshape(len(x), math.prod(dy.shape[1:]))
    width = len(op.columns) * dw.shape[1]
    np.add.at(dw, _categories(op, x), dy[:, :width].reshape(len(x), len(op.columns), dw.shape[1]))
    context.add_gradient(op.weight, dw)
    dx = np.zeros_like(x)
    dx[:, [c for c in range(x.shape[1]) if c not in op.columns]] = dy[:, width:]
    return dx


def _categories(op: Embedding, x: Array) -> NDArray[np.int64]:
    """Rows of the weight (rows, columns)."""
    return x[:, op.columns].astype(np.int64) + np.asarray(op.offsets)
