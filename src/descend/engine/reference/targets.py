"""What training does to targets: label noise, and mixing where an op has mixed the rows.

With b_e the random 32-bit numbers of the loss and t = floor(p 2^32): the class of row (or position) r is replaced where
b_r < t by class floor(b_r classes / t); label e = r * outputs + column where b_e < t by the lower one if
b_e < floor(t / 2), else by 1; a number gets `label_noise` times the normal number of b_e.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.engine.reference.gaussian_noise import standard_normal
from descend.engine.reference.mix import across
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import Loss

#: Of the label noise; the streams of a plan's ops count up from 0.
STREAM = 2**64 - 2


def in_training(loss: Loss, context: Context, y: NDArray, outputs: int, mixed: Saved | None) -> NDArray:
    """The targets as the loss sees them in training: y itself, or (rows, ..., outputs) numbers.

    Parameters
    ----------
    y : (rows, ..., outputs) numbers or (rows, ...) classes
    outputs : how many
    mixed : what the op that mixed the rows has kept, or None
    """
    if not loss.label_noise and mixed is None:
        return y
    target = np.eye(outputs)[y] if loss.target == "index" else np.asarray(y, dtype=np.float64)
    if loss.label_noise:
        target = _noisy(loss, context, lines(target)).reshape(target.shape)
    if mixed is None:
        return target
    share, partner = across(mixed["share"], target), mixed["partner"].astype(np.int64)
    return share * target + (1.0 - share) * target[partner]


def _noisy(loss: Loss, context: Context, target: Array) -> Array:
    rows, outputs = target.shape
    if loss.kind == "cce":
        bits = element_bits(context.key(STREAM), rows).astype(np.uint64)
        all_ = int(loss.label_noise * 2**32)
        drawn = bits * np.uint64(outputs) // np.uint64(max(all_, 1))
        replaced = bits < all_
        return np.where(replaced[:, None], np.eye(outputs)[np.where(replaced, drawn, 0).astype(np.int64)], target)
    bits = element_bits(context.key(STREAM), target.size).reshape(target.shape)
    if loss.kind in ("bce", "hinge"):
        all_ = int(loss.label_noise * 2**32)
        low = -1.0 if loss.kind == "hinge" else 0.0
        return np.where(bits < all_, np.where(bits < all_ // 2, low, 1.0), target)
    return target + loss.label_noise * standard_normal(bits)
