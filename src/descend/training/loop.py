"""The epochs of the gradient-based optimizers: one call of `Engine.train` each, unless somebody looks at every step."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend import schedules
from descend.engine.protocol import Progress
from descend.optimizers import Optimizer
from descend.training.engines import shuffled
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
                progress = self._steps(rates) if run.step_callbacks else self._whole(rates)
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

    def _whole(self, rates: NDArray[np.float64]) -> Progress:
        """Train one epoch in one call."""
        run = self.run
        return run.engine.train(
            run.rows.batch,
            self._order(),
            batch_size=self.batch_size,
            learning_rates=rates,
            threads=run.settings.threads or 0,
            deadline=run.deadline,
            tick=self._tick if run.reporter.live else None,
            accumulate=run.settings.accumulate,
        )

    def _tick(self, rows: int, loss: float, weight: float) -> bool:
        self.run.reporter.tick(self.run.epoch, rows, loss / weight if weight else math.nan)
        return True

    def _steps(self, rates: NDArray[np.float64]) -> Progress:
        """Train one epoch one update at a time, with the step callbacks after each; the same bits as `_whole`."""
        run, order = self.run, self._order()
        weight = run.rows.batch.weight
        loss = mass = 0.0
        rows = steps = 0
        parts: list[Progress] = []
        status = "done"
        for start in range(0, len(order), self.rows_per_step):
            chosen = order[start : start + self.rows_per_step]
            progress = run.engine.train(
                run.rows.batch,
                chosen,
                batch_size=self.batch_size,
                learning_rates=rates if len(rates) == 1 else rates[steps : steps + 1],
                threads=run.settings.threads or 0,
                deadline=run.deadline,
                accumulate=run.settings.accumulate,
            )
            status = progress.status
            if progress.steps:
                part = float(len(chosen)) if weight is None else float(weight[chosen].sum(dtype=np.float64))
                loss, mass = loss + progress.loss * part, mass + part
                rows, steps = rows + progress.rows, steps + 1
                parts.append(progress)
                run.step, run.loss = self.step + steps, loss / mass if mass else 0.0
                for callback in run.step_callbacks:
                    callback.on_step_end(run)
            if status != "done" or run.stopping:
                break
        return Progress(
            loss / mass if mass else 0.0,
            rows,
            steps,
            "stopped" if status == "done" and run.stopping else status,
            np.array([part.losses[0] for part in parts]),
            np.array([part.penalties[0] for part in parts]),
        )
