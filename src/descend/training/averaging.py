"""Averages of the weights over the training: what a run validates with and ends with in place of the latest weights.

The exponential moving average lies in the optimizer's last slot; that of `callbacks.SWA` is made here, epoch by epoch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from descend import optimizers
from descend.engine.protocol import Engine
from descend.engine.sequences import Sequences
from descend.plan import Plan, ops
from descend.training import engines
from descend.training.callbacks import SWA, Callback
from descend.training.errors import users_level
from descend.training.history import StopReason
from descend.training.settings import Rows

#: What ends a run before its last epoch and neither is an error nor was done by hand.
_ENDED_EARLY: tuple[StopReason, ...] = ("tol", "early_stopping", "time_budget", "learning_rate", "callback")


class Averages(Protocol):
    """An average of the weights."""

    def end_epoch(self, engine: Engine, epoch: int) -> None:
        """Take in the weights after an epoch, counted from 1 over all calls of `fit`."""
        ...

    def weights(self, engine: Engine, rows: Rows, batch_size: int | None, threads: int | None) -> NDArray | None:
        """Return the average (plan.size,), or None while there is none.

        Statistics that are measured anew for it are those of `rows` in batches of that size.
        """
        ...


def averages_of(optimizer: optimizers.Optimizer, callbacks: Iterable[Callback], seed: int) -> Averages | None:
    """Return the average that the optimizer or a callback asks for, if any.

    Raises
    ------
    ValueError
        When there is more than one.
    """
    chosen = [callback for callback in callbacks if isinstance(callback, SWA)]
    if len(chosen) > 1 or (chosen and optimizer.average_decay):
        raise ValueError(
            "callbacks has an SWA beside another average of the weights (another SWA, or the optimizer's "
            "average_decay); keep one of them"
        )
    if chosen:
        return Stochastic(chosen[0], seed)
    return Moving(optimizer.average_decay) if optimizer.average_decay else None


def warn_of_late_start(averages: Averages | None, last: int) -> None:
    """Warn when an `SWA` starts only after the last epoch of a run.

    Parameters
    ----------
    averages : of the run
    last : its last epoch, unless something ends it before
    """
    if isinstance(averages, Stochastic) and averages.callback.start > last:
        start = averages.callback.start
        warnings.warn(
            f"callbacks.SWA(start={start}) takes no weights, as this training ends with epoch {last}; pass a start of "
            f"at most {last}, or train for {start} epochs or more",
            stacklevel=users_level(),
        )


def warn_of_early_end(averages: Averages | None, reached: int, last: int, reason: StopReason) -> None:
    """Warn when a run ended by itself before its `SWA` started.

    Parameters
    ----------
    averages : of the run
    reached : the epoch in which it ended
    last : the one in which it would have ended
    reason : why it did
    """
    if isinstance(averages, Stochastic) and reached < averages.callback.start <= last and reason in _ENDED_EARLY:
        start = averages.callback.start
        warnings.warn(
            f"callbacks.SWA(start={start}) took no weights, as the training ended in epoch {reached} ({reason}); pass "
            f"a start of at most {reached}, or let it go on for longer",
            stacklevel=users_level(),
        )


class Moving:
    """The optimizer's moving average, a / (1 - d^t); running statistics are the latest."""

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def end_epoch(self, engine: Engine, epoch: int) -> None:
        """Nothing: the engine averages after each update."""

    def weights(self, engine: Engine, rows: Rows, batch_size: int | None, threads: int | None) -> NDArray | None:
        state, flat = engine.get_state(), engine.get_parameters()
        if not state.step:
            return None
        for parameter in engine.plan.parameters:
            if parameter.trainable:
                flat[parameter.slice] = state.slots[-1][parameter.slice] / (1.0 - self.decay**state.step)
        return flat


class Stochastic:
    """The plain mean of the weights after chosen epochs; running statistics are measured anew for it."""

    def __init__(self, callback: SWA, seed: int) -> None:
        self.callback = callback
        self.seed = seed
        self._mean: NDArray[np.float64] | None = None
        self._count = 0

    def end_epoch(self, engine: Engine, epoch: int) -> None:
        start, every = self.callback.start, self.callback.every
        if epoch < start or (epoch - start) % every:
            return
        flat = engine.get_parameters().astype(np.float64)
        self._count += 1
        self._mean = flat if self._mean is None else self._mean + (flat - self._mean) / self._count

    def weights(self, engine: Engine, rows: Rows, batch_size: int | None, threads: int | None) -> NDArray | None:
        if self._mean is None:
            return None
        return with_statistics(engine.plan, self._mean.astype(engine.dtype), rows, batch_size, threads, self.seed)


def with_statistics(
    plan: Plan, flat: NDArray, rows: Rows, batch_size: int | None, threads: int | None, seed: int
) -> NDArray:
    """Measure the running statistics of batch normalization for these weights, in one pass over the training rows.

    The pass is training with a learning rate of 0 from statistics of 0: after n batches a running value is the sum of
    (1 - m) m^i times the value of the batch i before the last, whose weights sum to 1 - m^n. For the steps of a
    recurrent layer n is the number of batches in which several rows have the step.

    Returns
    -------
    (plan.size,), `flat` itself where there is nothing to measure
    """
    measured = [op for op in plan.ops if isinstance(op, ops.BatchNorm) and not op.frozen]
    norms = [op.norm for op in plan.ops if isinstance(op, ops.Recurrent) and op.norm is not None and not op.norm.frozen]
    if not measured and not norms:
        return flat
    flat = flat.copy()
    running = [(op.momentum, plan.parameters[i]) for op in measured for i in (op.running_mean, op.running_variance)]
    stepwise = [(norm.momentum, plan.parameters[i]) for norm in norms for i in norm.statistics]
    kept = flat.copy()
    for _, parameter in running + stepwise:
        flat[parameter.slice] = 0.0
    for norm in norms:  # else a step that is new to it would not start from 0
        flat[plan.parameters[norm.steps_seen].slice] = plan.parameters[norm.input_mean].shape[0]
    engine = engines.make_engine(plan, flat.dtype)
    engine.set_parameters(flat)
    engine.start(optimizers.SGD(0.0), seed=seed)
    order = rows.subset if rows.subset is not None else np.arange(rows.count, dtype=np.uint32)
    size = min(batch_size or rows.count, rows.count)
    done = engine.train(rows.batch, order, batch_size=size, learning_rates=np.zeros(1), threads=threads or 0)
    after = engine.get_parameters()
    for momentum, parameter in running:
        flat[parameter.slice] = after[parameter.slice] / (1.0 - momentum**done.steps)
    for momentum, parameter in stepwise:
        counts = _batches_with_step(rows, order, size, parameter.shape[0])[:, None]
        found, before = (array[parameter.slice].reshape(parameter.shape) for array in (after, kept))
        weights = np.where(counts > 0, 1.0 - momentum ** np.maximum(counts, 1), 1.0)
        flat[parameter.slice] = np.where(counts > 0, found / weights, before).ravel()
    for norm in norms:
        flat[plan.parameters[norm.steps_seen].slice] = kept[plan.parameters[norm.steps_seen].slice]
    return flat


def _batches_with_step(rows: Rows, order: NDArray[np.uint32], size: int, steps: int) -> NDArray[np.int64]:
    """In how many of the batches at least two rows have each step, (steps,)."""
    X = rows.batch.X
    lengths = X.lengths[order] if isinstance(X, Sequences) else np.full(len(order), steps)
    there = lengths[:, None] > np.arange(steps)
    sums = np.add.reduceat(there, np.arange(0, len(order), size), axis=0, dtype=np.int64)
    return (sums > 1).sum(axis=0)
