"""Mix: in training row r of the input is mixed with row q of the batch, s x_r + (1 - s) x_q or feature by feature.

With b_0, b_1, ... the op's random 32-bit numbers and r counted from 0, s is number floor(b_2r QUANTILES / 2^32) of the
shares and q = floor(b_(2r + 1) rows / 2^32). By feature, element e = row * size + place is x_r's where its number in
another stream is below s 2^32.

Of an image, x_q's pixels are a rectangle of floor(H c) by floor(W c) pixels with c = sqrt(1 - s), or of W (1 - s) steps
of a sequence, H = 1. With c_e the numbers of the other stream, its top is floor(c_2r H / 2^32) less half its height,
and its left follows from c_(2r + 1); it is cut at the border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend.engine.mixing import shares
from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.erase import inside
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import Mix

#: What tells an op's second stream from its first.
SECOND = 2**63


def forward(op: Mix, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y = s x + (1 - s) x[q]; x itself in inference. Keeps s (rows,) and q (rows,), which the loss needs."""
    if not context.training:
        return x, {}
    rows = len(x)
    bits = element_bits(context.key(op.stream), 2 * rows).astype(np.uint64).reshape(rows, 2)
    table = shares(op.alpha)
    share = table[bits[:, 0] * np.uint64(len(table)) >> np.uint64(32)]
    partner = pick(bits[:, 1], rows)
    if not op.by_feature:
        s = across(share, x)
        return s * x + (1.0 - s) * x[partner], {"share": share, "partner": partner.astype(np.float64)}
    if op.image is not None:
        cut = _rectangles(op, context, op.image, share).reshape(*x.shape[:-1], 1)
        own = np.broadcast_to(~cut, x.shape)
    else:
        drawn = element_bits(context.key(op.stream ^ SECOND), x.size).reshape(x.shape)
        own = drawn < across(np.minimum(share * 2.0**32, 2.0**32 - 1).astype(np.uint32), x)
    kept = {
        "share": own.mean(axis=tuple(range(1, own.ndim))),
        "partner": partner.astype(np.float64),
        "own": own.astype(np.float64),
    }
    return np.where(own, x, x[partner]), kept


def backward(op: Mix, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = s dy + what the rows that took from x send back."""
    if not context.training:
        return dy
    partner = saved["partner"].astype(np.int64)
    own = saved["own"] if op.by_feature else across(saved["share"], dy)
    dx = own * dy
    np.add.at(dx, partner, (1.0 - own) * dy)
    return dx


def _rectangles(op: Mix, context: Context, image: tuple[int, int], share: Array) -> NDArray[np.bool_]:
    bits = element_bits(context.key(op.stream ^ SECOND), 2 * len(share)).reshape(len(share), 2)
    side = np.sqrt(1.0 - share)
    height = np.floor(image[0] * side) if image[0] > 1 else np.ones(len(share))
    width = np.floor(image[1] * (side if image[0] > 1 else 1.0 - share))
    top, left = (pick(bits[:, axis], image[axis]).astype(np.float64) for axis in (0, 1))
    return inside(image, top - np.floor(height / 2), left - np.floor(width / 2), height, width)


def across(each: NDArray, x: Array) -> NDArray:
    """A number for each row (rows,), in a shape that spreads it over the row's elements in x (rows, ...)."""
    return each.reshape(len(x), *(1,) * (x.ndim - 1))


def pick(bits: NDArray, count: int) -> NDArray[np.int64]:
    """For each 32-bit number b the number floor(b count / 2^32)."""
    return (bits.astype(np.uint64) * np.uint64(count) >> np.uint64(32)).astype(np.int64)
