"""What training remembers from one call of fit or partial_fit to the next, apart from the weights."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from descend.estimators.mlp import rates
from descend.training.averaging import Averages
from descend.training.history import History


@dataclass
class Journal:
    """The course of training.

    Attributes
    ----------
    losses, scores, validation_losses : of all epochs, over all calls
    watched : the losses a schedule may follow, since the optimizer started
    steps : updates since then
    latest_weights : after `partial_fit` with validation rows, those to go on from; the best are in the network
    best_loss, best_score : the best so far
    best_weights : during training, those of the best score if this call reached it; at first, the initial ones
    waited : epochs since the last improvement
    rows_seen : rows presented so far
    epochs : of the last call
    averages : of the weights, since the optimizer started
    history : every epoch of all calls, for `history_`
    initial_rate, rate, rule : the learning rate, with which the optimizer was started and now
    """

    best_weights: NDArray | None = None
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    steps: int = 0
    latest_weights: NDArray | None = None
    best_loss: float = np.inf
    best_score: float = -np.inf
    waited: int = 0
    rows_seen: int = 0
    epochs: int = 0
    averages: Averages | None = None
    history: History = field(default_factory=History)
    initial_rate: float = 0.0
    rate: float = 0.0
    rule: rates.Rule = field(default_factory=rates.Constant)

    def judge_loss(self, tol: float) -> None:
        """Count the last epoch as an improvement if its loss is lower than the best by `tol`."""
        loss = self.losses[-1]
        self.waited = self.waited + 1 if loss > self.best_loss - tol else 0
        if loss < self.best_loss:
            self.best_loss = loss

    def judge_score(self, tol: float, *, counts: bool = True) -> bool:
        """Count the last epoch as an improvement if its score is higher than the best by `tol`; whether it is best.

        Unless it `counts`, only the latter.
        """
        score = self.scores[-1]
        if counts:
            self.waited = self.waited + 1 if score < self.best_score + tol else 0
        if not score > self.best_score:
            return False
        self.best_score = score
        return True
