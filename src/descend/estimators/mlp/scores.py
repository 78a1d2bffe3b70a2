"""Validation scores as scikit-learn's metrics define them, without their checks: they run once per epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def accuracy(right: NDArray[np.bool_], weight: NDArray | None) -> float:
    """Weighted share of the rows that are right (rows,)."""
    return float(np.average(right, weights=weight))


def r2(y: NDArray, p: NDArray, weight: NDArray | None) -> float:
    """Mean over outputs of 1 - sum w (y - p)^2 / sum w (y - mean y)^2; NaN when a prediction is not finite.

    An output that does not vary has 1 when it is predicted exactly and 0 otherwise.

    Parameters
    ----------
    y, p : (rows, outputs)
    weight : (rows,), or None for ones
    """
    if not np.isfinite(p).all():
        return np.nan
    y, p = y.astype(np.float64), p.astype(np.float64)
    w = np.ones((len(y), 1)) if weight is None else weight[:, None].astype(np.float64)
    left = (w * (y - p) ** 2).sum(axis=0)
    total = (w * (y - np.average(y, axis=0, weights=w[:, 0])) ** 2).sum(axis=0)
    varies = total != 0
    share = np.divide(left, total, out=(left != 0).astype(np.float64), where=varies)
    return float((1.0 - share).mean())
