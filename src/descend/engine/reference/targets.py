"""What training does to targets: label noise, and mixing where an op has mixed the rows.

With b_e the random 32-bit numbers of the loss and t = floor(p 2^32): the class of row (or position) r is replaced where
b_r < t by class floor(b_r classes / t), with groups of classes each group's on its own by b_(r groups + group); label
e = r * outputs + column where b_e < t by the lower one if b_e < floor(t / 2), else by 1; a number gets `label_noise`
times the normal number of b_e.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.engine.reference.gaussian_noise import standard_normal
from descend.engine.reference.mix import across
from descend.engine.reference.random_numbers import element_bits
from descend.engine.reference.softmax import segments
from descend.plan.ops import Loss

#: Of the label noise; the streams of a plan's ops count up from 0.
STREAM = 2**64 - 2


def in_training(loss: Loss, context: Context, y: NDArray, outputs: int, mixed: Saved | None) -> tuple[Loss, NDArray]:
    """The targets as the loss sees them in training, and the loss that takes them: both as they were, or numbers.

    Parameters
    ----------
    y : (rows, ..., outputs) numbers, or (rows, ...) classes, (rows, ..., groups) where there are groups
    outputs : how many
    mixed : what the op that mixed the rows has kept, or None

    Returns
    -------
    the loss for a target of numbers, and y (rows, ..., outputs)
    """
    if not loss.label_noise and mixed is None:
        return loss, y
    target = as_numbers(loss, y, outputs)
    if loss.label_noise:
        target = _noisy(loss, context, lines(target)).reshape(target.shape)
    if mixed is not None:
        share, partner = across(mixed["share"], target), mixed["partner"].astype(np.int64)
        target = share * target + (1.0 - share) * target[partner]
    return replace(loss, target="dense"), target


def as_numbers(loss: Loss, y: NDArray, outputs: int) -> Array:
    """The target as (rows, ..., outputs) numbers."""
    if loss.target == "dense":
        return np.asarray(y, dtype=np.float64)
    if not loss.groups:
        return np.eye(outputs)[y]
    return np.concatenate([np.eye(size)[y[..., group]] for group, size in enumerate(loss.groups)], axis=-1)


def _noisy(loss: Loss, context: Context, target: Array) -> Array:
    rows = len(target)
    if loss.kind == "cce":
        parts = segments(loss.groups, target)
        bits = element_bits(context.key(STREAM), rows * len(parts)).reshape(rows, len(parts))
        noisy = [_replaced(loss, each, target[:, part]) for each, part in zip(bits.T, parts, strict=True)]
        return np.concatenate(noisy, axis=1)
    bits = element_bits(context.key(STREAM), target.size).reshape(target.shape)
    if loss.kind in ("bce", "hinge"):
        all_ = int(loss.label_noise * 2**32)
        low = -1.0 if loss.kind == "hinge" else 0.0
        return np.where(bits < all_, np.where(bits < all_ // 2, low, 1.0), target)
    return target + loss.label_noise * standard_normal(bits)


def _replaced(loss: Loss, bits: NDArray, target: Array) -> Array:
    """One of several classes (rows, classes), where its number in `bits` (rows,) says so another."""
    classes, all_ = target.shape[1], int(loss.label_noise * 2**32)
    drawn = bits.astype(np.uint64) * np.uint64(classes) // np.uint64(max(all_, 1))
    replaced = bits < all_
    return np.where(replaced[:, None], np.eye(classes)[np.where(replaced, drawn, 0).astype(np.int64)], target)
