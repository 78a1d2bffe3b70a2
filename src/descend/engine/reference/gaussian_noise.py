"""Gaussian noise: in training y = x + deviation z, with z standard normal and new for every step and element.

The z of element e = row * width + column is the quantile of the standard normal distribution at (b + 1/2) / 2^32,
where b is the element's random 32-bit number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import GaussianNoise


def forward(op: GaussianNoise, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y = x + noise; x itself in inference."""
    if not context.training:
        return x, {}
    bits = element_bits(context.key(op.stream), x.size).reshape(x.shape)
    noise = op.deviation * standard_normal(bits)
    return x + noise, {"noise": noise}


def backward(op: GaussianNoise, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy."""
    return dy


def standard_normal(bits: NDArray[np.uint32]) -> Array:
    """The quantile at (bits + 1/2) / 2^32, taken from the nearer end so that both tails are alike."""
    upper = bits >= np.uint32(2**31)
    tail = np.where(upper, ~bits, bits).astype(np.float64)
    z = ndtri((tail + 0.5) / 2**32)
    return np.where(upper, -z, z)
