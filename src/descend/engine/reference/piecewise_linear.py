"""PiecewiseLinear: (x - start) / width, cut to [0, 1] except below in a column's first and above in its last bin.

A bin of width 0 gives 0.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference import columns, trees
from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import PiecewiseLinear


def adapt(op: PiecewiseLinear, x: Array, y: Array | None) -> dict[int, Array]:
    """Start and width (slots,) of the bins between the columns' quantiles, or between the splits of a tree.

    y (rows, outputs) is what a tree splits by. Where a column has fewer bins than slots, the last bin stands in the
    last slot and those left over before it have width 0; a single one is cut in the middle.

    Raises
    ------
    ValueError
        When a tree is wanted and there is no target.
    """
    if op.rule == "tree" and y is None:
        raise ValueError(f"the layer {op.name!r} splits columns by the target; pass y to adapt, or let fit adapt it")
    of_slot = columns.slot_columns(op)
    start, width = np.zeros(len(of_slot)), np.zeros(len(of_slot))
    for column in columns.adapted_columns(op):
        slots = np.flatnonzero(of_slot == column)
        if op.rule == "tree" and y is not None:
            edges = trees.split_points(x[:, column], y, op.count)
        else:
            edges = np.quantile(x[:, column], np.linspace(0.0, 1.0, op.count + 1))
        edges = np.unique(edges)
        if len(edges) == 2 and op.count > 1:
            edges = np.insert(edges, 1, edges.mean())
        bins = len(edges) - 1
        used = np.append(slots[: bins - 1], slots[-1])[: max(bins, 0)]
        if bins:
            start[used], width[used] = edges[:-1], np.diff(edges)
    return {op.start: start, op.width: width}


def forward(op: PiecewiseLinear, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, outputs)."""
    start, width, low, high = _bins(op, context)
    share = (columns.read(op, x) - start) / np.where(width > 0, width, 1.0)
    mapped = np.where(width > 0, np.clip(share, low, high), 0.0)
    return columns.assemble(op, x, mapped), {"x": x, "share": share}


def backward(op: PiecewiseLinear, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy / width where nothing is cut."""
    _, width, low, high = _bins(op, context)
    inside = (saved["share"] > low) & (saved["share"] < high) & (width > 0)
    slope = np.where(inside, 1.0 / np.where(width > 0, width, 1.0), 0.0)
    return columns.gradient(op, saved["x"], dy, columns.of_slots(op, dy) * slope)


def _bins(op: PiecewiseLinear, context: Context) -> tuple[Array, Array, Array, Array]:
    """Start, width and the limits of the share, each (slots,)."""
    place = np.arange(len(columns.slot_columns(op))) % op.count
    low, high = np.where(place == 0, -np.inf, 0.0), np.where(place == op.count - 1, np.inf, 1.0)
    return context.parameter(op.start), context.parameter(op.width), low, high
