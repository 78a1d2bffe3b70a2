"""What a user's callbacks see of an estimator's training, and the best weights they ask for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend.engine.protocol import Batch, Engine, Progress
from descend.plan import Plan
from descend.training.callbacks import Callback, EarlyStopping, Improvement, direction, wants_steps
from descend.training.history import History, StopReason
from descend.training.measurements import Measurements
from descend.training.monitor import Gauge, only_monitor


class Watch:
    """One call of fit or partial_fit as callbacks see it; see `descend.training.callbacks.Run`.

    Parameters
    ----------
    estimator : being trained, handed to callbacks as `network`
    callbacks : the user's
    done, most : epochs before this call, and in it at most
    validated : whether there are validation rows

    Raises
    ------
    ValueError
        When a callback watches what is not recorded.
    """

    def __init__(
        self,
        estimator: Any,
        callbacks: Sequence[Callback],
        total: History,
        *,
        done: int,
        most: int,
        validated: bool,
        step: int,
    ) -> None:
        self.network = estimator
        self.callbacks = tuple(callbacks)
        self.step_callbacks = tuple(one for one in self.callbacks if wants_steps(one))
        self.history, self.total = History(setup=total.setup), total
        self.epoch, self.epochs = done, done + most
        self.step = step
        self.loss = math.nan
        self.stopping = False
        self.best_weights: NDArray | None = None
        self._improvement, self._monitor = self._watched(validated)
        self._started = 0.0
        self._gauge: Gauge | None = None
        self._begun = 0  # updates before the epoch

    def _watched(self, validated: bool) -> tuple[Improvement, str | None]:
        known = ["loss", *(["val_loss", "val_score"] if validated else [])]
        stopping = [one for one in self.callbacks if isinstance(one, EarlyStopping)]
        for one in stopping:
            if one.monitor not in known:
                raise ValueError(
                    f"callbacks: EarlyStopping watches {one.monitor!r}, which this training does not record; it has "
                    f"{', '.join(known)}{'' if validated else ' (pass X_val and y_val, or early_stopping=True)'}"
                )
            if one.monitor == "val_score" and one.mode == "auto":
                raise ValueError("callbacks: EarlyStopping on 'val_score' needs mode='max'")
        first = next((one for one in stopping if one.restore_best), None)
        if first is None:
            return Improvement("min", 0.0), None
        return Improvement(direction(first.monitor, first.mode), 0.0), first.monitor

    def stop(self, reason: StopReason = "callback") -> None:
        """End the training after the current update or epoch."""
        self.stopping = True
        self.history.stop_reason = self.history.stop_reason or reason

    def value(self, name: str) -> float:
        """Return the last epoch's entry of a history column."""
        return self.history[name][-1]

    def begin(self) -> None:
        """Tell that training begins."""
        for callback in self.callbacks:
            callback.on_train_begin(self)

    def begin_epoch(self) -> None:
        """Tell that an epoch begins."""
        self.epoch += 1
        self._started = time.perf_counter()
        for callback in self.callbacks:
            callback.on_epoch_begin(self)

    def attach_monitor(self, plan: Plan, batch: Batch, training: NDArray[np.uint32], batch_size: int) -> None:
        """Prepare the monitor among the callbacks, if there is one; see `Gauge` for the arguments."""
        monitor = only_monitor(self.callbacks)
        if monitor is not None:
            self.history.monitor = Measurements()
            if self.total.monitor is None:
                self.total.monitor = Measurements()
            records = (self.history.monitor, self.total.monitor)
            self._gauge = Gauge(monitor, plan, batch, training, batch_size, records)

    def measured(self, steps: int) -> list[int]:
        """Return after which of the epoch's updates (1 to `steps`) to measure."""
        if self._gauge is None:
            return []
        self._begun = self.step
        return self._gauge.ends(self.step, steps, self.epoch, last=self.epoch >= self.epochs)

    def measure(self, engine: Engine, progress: Progress, done: int) -> None:
        """Record the last update of a call, the epoch's number `done`, if it was measured."""
        if self._gauge is not None:
            self._gauge.take(engine, progress, self._begun + done, self.epoch)

    def begin_with(self, loss: float) -> None:
        """Record the loss of a mini-batch, if it was the first."""
        for history in (self.history, self.total):
            history.begin(loss)

    def end_part(self, loss: float, steps: int) -> None:
        """Tell that some updates are done; `loss` is the mean of the epoch's rows so far."""
        self.step += steps
        self.loss = loss
        for callback in self.step_callbacks:
            callback.on_step_end(self)

    def end_epoch(
        self, weights: Callable[[], NDArray], loss: float, judged: tuple[float, float] | None, rate: float
    ) -> None:
        """Record an epoch, with its validation loss and score, and tell; `weights` are those to be kept."""
        self.loss = loss
        val_loss, metrics = (None, {}) if judged is None else (judged[0], {"val_score": judged[1]})
        for history in (self.history, self.total):
            history.append(self.epoch, loss, val_loss, metrics, rate, time.perf_counter() - self._started)
        if self._monitor is not None and self._improvement.update(self.value(self._monitor)):
            self.best_weights = weights()
        for callback in self.callbacks:
            callback.on_epoch_end(self)

    def end(self, reason: StopReason = "epochs") -> None:
        """Tell that training is over, with the final weights in the network; note why, unless a callback did."""
        self.total.stop_reason = self.history.stop_reason = self.history.stop_reason or reason
        for callback in self.callbacks:
            callback.on_train_end(self)
