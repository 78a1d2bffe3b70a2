"""Pools: the largest number or the mean of the pixels that each window covers, channel by channel.

Pixels outside the image do not count. The gradient of a maximum goes to the first of the largest. A pool over all steps
of rows with lengths of their own is one over the steps that there are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context, Saved, steps_there
from descend.engine.reference.convolution import pixels, taps
from descend.plan.ops import Pool


def forward(op: Pool, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y; of a mean also how many pixels each window covers."""
    there = steps_there(context, x)
    if there is not None:
        return _forward_steps(op, x, there[..., None])
    image = pixels(x, op.window.image)
    y = np.full((len(x), *op.window.grid, x.shape[-1]), 0.0 if op.average else -np.inf)
    count = np.zeros(op.window.grid)
    for _, read, written in taps(op.window):
        count[written[1:]] += 1.0
        y[written] = y[written] + image[read] if op.average else np.maximum(y[written], image[read])
    shape = (len(x), *context.plan.values[op.output].shape)
    if op.average:
        return (y / count[..., None]).reshape(shape), {"count": count, "x": x}
    return y.reshape(shape), {"x": x}


def backward(op: Pool, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx."""
    x = saved["x"]
    there = steps_there(context, x)
    if there is not None:
        return _backward_steps(op, x, there[..., None], dy)
    slope = pixels(dy, op.window.grid)
    dx = np.zeros((len(x), *op.window.image, x.shape[-1]))
    if op.average:
        slope = slope / saved["count"][..., None]
        for _, read, written in taps(op.window):
            dx[read] += slope[written]
        return dx.reshape(x.shape)
    image = pixels(x, op.window.image)
    largest = pixels(forward(op, context, x)[0], op.window.grid)
    left = np.ones(largest.shape, dtype=bool)  # windows whose largest pixel is still to come
    for _, read, written in taps(op.window):
        here = left[written] & (image[read] == largest[written])
        dx[read] += np.where(here, slope[written], 0.0)
        left[written] &= ~here
    return dx.reshape(x.shape)


def _forward_steps(op: Pool, x: Array, there: NDArray[np.bool_]) -> tuple[Array, Saved]:
    """Y (rows, channels) of x (rows, steps, channels)."""
    if op.average:
        count = there.sum(axis=1)
        return np.where(there, x, 0.0).sum(axis=1) / count, {"count": count.astype(np.float64), "x": x}
    return np.where(there, x, -np.inf).max(axis=1), {"x": x}


def _backward_steps(op: Pool, x: Array, there: NDArray[np.bool_], dy: Array) -> Array:
    if op.average:
        return np.where(there, (dy / there.sum(axis=1))[:, None], 0.0)
    first = np.where(there, x, -np.inf).argmax(axis=1)[:, None]
    return np.where(np.arange(x.shape[1])[:, None] == first, dy[:, None], 0.0)
