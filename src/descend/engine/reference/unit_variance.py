"""First weights that suit the data: products of unit variance, layer by layer. See `initializers.DataDependent`."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context, lines
from descend.engine.reference.interpreter import OPS
from descend.initializers import DataDependent
from descend.plan import ops
from descend.plan.plan import Plan

_Product = ops.Dense | ops.Convolution | ops.Depthwise

#: A deviation below this share of the root mean square is rounding.
ROUNDING = 1e-10


def unit_variance(plan: Plan, flat: NDArray, X: Array, seed: int) -> Array:
    """The parameters with the weights of all `DataDependent` initializers scaled, op by op, in training mode.

    Parameters
    ----------
    plan : a network
    flat : (plan.size,) all parameters
    X : (rows, *input shape) float64, dense or sparse
    seed : of dropout and noise

    Raises
    ------
    ValueError
        When such a weight belongs to an op that is no plain product with its input.
    """
    waiting = {p.name for p in plan.parameters if isinstance(p.initializer, DataDependent)}
    context = Context(plan, np.array(flat, dtype=np.float64), training=True, seed=seed)
    values = {plan.input: X}
    for op in plan.ops:
        if not waiting:
            return context.parameters
        inputs = [values[value] for value in op.inputs]
        if _is_product(op) and plan.parameters[op.weight].name in waiting:
            _scale(op, context, inputs[0])
            waiting.remove(plan.parameters[op.weight].name)
        values[op.output] = OPS[type(op)].forward(op, context, *inputs)[0]
    if waiting:
        raise ValueError(
            f"{min(waiting)} cannot be scaled to unit variance, only weights of dense layers and convolutions can; "
            "choose another initializer for it"
        )
    return context.parameters


def _is_product(op: ops.Op) -> TypeGuard[_Product]:
    """Whether an op is linear in a weight of its own."""
    if isinstance(op, ops.Dense):
        return not op.transposed
    return isinstance(op, ops.Depthwise) or (isinstance(op, ops.Convolution) and not op.tied)


def _scale(op: _Product, context: Context, x: Array) -> None:
    """Divide W by the deviation of x W; also centre b when that goes unit by unit."""
    weight = context.plan.parameters[op.weight]
    spec = weight.initializer
    assert isinstance(spec, DataDependent)
    if spec.per_unit and not isinstance(op, ops.Dense):
        raise ValueError(
            f"{weight.name} cannot be scaled unit by unit, only weights of dense layers can; leave per_unit"
        )
    W = context.parameter(op.weight)  # a view
    z = lines(OPS[type(op)].forward(op, context, x)[0])
    if op.bias is not None:
        z = z - context.parameter(op.bias)
    axis = 0 if spec.per_unit else None
    deviation, size = np.atleast_1d(z.std(axis=axis)), np.atleast_1d(np.sqrt((z * z).mean(axis=axis)))
    constant = deviation <= ROUNDING * size
    W /= np.where(constant, 1.0, deviation)
    if spec.per_unit and op.bias is not None:
        b = context.parameter(op.bias)
        b[~constant] = (-z.mean(axis=0) / np.where(constant, 1.0, deviation))[~constant]
