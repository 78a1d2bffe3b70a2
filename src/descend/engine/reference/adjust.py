"""Adjust: in training y = m + s (x - m) + d, cut to limits, with m a channel's mean over its positions or 0.

Row r draws s by the number r * channels + channel of the op's stream, or by number r for all channels, and d by number
r of a second stream: low + (high - low) b / 2^32 with b the random 32-bit number.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.mix import SECOND, across
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import Adjust, Range


def forward(op: Adjust, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y; x itself in inference. Keeps s and which elements were not cut."""
    if not context.training:
        return x, {}
    rows, channels = len(x), x.shape[-1]
    if op.by_channel:
        bits = element_bits(context.key(op.stream), rows * channels)
        scale = _drawn(op.scale, bits).reshape(rows, *(1,) * (x.ndim - 2), channels)
    else:
        scale = across(_drawn(op.scale, element_bits(context.key(op.stream), rows)), x)
    shift = across(_drawn(op.shift, element_bits(context.key(op.stream ^ SECOND), rows)), x)
    middle = x.mean(axis=tuple(range(1, x.ndim - 1)), keepdims=True) if op.about_mean else 0.0
    y = middle + scale * (x - middle) + shift
    kept = (y >= op.limits[0]) & (y <= op.limits[1])
    return np.clip(y, *op.limits), {"scale": scale, "kept": kept.astype(np.float64)}


def backward(op: Adjust, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = s g, and (1 - s) times the mean of g with a mean of x; g is dy where nothing was cut, else 0."""
    if not context.training:
        return dy
    slope, scale = dy * saved["kept"], saved["scale"]
    if not op.about_mean:
        return scale * slope
    return scale * slope + (1.0 - scale) * slope.mean(axis=tuple(range(1, dy.ndim - 1)), keepdims=True)


def _drawn(bounds: Range, bits: np.ndarray) -> Array:
    return bounds[0] + (bounds[1] - bounds[0]) * (bits / 2.0**32)
