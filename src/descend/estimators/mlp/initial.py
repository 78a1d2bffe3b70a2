"""First weights in scikit-learn's way: uniform draws of one RandomState, layer by layer, biases too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend.plan import Plan, initial_parameters, ops


def draw(plan: Plan, random_state: np.random.RandomState, gain: float, dtype: np.dtype) -> NDArray:
    """Draw every dense layer's weights, then its biases, within +-sqrt(gain / (inputs + outputs)).

    Other parameters (gains, statistics) start as their layers say. Glorot and Bengio, 2010.

    Returns
    -------
    (plan.size,) of `dtype`
    """
    flat = initial_parameters(plan, 0, dtype)
    for op in plan.ops:
        if not isinstance(op, ops.Dense):
            continue
        weight = plan.parameters[op.weight]
        bound = np.sqrt(gain / sum(weight.shape))
        for index in (op.weight, op.bias):
            if index is not None:
                parameter = plan.parameters[index]
                flat[parameter.slice] = random_state.uniform(-bound, bound, parameter.shape).ravel()
    return flat
