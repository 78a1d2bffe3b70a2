"""Epochs of the optimizers that go batch by batch: one call of the engine each, and the decision whether to go on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from descend.engine.protocol import Batch, Engine, Progress
from descend.estimators.mlp import threads
from descend.estimators.mlp.heads import Head
from descend.estimators.mlp.journal import Journal
from descend.estimators.mlp.recipe import Recipe
from descend.estimators.mlp.trained import TrainedNetwork

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


@dataclass(frozen=True)
class Rows:
    """What to train on and what to judge by.

    Attributes
    ----------
    batch : all rows, encoded
    training : the rows to train on, as indices (n,) uint32
    validation : the rows held back, or None
    """

    batch: Batch
    training: NDArray[np.uint32]
    validation: Batch | None = None


@dataclass
class Epochs:
    """Trains a network, writing into its journal.

    Parameters
    ----------
    network : whose optimizer was started
    journal : goes on from where it is
    recipe, head : how, and what is shown of the loss
    rows : the data
    random_state : shuffles
    """

    network: TrainedNetwork
    journal: Journal
    recipe: Recipe
    head: Head
    rows: Rows
    random_state: np.random.RandomState

    def __post_init__(self) -> None:
        count = len(self.rows.training)
        wanted = 200 if self.recipe.batch_size is None else self.recipe.batch_size
        if self.recipe.batch_size is not None and wanted > count:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
            )
        self.batch_size = min(wanted, count)
        self.starts = np.arange(0, count, self.batch_size)
        self.sizes = np.minimum(self.batch_size, count - self.starts)  # rows of each step
        self.order = self.rows.training
        self.constants = self.head.constants(self.rows.batch.y)
        self.threads = threads.choose(self.network.plan, self.batch_size, passes=3)

    def run(self, most: int, *, warn: bool) -> None:
        """Train for at most so many epochs.

        Raises
        ------
        ValueError
            When a loss is not finite any more.

        Warns
        -----
        ConvergenceWarning
            If `warn` and the last epoch was reached.
        """
        journal = self.journal
        journal.epochs = 0
        engine = self.network.training_engine()
        while journal.epochs < most:
            progress = self._epoch(engine)
            if progress.status == "diverged":
                raise ValueError(NOT_FINITE)
            if progress.status == "interrupted":
                warnings.warn("Training interrupted by user.", stacklevel=2)
                break
            if self._ends(engine, self._loss(progress)):
                break
            if journal.epochs == most and warn:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({most}) reached and the optimization hasn't converged "
                    "yet.",
                    ConvergenceWarning,
                    stacklevel=2,
                )
        if self.rows.validation is not None and journal.best_weights is not None:
            self.network.set_flat(journal.best_weights)
        journal.best_weights = None

    def _epoch(self, engine: Engine) -> Progress:
        if self.recipe.shuffle:
            order = np.arange(len(self.order))
            self.random_state.shuffle(order)
            self.order = self.order[order]
        return engine.train(
            self.rows.batch,
            self.order,
            batch_size=self.batch_size,
            learning_rates=np.array([self.journal.rate]),
            threads=self.threads,
        )

    def _loss(self, progress: Progress) -> float:
        """Return the mean over steps, weighted by their rows, of what is shown of their losses."""
        losses = self.head.shown * progress.losses + progress.penalties
        if self.constants is not None:
            c, weight = self.constants[self.order], self.rows.batch.weight
            if weight is None:
                losses = losses + np.add.reduceat(c, self.starts) / self.sizes
            else:
                w = weight[self.order].astype(np.float64)
                sums, masses = np.add.reduceat(c * w, self.starts), np.add.reduceat(w, self.starts)
                losses = losses + np.divide(sums, masses, out=np.zeros_like(sums), where=masses != 0)
        return float(losses @ self.sizes / self.sizes.sum())

    def _ends(self, engine: Engine, loss: float) -> bool:
        """Note the epoch that was, judge it, choose the next rate; whether training is over."""
        journal, recipe = self.journal, self.recipe
        journal.epochs += 1
        journal.losses.append(loss)
        journal.rows_seen += len(self.rows.training)
        self._say(f"Iteration {journal.epochs}, loss = {loss:.8f}")
        if self.rows.validation is None:
            journal.judge_loss(recipe.tol)
        else:
            journal.scores.append(self._score(engine, self.rows.validation))
            self._say(f"Validation score: {journal.scores[-1]:f}")
            if journal.judge_score(recipe.tol):
                journal.best_weights = engine.get_parameters()
        journal.rate = journal.rule.after_epoch(journal.initial_rate, journal.rate, journal.rows_seen)
        if journal.waited <= recipe.patience:
            return False
        rate = journal.rule.on_plateau(journal.rate)
        what = "Training loss" if self.rows.validation is None else "Validation score"
        then = "Stopping." if rate is None else f"Setting learning rate to {rate:f}"
        self._say(
            f"{what} did not improve more than tol={recipe.tol:f} for {recipe.patience} consecutive epochs. {then}"
        )
        if rate is None:
            return True
        journal.rate, journal.waited = rate, 0
        return False

    def _score(self, engine: Engine, validation: Batch) -> float:
        output = engine.predict(validation.X, threads.choose(self.network.plan, validation.X.shape[0], passes=1))
        return self.head.score(output, validation.y, validation.weight)

    def _say(self, line: str) -> None:
        if self.recipe.verbose:
            print(line)
