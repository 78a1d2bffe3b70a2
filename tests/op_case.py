"""One op case: a small network with data to try it on, which are drawn from the case's name alone."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend import Sequences, layers, losses, penalties
from descend.engine.protocol import Batch
from descend.engine.reference.adapting import adapt
from descend.plan import Plan, adaptive_ops, attach_loss, groups_of, initial_parameters, lower

#: Batch sizes that are no multiple of a vector or a tile, beside one row and one that is.
BATCH_SIZES = (1, 2, 7, 33, 64)

#: Batch normalization of one or two rows is (nearly) degenerate: everything becomes 0 or +-1.
NORMALIZED_BATCH_SIZES = (5, 33, 64)


@dataclass(frozen=True)
class OpCase:
    """One network with data to try it on.

    Attributes
    ----------
    name : unique, used as the test's id
    make : builds the layers anew
    input_shape : of one row
    loss : the loss at its end
    batch_sizes : row counts to try
    index_target : integer classes instead of rows of numbers
    absorb : whether the loss may absorb the final function
    penalty : network-wide penalty
    weighted : with sample weights, some of them 0
    scale, ceiling : of the loss
    categories : of each column of the input the number of its categories, or 0 for one of numbers
    shape_rows : what is done to the normal rows of X
    lengths : with rows of different lengths
    """

    name: str
    make: Callable[[], list[layers.Layer]]
    input_shape: tuple[int, ...]
    loss: losses.Loss
    batch_sizes: tuple[int, ...] = BATCH_SIZES
    index_target: bool = False
    absorb: bool = True
    penalty: penalties.Penalty | None = None
    weighted: bool = False
    scale: float = 1.0
    ceiling: float = math.inf
    categories: tuple[int, ...] = ()
    shape_rows: Callable[[NDArray], NDArray] | None = None
    lengths: bool = False

    def plan(self) -> Plan:
        """The training plan."""
        plan = lower(self.make(), self.input_shape, penalty=self.penalty)
        return attach_loss(
            plan,
            self.loss,
            target="index" if self.index_target else "dense",
            absorb=self.absorb,
            scale=self.scale,
            ceiling=self.ceiling,
        )

    def parameters(self, plan: Plan) -> NDArray[np.float64]:
        """Parameters (plan.size,) that leave no gradient at 0: biases, gains and statistics are moved off 0 and 1."""
        rng = self._rng("parameters")
        flat = initial_parameters(plan, seed=zlib.crc32(self.name.encode()))
        for parameter in plan.parameters:
            noise = rng.uniform(-0.2, 0.2, parameter.size)
            flat[parameter.slice] += np.abs(noise) if parameter.name.endswith("running_variance") else noise
            if parameter.name.endswith("steps_seen"):
                flat[parameter.slice] = 2
        if not adaptive_ops(plan):
            return flat
        seen = self.batch(64)
        return adapt(plan, flat, np.asarray(seen.X), seen.y)

    def batch(self, rows: int, dtype: type = np.float64) -> Batch:
        """A batch of that many rows, in C order and of the given dtype."""
        rng = self._rng(f"batch {rows}")
        plan = self.plan()
        shape = plan.values[plan.output].shape
        X = rng.normal(size=(rows, *self.input_shape)).astype(dtype)
        for column, levels in enumerate(self.categories):
            if levels:
                X[:, column] = rng.integers(0, levels, rows)
        X = X if self.shape_rows is None else self.shape_rows(X)
        y = self._target(rng, (rows, *shape))
        weight = None
        if self.weighted:
            weight = rng.choice([0.0, 0.5, 1.0, 3.0], size=rows).astype(dtype)
        X = Sequences(X, rng.integers(1, X.shape[1] + 1, rows)) if self.lengths else X
        return Batch(X, y.astype(np.int32 if self.index_target else dtype), weight)

    def _target(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray:
        if groups := groups_of(self.plan()):
            classes = [rng.integers(0, size, shape[:-1]) for size in groups]
            if self.index_target:
                return np.stack(classes, axis=-1)
            return np.concatenate([np.eye(n)[c] for n, c in zip(groups, classes, strict=True)], axis=-1)
        if self.loss.kind == "cce":
            classes = rng.integers(0, shape[-1], shape[:-1])
            return classes if self.index_target else np.eye(shape[-1])[classes]
        if self.loss.kind == "bce":
            return rng.integers(0, 2, shape)
        if self.loss.kind == "hinge":
            return rng.integers(0, 2, shape) * 2.0 - 1.0
        if self.loss.kind == "poisson":
            return rng.poisson(1.5, shape)
        return rng.normal(size=shape)

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(f"{self.name}/{purpose}".encode()))

    def __str__(self) -> str:
        return self.name


def around(op: layers.Layer) -> Callable[[], list[layers.Layer]]:
    """An op between trained weights."""
    return lambda: [layers.Dense(13), op, layers.Dense(3)]
