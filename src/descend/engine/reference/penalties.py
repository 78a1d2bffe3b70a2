"""Penalties: l1 sum|w| + l2 sum w^2 per parameter, with gradient l1 sign(w) + 2 l2 w.

A spread penalty is divided by the sum of the batch's weights, and is 0 where that sum is.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Context
from descend.penalties import Penalty


def value(context: Context) -> float:
    """The sum of all penalties."""
    total = 0.0
    for parameter in context.plan.parameters:
        if parameter.penalty is not None:
            w, (l1, l2) = context.parameter(parameter.id), _factors(parameter.penalty, context.weight_sum)
            total += l1 * float(np.abs(w).sum()) + l2 * float((w * w).sum())
    return total


def add_gradient(context: Context) -> None:
    """Add the gradient of all penalties to context.gradient."""
    for parameter in context.plan.parameters:
        if parameter.penalty is not None:
            w, (l1, l2) = context.parameter(parameter.id), _factors(parameter.penalty, context.weight_sum)
            context.add_gradient(parameter.id, l1 * np.sign(w) + 2.0 * l2 * w)


def _factors(penalty: Penalty, weight_sum: float) -> tuple[float, float]:
    share = 1.0 if not penalty.spread else 1.0 / weight_sum if weight_sum else 0.0
    return penalty.l1 * share, penalty.l2 * share
