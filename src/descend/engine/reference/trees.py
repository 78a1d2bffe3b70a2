"""Regression trees of a single column: where to cut it so that the pieces tell most about the target."""

from __future__ import annotations

import heapq

import numpy as np

from descend.engine.reference.context import Array

#: A leaf keeps this part of rows / leaves, or more.
LEAST_SHARE = 0.1


def split_points(x: Array, y: Array, leaves: int) -> Array:
    """The ends of the leaves of a tree, increasing: the least and the largest x, and the cuts between.

    The leaf is cut next whose best cut lowers the sum of squared distances from the leaves' means most, summed over the
    outputs of y; for one-hot rows that is the Gini impurity. Cuts lie halfway between different neighbours.

    Parameters
    ----------
    x : (rows,)
    y : (rows, outputs)
    leaves : at most
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    least = max(1, int(LEAST_SHARE * len(x) / leaves))
    cuts = [x[0], x[-1]]
    waiting: list[tuple[float, int, int, int]] = []  # (-gain, first row, cut before this row, last row + 1)
    _offer(waiting, x, y, 0, len(x), least)
    while waiting and len(cuts) < leaves + 1:
        _, first, middle, last = heapq.heappop(waiting)
        cuts.append((x[middle - 1] + x[middle]) / 2.0)
        _offer(waiting, x, y, first, middle, least)
        _offer(waiting, x, y, middle, last, least)
    return np.sort(np.array(cuts))


def _offer(waiting: list[tuple[float, int, int, int]], x: Array, y: Array, first: int, last: int, least: int) -> None:
    """Add the best cut of the rows [first, last), when there is one that gains something."""
    rows = last - first
    if rows < 2 * least:
        return
    left = np.cumsum(y[first:last] - y[first:last].mean(axis=0), axis=0)[:-1]  # sums before each possible cut
    counts = np.arange(1, rows)
    gain = (left * left).sum(axis=1) * (1.0 / counts + 1.0 / (rows - counts))
    possible = (x[first + 1 : last] > x[first : last - 1]) & (counts >= least) & (rows - counts >= least)
    gain = np.where(possible, gain, 0.0)
    best = int(gain.argmax())
    if gain[best] > 1e-12 * max(1.0, float((y[first:last] ** 2).sum())):
        heapq.heappush(waiting, (-float(gain[best]), first, first + best + 1, last))
