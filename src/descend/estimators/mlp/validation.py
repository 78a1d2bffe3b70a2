"""Rows that are not trained on: their loss and their score, of which the better is known by its being larger."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer

from descend.engine.protocol import Batch, Engine
from descend.estimators.mlp import threads
from descend.estimators.mlp.heads import Head
from descend.plan import Plan


@dataclass(frozen=True)
class Validation:
    """What to judge by.

    Attributes
    ----------
    batch : the rows, encoded
    head : what is shown of the loss
    scorer : computes the score of the network as it is; None takes accuracy or R^2
    by_loss : the score is minus the loss
    threads : to use, or None
    """

    batch: Batch
    head: Head
    scorer: Callable[[], float] | None = None
    by_loss: bool = False
    threads: int | None = None

    def judge(self, engine: Engine) -> tuple[float, float]:
        """Return the rows' loss, without penalties, and their score."""
        loss = self._loss(engine)
        if self.by_loss:
            return loss, -loss
        if self.scorer is not None:
            return loss, self.scorer()
        batch = self.batch
        output = engine.predict(batch.X, threads.choose(engine.plan, batch.X.shape[0], 1, self.threads))
        return loss, self.head.score(output, batch.y, batch.weight)

    def _loss(self, engine: Engine) -> float:
        batch, weight = self.batch, self.batch.weight
        rows = batch.X.shape[0]
        loss = engine.evaluate(batch, threads.choose(engine.plan, rows, 1, self.threads))
        if any(parameter.penalty is not None for parameter in engine.plan.parameters):
            mass = float(rows if weight is None else weight.sum())
            loss -= penalty_of(engine.plan, engine.get_parameters(), mass)
        constants = self.head.constants(batch.y)
        return self.head.shown * loss + (0.0 if constants is None else float(np.average(constants, weights=weight)))


def scorer_of(estimator: Any, scoring: Any, X: Any, y: Any, weight: NDArray | None) -> Callable[[], float]:
    """Return what scores an estimator as it is at the moment of the call.

    Parameters
    ----------
    estimator : being trained
    scoring : the name of one of scikit-learn's scorers, or a function of (estimator, X, y)
    X, y, weight : rows, targets as the user gave them, and their weights, if any

    Raises
    ------
    ValueError
        When there are weights and the function does not take `sample_weight`.
    """
    function: Any = get_scorer(scoring) if isinstance(scoring, str) else scoring
    view = copy.copy(estimator)  # shares the network; its rows were checked and encoded once
    for name in ("feature_names_in_", "_columns"):
        vars(view).pop(name, None)
    view.n_features_in_ = X.shape[1]
    more = {} if weight is None else {"sample_weight": weight}
    if more and not isinstance(scoring, str):
        parameters = inspect.signature(function).parameters.values()
        if not any(one.name == "sample_weight" or one.kind is one.VAR_KEYWORD for one in parameters):
            raise ValueError(
                f"scoring={scoring!r} takes no sample_weight, but the validation rows have weights; let it take "
                "sample_weight as a keyword"
            )

    def score() -> float:
        value = function(view, X, y, **more)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise ValueError(f"scoring must return a number, got {value!r} ({type(value).__name__})")
        return float(value)

    return score


def penalty_of(plan: Plan, flat: NDArray, mass: float) -> float:
    """Return the penalties of weights (plan.size,) beside the loss of rows whose weights sum to `mass`."""
    total = 0.0
    for parameter in plan.parameters:
        if parameter.penalty is not None:
            w, share = flat[parameter.slice].astype(np.float64), mass if parameter.penalty.spread else 1.0
            total += (parameter.penalty.l1 * float(np.abs(w).sum()) + parameter.penalty.l2 * float(w @ w)) / share
    return total
