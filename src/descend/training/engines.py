"""Which engine does what: the one place that names engine classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from descend.engine.protocol import Engine
from descend.plan import Plan

if TYPE_CHECKING:
    from descend.engine.reference import ReferenceEngine


def make_engine(plan: Plan, dtype: np.dtype) -> Engine:
    """Return the engine that trains and predicts, with all parameters zero."""
    from descend.engine.native import NativeEngine

    return NativeEngine(plan, dtype=dtype.name)


def make_reference(plan: Plan) -> ReferenceEngine:
    """Return the float64 engine that can show every intermediate."""
    from descend.engine.reference import ReferenceEngine

    return ReferenceEngine(plan)


def adapted(plan: Plan, flat: NDArray, X: NDArray, y: NDArray | None) -> NDArray[np.float64]:
    """Return all weights with the statistics of layers that adapt taken from rows."""
    from descend.engine.reference.adapting import adapt

    return adapt(plan, flat, X.astype(np.float64, copy=False), y)


def unit_variance(plan: Plan, flat: NDArray, X: Any, seed: int) -> NDArray[np.float64]:
    """Return all weights with those of data-dependent initializers scaled on rows, dense or sparse."""
    from descend.engine.reference.unit_variance import unit_variance

    return unit_variance(plan, flat, X.astype(np.float64), seed)


def processors() -> int:
    """Return the number of processors that this process may use."""
    from descend.engine.native import processors

    return processors()


def shuffled(rows: int, seed: int, epoch: int) -> NDArray[np.uint32]:
    """Return the order of the rows in an epoch: a permutation of 0 .. rows - 1 fixed by seed and epoch."""
    from descend.engine.native import shuffle

    return shuffle(rows, seed, epoch)
