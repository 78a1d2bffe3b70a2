"""Limited-memory BFGS with scikit-learn's settings: SciPy chooses the points, the engine computes loss and gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from descend.engine.protocol import Batch
from descend.estimators.mlp import threads
from descend.estimators.mlp.heads import Head
from descend.estimators.mlp.hooks import Hooks
from descend.estimators.mlp.recipe import Recipe
from descend.estimators.mlp.trained import TrainedNetwork
from descend.estimators.mlp.validation import penalty_of
from descend.optimizers import LBFGS
from descend.plan import Plan, ops


@dataclass
class Objective:
    """The loss as SciPy sees it: a function of the weights of all layers, then of all biases.

    Parameters
    ----------
    network : float64
    head : what is shown of the loss, which is what the line search goes by
    batch : all rows
    wanted : threads
    """

    network: TrainedNetwork
    head: Head
    batch: Batch
    wanted: int | None = None

    def __post_init__(self) -> None:
        self.places = _places(self.network.plan)
        self.engine = self.network.training_engine()
        self.flat = self.engine.get_parameters()
        self.threads = threads.choose(self.network.plan, self.batch.X.shape[0], 3, self.wanted)
        weight = self.batch.weight
        self.mass = float(self.batch.X.shape[0] if weight is None else weight.sum())
        constants = self.head.constants(self.batch.y)
        self.constant = 0.0 if constants is None else float(np.average(constants, weights=weight))

    def __call__(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        self.put(x)
        loss, gradient = self.engine.gradients(self.batch, threads=self.threads)
        if self.head.shown != 1.0:
            penalty = penalty_of(self.network.plan, self.flat, self.mass)
            loss = self.head.shown * (loss - penalty) + penalty
        return loss + self.constant, gradient[self.places]

    def put(self, x: NDArray[np.float64]) -> None:
        """Give the engine these weights."""
        self.flat[self.places] = x
        self.engine.set_parameters(self.flat)


class _After:
    """What SciPy calls after each iteration."""

    def __init__(self, objective: Objective, recipe: Recipe) -> None:
        self.objective, self.verbose = objective, recipe.verbose
        self.hooks = [one for one in recipe.callbacks if isinstance(one, Hooks)]
        self.done, self.stopped = 0, False

    def __call__(self, intermediate_result: Any) -> None:
        self.done += 1
        if self.verbose:
            print(f"Iteration {self.done}, loss = {intermediate_result.fun:.8f}")
        if self.hooks:
            self.objective.put(intermediate_result.x)
            self.stopped = any([one.iteration() for one in self.hooks])
            self.objective.network.training_engine()  # forgets the weights that a callback looked at
        if self.stopped:
            raise StopIteration


def train(network: TrainedNetwork, head: Head, batch: Batch, recipe: Recipe) -> tuple[float, int]:
    """Train until the optimizer stops.

    Returns
    -------
    the last loss and the number of iterations

    Warns
    -----
    ConvergenceWarning
        When a limit or a failed line search ended the training.
    """
    optimizer = recipe.optimizer
    assert isinstance(optimizer, LBFGS)
    objective = Objective(network, head, batch, recipe.threads)
    after = _After(objective, recipe)
    result = minimize(
        objective,
        objective.flat[objective.places],
        jac=True,
        method="L-BFGS-B",
        callback=after if recipe.verbose or after.hooks else None,
        options={
            "maxfun": optimizer.max_fun,
            "maxiter": optimizer.max_iter,
            "gtol": optimizer.tol,
            "maxcor": optimizer.history,
        },
    )
    stopped = after.stopped
    iterations = int(result.nit) if stopped else _check_optimize_result("lbfgs", result, optimizer.max_iter)
    objective.put(result.x)
    return float(result.fun), iterations


def _places(plan: Plan) -> NDArray[np.intp]:
    """Return the indices in the flat buffer of all trained matrices, then of the other trained parameters."""
    first = [op.weight for op in plan.ops if isinstance(op, ops.Dense)]
    others = [p.id for p in plan.parameters if p.trainable and p.id not in first]
    chosen = [plan.parameters[index] for index in (*first, *others)]
    return np.concatenate([np.arange(p.offset, p.offset + p.size) for p in chosen])
