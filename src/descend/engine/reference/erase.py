"""Erase: in training a random rectangle of an image becomes a constant.

Row r draws u_k = b_(5 r + k) / 2^32 in [0, 1) for k from 0 to 4, with b_e the op's random 32-bit numbers. It loses a
rectangle where u_0 < rate. A rectangle of fixed size (h, w) has its top at floor(u_3 H) - floor(h / 2), and its left
likewise by u_4. Otherwise its area is a = scale_0 + (scale_1 - scale_0) u_1 of the image, its ratio of height to width
q = exp(log ratio_0 + (log ratio_1 - log ratio_0) u_2), its sides round(sqrt(a H W q)) and round(sqrt(a H W / q)), at
most the image's, and its top floor(u_3 (H - h + 1)).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import Erase

DRAWS = 5


def forward(op: Erase, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y; x itself in inference. Keeps which elements stay."""
    if not context.training:
        return x, {}
    stays = ~_rectangles(op, context, len(x)).reshape(*x.shape[:-1], 1)
    return np.where(stays, x, op.fill_value), {"stays": stays.astype(np.float64)}


def backward(op: Erase, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy where nothing was erased, else 0."""
    return dy * saved["stays"] if context.training else dy


def inside(image: tuple[int, int], top: Array, left: Array, height: Array, width: Array) -> NDArray[np.bool_]:
    """Which pixels lie in the rectangle of each row (rows, image height, image width)."""
    y, x = np.arange(image[0])[:, None], np.arange(image[1])
    t, lf, h, w = (part[:, None, None] for part in (top, left, height, width))
    return (y >= t) & (y < t + h) & (x >= lf) & (x < lf + w)


def _rectangles(op: Erase, context: Context, rows: int) -> NDArray[np.bool_]:
    u = element_bits(context.key(op.stream), DRAWS * rows).reshape(rows, DRAWS) / 2.0**32
    height, width = op.image
    if op.size is not None:
        h, w = (np.full(rows, float(n)) for n in op.size)
        top, left = np.floor(u[:, 3] * height) - op.size[0] // 2, np.floor(u[:, 4] * width) - op.size[1] // 2
    else:
        area = (op.scale[0] + (op.scale[1] - op.scale[0]) * u[:, 1]) * (height * width)
        low, high = math.log(op.ratio[0]), math.log(op.ratio[1])
        ratio = np.exp(low + (high - low) * u[:, 2])
        h = np.minimum(np.floor(np.sqrt(area * ratio) + 0.5), height)
        w = np.minimum(np.floor(np.sqrt(area / ratio) + 0.5), width)
        top, left = np.floor(u[:, 3] * (height - h + 1.0)), np.floor(u[:, 4] * (width - w + 1.0))
    return inside(op.image, top, left, h, w) & (u[:, 0] < op.rate)[:, None, None]
