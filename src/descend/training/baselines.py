"""The training loss of a network that knows nothing: what a diagnosis measures losses against. Trains nothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from descend.plan import ops


def constant_loss(loss: ops.Loss, y: NDArray, weight: NDArray | None) -> float | None:
    """Return the loss of the best constant prediction, penalties left out; None where there is no formula for it.

    Parameters
    ----------
    loss : its smoothing and noise belong to the targets
    y : (rows, outputs) numbers or (rows,) classes
    weight : (rows,), or None for ones
    """
    kind = loss.kind
    if loss.groups:
        return None
    if kind == "cce":
        share = _shares(loss, y, weight)
        return _finite(loss.scale * _entropy(_seen(loss, share, len(share))))
    if kind == "bce":
        share = _seen(loss, _mean(y, weight), 2)
        return _finite(loss.scale * (_entropy(share) + _entropy(1 - share)) / len(share))
    if kind in ("mse", "rmse"):
        variance = float(_mean(np.square(y.astype(np.float64) - _mean(y, weight)), weight).mean())
        variance += loss.label_noise**2
        return _finite(loss.scale * (variance if kind == "mse" else math.sqrt(variance)))
    if kind == "mae" and weight is None and not loss.label_noise:
        return _finite(loss.scale * float(np.abs(y - np.median(y, axis=0)).mean()))
    return None


def _shares(loss: ops.Loss, y: NDArray, weight: NDArray | None) -> NDArray[np.float64]:
    """Of the rows' weight in each class, those that occur."""
    if loss.target != "index":
        return _mean(y, weight)
    share = np.bincount(y, weight, minlength=1).astype(np.float64)
    return share / max(share.sum(), 1e-300)


def _seen(loss: ops.Loss, share: NDArray[np.float64], classes: int) -> NDArray[np.float64]:
    """The shares of classes that were replaced and smoothed."""
    for even in (loss.label_noise, loss.label_smoothing):
        share = share * (1 - even) + even / classes
    return share


def _entropy(share: NDArray[np.float64]) -> float:
    return -float(np.sum(share * np.log(np.maximum(share, 1e-300))))


def _mean(y: NDArray, weight: NDArray | None) -> NDArray[np.float64]:
    """Over the rows; with weights that are all 0 as without."""
    usable = weight if weight is not None and weight.sum() > 0 else None
    return np.average(y.astype(np.float64), axis=0, weights=usable)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
