"""Rescale: z = (x - center) / spread column by column, then z / sqrt(1 + (z / limit)^2) where the limit is finite."""

from __future__ import annotations

import numpy as np

from descend.engine.reference import columns
from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Rescale


def adapt(op: Rescale, x: Array, y: Array | None) -> dict[int, Array]:
    """Center and spread of the columns of x: mean and deviation, or median and distance of the quartiles.

    Where the quartiles are equal half the range takes their place; a constant column is centred and has spread 1.
    """
    x = x[:, columns.slot_columns(op)]
    low, high = x.min(axis=0), x.max(axis=0)
    if op.rule == "moments":
        center, spread = x.mean(axis=0), x.std(axis=0)
    else:
        first, center, third = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
        spread = np.where(third > first, third - first, (high - low) / 2.0)
    constant = low == high
    return {op.center: np.where(constant, low, center), op.spread: np.where(constant, 1.0, spread)}


def forward(op: Rescale, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, columns)."""
    scaled = (columns.read(op, x) - context.parameter(op.center)) / context.parameter(op.spread)
    return columns.assemble(op, x, scaled / np.hypot(1.0, scaled / op.limit)), {"x": x, "scaled": scaled}


def backward(op: Rescale, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy / spread / (1 + (z / limit)^2)^(3/2)."""
    slope = np.hypot(1.0, saved["scaled"] / op.limit) ** -3 / context.parameter(op.spread)
    return columns.gradient(op, saved["x"], dy, columns.of_slots(op, dy) * slope)
