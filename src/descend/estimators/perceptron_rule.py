"""The perceptron's rule over one epoch: rows one after the other, weights changed at every mistake."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Fewest and most rows whose scores are computed at once.
_FEWEST, _MOST = 8, 2048


def perceptron_epoch(
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    b: NDArray[np.float64] | None,
    eta: float,
    order: NDArray[np.uint32],
) -> int:
    """Present every row once and return the number of mistakes.

    A row's prediction is 1 if x . w + b >= 0, else 0; on a mistake w += eta (y - prediction) x and
    b += eta (y - prediction).

    Parameters
    ----------
    X : (rows, features), C order
    y : (rows,) of 0 and 1
    w : (features,), changed in place
    b : (1,), changed in place; None for no intercept
    eta : the step
    order : (rows,) in which the rows come
    """
    mistakes, start, block = 0, 0, 64
    while start < len(order):
        # Scores stay right up to the first mistake, so a block of them is computed with one product.
        rows = order[start : start + block]
        scores = X[rows] @ w
        if b is not None:
            scores += b[0]
        wrong = np.flatnonzero((scores >= 0) != (y[rows] > 0))
        if not len(wrong):
            start, block = start + len(rows), min(2 * block, _MOST)
            continue
        first = int(wrong[0])
        row = rows[first]
        step = eta if y[row] > 0 else -eta
        w += step * X[row]
        if b is not None:
            b += step
        mistakes += 1
        start += first + 1
        block = max(_FEWEST, min(block, 2 * first + 2))
    return mistakes
