"""Losses: the weighted mean over rows of a row's loss, and its gradient with respect to the value it starts from.

With y (rows, outputs) the target and p (rows, outputs) the prediction, each loss gives every row's loss (rows,) and
that loss's gradient (rows, outputs). With axes between, every position counts as such a row, and the row's loss is
the mean over them. At a kink the gradient is 0. Where a loss absorbs a link, p = link(z) and the
gradient is with respect to z.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.activation import sigmoid
from descend.engine.reference.context import Array
from descend.engine.reference.softmax import log_softmax, segments, softmax
from descend.engine.reference.targets import as_numbers
from descend.plan.ops import Loss

#: Probabilities are kept this far from 0 and 1 where a logarithm is taken of them.
CLIP = 1e-7

RowLoss = Callable[[Loss, Array, Array], tuple[Array, Array]]


def value_and_gradient(
    loss: Loss,
    z: Array,
    y: NDArray,
    weight: Array | None,
    lengths: NDArray[np.int32] | None = None,
    total: float | None = None,
) -> tuple[float, Array]:
    """The batch loss and its gradient.

    Parameters
    ----------
    z : (rows, ..., outputs), what the loss starts from
    y : (rows, ..., outputs) numbers or (rows, ...) classes, as `loss.target` says; (rows, ..., groups) where there are
        groups of classes
    weight : (rows,), or None for ones
    lengths : (rows,) how many positions of each row count, or None for all
    total : what the weighted sum is divided by; None for the sum of the weights

    Returns
    -------
    the loss, 0 when all weights are 0, and its gradient, of the shape of z
    """
    if z.ndim > 2:
        positions = math.prod(z.shape[1:-1])
        flat = y.reshape(-1, y.shape[-1]) if y.ndim == z.ndim else y.reshape(-1)
        each = np.repeat(np.ones(len(z)) if weight is None else weight, positions).reshape(-1, positions)
        mass = None if total is None else total * positions
        if lengths is not None:  # so that every row counts as much as without them
            each = each * (np.arange(positions) < lengths[:, None]) / lengths[:, None]
            mass = total
        value, gradient = value_and_gradient(loss, z.reshape(-1, z.shape[-1]), flat, each.ravel(), total=mass)
        return value, gradient.reshape(z.shape)
    target = _dense_target(loss, y, z)
    rows, gradient = _row_losses(loss, z, target)
    weight = np.ones(len(z)) if weight is None else weight
    mass = float(weight.sum()) if total is None else total
    if mass == 0:
        return 0.0, np.zeros_like(z)
    share = weight / mass
    value = float((share * rows).sum())
    gradient = loss.scale * share[:, None] * gradient
    if loss.kind != "rmse":
        return loss.scale * value, gradient
    root = float(np.sqrt(value))
    return loss.scale * root, gradient / (2.0 * root) if root > 0 else np.zeros_like(z)


def _row_losses(loss: Loss, z: Array, y: Array) -> tuple[Array, Array]:
    """Every row's loss and its gradient; with groups of classes the mean over the groups."""
    function = ROW_LOSSES[loss.kind, loss.link]
    if not loss.groups:
        return function(loss, z, y)
    parts = [function(loss, z[:, part], y[:, part]) for part in segments(loss.groups, z)]
    rows = np.mean([rows for rows, _ in parts], axis=0)
    return rows, np.concatenate([gradient for _, gradient in parts], axis=1) / len(parts)


def _dense_target(loss: Loss, y: NDArray, z: Array) -> Array:
    """The target as (rows, outputs) numbers, label smoothing applied, of each group of classes on its own."""
    target, s = as_numbers(loss, y, z.shape[1]), loss.label_smoothing
    if s == 0:
        return target
    classes = np.repeat(loss.groups, loss.groups) if loss.groups else z.shape[1]
    return target * (1.0 - s) + (s / 2.0 if loss.kind == "bce" else s / classes)


def mse(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """Mean over outputs of (p - y)^2; rmse takes the root over the whole batch."""
    e = p - y
    return (e * e).mean(axis=1), 2.0 * e / e.shape[1]


def mae(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """Mean over outputs of |p - y|."""
    e = p - y
    return np.abs(e).mean(axis=1), np.sign(e) / e.shape[1]


def huber(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """Mean over outputs of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), with e = p - y."""
    e, delta = p - y, loss.parameter
    size = np.abs(e)
    value = np.where(size <= delta, 0.5 * e * e, delta * (size - 0.5 * delta))
    return value.mean(axis=1), np.clip(e, -delta, delta) / e.shape[1]


def pinball(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """Mean over outputs of max(q e, (q - 1) e), with e = y - p."""
    e, q = y - p, loss.parameter
    slope = np.where(e > 0, -q, np.where(e < 0, 1.0 - q, 0.0))
    return np.maximum(q * e, (q - 1.0) * e).mean(axis=1), slope / e.shape[1]


def hinge(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """Mean over outputs of max(0, 1 - y p)."""
    margin = 1.0 - y * p
    return np.maximum(margin, 0.0).mean(axis=1), np.where(margin > 0, -y, 0.0) / p.shape[1]


def bce(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """Mean over outputs of -(y log p + (1 - y) log(1 - p)), with p clipped; no gradient where it is."""
    c, inside = _clip(p)
    value = np.minimum(-(y * np.log(c) + (1.0 - y) * np.log1p(-c)), loss.ceiling)
    slope = np.where(inside, (c - y) / (c * (1.0 - c)), 0.0)
    return value.mean(axis=1), slope / p.shape[1]


def bce_from_logits(loss: Loss, z: Array, y: Array) -> tuple[Array, Array]:
    """max(z, 0) - y z + log(1 + exp(-|z|)), which is -(y log p + (1 - y) log(1 - p)) for p = sigmoid(z)."""
    value = np.minimum(np.maximum(z, 0.0) - y * z + np.log1p(np.exp(-np.abs(z))), loss.ceiling)
    return value.mean(axis=1), (sigmoid(z) - y) / z.shape[1]


def cce(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """-sum_j y_j log p_j, with p clipped; no gradient where it is."""
    c, inside = _clip(p)
    return np.minimum(-(y * np.log(c)).sum(axis=1), loss.ceiling), np.where(inside, -y / c, 0.0)


def cce_from_logits(loss: Loss, z: Array, y: Array) -> tuple[Array, Array]:
    """-sum_j y_j log softmax(z)_j; the gradient is softmax(z) - y when a row of y sums to 1."""
    value = np.minimum(-(y * log_softmax(z)).sum(axis=1), loss.ceiling)
    return value, softmax(z) * y.sum(axis=1, keepdims=True) - y


def poisson(loss: Loss, p: Array, y: Array) -> tuple[Array, Array]:
    """Mean over outputs of p - y log max(p, CLIP); the logarithm has no gradient where it is clipped."""
    c = np.maximum(p, CLIP)
    return (p - y * np.log(c)).mean(axis=1), np.where(p > CLIP, 1.0 - y / c, 1.0) / p.shape[1]


def poisson_from_logarithms(loss: Loss, z: Array, y: Array) -> tuple[Array, Array]:
    """exp(z) - y z."""
    with np.errstate(over="ignore"):
        p = np.exp(z)
    return (p - y * z).mean(axis=1), (p - y) / z.shape[1]


def _clip(p: Array) -> tuple[Array, NDArray[np.bool_]]:
    return np.clip(p, CLIP, 1.0 - CLIP), (p > CLIP) & (p < 1.0 - CLIP)


#: By (kind, link) of a plan's Loss.
ROW_LOSSES: dict[tuple[str, str], RowLoss] = {
    ("mse", "identity"): mse,
    ("rmse", "identity"): mse,
    ("mae", "identity"): mae,
    ("huber", "identity"): huber,
    ("pinball", "identity"): pinball,
    ("hinge", "identity"): hinge,
    ("bce", "identity"): bce,
    ("bce", "sigmoid"): bce_from_logits,
    ("cce", "identity"): cce,
    ("cce", "softmax"): cce_from_logits,
    ("poisson", "identity"): poisson,
    ("poisson", "exponential"): poisson_from_logarithms,
}
