"""Epochs of the optimizers that go batch by batch: one call of the engine each, and the decision whether to go on."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from descend.engine.protocol import Batch, Engine, Progress, check_accumulation
from descend.estimators.mlp import threads
from descend.estimators.mlp.heads import Head
from descend.estimators.mlp.journal import Journal
from descend.estimators.mlp.recipe import Recipe
from descend.estimators.mlp.trained import TrainedNetwork
from descend.estimators.mlp.validation import Validation
from descend.estimators.mlp.watching import Watch
from descend.training.averaging import warn_of_early_end, warn_of_late_start
from descend.training.history import StopReason
from descend.training.parts import joined
from descend.training.settings import Rows as TrainingRows

INTERRUPTED = "Training interrupted by user."

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
    validation : rows not trained on, or None
    """

    batch: Batch
    training: NDArray[np.uint32]
    validation: Validation | None = None


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
    estimator : what callbacks are shown
    """

    network: TrainedNetwork
    journal: Journal
    recipe: Recipe
    head: Head
    rows: Rows
    random_state: np.random.RandomState
    estimator: Any = None

    def __post_init__(self) -> None:
        count = len(self.rows.training)
        wanted = 200 if self.recipe.batch_size is None else self.recipe.batch_size
        if self.recipe.batch_size is not None and wanted > count and self.recipe.warns:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
            )
        self.batch_size = min(wanted, count)
        check_accumulation(self.network.plan, self.recipe.accumulate)
        self.step_rows = self.batch_size * self.recipe.accumulate
        self.starts = np.arange(0, count, self.step_rows)
        self.sizes = np.minimum(self.step_rows, count - self.starts)  # rows of each step
        self.order = self.rows.training
        self.constants = self.head.constants(self.rows.batch.y)
        self.threads = threads.choose(self.network.plan, self.batch_size, 3, self.recipe.threads)
        self.deadline = None if self.recipe.time_budget is None else time.monotonic() + self.recipe.time_budget
        self.impatient = False
        self.reason: StopReason = "epochs"

    def run(self, most: int, *, warn: bool) -> None:
        """Train for at most so many epochs.

        Afterwards `impatient` says whether improvement was waited for in vain.

        Raises
        ------
        ValueError
            When a loss is not finite any more.

        Warns
        -----
        ConvergenceWarning
            If `warn` and the last epoch was reached.
        """
        journal, recipe = self.journal, self.recipe
        journal.epochs = 0
        self.watch = watch = Watch(
            self.estimator,
            recipe.callbacks,
            journal.history,
            done=len(journal.losses),
            most=most,
            validated=self.rows.validation is not None,
            step=journal.steps,
        )
        if warn:
            warn_of_late_start(journal.averages, watch.epochs)
        watch.attach_monitor(self.network.plan, self.rows.batch, self.rows.training, self.batch_size)
        watch.begin()
        try:
            self._loop(most, warn=warn)
        except KeyboardInterrupt:  # between the engine's calls; within them it is a status
            self.reason = "interrupted"
            warnings.warn(INTERRUPTED, stacklevel=2)
        self._put_back(goes_on=not warn)
        watch.end(self.reason)
        if warn:
            warn_of_early_end(journal.averages, watch.epoch, watch.epochs, watch.history.stop_reason)

    def _loop(self, most: int, *, warn: bool) -> None:
        journal, watch = self.journal, self.watch
        while journal.epochs < most:
            watch.begin_epoch()
            engine = self.network.training_engine()  # again each time: callbacks may have looked at the weights
            progress = self._epoch(engine)
            if progress.status == "diverged":
                self._put_back(goes_on=not warn)
                journal.history.stop_reason = "diverged"
                raise ValueError(NOT_FINITE)
            if progress.status == "interrupted":
                self.reason = "interrupted"
                warnings.warn(INTERRUPTED, stacklevel=2)
                return
            if not progress.steps:
                return
            if self._ends(engine, progress):
                return
            if watch.stopping:
                return
            if self.deadline is not None and time.monotonic() >= self.deadline:
                self.reason = "time_budget"
                return
            if journal.epochs == most and warn and self.recipe.warns:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({most}) reached and the optimization hasn't converged "
                    "yet.",
                    ConvergenceWarning,
                    stacklevel=2,
                )

    def _put_back(self, *, goes_on: bool) -> None:
        """End with the best weights; those to go on from are kept aside if asked for."""
        journal = self.journal
        validated = self.rows.validation is not None
        best = self.watch.best_weights if self.watch.best_weights is not None else journal.best_weights
        if best is None or not (validated or self.watch.best_weights is not None):
            best = None if journal.averages is None else self._average(self.network.training_engine())
        if best is not None:
            if goes_on:
                journal.latest_weights = self.network.training_engine().get_parameters()
            self.network.set_flat(best)
        if not goes_on:
            journal.best_weights = None

    def _epoch(self, engine: Engine) -> Progress:
        journal = self.journal
        if self.recipe.shuffle:
            order = np.arange(len(self.order))
            self.random_state.shuffle(order)
            self.order = self.order[order]
        steps = len(self.starts)
        planned = self.recipe.epochs * steps
        self.rates = journal.rule.in_epoch(journal.rate, journal.steps, steps, planned)
        measured = self.watch.measured(steps)
        if self.watch.step_callbacks:
            return self._in_parts(engine, range(1, steps + 1), measured)
        if measured and measured != [steps]:
            return self._in_parts(engine, sorted({*measured, steps}), measured)
        progress = self._part(engine, self.order, self.rates, measure=bool(measured))
        self.watch.measure(engine, progress, progress.steps)
        self.watch.end_part(progress.loss, progress.steps)
        return progress

    def _part(
        self, engine: Engine, order: NDArray[np.uint32], learning_rates: NDArray[np.float64], *, measure: bool
    ) -> Progress:
        progress = engine.train(
            self.rows.batch,
            order,
            batch_size=self.batch_size,
            learning_rates=learning_rates,
            threads=self.threads,
            deadline=self.deadline,
            measure=measure,
            accumulate=self.recipe.accumulate,
        )
        if progress.steps and self.constants is None:
            self.watch.begin_with(float(self.head.shown * progress.losses[0] + progress.penalties[0]))
        return progress

    def _in_parts(self, engine: Engine, ends: Sequence[int], measured: Sequence[int]) -> Progress:
        """Train an epoch in calls that end after the updates `ends`, with the step callbacks after each.

        The bits are the same as in one call.
        """
        parts: list[Progress] = []
        status: Any = "done"
        for first, end in zip((0, *ends), ends, strict=False):
            rates = self.rates if len(self.rates) == 1 else self.rates[first:end]
            order = self.order[first * self.step_rows : end * self.step_rows]
            progress = self._part(engine, order, rates, measure=end in measured)
            status = progress.status
            if not progress.steps:
                break
            parts.append(progress)
            done = sum(part.steps for part in parts)
            seen = np.array([part.rows for part in parts])
            self.watch.measure(engine, progress, done)
            self.watch.end_part(float(np.array([part.loss for part in parts]) @ seen / seen.sum()), progress.steps)
            engine = self.network.training_engine()
            if self.watch.stopping or status != "done":
                break
        return joined(parts, self.watch.loss, status)

    def _loss(self, progress: Progress) -> np.float64:
        """Return the mean over steps, weighted by their rows, of what is shown of their losses; scikit-learn's type."""
        losses = self.head.shown * progress.losses + progress.penalties
        starts, sizes = self.starts[: progress.steps], self.sizes[: progress.steps]
        if self.constants is not None:
            order = self.order[: progress.rows]
            c, weight = self.constants[order], self.rows.batch.weight
            if weight is None:
                losses = losses + np.add.reduceat(c, starts) / sizes
            else:
                w = weight[order].astype(np.float64)
                sums, masses = np.add.reduceat(c * w, starts), np.add.reduceat(w, starts)
                losses = losses + np.divide(sums, masses, out=np.zeros_like(sums), where=masses != 0)
        return np.float64(losses @ sizes / sizes.sum())

    def _ends(self, engine: Engine, progress: Progress) -> bool:
        """Note the epoch that was, judge it, choose the next rate; whether training is over."""
        journal, recipe, loss = self.journal, self.recipe, self._loss(progress)
        journal.epochs += 1
        journal.losses.append(loss)
        journal.rows_seen += progress.rows
        journal.steps += progress.steps
        self._say(f"Iteration {journal.epochs}, loss = {loss:.8f}")
        if journal.averages is not None:
            journal.averages.end_epoch(engine, self.watch.epoch)
        average = self._average(engine)
        judged = self._judge(engine, average)
        journal.watched.append(loss if judged is None else judged[0])
        last = float(self.rates[min(progress.steps, len(self.rates)) - 1])
        self.watch.end_epoch(lambda: engine.get_parameters() if average is None else average, float(loss), judged, last)
        rate = journal.rule.after_epoch(journal.initial_rate, journal.rate, journal.rows_seen, journal.watched)
        if rate is None:
            self._say("The learning rate cannot fall any further. Stopping.")
            self.reason = "learning_rate"
            return True
        journal.rate = rate
        if journal.waited <= recipe.patience:
            return False
        return self._out_of_patience()

    def _average(self, engine: Engine) -> NDArray | None:
        """Return the average of the weights that stands for the latest, or None."""
        if self.journal.averages is None:
            return None
        rows = TrainingRows(self.rows.batch, self.rows.training, self.rows.batch.y)
        return self.journal.averages.weights(engine, rows, self.batch_size, self.threads)

    def _judge(self, engine: Engine, average: NDArray | None) -> tuple[float, float] | None:
        """Return the validation loss and score, if there are such rows, and note whether it improved.

        An average takes the place of the latest weights meanwhile.
        """
        journal, recipe, validation = self.journal, self.recipe, self.rows.validation
        by_score = recipe.validation is not None
        judged = None
        if validation is not None:
            latest = engine.get_parameters() if average is not None else None
            if average is not None:
                engine.set_parameters(average)
            judged = validation.judge(engine)
            journal.validation_losses.append(judged[0])
            journal.scores.append(judged[1])
            self._say(f"Validation score: {judged[1]:f}")
            if journal.judge_score(recipe.tol, counts=by_score):
                journal.best_weights = engine.get_parameters()
            if latest is not None:
                engine.set_parameters(latest)
        if not by_score:
            journal.judge_loss(recipe.tol)
        return judged

    def _out_of_patience(self) -> bool:
        """Let the rule lower the rate, or else stop."""
        journal, recipe = self.journal, self.recipe
        rate = journal.rule.on_plateau(journal.rate)
        what = "Training loss" if recipe.validation is None else "Validation score"
        then = "Stopping." if rate is None else f"Setting learning rate to {rate:f}"
        self._say(
            f"{what} did not improve more than tol={recipe.tol:f} for {recipe.patience} consecutive epochs. {then}"
        )
        if rate is None:
            self.impatient = True
            self.reason = "tol" if recipe.validation is None else "early_stopping"
            return True
        journal.rate, journal.waited = rate, 0
        return False

    def _say(self, line: str) -> None:
        if self.recipe.verbose:
            print(line)
