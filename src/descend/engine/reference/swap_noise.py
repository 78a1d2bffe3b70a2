"""Swap noise: in training an element is replaced, at `rate`, by the same feature of a row drawn from the batch.

Element e = row * size + place is replaced where its random 32-bit number is below floor(rate * 2^32); the row is
floor(c rows / 2^32) with c its number in another stream.
"""

from __future__ import annotations

import math

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.mix import SECOND, across, pick
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import SwapNoise


def forward(op: SwapNoise, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y = x[source], with `source`, of x's shape, the row that each element comes from; x itself in inference."""
    if not context.training:
        return x, {}
    replaced = element_bits(context.key(op.stream), x.size).reshape(x.shape) < np.uint32(op.rate * 2**32)
    drawn = pick(element_bits(context.key(op.stream ^ SECOND), x.size), len(x)).reshape(x.shape)
    source = np.where(replaced, drawn, across(np.arange(len(x)), x))
    return np.take_along_axis(x, source, axis=0), {"source": source.astype(np.float64)}


def backward(op: SwapNoise, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx: each element's gradient goes where it came from."""
    if not context.training:
        return dy
    flat = dy.reshape(len(dy), math.prod(dy.shape[1:]))
    dx, source = np.zeros_like(flat), saved["source"].astype(np.int64).reshape(flat.shape)
    np.add.at(dx, (source, np.arange(flat.shape[1])), flat)
    return dx.reshape(dy.shape)
