"""One call of `fit`: what happens between epochs. It validates, records, keeps the best weights and decides to stop.

How an epoch changes the weights is not its business: see `loop` for the engine's epochs and `lbfgs` for SciPy's.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from descend.engine.protocol import Engine
from descend.engine.sequences import split
from descend.training import targets
from descend.training.averaging import Averages, warn_of_early_end, warn_of_late_start
from descend.training.callbacks import Callback, Checkpoint, EarlyStopping, Improvement, direction, wants_steps
from descend.training.engines import make_engine
from descend.training.errors import DivergenceError, InterruptedWarning, users_level
from descend.training.history import History, StopReason
from descend.training.measurements import Measurements
from descend.training.monitor import Gauge, only_monitor
from descend.training.progress import Reporter
from descend.training.remedies import STANDARDIZE, either, smaller_updates
from descend.training.settings import Rows, Settings
from descend.training.state import TrainingState
from descend.training.templates import PathTemplate

#: (labels, predictions, weights) -> number
MetricFunction = Callable[[NDArray, NDArray, NDArray | None], float]


@dataclass
class Best:
    """The weights to return to: those of the epoch in which `monitor` was best, or those of the start in epoch 0.

    `monitor` is None when nothing is watched; the training loss then tells which weights to keep if the run diverges.
    """

    monitor: str | None
    improvement: Improvement
    flat: NDArray
    epoch: int


class TrainingRun:
    """The run that callbacks see (see `descend.training.callbacks.Run`) and that drivers report epochs to.

    Parameters
    ----------
    network : the network, handed to callbacks
    engine : holds the weights
    rows : what to train and validate on
    settings : how long
    state : of the network's training; its epoch counter advances here
    total : history of all runs of the network, continued here
    callbacks : the user's
    metrics : functions by name
    epochs : how many at most
    reporter : who is told
    averages : what stands for the latest weights when they are judged and kept, or None
    """

    def __init__(
        self,
        network: Any,
        engine: Engine,
        rows: Rows,
        settings: Settings,
        state: TrainingState,
        total: History,
        *,
        callbacks: tuple[Callback, ...] = (),
        metrics: dict[str, MetricFunction] | None = None,
        epochs: int,
        reporter: Reporter,
        averages: Averages | None = None,
    ) -> None:
        self.network = network
        self.engine = engine
        self.rows = rows
        self.settings = settings
        self.state = state
        self.callbacks = callbacks
        self.step_callbacks = tuple(callback for callback in callbacks if wants_steps(callback))
        self.gauge: Gauge | None = None
        self.metrics = metrics or {}
        self.reporter = reporter
        self._averages = averages
        self._averaged: Engine | None = None  # holds the average
        self.history = History()
        self.total = total
        self.epoch = state.epoch + 1
        self.epochs = state.epoch + epochs
        self.step = 0
        self.loss = math.nan
        budget = settings.time_budget
        self.deadline = None if budget is None else time.monotonic() + budget
        self._plateau = Improvement("min", settings.tol or 0.0)
        self._reason: StopReason = ""
        self._best = self._watch()
        self._start = self._best.flat
        self._attach_monitor()
        self._check_monitors()

    def stop(self, reason: StopReason = "callback") -> None:
        """End the run after the current update or epoch; the first reason given counts."""
        self._reason = self._reason or reason

    @property
    def stopping(self) -> bool:
        """Whether something asked the run to stop."""
        return bool(self._reason)

    def value(self, name: str) -> float:
        """Return the last epoch's entry of a history column."""
        return self.history[name][-1]

    def begin(self) -> None:
        """Tell callbacks and the reporter that training begins."""
        warn_of_late_start(self._averages, self.epochs)
        self.reporter.begin(self.state.epoch, self.epochs, self.rows.count)
        for callback in self.callbacks:
            callback.on_train_begin(self)

    def begin_epoch(self) -> None:
        """Move to the next epoch."""
        self.epoch = self.state.epoch + 1
        for callback in self.callbacks:
            callback.on_epoch_begin(self)

    def end_epoch(
        self, loss: float, rate: float, started: float, follow: Callable[[float], None] | None = None
    ) -> None:
        """Validate and record an epoch whose updates are done, keep its weights if they are the best, consult stops.

        Parameters
        ----------
        loss : mean training loss of the epoch
        rate : learning rate of its last update
        started : time.perf_counter() at its begin
        follow : told the validation loss (or loss) before callbacks are, so that they see the next epoch's state
        """
        judged = self._judged()
        val_loss = None if self.rows.validation is None else judged.evaluate(self.rows.validation)
        if not math.isfinite(loss) or (val_loss is not None and not math.isfinite(val_loss)):
            self.diverged(rate)
        values = self._measure(judged) if self.metrics else {}
        self.state.epoch = self.epoch
        self.loss = loss
        seconds = time.perf_counter() - started
        for history in (self.history, self.total):
            history.append(self.epoch, loss, val_loss, values, rate, seconds)
        if follow is not None:
            follow(loss if val_loss is None else val_loss)
        self._keep_if_best(judged)
        self._consult_tolerance(loss)
        for callback in self.callbacks:
            callback.on_epoch_end(self)
        self.reporter.epoch_end(self.epoch, self.history)
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.stop("time_budget")
        if self.epoch >= self.epochs:
            self.stop("epochs")

    def diverged(self, rate: float) -> None:
        """End the run because the loss is no longer a number.

        Raises
        ------
        DivergenceError
            Always, after the best weights were put back: those of the best epoch, or those of the start where no
            epoch came down to their loss.
        """
        self._reason = "diverged"
        if self._best.epoch and self._loss_of(self._start) <= self._loss_of(self._best.flat):
            self._forget_best()
        self.engine.set_parameters(self._best.flat)
        kept = f"those of epoch {self._best.epoch}" if self._best.epoch else "those it started with"
        slower = "" if math.isnan(rate) else f" from {rate:g} to {rate / 10:g}"
        ways = smaller_updates(self.history.setup, slower)
        ways.insert(1, STANDARDIZE)
        remedy = either(ways)
        raise DivergenceError(
            f"training diverged in epoch {self.epoch}: the loss became infinite or NaN. The network keeps the best "
            f"weights before that, {kept}. {remedy[0].upper()}{remedy[1:]}",
            epoch=self.epoch,
            history=self.history,
        )

    def interrupted(self) -> None:
        """End the run because of Ctrl-C, with a warning instead of an exception."""
        self._reason = "interrupted"
        warnings.warn(
            f"training was interrupted in epoch {self.epoch}; the network keeps "
            + ("its best weights" if self._restores() else "the weights it has reached"),
            InterruptedWarning,
            stacklevel=users_level(),
        )

    def end(self) -> History:
        """Put the best weights back where that was asked for, and tell everybody."""
        if self._reason != "diverged":
            final = self._best.flat if self._restores() else self._average()
            if final is not None:
                self.engine.set_parameters(final)
        kept = self._best.epoch if self._best.monitor is not None or self._reason == "diverged" else 0
        for history in (self.history, self.total):
            history.stop_reason, history.best_epoch = self._reason, kept or None
        for callback in self.callbacks:
            callback.on_train_end(self)
        self.reporter.end(self.history)
        warn_of_early_end(self._averages, self.epoch, self.epochs, self._reason)
        return self.history

    def _restores(self) -> bool:
        return self._best.monitor is not None and self._best.epoch > 0

    def _watch(self) -> Best:
        """Decide what "best" means: the first early stopping's number, or the validation loss when there is one."""
        stopping = [callback for callback in self.callbacks if isinstance(callback, EarlyStopping)]
        monitor = "val_loss" if self.rows.validation is not None and self.settings.restore_best else None
        mode = "min"
        if stopping:
            first = stopping[0]
            monitor = first.monitor if first.restore_best and self.settings.restore_best else None
            mode = direction(first.monitor, first.mode)
        flat = self.engine.get_parameters()
        return Best(monitor, Improvement("min" if monitor is None else mode, 0.0), flat, 0)

    def _attach_monitor(self) -> None:
        monitor = only_monitor(self.callbacks)
        if monitor is None:
            return
        size, rows = self.settings.batch_size, self.rows
        for history in (self.history, self.total):
            if history.monitor is None:
                history.monitor = Measurements()
        assert self.history.monitor is not None and self.total.monitor is not None
        self.gauge = Gauge(
            monitor,
            self.engine.plan,
            rows.batch,
            rows.subset,
            rows.count if size is None else min(size, rows.count),
            (self.history.monitor, self.total.monitor),
        )

    def _check_monitors(self) -> None:
        known = ["loss", *self.metrics]
        if self.rows.validation is not None:
            known += ["val_loss", *(f"val_{name}" for name in self.metrics)]
        written = ["epoch", *known, "learning_rate", "seconds"]
        for callback in self.callbacks:
            if isinstance(callback, Checkpoint):
                _check_template(callback.template, written)
            monitor = callback.monitor if isinstance(callback, EarlyStopping | Checkpoint) else None
            if monitor is None or monitor in known:
                continue
            remedy = (
                "pass validation_data or validation_split"
                if monitor.startswith("val_") and self.rows.validation is None
                else f"add it to metrics= of fit, or watch one of {', '.join(known)}"
            )
            raise ValueError(
                f"{type(callback).__name__} watches {monitor!r}, which this training does not record; {remedy}"
            )

    def _average(self) -> NDArray | None:
        return (
            None
            if self._averages is None
            else self._averages.weights(self.engine, self.rows, self.settings.batch_size, self.settings.threads)
        )

    def _judged(self) -> Engine:
        """Return the engine with the weights that count after an epoch: the latest, or their average."""
        if self._averages is None:
            return self.engine
        self._averages.end_epoch(self.engine, self.epoch)
        flat = self._average()
        if flat is None:
            return self.engine
        if self._averaged is None:
            self._averaged = make_engine(self.engine.plan, self.engine.dtype)
        self._averaged.set_parameters(flat)
        return self._averaged

    def _keep_if_best(self, judged: Engine) -> None:
        best = self._best
        if best.improvement.update(self.value(best.monitor or "loss")):
            self._forget_best()  # so that its memory is free for the next
            best.flat = judged.get_parameters()
            best.epoch = self.epoch

    def _forget_best(self) -> None:
        self._best.epoch = 0
        self._best.flat = self._start

    def _loss_of(self, flat: NDArray) -> float:
        """The loss with other weights, on the validation rows where there are any."""
        self.engine.set_parameters(flat)
        held = self.rows.validation
        return self.engine.evaluate(self.rows.batch if held is None else held, self.settings.threads or 0)

    def _consult_tolerance(self, loss: float) -> None:
        if self.settings.tol is None:
            return
        self._plateau.update(loss)
        if self._plateau.waited >= self.settings.n_iter_no_change:
            self.stop("tol")

    def _measure(self, engine: Engine) -> dict[str, float]:
        """Compute the metrics on the training rows and on the validation rows."""
        rows = self.rows
        predictions = engine.predict(rows.batch.X)
        lengths = split(rows.batch.X)[1]
        if rows.subset is not None:  # rather than copy the rows
            predictions = predictions[rows.subset]
            lengths = None if lengths is None else lengths[rows.subset]
        values = self._measure_on(predictions, rows.labels, rows.weight, lengths, "")
        if rows.validation is not None and rows.validation_labels is not None:
            predictions = engine.predict(rows.validation.X)
            values |= self._measure_on(
                predictions, rows.validation_labels, rows.validation.weight, split(rows.validation.X)[1], "val_"
            )
        return values

    def _measure_on(
        self, predictions: NDArray, labels: NDArray, weight: NDArray | None, lengths: NDArray | None, prefix: str
    ) -> dict[str, float]:
        measured = targets.as_lines(labels, predictions, weight, lengths)
        return {prefix + name: float(function(*measured)) for name, function in self.metrics.items()}


def _check_template(template: PathTemplate, written: list[str]) -> None:
    """Refuse a checkpoint's path that takes what is not recorded."""
    for name in template.names:
        if name not in written:
            raise ValueError(
                f"Checkpoint writes {name!r} into its path {template.text!r}, which this training does not record; "
                f"write one of {', '.join(written)}"
            )
