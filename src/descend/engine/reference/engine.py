"""The reference engine: NumPy, float64, one op at a time. It defines what every op means; it is not made for speed."""

from __future__ import annotations

import time
from typing import cast

import numpy as np
from numpy.typing import NDArray

from descend.engine import sequences, sparse
from descend.engine.protocol import PROBED, Batch, OptimizerState, Progress, Tick, check_accumulation
from descend.engine.reference import interpreter, max_norm, measuring, optimizers, penalties
from descend.engine.reference.context import Array, Context
from descend.engine.reference.tracing import collect
from descend.engine.rows import check_rows
from descend.engine.sequences import Sequences
from descend.engine.sparse import SparseRows
from descend.optimizers import Optimizer
from descend.plan.plan import Plan
from descend.plan.validator import validate


class ReferenceEngine:
    """An `Engine` in plain NumPy.

    Parameters
    ----------
    plan : validated first; with a loss when it is to be evaluated or trained
    """

    def __init__(self, plan: Plan) -> None:
        validate(plan)
        self.plan = plan
        self.dtype = np.dtype(np.float64)
        self._parameters = np.zeros(plan.size)
        self._optimizer: Optimizer | None = None
        self._seed = 0
        self._state = OptimizerState(0, np.zeros((0, plan.size)))

    def set_parameters(self, flat: NDArray) -> None:
        """Copy all parameters from a flat buffer (plan.size,)."""
        if np.shape(flat) != (self.plan.size,):
            raise ValueError(f"flat must have shape ({self.plan.size},), got {np.shape(flat)}")
        self._parameters = np.array(flat, dtype=np.float64)

    def get_parameters(self) -> Array:
        """A copy of all parameters (plan.size,)."""
        return self._parameters.copy()

    def predict(self, X: NDArray | SparseRows | Sequences, threads: int = 0) -> Array:
        """The output in inference mode: (rows, *output shape)."""
        return self.predict_from(X, None)[0]

    def predict_from(
        self, X: NDArray | SparseRows | Sequences, state: NDArray | None, threads: int = 0
    ) -> tuple[Array, Array]:
        """The output in inference mode and the recurrent layers' states, see `Engine.predict_from`."""
        context = Context(self.plan, self._parameters, training=False, lengths=sequences.split(X)[1], state=state)
        out = interpreter.forward(context, self._check_rows(X)).values[self.plan.output]
        return out, np.concatenate([np.zeros((len(out), 0)), *context.states.values()], axis=1)

    def evaluate(self, batch: Batch, threads: int = 0) -> float:
        """Weighted mean loss in inference mode, penalties included. `threads` changes nothing here."""
        context = Context(
            self.plan, self._parameters, training=False, weight_sum=_weight_sum(batch), lengths=_lengths(batch)
        )
        done = interpreter.forward(context, self._check_rows(batch.X))
        loss, _ = interpreter.loss_and_gradient(context, done, self._check_target(batch), _weights(batch))
        return loss + penalties.value(context)

    def gradients(self, batch: Batch, *, seed: int = 0, step: int = 0, threads: int = 0) -> tuple[float, Array]:
        """Loss and gradient (plan.size,) in training mode, penalties included; nothing is updated."""
        context = Context(
            self.plan,
            self._parameters,
            training=True,
            seed=seed,
            step=step,
            weight_sum=_weight_sum(batch),
            lengths=_lengths(batch),
        )
        loss, penalty = self._pass(context, batch)
        return loss + penalty, context.gradient

    def trace(self, batch: Batch, *, training: bool = True, seed: int = 0, step: int = 0) -> dict[str, Array]:
        """Every intermediate of forward and backward, by name, in the order in which it is computed.

        "input", then for each op what it keeps ("batch_norm_1/mean", "dropout_1/mask") and its value ("dense_1"); then
        "loss"; then "gradient/..." of each value and parameter from the last op to the first. Without a loss in the
        plan only the forward part. Values the loss computes by itself (a final softmax) have no gradient.

        Parameters
        ----------
        batch : rows to follow
        training : as in training (batch statistics, dropout) or as in inference
        seed, step : select the random numbers
        """
        context = Context(
            self.plan,
            self._parameters,
            training=training,
            seed=seed,
            step=step,
            weight_sum=_weight_sum(batch),
            lengths=_lengths(batch),
        )
        y = self._check_target(batch) if self.plan.loss is not None else None
        return collect(context, self._check_rows(batch.X), y, _weights(batch))

    def probe(self, X: NDArray | SparseRows | Sequences, bounds: NDArray[np.float64], threads: int = 0) -> Array:
        """What every value looks like on rows; see `Engine.probe`. `threads` changes nothing here."""
        lengths = sequences.split(X)[1]
        context = Context(self.plan, self._parameters, training=False, lengths=lengths)
        values = interpreter.forward(context, self._check_rows(X)).values
        found = np.full((len(self.plan.values), len(PROBED)), np.nan)
        for index, value in values.items():
            padded = lengths is not None and value.ndim > 2
            if isinstance(value, np.ndarray) and len(value) and not padded:
                found[index] = measuring.describe(value.reshape(-1, value.shape[-1]), *bounds[index])
        return found

    def start(self, optimizer: Optimizer, *, seed: int, state: OptimizerState | None = None) -> None:
        """Prepare for training: zeroed slots, or a copy of the given state."""
        if optimizer.kind not in optimizers.UPDATES:
            known = ", ".join(optimizers.UPDATES)
            raise ValueError(f"optimizer {optimizer.kind!r} is not run by an engine; engines know {known}")
        shape = (len(optimizer.slots), self.plan.size)
        if state is not None and state.slots.shape != shape:
            raise ValueError(f"state.slots must have shape {shape} for {optimizer.kind}, got {state.slots.shape}")
        self._optimizer, self._seed = optimizer, seed
        self._state = OptimizerState(0, np.zeros(shape))
        if state is not None:
            self._state = OptimizerState(state.step, np.array(state.slots, dtype=np.float64))

    def get_state(self) -> OptimizerState:
        """A copy of the optimizer's state."""
        return OptimizerState(self._state.step, self._state.slots.copy())

    def train(
        self,
        batch: Batch,
        rows: NDArray[np.uint32],
        *,
        batch_size: int,
        learning_rates: NDArray[np.float64],
        threads: int,
        deadline: float | None = None,
        tick: Tick | None = None,
        accumulate: int = 1,
        measure: bool = False,
    ) -> Progress:
        """Run over `rows` in steps of `batch_size`; see `Engine.train`. `threads` changes nothing here."""
        check_accumulation(self.plan, accumulate)
        together = batch_size * accumulate
        rates = _check_rates(learning_rates, rows, batch_size, accumulate)
        X = batch.X if isinstance(batch.X, Sequences) else self._check_rows(batch.X)
        y, weight = self._check_target(batch), _weights(batch)
        losses_sum, weights_sum, rows_done, steps = 0.0, 0.0, 0, 0
        by_step: list[tuple[float, float]] = []
        status = "done"
        moved = np.full((len(self.plan.parameters), 3), np.nan) if measure else None
        try:
            for start, rate in zip(range(0, len(rows), together), rates, strict=True):
                if deadline is not None and time.monotonic() >= deadline:
                    status = "deadline"
                    break
                chosen = rows[start : start + together]
                parts = [
                    Batch(X[some], y[some], None if weight is None else weight[some])
                    for some in np.split(chosen, range(batch_size, len(chosen), batch_size))
                ]
                found = self._step(parts, float(rate), moved if start + together >= len(rows) else None)
                if found is None:
                    status = "diverged"
                    break
                by_step.append(found)
                share = sum(_weight_sum(part) for part in parts)
                losses_sum, weights_sum = losses_sum + sum(found) * share, weights_sum + share
                rows_done, steps = rows_done + len(chosen), steps + 1
                if tick is not None and not tick(rows_done, losses_sum, weights_sum):
                    status = "stopped"
                    break
        except KeyboardInterrupt:
            status = "interrupted"
        mean = losses_sum / weights_sum if weights_sum else 0.0
        return Progress(mean, rows_done, steps, status, *np.reshape(by_step, (steps, 2)).T, moved=moved)

    def _step(self, batches: list[Batch], rate: float, moved: Array | None = None) -> tuple[float, float] | None:
        """One update; the loss and penalties, or None when they are not finite and nothing was changed.

        `moved` is filled with what it did to each parameter.
        """
        if self._optimizer is None:
            raise ValueError("call start(optimizer, seed=...) before train")
        w, slots, t = self._parameters.copy(), self._state.slots.copy(), self._state.step
        point = optimizers.gradient_point(self._optimizer, w, slots)
        total = sum(_weight_sum(batch) for batch in batches)
        gradient, losses, penalty = np.zeros(self.plan.size), 0.0, 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # a diverging run is reported by its loss
            for part, batch in enumerate(batches):
                context = Context(
                    self.plan,
                    point,
                    training=True,
                    seed=self._seed,
                    step=t,
                    weight_sum=total,
                    lengths=_lengths(batch),
                    part=part,
                )
                loss, penalty = self._pass(context, batch)
                if not np.isfinite(loss + penalty):
                    return None
                gradient, losses = gradient + context.gradient, losses + loss
                for index, value in context.running.items():
                    place = self.plan.parameters[index].slice
                    w[place] = point[place] = value.ravel()
            optimizers.step(self.plan, self._optimizer, w, gradient, slots, rate, t + 1, self._seed)
            if moved is not None:
                clipped = optimizers.clip_value(self._optimizer, gradient)
                moved[:] = measuring.moved(self.plan, clipped, self._parameters, w)
            max_norm.apply(self.plan, w)
            optimizers.average(self.plan, self._optimizer, w, slots)
        self._parameters, self._state = w, OptimizerState(t + 1, slots)
        return losses, penalty

    def _pass(self, context: Context, batch: Batch) -> tuple[float, float]:
        """Forward and backward: the batch's loss and penalties."""
        done = interpreter.forward(context, self._check_rows(batch.X))
        loss, start = interpreter.loss_and_gradient(context, done, self._check_target(batch), _weights(batch))
        interpreter.backward(context, done, start)
        return loss, penalties.value(context)

    def _check_rows(self, X: NDArray | SparseRows | Sequences) -> Array:
        """X in float64, sparse rows as such: SciPy multiplies them like arrays; sequences without their lengths."""
        check_rows(self.plan, X)
        X = sequences.split(X)[0]
        shape = self.plan.values[self.plan.input].shape
        X = X.astype(np.float64, copy=False) if sparse.is_sparse(X) else np.asarray(X, dtype=np.float64)
        if X.shape[1:] != shape or len(X.shape) != len(shape) + 1:
            raise ValueError(f"X must have shape (rows, {', '.join(map(str, shape))}), got {X.shape}")
        return cast("Array", X)

    def _check_target(self, batch: Batch) -> NDArray:
        loss = self.plan.loss
        if loss is None:
            raise ValueError("the plan has no loss, so there is nothing to evaluate or train; use attach_loss first")
        *positions, outputs = self.plan.values[loss.prediction].shape
        expected = (batch.X.shape[0], *positions)
        if loss.target == "dense":
            expected = (*expected, outputs)
        elif loss.groups:
            expected = (*expected, len(loss.groups))
        y = np.asarray(batch.y)
        if y.shape != expected:
            raise ValueError(f"y must have shape {expected}, got {y.shape}")
        if loss.target == "index":
            most = np.array(loss.groups or outputs) - 1
            if ((y < 0) | (y > most)).any():
                raise ValueError(f"y must hold classes from 0 to {most}, got {y.min()} to {y.max()}")
            return y.astype(np.int64)
        return y.astype(np.float64)


def _lengths(batch: Batch) -> NDArray[np.int32] | None:
    return sequences.split(batch.X)[1]


def _weight_sum(batch: Batch) -> float:
    weight = _weights(batch)
    return float(batch.X.shape[0]) if weight is None else float(weight.sum())


def _weights(batch: Batch) -> Array | None:
    if batch.weight is None:
        return None
    weight = np.asarray(batch.weight, dtype=np.float64)
    if weight.shape != (batch.X.shape[0],):
        raise ValueError(f"weight must have shape ({batch.X.shape[0]},), got {weight.shape}")
    return weight


def _check_rates(
    learning_rates: NDArray[np.float64], rows: NDArray[np.uint32], batch_size: int, accumulate: int
) -> Array:
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    steps = -(-len(rows) // (batch_size * accumulate))
    rates = np.atleast_1d(np.asarray(learning_rates, dtype=np.float64))
    if rates.shape not in ((1,), (steps,)):
        raise ValueError(f"learning_rates must hold 1 or {steps} numbers, got shape {rates.shape}")
    return np.broadcast_to(rates, (steps,)) if rates.shape != (steps,) else rates
