"""The numbers that say how long and in which steps to train, checked once."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.engine.protocol import Batch

#: More threads than any machine has cores for; beyond it an operating system may refuse to make them.
MAX_THREADS = 1024


@dataclass(frozen=True)
class Settings:
    """How a call of `Network.fit` trains; see there for the meaning of each.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was expected and what came.
    """

    epochs: int | None
    batch_size: int | None
    shuffle: bool
    tol: float | None
    n_iter_no_change: int
    time_budget: float | None
    restore_best: bool
    threads: int | None
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.epochs is not None:
            _integer("epochs", self.epochs, 1)
        _integer("n_iter_no_change", self.n_iter_no_change, 1)
        if self.batch_size is not None:
            _integer("batch_size", self.batch_size, 1, "; None takes all rows at once")
        _integer("accumulate", self.accumulate, 1, "; 1 updates after every batch")
        if self.accumulate > 1 and self.batch_size is None:
            raise ValueError(
                f"accumulate={self.accumulate} adds up the gradients of batches, but batch_size=None takes all rows at "
                "once; pass a batch_size, or accumulate=1"
            )
        if self.threads is not None:
            _integer("threads", self.threads, 1, "; None lets the engine choose")
            if self.threads > MAX_THREADS:
                raise ValueError(f"threads must be <= {MAX_THREADS}, got {self.threads}; None lets the engine choose")
        if self.tol is not None:
            _number("tol", self.tol, "; None never stops because the loss stays the same")
            if self.tol < 0:
                raise ValueError(f"tol must be >= 0, got {self.tol!r}")
        if self.time_budget is not None:
            _number("time_budget", self.time_budget, "; give seconds")
            if self.time_budget <= 0:
                raise ValueError(f"time_budget must be > 0 seconds, got {self.time_budget!r}")
        for name in ("shuffle", "restore_best"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")


def _integer(name: str, value: object, low: int, remedy: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}){remedy}")
    if value < low:
        raise ValueError(f"{name} must be >= {low}, got {value}{remedy}")


def _number(name: str, value: object, remedy: str) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise TypeError(f"{name} must be a finite number, got {value!r}{remedy}")


@dataclass(frozen=True)
class Rows:
    """The data of one call of `fit`.

    Attributes
    ----------
    batch : all rows given
    subset : (rows,) uint32 indices into `batch` of those to train on; None for all
    labels : y of the training rows as metrics take it, (rows,) or (rows, outputs)
    weight : their weights, (rows,) or None, without class weights
    validation : the rows to validate on, or None
    validation_labels : likewise, or None
    """

    batch: Batch
    subset: NDArray[np.uint32] | None
    labels: NDArray
    weight: NDArray | None = None
    validation: Batch | None = None
    validation_labels: NDArray | None = None

    @property
    def count(self) -> int:
        """Number of rows to train on."""
        return self.batch.X.shape[0] if self.subset is None else len(self.subset)
