"""Interpolate: the line through the points (knot, value) of each column, constant beyond them. Of equal knots the last
counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from descend.engine.reference import columns
from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Interpolate


def adapt(op: Interpolate, x: Array, y: Array | None, *, points: int) -> dict[int, Array]:
    """Knots (points, slots) at the columns' quantiles, values at those of the distribution that the rule names.

    Quantiles that are equal become one knot with the mean of their values; the last one fills up the rest.
    """
    shares = np.linspace(0.0, 1.0, points)
    values = shares
    if op.rule == "normal":
        end = 0.5 / len(x)
        values = ndtri(np.clip(shares, end, 1.0 - end))
    found = np.quantile(x[:, columns.slot_columns(op)], shares, axis=0)
    found = np.maximum.accumulate(found, axis=0)  # interpolating may round down
    heights = np.empty_like(found)
    for slot in range(found.shape[1]):
        knots, group = np.unique(found[:, slot], return_inverse=True)
        means = np.bincount(group, values) / np.bincount(group)
        found[: len(knots), slot], found[len(knots) :, slot] = knots, knots[-1]
        heights[: len(knots), slot], heights[len(knots) :, slot] = means, means[-1]
    return {op.knots: found, op.values: heights}


def forward(op: Interpolate, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, columns)."""
    knots, values = context.parameter(op.knots), context.parameter(op.values)
    read = columns.read(op, x)
    mapped, slope = np.empty_like(read), np.zeros_like(read)
    for slot in range(read.shape[1]):
        k, v, column = knots[:, slot], values[:, slot], read[:, slot]
        left: NDArray[np.intp] = np.searchsorted(k, column, side="right") - 1  # the last knot that is not above x
        inside = (left >= 0) & (left < len(k) - 1)
        at = left[inside]
        slope[inside, slot] = (v[at + 1] - v[at]) / (k[at + 1] - k[at])
        mapped[:, slot] = v[np.maximum(left, 0)]
        mapped[inside, slot] += (column[inside] - k[at]) * slope[inside, slot]
    return columns.assemble(op, x, mapped), {"x": x, "slope": slope}


def backward(op: Interpolate, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy times the slope of the line; 0 beyond the points."""
    return columns.gradient(op, saved["x"], dy, columns.of_slots(op, dy) * saved["slope"])
