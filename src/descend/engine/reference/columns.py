"""What ops on single columns share: reading the columns of the slots, and putting outputs and gradients in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, lines
from descend.plan.ops import ColumnMap


def slot_columns(op: ColumnMap) -> NDArray[np.intp]:
    """The input column of each slot (slots,)."""
    return np.asarray(op.sources)[_outputs(op)]


def read(op: ColumnMap, x: Array) -> Array:
    """What the slots read of the input (rows, ..., columns): (lines, slots), a line being a row at one position."""
    return lines(x)[:, slot_columns(op)]


def adapted_columns(op: ColumnMap) -> NDArray[np.intp]:
    """The different columns that the slots read, in order."""
    return np.unique(slot_columns(op))


def assemble(op: ColumnMap, x: Array, mapped: Array) -> Array:
    """The output (rows, ..., outputs) from the input and from what the slots make of it, mapped (lines, slots)."""
    y = lines(x)[:, np.asarray(op.sources)]
    y[:, _outputs(op)] = mapped
    return y.reshape(*x.shape[:-1], len(op.sources))


def of_slots(op: ColumnMap, dy: Array) -> Array:
    """The part of the output's gradient that belongs to the slots (lines, slots)."""
    return lines(dy)[:, _outputs(op)]


def gradient(op: ColumnMap, x: Array, dy: Array, dmapped: Array) -> Array:
    """Dx, of the shape of x: of copied outputs dy, of slots dmapped (lines, slots), added up by column."""
    dx = np.zeros_like(lines(x))
    copied = np.flatnonzero(np.asarray(op.slots) < 0)
    np.add.at(dx.T, np.asarray(op.sources)[copied], lines(dy).T[copied])
    np.add.at(dx.T, slot_columns(op), dmapped.T)
    return dx.reshape(x.shape)


def _outputs(op: ColumnMap) -> NDArray[np.intp]:
    """The output of each slot (slots,)."""
    slots = np.asarray(op.slots)
    outputs = np.flatnonzero(slots >= 0)
    return outputs[np.argsort(slots[outputs])]
