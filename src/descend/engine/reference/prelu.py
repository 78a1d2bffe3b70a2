"""PReLU: x where x > 0, otherwise slope * x, with slope (features,) and x (rows, ..., features)."""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.plan.ops import PReLU


def forward(op: PReLU, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y, of the shape of x."""
    return np.where(x > 0, x, context.parameter(op.slope) * x), {"x": x}


def backward(op: PReLU, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy or slope dy; dslope (features,) = sum over rows and positions of dy x where x <= 0."""
    x = saved["x"]
    context.add_gradient(op.slope, lines(np.where(x > 0, 0.0, dy * x)).sum(axis=0))
    return np.where(x > 0, dy, context.parameter(op.slope) * dy)
