"""Epochs that are trained in several calls of the engine, with the same bits as in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from descend.engine.protocol import Progress


class RunningLoss:
    """The mean loss of the rows done, added up in the engine's own order: loss, then penalty, step by step."""

    def __init__(self) -> None:
        self.total = self.mass = 0.0

    def add(self, part: Progress, masses: Sequence[float]) -> None:
        """Take what the next call did; `masses` are the sums of the weights of its steps' rows."""
        for loss, penalty, mass in zip(part.losses.tolist(), part.penalties.tolist(), masses, strict=True):
            self.total += loss * mass
            self.total += penalty * mass
            self.mass += mass

    @property
    def mean(self) -> float:
        """The mean so far."""
        return self.total / self.mass if self.mass else 0.0


def masses(weight: NDArray | None, rows: NDArray[np.uint32], batch_size: int) -> list[float]:
    """Return the sum of the weights of each step's rows, added up one by one as the engine does.

    Parameters
    ----------
    weight : (all rows,), or None for ones
    rows : those visited, in order
    batch_size : of each step but the last
    """
    parts = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    if weight is None:
        return [float(len(part)) for part in parts]
    return [float(np.cumsum(weight[part].astype(np.float64))[-1]) for part in parts]


def joined(
    parts: Sequence[Progress],
    loss: float,
    status: Literal["done", "stopped", "interrupted", "deadline", "diverged"],
) -> Progress:
    """Return several calls as one, whose mean loss is `loss`."""
    empty = np.empty(0)
    return Progress(
        loss,
        sum(part.rows for part in parts),
        sum(part.steps for part in parts),
        status,
        np.concatenate([empty, *(part.losses for part in parts)]),
        np.concatenate([empty, *(part.penalties for part in parts)]),
    )
