"""First weights in scikit-learn's way: uniform draws of one RandomState, layer by layer, biases too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from descend.plan import Plan, ops


def draw(plan: Plan, random_state: np.random.RandomState, gains: Sequence[float], dtype: np.dtype) -> NDArray:
    """Draw every dense layer's weights, then its biases, within +-sqrt(its gain / (inputs + outputs)).

    Other parameters (gains, statistics) start as their layers say. Glorot and Bengio, 2010.

    Returns
    -------
    (plan.size,) of `dtype`
    """
    bounds: dict[int, float] = {}
    for op, gain in zip((op for op in plan.ops if isinstance(op, ops.Dense)), gains, strict=True):
        bound = np.sqrt(gain / sum(plan.parameters[op.weight].shape))
        bounds |= {index: bound for index in (op.weight, op.bias) if index is not None}
    flat, fixed = np.empty(plan.size, dtype), np.random.default_rng(0)
    for parameter in plan.parameters:
        bound = bounds.get(parameter.id)
        drawn = (
            parameter.initializer(parameter.shape, fixed)
            if bound is None
            else random_state.uniform(-bound, bound, parameter.shape)
        )
        flat[parameter.slice] = drawn.ravel()
    return flat
