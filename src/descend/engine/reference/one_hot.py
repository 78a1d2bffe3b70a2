"""OneHot: 1 where x is the slot's level, otherwise 0; a level that repeats the one before in its column is always 0."""

from __future__ import annotations

import numpy as np

from descend.engine.reference import columns
from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import OneHot


def adapt(op: OneHot, x: Array, y: Array | None) -> dict[int, Array]:
    """Levels (slots,): the different numbers of each column in increasing order, the last repeated as often as is left.

    Raises
    ------
    ValueError
        When a column has more than it has slots.
    """
    of_slot = columns.slot_columns(op)
    levels = np.empty(len(of_slot))
    for column in columns.adapted_columns(op):
        slots, found = np.flatnonzero(of_slot == column), np.unique(x[:, column])
        if len(found) > len(slots):
            raise ValueError(
                f"the layer {op.name!r} has room for {len(slots)} levels of column {column}, which has {len(found)}; "
                "raise levels=, or leave it out to have them counted"
            )
        levels[slots] = found[np.minimum(np.arange(len(slots)), len(found) - 1)]
    return {op.levels: levels}


def forward(op: OneHot, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, outputs) with one 1 for each column, or none for an unknown level."""
    of_slot, levels = columns.slot_columns(op), context.parameter(op.levels)
    repeats = np.concatenate([[False], (of_slot[1:] == of_slot[:-1]) & (levels[1:] == levels[:-1])])
    return columns.assemble(op, x, (columns.read(op, x) == levels) & ~repeats), {"x": x}


def backward(op: OneHot, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy for the copied columns, 0 for the coded ones."""
    return columns.gradient(op, saved["x"], dy, np.zeros_like(columns.of_slots(op, dy)))
