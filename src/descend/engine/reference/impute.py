"""Impute: x, or its column's filling where x is NaN; the last `count` slots say where: 1 if x is NaN, otherwise 0."""

from __future__ import annotations

import numpy as np

from descend.engine.reference import columns
from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Impute


def adapt(op: Impute, x: Array, y: Array | None) -> dict[int, Array]:
    """Fill: mean or median of the numbers that each column has.

    Raises
    ------
    ValueError
        When a column has none.
    """
    chosen = columns.slot_columns(op)[: len(columns.slot_columns(op)) - op.count]
    x = x[:, chosen]
    empty = np.isnan(x).all(axis=0)
    if empty.any():
        raise ValueError(
            f"the layer {op.name!r} cannot fill column {chosen[np.argmax(empty)]}, which has no numbers at all; drop "
            "it, or use Impute('constant')"
        )
    return {op.fill: (np.nanmean if op.rule == "mean" else np.nanmedian)(x, axis=0)}


def forward(op: Impute, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, columns and indicators)."""
    read = columns.read(op, x)
    missing = np.isnan(read)
    filled = missing.shape[1] - op.count
    mapped = missing.astype(np.float64)
    mapped[:, :filled] = np.where(missing[:, :filled], context.parameter(op.fill), read[:, :filled])
    return columns.assemble(op, x, mapped), {"x": x, "missing": missing.astype(np.float64)}


def backward(op: Impute, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy where x is a number; indicators have no gradient."""
    slope = 1.0 - saved["missing"]
    slope[:, slope.shape[1] - op.count :] = 0.0
    return columns.gradient(op, saved["x"], dy, columns.of_slots(op, dy) * slope)
