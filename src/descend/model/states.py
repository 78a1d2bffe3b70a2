"""The states of a network's recurrent layers: by name for people, side by side for engines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.plan import Plan, ops


def sizes(plan: Plan) -> dict[str, int]:
    """Name and width of every state, in the engines' order.

    Raises
    ------
    ValueError
        When the network has none, or a layer that reads sequences from their end.
    """
    found: dict[str, int] = {}
    for op in plan.ops:
        if isinstance(op, ops.Pool) and any(plan.values[value].positions > 1 for value in op.inputs):
            raise ValueError(
                f"the layer {op.name!r} looks at all steps of a sequence at once, so they cannot come piece by piece; "
                "use predict"
            )
        if not isinstance(op, ops.Recurrent):
            continue
        if op.reverse:
            raise ValueError(
                f"the layer {op.name!r} reads sequences from their end, so they cannot come piece by piece; use predict"
            )
        if op.norm is not None:
            raise ValueError(
                f"the layer {op.name!r} normalizes each step by statistics of its own, and a piece of a sequence does "
                "not tell which steps it holds; use predict"
            )
        for part in ("h", "c") if op.cell == "lstm" else ("h",):
            found[f"{op.name}/{part}"] = plan.values[op.output].shape[-1]
    if not found:
        raise ValueError("the network has no recurrent layer, so there is no state to go on from; use predict")
    return found


def named(plan: Plan, joined: NDArray) -> dict[str, NDArray]:
    """The columns of (rows, sizes) by name."""
    names = sizes(plan)
    ends = np.cumsum(list(names.values()))
    return {name: joined[:, end - size : end].copy() for (name, size), end in zip(names.items(), ends, strict=True)}


def joined(plan: Plan, state: Mapping[str, ArrayLike], rows: int, dtype: np.dtype) -> NDArray:
    """States side by side, (rows, sizes).

    Raises
    ------
    TypeError, ValueError
        When a name is missing or unknown, or a shape differs, or numbers are not finite.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"state must be the dict that advance returned, got {type(state).__name__}")
    names = sizes(plan)
    for name in state:
        if name not in names:
            raise ValueError(f"state has the unknown name {name!r}; the network has: {', '.join(names)}")
    parts = []
    for name, size in names.items():
        if name not in state:
            raise ValueError(f"state lacks {name!r} of shape ({rows}, {size})")
        part = np.asarray(state[name], dtype)
        if part.shape != (rows, size):
            raise ValueError(
                f"state[{name!r}] must have shape ({rows}, {size}), as X has {rows} rows, got {part.shape}"
            )
        if not np.isfinite(part).all():
            raise ValueError(f"state[{name!r}] must be finite; it holds NaN or infinity")
        parts.append(part)
    return np.ascontiguousarray(np.concatenate(parts, axis=1))
