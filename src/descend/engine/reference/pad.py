"""Padding: x (rows, ..., channels) with zeros around its image."""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.convolution import pixels
from descend.plan.ops import Pad


def forward(op: Pad, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y."""
    y = np.zeros((len(x), *op.window.grid, x.shape[-1]))
    y[_inside(op)] = pixels(x, op.window.image)
    return y.reshape(len(x), *context.plan.values[op.output].shape), {"x": x}


def backward(op: Pad, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx, what comes from inside."""
    return pixels(dy, op.window.grid)[_inside(op)].reshape(saved["x"].shape)


def _inside(op: Pad) -> tuple[slice, ...]:
    places = zip(op.window.before, op.window.image, strict=True)
    return (slice(None), *(slice(before, before + size) for before, size in places))
