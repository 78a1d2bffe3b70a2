"""Gaussian noise: in training y = x + deviation z, with z standard normal and new for every step and element.

The z of a column in rows 2 i and 2 i + 1 are the pair of `normal_pair`, from the random number of the element
i * width + column. Where elements have places in no table (labels, gradients) z is the quantile of `standard_normal`.
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
    width = x.shape[-1]
    lines = x.size // max(width, 1)
    bits = element_bits(context.key(op.stream), (lines + 1) // 2 * width).reshape(-1, width)
    noise = op.deviation * np.stack(normal_pair(bits), axis=1).reshape(-1, width)[:lines].reshape(x.shape)
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


def normal_pair(bits: NDArray[np.uint32]) -> tuple[Array, Array]:
    """Two independent standard normal numbers for each random one: sqrt(-2 log u) times the cosine and sine of 2 pi v.

    u is (k + 1/2) / 2^23 with k the upper 23 bits. v lies between -1/4 and 3/4: its half turn is the upper bit of
    the bits times an odd number near 2^32 / golden ratio, what is beyond it the other bits. Box and Muller, "A note on
    the generation of random normal deviates", 1958.
    """
    radius = np.sqrt(-2 * np.log(((bits >> np.uint32(9)) + 0.5) / 2**23))
    direction = bits * np.uint32(0x9E3779B1)
    half_turn = direction >> np.uint32(31)
    beyond = (direction << np.uint32(1)).astype(np.int32) / 2**32  # in half turns, from -1/2 to 1/2
    angle = np.pi * (half_turn + beyond)
    return radius * np.cos(angle), radius * np.sin(angle)
