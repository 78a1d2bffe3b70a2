"""DropConnect: in training a weight is multiplied by a mask of 0 and 1 / (1 - rate), the same for all rows of a step.

Number e of the parameter, counted in C order, is kept where its random 32-bit number is at least floor(rate * 2^32).
"""

from __future__ import annotations

import math

import numpy as np

from descend.engine.reference.context import Array, Context
from descend.engine.reference.random_numbers import element_bits, stream_key
from descend.plan.ops import DropConnect


def mask(drop: DropConnect | None, context: Context, shape: tuple[int, ...]) -> Array | None:
    """What the weight of this shape is multiplied by; None where nothing is left out."""
    if drop is None or not context.training:
        return None
    # Of the update, whatever the number of batches in it.
    bits = element_bits(stream_key(context.seed, context.step, drop.stream), math.prod(shape)).reshape(shape)
    return np.where(bits >= np.uint32(drop.rate * 2**32), 1.0 / (1.0 - drop.rate), 0.0)
