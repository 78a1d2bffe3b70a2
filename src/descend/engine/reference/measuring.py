"""What a monitor is told: what a step did to each parameter, and what a value looks like."""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array
from descend.plan.plan import Plan


def moved(plan: Plan, gradient: Array, before: Array, after: Array) -> Array:
    """Sums of squares of gradient, parameter and change, (parameters, 3), of flat buffers (plan.size,).

    Zeros for parameters that are not trained.
    """
    found = np.zeros((len(plan.parameters), 3))
    for parameter in plan.parameters:
        if parameter.trainable:
            w = before[parameter.slice]
            for column, x in enumerate((gradient[parameter.slice], w, after[parameter.slice] - w)):
                found[parameter.id, column] = x @ x
    return found


def describe(value: Array, low: float, high: float) -> tuple[float, ...]:
    """The columns of `PROBED` for a value (rows and positions, columns), not empty."""
    outside = (value < low) | (value > high)
    silent = value.max(axis=0) <= 0
    return value.mean(), value.std(), (value == 0).mean(), outside.mean(), silent.mean()
