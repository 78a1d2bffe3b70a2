"""Limited-memory BFGS: SciPy chooses the steps, the engine computes loss and gradient over all rows in float64."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from descend.engine.protocol import Batch, Engine
from descend.optimizers import LBFGS
from descend.plan import Plan, ops
from descend.training.run import TrainingRun

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult


class _Stop(Exception):
    """Leaves SciPy's loop from within."""


def check_plan(plan: Plan) -> None:
    """Refuse networks whose loss is not one fixed function of the weights, and weights that are constrained.

    Raises
    ------
    ValueError
        Naming the layer and the remedy.
    """
    for op in plan.ops:
        kind = "DropConnect" if ops.drop_connect_of(op) else type(op).__name__
        if ops.streams_of(op) or ops.uses_batch(op):
            raise ValueError(
                f"LBFGS needs a loss that does not change from step to step, but the layer {op.name!r} "
                f"({kind}) works on batches; use optimizers.Adam(), or leave that layer out"
            )
    if plan.loss is not None and plan.loss.label_noise:
        raise ValueError(
            "LBFGS needs a loss that does not change from step to step, but label_noise changes the targets; use "
            "optimizers.Adam(), or leave label_noise out"
        )
    for parameter in plan.parameters:
        if parameter.max_norm is not None:
            raise ValueError(
                f"LBFGS cannot keep {parameter.name} within its max_norm of {parameter.max_norm:g}; use "
                "optimizers.Adam(), or a penalty in place of max_norm"
            )


def train(run: TrainingRun, engine: Engine, batch: Batch, optimizer: LBFGS) -> OptimizeResult | None:
    """Train until the optimizer or the run stops; every iteration counts as an epoch.

    Parameters
    ----------
    run : told about every iteration; its engine receives the weights after each
    engine : a float64 engine of the same plan, which computes
    batch : the training rows in float64
    optimizer : its numbers

    Returns
    -------
    SciPy's result; None when the run stopped before SciPy did
    """
    from scipy.optimize import minimize

    search = _Search(run, engine, batch)
    iterations = optimizer.max_iter if run.settings.epochs is None else run.settings.epochs
    try:
        result = minimize(
            search.loss_and_gradient,
            search.accepted,
            jac=True,
            method="L-BFGS-B",
            callback=search.after_iteration,
            options={
                "maxiter": iterations,
                "maxfun": optimizer.max_fun,
                "maxcor": optimizer.history,
                "gtol": optimizer.tol,
                "ftol": 0.0,  # stop on the loss only when it no longer falls at all
                "maxls": 50,
            },
        )
    except _Stop:
        return None
    except KeyboardInterrupt:
        search.put_back()
        run.interrupted()
        return None
    search.put_back()
    if not math.isfinite(result.fun):
        run.diverged(math.nan)
    # Status 1 is a limit reached; 2 is a line search that finds nothing lower, which is as good as converged.
    run.stop("epochs" if result.status == 1 else "tol")
    return result


class _Search:
    """The functions SciPy calls, and the last point it accepted.

    Parameters
    ----------
    run, engine, batch : as for `train`
    """

    def __init__(self, run: TrainingRun, engine: Engine, batch: Batch) -> None:
        self.run, self.engine, self.batch = run, engine, batch
        parts = [np.arange(p.offset, p.offset + p.size) for p in engine.plan.parameters if p.trainable]
        self.free = np.concatenate(parts)  # indices of the trained numbers in the flat buffer
        self.flat = run.engine.get_parameters().astype(np.float64)  # (plan.size,)
        self.accepted = self.flat[self.free]
        self.latest = (self.accepted, math.nan)  # the last point evaluated, and its loss
        self.gradient = np.zeros_like(self.flat)  # (plan.size,) there
        self.start: tuple[NDArray, NDArray] | None = None  # where the iteration began: all weights, and the gradient
        self.begun = False
        self.clock = time.perf_counter()

    def loss_and_gradient(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        if not self.begun:
            self.begun = True
            self.run.begin_epoch()
        self.flat[self.free] = x
        self.engine.set_parameters(self.flat)
        loss, gradient = self.engine.gradients(self.batch)
        self.latest, self.gradient = (x.copy(), loss), gradient
        if self.start is None:
            self.start = (self.flat.copy(), gradient)
        return loss, gradient[self.free]

    def after_iteration(self, x: NDArray[np.float64]) -> None:
        run = self.run
        loss = self.latest[1] if np.array_equal(self.latest[0], x) else self.loss_and_gradient(x)[0]
        self.accepted = x.copy()
        self.put_back()
        run.step, run.loss = run.step + 1, loss
        self.measure()
        for callback in run.step_callbacks:
            callback.on_step_end(run)
        run.end_epoch(loss, math.nan, self.clock)
        self.begun, self.clock = False, time.perf_counter()
        if run.stopping:
            raise _Stop

    def measure(self) -> None:
        """Let the run's monitor record the iteration: an update by the gradient with which it began."""
        run, start = self.run, self.start
        self.start = (self.flat.copy(), self.gradient)
        if run.gauge is None or start is None or not run.gauge.ends(run.step - 1, 1, run.epoch, last=False):
            return
        moved = np.zeros((len(self.engine.plan.parameters), 3))
        for parameter in self.engine.plan.parameters:
            before = start[0][parameter.slice]
            for i, part in enumerate((start[1][parameter.slice], before, self.flat[parameter.slice] - before)):
                moved[parameter.id, i] = part @ part
        run.gauge.record(run.engine, moved, run.step, run.epoch)

    def put_back(self) -> None:
        """Give the run's engine the last accepted point."""
        self.flat[self.free] = self.accepted
        self.run.engine.set_parameters(self.flat.astype(self.run.engine.dtype))
