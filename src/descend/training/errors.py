"""The exceptions and warnings of training."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from descend.training.history import History


class DivergenceError(ArithmeticError):
    """The loss stopped being a finite number.

    The network keeps the best weights seen before that and stays usable.

    Attributes
    ----------
    epoch : int
        The epoch in which it happened, counted from 1.
    history : History
        The epochs completed before.
    """

    def __init__(self, message: str, *, epoch: int, history: History) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.history = history

    def __reduce__(self) -> tuple:
        return _rebuild_divergence, (str(self), self.epoch, self.history)


def _rebuild_divergence(message: str, epoch: int, history: History) -> DivergenceError:
    return DivergenceError(message, epoch=epoch, history=history)


class InterruptedWarning(UserWarning):
    """Ctrl-C ended the training; the network is usable and holds the best weights seen."""


def users_level() -> int:
    """The `stacklevel` with which a warning of the calling function points at the first line outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "descend":
        level, frame = level + 1, frame.f_back
    return level
