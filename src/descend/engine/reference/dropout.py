"""Dropout: in training each element is zeroed with probability `rate` and otherwise divided by 1 - rate.

Element e = row * width + column is kept where its random 32-bit number is at least floor(rate * 2^32); when whole
channels are dropped, all positions of a row share the mask of one.
"""

from __future__ import annotations

import math

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import Dropout


def forward(op: Dropout, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y = x mask, with mask 0 or 1 / (1 - rate); x itself in inference."""
    if not context.training:
        return x, {}
    shape = (len(x), *(1,) * (x.ndim - 2), x.shape[-1]) if op.whole else x.shape
    bits = element_bits(context.key(op.stream), math.prod(shape)).reshape(shape)
    mask = np.where(bits >= np.uint32(op.rate * 2**32), 1.0 / (1.0 - op.rate), 0.0)
    return x * mask, {"mask": mask}


def backward(op: Dropout, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy mask."""
    return dy * saved["mask"] if context.training else dy
