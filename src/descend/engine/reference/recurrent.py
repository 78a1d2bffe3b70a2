"""Recurrent layers: a cell (see `cells`) taken along the steps of every row, x (rows, steps, in) to h (rows, units).

Step s of a row reads x at the row's s-th step, or from its end in a reversed layer. A row that has fewer steps keeps
its states after them, and its output there is 0. Masks are the same for all steps: x m and h m' stand where x and h
stand before a product, with m and m' as in `dropout`. With DropConnect, U stands for the kept recurrent weights, see
`drop_connect`.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference import drop_connect, normed_cells
from descend.engine.reference.cells import CELLS, States
from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.random_numbers import element_bits
from descend.engine.reference.recurrent_setting import Setting
from descend.plan.ops import Recurrent


def forward(op: Recurrent, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y (rows, steps, units), or (rows, units) of every row's last step."""
    rows, steps, _ = x.shape
    k, cell = _setting(op, context, rows, steps), CELLS[op.cell]
    a = (k.in_order(x) * k.mask[:, None]) @ k.w + (0.0 if op.norm else k.b)
    start = _first_states(op, context, rows, k.u.shape[0])
    states, kept = start, []
    for s in range(steps):
        q = (states[0] * k.recurrent_mask) @ k.u
        if op.norm is None:
            after, saved = cell.forward(a[:, s], q, k.recurrent_b, states, op.function)
        else:
            after, saved = normed_cells.forward(op, op.norm, context, k, a[:, s], q, states, s)
        states = tuple(np.where(k.there[:, s, None], new, old) for new, old in zip(after, states, strict=True))
        kept.append(saved | dict(zip(("h", "c"), states, strict=False)))
    context.states[op.name] = np.concatenate(states, axis=1)
    found = {"x": x, "input_term": a} | {name: np.stack([each[name] for each in kept], axis=1) for name in kept[0]}
    found |= {"mask": k.mask} if op.dropout else {}
    found |= {"recurrent_mask": k.recurrent_mask} if op.recurrent_dropout else {}
    found |= {} if k.kept is None else {"recurrent_weight_mask": k.kept}
    return (k.back(found["h"]) if op.sequences else states[0]), found


def backward(op: Recurrent, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = da W^T m; dW = sum of (x m)^T da, dU = sum of (h m')^T dq, db = sum of da, over rows and steps."""
    x = saved["x"]
    rows, steps, _ = x.shape
    k, cell = _setting(op, context, rows, steps), CELLS[op.cell]
    da = np.zeros((rows, steps, k.w.shape[1]))
    d_u, d_bias, d_terms = np.zeros_like(k.u), np.zeros_like(k.recurrent_b), np.zeros(k.w.shape[1])
    after: States = tuple(np.zeros((rows, k.u.shape[0])) for _ in range(cell.states))
    if not op.sequences:
        after = (dy, *after[1:])
    out = k.in_order(dy) if op.sequences else np.zeros((rows, steps, k.u.shape[0]))
    for s in reversed(range(steps)):
        there = k.there[:, s, None]
        after = (after[0] + out[:, s], *after[1:])
        before = _states_before(op, context, saved, s)
        step = {name: array[:, s] for name, array in saved.items() if array.ndim == 3 and name != "x"}
        if op.norm is None:
            d_a, d_q, d_b, direct = cell.backward(step, after, before, op.function)
        else:
            d_a, d_q, d_b, direct, d_bias_s = normed_cells.backward(op, op.norm, context, k, step, after, before, s)
            d_terms += d_bias_s
        da[:, s], d_q, d_b = d_a * there, d_q * there, d_b * there
        d_u += (before[0] * k.recurrent_mask).T @ d_q
        d_bias += d_b.sum(axis=0)
        through = (direct[0] + (d_q @ k.u.T) * k.recurrent_mask, *direct[1:])
        if op.truncate and s % op.truncate == 0:
            through = tuple(np.zeros_like(gradient) for gradient in through)
        after = tuple(np.where(there, new, old) for new, old in zip(through, after, strict=True))
    masked = k.in_order(x) * k.mask[:, None]
    context.add_gradient(op.weight, np.einsum("rsi,rsj->ij", masked, da))
    context.add_gradient(op.recurrent, d_u if k.kept is None else d_u * k.kept)
    if op.bias is not None:
        context.add_gradient(op.bias, d_terms if op.norm else da.sum(axis=(0, 1)))
    if op.recurrent_bias is not None:
        context.add_gradient(op.recurrent_bias, d_bias)
    return k.back(da @ k.w.T) * k.mask[:, None]


def _first_states(op: Recurrent, context: Context, rows: int, units: int) -> States:
    """The states before the first step: zeros, or the op's part of context.state."""
    count = CELLS[op.cell].states
    if context.state is None:
        return tuple(np.zeros((rows, units)) for _ in range(count))
    first = 0
    for other in context.plan.ops:
        if other is op:
            break
        if isinstance(other, Recurrent):
            first += context.plan.values[other.output].shape[-1] * CELLS[other.cell].states
    return tuple(np.split(context.state[:, first : first + count * units], count, axis=1))


def _states_before(op: Recurrent, context: Context, saved: Saved, s: int) -> States:
    if s == 0:
        rows, _, units = saved["h"].shape
        return _first_states(op, context, rows, units)
    return tuple(saved[name][:, s - 1] for name in ("h", "c")[: CELLS[op.cell].states])


def _setting(op: Recurrent, context: Context, rows: int, steps: int) -> Setting:
    w, u = context.parameter(op.weight), context.parameter(op.recurrent)
    kept = drop_connect.mask(op.drop_connect, context, u.shape)
    lengths = np.full(rows, steps) if context.lengths is None else context.lengths.astype(np.int64)
    there = np.arange(steps) < lengths[:, None]
    order = np.broadcast_to(np.arange(steps), (rows, steps))
    if op.reverse:  # rows' own steps from the last to the first, what they lack where it is
        order = np.where(there, lengths[:, None] - 1 - order, order)
    return Setting(
        w,
        u if kept is None else u * kept,
        kept,
        np.zeros(w.shape[1]) if op.bias is None else context.parameter(op.bias),
        np.zeros(u.shape[0]) if op.recurrent_bias is None else context.parameter(op.recurrent_bias),
        _mask(context, op.dropout, op.stream, (rows, w.shape[0])),
        _mask(context, op.recurrent_dropout, op.recurrent_stream, (rows, u.shape[0])),
        order,
        there,
    )


def _mask(context: Context, rate: float, stream: int, shape: tuple[int, int]) -> Array:
    if not context.training or not rate:
        return np.ones(shape)
    bits = element_bits(context.key(stream), shape[0] * shape[1]).reshape(shape)
    return np.where(bits >= np.uint32(rate * 2**32), 1.0 / (1.0 - rate), 0.0)
