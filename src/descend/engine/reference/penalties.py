"""Penalties: l1 sum|w| + l2 sum w^2 per parameter, with gradient l1 sign(w) + 2 l2 w."""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Context


def value(context: Context) -> float:
    """The sum of all penalties."""
    total = 0.0
    for parameter in context.plan.parameters:
        if parameter.penalty is not None:
            w = context.parameter(parameter.id)
            total += parameter.penalty.l1 * float(np.abs(w).sum()) + parameter.penalty.l2 * float((w * w).sum())
    return total


def add_gradient(context: Context) -> None:
    """Add the gradient of all penalties to context.gradient."""
    for parameter in context.plan.parameters:
        if parameter.penalty is not None:
            w = context.parameter(parameter.id)
            context.add_gradient(parameter.id, parameter.penalty.l1 * np.sign(w) + 2.0 * parameter.penalty.l2 * w)
