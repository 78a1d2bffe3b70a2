"""The epochs of the gradient-based optimizers: one call of `Engine.train` each, unless somebody looks inside."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend import schedules
from descend.engine.protocol import Progress, Tick
from descend.optimizers import Optimizer
from descend.training.engines import shuffled
from descend.training.parts import RunningLoss, joined, masses
from descend.training.run import TrainingRun


@dataclass
class Epochs:
    """Drives a run through its epochs.

    Parameters
    ----------
    run : told about every epoch
    optimizer : with which the run's engine was started
    seed : of the shuffles
    """

    run: TrainingRun
    optimizer: Optimizer
    seed: int

    def __post_init__(self) -> None:
        run = self.run
        rows = run.rows.count
        self.schedule = self.optimizer.schedule
        self.batch_size = rows if run.settings.batch_size is None else min(run.settings.batch_size, rows)
        self.rows_per_step = self.batch_size * run.settings.accumulate
        self.steps_per_epoch = -(-rows // self.rows_per_step)
        self.step = run.step = run.state.step
        self.total_steps = self.step + (run.epochs - run.state.epoch) * self.steps_per_epoch
        if isinstance(self.schedule, schedules.LossDriven) and run.state.rate is None:
            run.state.rate = self.schedule.rate

    def train(self) -> None:
        """Train until something stops the run; Ctrl-C ends it with a warning."""
        run = self.run
        try:
            while not run.stopping:
                run.begin_epoch()
                started = time.perf_counter()
                rates = self._rates()
                progress = self._epoch(rates)
                self.step += progress.steps
                run.step = run.state.step = self.step
                self._finish(progress, rates, started)
        except KeyboardInterrupt:
            run.interrupted()

    def _finish(self, progress: Progress, rates: NDArray[np.float64], started: float) -> None:
        run = self.run
        rate = float(rates[min(progress.steps, len(rates)) - 1]) if progress.steps else float(rates[0])
        if progress.status == "diverged":
            run.diverged(rate)
        if progress.status == "interrupted":
            run.interrupted()
            return
        if progress.status == "deadline":
            run.stop("time_budget")
        if progress.steps:
            run.end_epoch(progress.loss, rate, started, self._follow)

    def _order(self) -> NDArray[np.uint32]:
        rows, subset = self.run.rows.count, self.run.rows.subset
        if not self.run.settings.shuffle:
            return np.arange(rows, dtype=np.uint32) if subset is None else subset
        order = shuffled(rows, self.seed, self.run.state.epoch)
        return order if subset is None else subset[order]

    def _rates(self) -> NDArray[np.float64]:
        """Return the rates of the next epoch: one, or one for each of its steps."""
        if self.run.state.rate is not None:
            return np.array([self.run.state.rate])
        if isinstance(self.schedule, schedules.Constant):
            return np.array([self.schedule.rate])
        steps = np.arange(self.step, self.step + self.steps_per_epoch)
        return self.schedule(steps, self.steps_per_epoch, self.total_steps)

    def _follow(self, loss: float) -> None:
        """Let a loss-driven schedule choose the next epoch's rate, or end the run when it has none left."""
        schedule, state = self.schedule, self.run.state
        if not isinstance(schedule, schedules.LossDriven) or state.rate is None:
            return
        state.watched.append(loss)
        if isinstance(schedule, schedules.Adaptive) and schedule.exhausted(state.rate):
            if schedule.plateau(state.watched):
                self.run.stop("learning_rate")
            return
        state.rate = schedule.update(state.rate, state.watched)

    def _epoch(self, rates: NDArray[np.float64]) -> Progress:
        """Train one epoch: in one call, or cut where somebody looks."""
        run, gauge, steps = self.run, self.run.gauge, self.steps_per_epoch
        measured = []
        if gauge is not None:
            measured = gauge.ends(self.step, steps, run.epoch, last=run.epoch >= run.epochs)
        if run.step_callbacks:
            return self._parts(rates, range(1, steps + 1), measured)
        if measured and measured != [steps]:
            return self._parts(rates, sorted({*measured, steps}), measured)
        progress = self._call(self._order(), rates, self._tick, measure=bool(measured))
        if gauge is not None and measured:
            gauge.take(run.engine, progress, self.step + progress.steps, run.epoch)
        return progress

    def _call(self, order: NDArray[np.uint32], rates: NDArray[np.float64], tick: Tick, *, measure: bool) -> Progress:
        run = self.run
        progress = run.engine.train(
            run.rows.batch,
            order,
            batch_size=self.batch_size,
            learning_rates=rates,
            threads=run.settings.threads or 0,
            deadline=run.deadline,
            tick=tick if run.reporter.live else None,
            measure=measure,
            accumulate=run.settings.accumulate,
        )
        if progress.steps:
            for history in (run.history, run.total):
                history.begin(float(progress.losses[0] + progress.penalties[0]))
        return progress

    def _tick(self, rows: int, loss: float, weight: float) -> bool:
        self.run.reporter.tick(self.run.epoch, rows, loss / weight if weight else math.nan)
        return True

    def _parts(self, rates: NDArray[np.float64], ends: Sequence[int], measured: Sequence[int]) -> Progress:
        """Train one epoch in calls that end after the updates `ends`; the same bits as in one.

        Those in `measured` are measured; step callbacks come after each call.
        """
        run, order = self.run, self._order()
        done, parts, rows = RunningLoss(), [], 0
        status = "done"
        for first, end in zip((0, *ends), ends, strict=False):
            chosen = order[first * self.rows_per_step : end * self.rows_per_step]

            def tick(more: int, loss: float, weight: float, before: int = rows) -> bool:
                return self._tick(before + more, done.total + loss, done.mass + weight)

            progress = self._call(chosen, rates if len(rates) == 1 else rates[first:end], tick, measure=end in measured)
            status = progress.status
            if progress.steps:
                done.add(progress, masses(run.rows.batch.weight, chosen[: progress.rows], self.rows_per_step))
                rows += progress.rows
                parts.append(progress)
                run.step, run.loss = self.step + first + progress.steps, done.mean
                if run.gauge is not None:
                    run.gauge.take(run.engine, progress, run.step, run.epoch)
                for callback in run.step_callbacks:
                    callback.on_step_end(run)
            if status != "done" or run.stopping:
                break
        return joined(parts, done.mean, "stopped" if status == "done" and run.stopping else status)
