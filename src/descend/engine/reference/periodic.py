"""Periodic: sin(2 pi f x) for the `count` frequencies f of a column, then the cosines of the same."""

from __future__ import annotations

import numpy as np

from descend.engine.reference import columns
from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Periodic


def forward(op: Periodic, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, outputs); the waves are (rows, mapped columns, frequencies)."""
    read, frequency = _read(op, x), _frequencies(op, context)
    angle = 2.0 * np.pi * (read * frequency)
    sine, cosine = np.sin(angle), np.cos(angle)
    mapped = np.concatenate([sine, cosine], axis=2).reshape(len(read), 2 * sine.shape[1] * op.count)
    return columns.assemble(op, x, mapped), {"x": x, "sine": sine, "cosine": cosine}


def backward(op: Periodic, context: Context, saved: Saved, dy: Array) -> Array:
    """Df = sum over rows of 2 pi x (c ds - s dc), dx = sum over f of 2 pi f (c ds - s dc); s, c sine and cosine."""
    x, frequency = saved["x"], _frequencies(op, context)
    waves = columns.of_slots(op, dy)
    waves = waves.reshape(len(waves), frequency.shape[1], 2, op.count)
    slope = 2.0 * np.pi * (saved["cosine"] * waves[:, :, 0] - saved["sine"] * waves[:, :, 1])
    context.add_gradient(op.frequency, (slope * _read(op, x)).sum(axis=0))
    by_slot = np.zeros((len(waves), frequency.shape[1], 2 * op.count))
    by_slot[:, :, : op.count] = slope * frequency
    return columns.gradient(op, x, dy, by_slot.reshape(len(waves), by_slot.shape[1] * 2 * op.count))


def _read(op: Periodic, x: Array) -> Array:
    """The mapped columns (lines, columns, 1)."""
    return columns.read(op, x)[:, :: 2 * op.count, None]


def _frequencies(op: Periodic, context: Context) -> Array:
    """(1, mapped columns, frequencies)."""
    return context.parameter(op.frequency).reshape(1, -1, op.count)
