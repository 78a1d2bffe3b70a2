"""Flat parameter buffers: drawing the first values and cutting them into named arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from descend.plan.plan import Plan


def initial_parameters(plan: Plan, seed: int, dtype: DTypeLike = np.float64) -> NDArray:
    """Draw every parameter's first value.

    Parameter i uses its own random generator, keyed by the seed and i, so that adding a layer at the end does not
    change the ones before it.

    Parameters
    ----------
    plan : whose parameters are drawn
    seed : from 0 to 2^64 - 1
    dtype : of the result; the numbers are drawn in float64 and rounded to it

    Returns
    -------
    (plan.size,)

    Raises
    ------
    ValueError
        for a seed out of range, or an initializer that returns another shape or numbers that are not finite.
    """
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be an integer from 0 to 2**64 - 1, got {seed}")
    flat = np.empty(plan.size, dtype)
    for parameter in plan.parameters:
        key = np.array([seed, parameter.id], dtype=np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        drawn = np.asarray(parameter.initializer(parameter.shape, rng), dtype=np.float64)
        if drawn.shape != parameter.shape or not np.isfinite(drawn).all():
            fault = "" if np.isfinite(drawn).all() else " with NaN or infinity"
            raise ValueError(
                f"{parameter.initializer!r} must return finite numbers of shape {parameter.shape} "
                f"for {parameter.name}, got shape {drawn.shape}{fault}"
            )
        flat[parameter.slice] = drawn.ravel()
    return flat


def named(plan: Plan, flat: NDArray) -> dict[str, NDArray]:
    """Views of a flat buffer (plan.size,) by parameter name, in the plan's order."""
    if flat.shape != (plan.size,):
        raise ValueError(f"flat must have shape ({plan.size},), got {flat.shape}")
    return {parameter.name: flat[parameter.slice].reshape(parameter.shape) for parameter in plan.parameters}


def flatten(plan: Plan, arrays: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """The flat buffer (plan.size,) of named arrays.

    Raises
    ------
    ValueError
        when a name is missing or unknown, a shape differs, or a value is not finite.
    TypeError
        when something is no array of numbers.
    """
    known = [parameter.name for parameter in plan.parameters]
    unknown = sorted(set(arrays) - set(known))
    if unknown:
        raise ValueError(f"weights has the unknown name {unknown[0]!r}; the network has: {', '.join(known)}")
    flat = np.empty(plan.size)
    for parameter in plan.parameters:
        if parameter.name not in arrays:
            raise ValueError(f"weights lacks {parameter.name!r} of shape {parameter.shape}")
        try:
            array = np.asarray(arrays[parameter.name], dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"weights[{parameter.name!r}] must be an array of numbers of one shape") from None
        if array.shape != parameter.shape:
            raise ValueError(f"weights[{parameter.name!r}] must have shape {parameter.shape}, got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"weights[{parameter.name!r}] must be finite; it holds NaN or infinity")
        flat[parameter.slice] = array.ravel()
    return flat
