"""The exceptions and warnings of training."""

from __future__ import annotations

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
