"""Statistics of data: what ops that adapt keep of the rows they see. Each op's file says what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference import impute, interpolate, one_hot, piecewise_linear, rescale
from descend.engine.reference.context import Array, Context, lines
from descend.engine.reference.interpreter import OPS
from descend.plan import ops
from descend.plan.adapting import adaptive_ops
from descend.plan.plan import Plan


def adapt(plan: Plan, flat: NDArray, X: Array, y: NDArray | None) -> Array:
    """The parameters with all statistics taken from rows, op by op in order, in inference mode.

    Where ops share statistics, the first of them takes them.

    Parameters
    ----------
    plan : a network
    flat : (plan.size,) all parameters
    X : (rows, *input shape) float64
    y : (rows, outputs) numbers or (rows,) classes from 0; None when there are none

    Raises
    ------
    ValueError
        When an op cannot take its statistics from such rows.
    """
    waiting = {op.name for op in adaptive_ops(plan)}
    context = Context(plan, np.array(flat, dtype=np.float64), training=False)
    values = {plan.input: X}
    taken: set[int] = set()
    target = _rows_of_numbers(y)
    for op in plan.ops:
        if not waiting:
            break
        inputs = [values[value] for value in op.inputs]
        if op.name in waiting:
            for index, found in _statistics(op, plan, lines(inputs[0]), _by_line(target, inputs[0])).items():
                if index not in taken:
                    context.parameters[plan.parameters[index].slice] = found.ravel()
                    taken.add(index)
            waiting.remove(op.name)
        values[op.output] = OPS[type(op)].forward(op, context, *inputs)[0]
    return context.parameters


def _statistics(op: ops.Op, plan: Plan, x: Array, y: Array | None) -> dict[int, Array]:
    """The new values of an op's parameters, by id."""
    match op:
        case ops.Rescale():
            return rescale.adapt(op, x, y)
        case ops.Interpolate():
            return interpolate.adapt(op, x, y, points=plan.parameters[op.knots].shape[0])
        case ops.Impute():
            return impute.adapt(op, x, y)
        case ops.OneHot():
            return one_hot.adapt(op, x, y)
        case ops.PiecewiseLinear():
            return piecewise_linear.adapt(op, x, y)
    raise TypeError(f"the op {op.name!r} ({type(op).__name__}) does not say how it adapts")


def _by_line(y: Array | None, x: Array) -> Array | None:
    """The rows' target for each of the lines of x."""
    return None if y is None else np.repeat(y, len(lines(x)) // max(1, len(x)), axis=0)


def _rows_of_numbers(y: NDArray | None) -> Array | None:
    """The target as (rows, outputs) numbers: classes as one-hot rows; those of several positions side by side."""
    if y is None:
        return None
    numbers = np.eye(int(y.max()) + 1)[y] if y.dtype.kind in "iu" else y.astype(np.float64)
    return numbers.reshape(len(numbers), -1)
