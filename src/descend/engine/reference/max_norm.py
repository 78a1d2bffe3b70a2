"""Max-norm constraint: after an update, w <- w c / ||w|| for every column w of a weight matrix longer than its c."""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array
from descend.plan.plan import Plan


def apply(plan: Plan, w: Array) -> None:
    """Limit the columns in place; w (plan.size,) holds all parameters.

    A column that is no longer finite stays, so that a diverging run shows.
    """
    for parameter in plan.parameters:
        if parameter.max_norm is None:
            continue
        matrix = w[parameter.slice].reshape(-1, parameter.shape[-1])  # (in, out), a view
        with np.errstate(over="ignore", invalid="ignore"):
            length = np.sqrt((matrix * matrix).sum(axis=0))
        longer = (length > parameter.max_norm) & np.isfinite(length)
        matrix[:, longer] *= parameter.max_norm / length[longer]
