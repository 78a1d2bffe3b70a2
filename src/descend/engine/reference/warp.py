"""Warp: in training each pixel of the result reads the image at a place that random moves have moved.

With b_e the op's random 32-bit numbers, row r draws u_k = b_(r draws + k) / 2^32 in [0, 1), k from 0 to draws - 1: two
for each move, along y and x, then one for each knot. A number between low and high is low + (high - low) u, a whole one
low + floor((high - low + 1) u); something happens with probability p where u < p.

A move's place in the image before it is a linear map of the place after it, about the centre: q = A p + b. Moves are
composed from the last to the first.

Knot j stands at j / (knots - 1) of the width. The pace at step t > 0 is read half a step before it; the place of step t
is the sum of the paces up to it, scaled so that the last step is the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.random_numbers import element_bits
from descend.plan.ops import Move, Warp


@dataclass
class Tap:
    """Pixels that are read: rows y and columns x inside the image, weights, and where the place was inside.

    All (rows, height, width).
    """

    y: NDArray[np.int64]
    x: NDArray[np.int64]
    weight: Array
    inside: NDArray[np.bool_]


def forward(op: Warp, context: Context, x: Array) -> tuple[Array, Saved]:
    """Y; keeps the places (rows, height, width) that it has read along both axes."""
    if not context.training and op.image == op.grid:
        return x, {}
    places = _places(op, context, len(x))
    image = x.reshape(len(x), *op.image, x.shape[-1])
    y = np.zeros((len(x), *op.grid, x.shape[-1]))
    for tap in _taps(op, context, *places):
        read = np.where(tap.inside[..., None], image[np.arange(len(x))[:, None, None], tap.y, tap.x], op.fill_value)
        y += tap.weight[..., None] * read
    y = y.reshape(len(x), *context.plan.values[op.output].shape)
    return _beyond(context, x, y), {"place_y": places[0], "place_x": places[1]}


def backward(op: Warp, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx: what each pixel was read with goes back to where it was read."""
    if not saved:
        return dy
    rows = len(dy)
    dx = np.zeros((rows, *op.image, dy.shape[-1]))
    slope = _beyond(context, np.zeros_like(dy), dy).reshape(rows, *op.grid, dy.shape[-1])
    for tap in _taps(op, context, saved["place_y"], saved["place_x"]):
        share = np.where(tap.inside, tap.weight, 0.0)[..., None] * slope
        np.add.at(dx, (np.arange(rows)[:, None, None], tap.y, tap.x), share)
    dx = dx.reshape(rows, *context.plan.values[op.inputs[0]].shape)
    return _beyond(context, dy, dx)


def _beyond(context: Context, before: Array, after: Array) -> Array:
    """`after` within the rows' lengths and `before` beyond them."""
    if context.lengths is None:
        return after
    there = np.arange(after.shape[1]) < context.lengths[:, None]
    return np.where(there[..., None], after, before)


def _width(op: Warp, context: Context, rows: int) -> Array:
    """Of each row's image (rows, 1, 1)."""
    if context.lengths is None:
        return np.full((rows, 1, 1), float(op.image[1]))
    return context.lengths.astype(np.float64).reshape(rows, 1, 1)


def _places(op: Warp, context: Context, rows: int) -> tuple[Array, Array]:
    """Where each pixel of the result reads the image, along y and x (rows, height, width)."""
    height, width = float(op.image[0]), _width(op, context, rows)
    moved = width if op.image == op.grid else float(op.grid[1])
    y = np.arange(op.grid[0], dtype=np.float64)[:, None] - (op.grid[0] - 1) / 2
    x = np.arange(op.grid[1], dtype=np.float64) - (moved - 1.0) / 2
    if not context.training:
        corner = [(whole - n) // 2 for whole, n in zip(op.image, op.grid, strict=True)]
        offset = [c - (whole - n) / 2 for c, whole, n in zip(corner, op.image, op.grid, strict=True)]
        along = (np.eye(2), np.array(offset))
        matrix, shift = (np.broadcast_to(part, (rows, *part.shape)) for part in along)
    else:
        drawn = _draw(op, context, rows)
        if op.knots:
            return np.broadcast_to(y, (rows, *op.grid)), _paced(op, drawn, width)
        matrix, shift = _composed(op, drawn, width[:, 0, 0])
    m, b = matrix[..., None, None], shift[..., None, None]
    place_y = m[:, 0, 0] * y + (m[:, 0, 1] * x + b[:, 0]) + (height - 1.0) / 2
    place_x = m[:, 1, 0] * y + (m[:, 1, 1] * x + b[:, 1]) + (width - 1.0) / 2
    return np.broadcast_to(place_y, (rows, *op.grid)), np.broadcast_to(place_x, (rows, *op.grid))


def _draw(op: Warp, context: Context, rows: int) -> Array:
    """Random numbers in [0, 1) (rows, draws)."""
    draws = 2 * len(op.moves) + op.knots
    return element_bits(context.key(op.stream), rows * draws).reshape(rows, draws) / 2.0**32


def _composed(op: Warp, drawn: Array, width: Array) -> tuple[Array, Array]:
    """Matrices (rows, 2, 2) and offsets (rows, 2) that lead from places in the result to places in the image."""
    rows = len(drawn)
    matrix, shift = np.tile(np.eye(2), (rows, 1, 1)), np.zeros((rows, 2))
    for k, move in enumerate(op.moves):
        step, offset = _traced(op, move, drawn[:, 2 * k], drawn[:, 2 * k + 1], width)
        shift = shift + np.einsum("rij,rj->ri", matrix, offset)
        matrix = matrix @ step
    return matrix, shift


def _traced(op: Warp, move: Move, u_y: Array, u_x: Array, width: Array) -> tuple[Array, Array]:
    """One move, from the place after it to the place before it."""
    rows = len(u_y)
    matrix, offset = np.tile(np.eye(2), (rows, 1, 1)), np.zeros((rows, 2))
    v_y = move.y[0] + (move.y[1] - move.y[0]) * u_y
    v_x = v_y if move.tied else move.x[0] + (move.x[1] - move.x[0]) * u_x
    if move.motion == "flip":
        matrix[:, 0, 0] = np.where(u_y < move.y[0], -1.0, 1.0)
        matrix[:, 1, 1] = np.where(u_x < move.x[0], -1.0, 1.0)
    elif move.motion == "shift":
        offset[:, 0], offset[:, 1] = -v_y * op.image[0], -v_x * width
    elif move.motion == "turn":
        sine, cosine = np.sin(2 * np.pi * v_y), np.cos(2 * np.pi * v_y)
        matrix[:, 0, 0] = matrix[:, 1, 1] = cosine
        matrix[:, 0, 1], matrix[:, 1, 0] = sine, -sine
    elif move.motion == "zoom":
        matrix[:, 0, 0], matrix[:, 1, 1] = 1.0 + v_y, 1.0 + v_x
    elif move.motion == "shear":
        matrix[:, 0, 1], matrix[:, 1, 0] = v_y, v_x
    else:  # crop
        for axis, (u, span) in enumerate(((u_y, move.y), (u_x, move.x))):
            corner = span[0] + np.floor((span[1] - span[0] + 1.0) * u)
            offset[:, axis] = corner - (op.image[axis] - op.grid[axis]) / 2
    return matrix, offset


def _paced(op: Warp, drawn: Array, width: Array) -> Array:
    """Places along a sequence that runs at random pace (rows, 1, steps)."""
    pace = 1.0 - op.speed + 2.0 * op.speed * drawn
    steps = np.arange(1, op.grid[1], dtype=np.float64)
    last = np.maximum(width[:, 0] - 1.0, 1.0)  # (rows, 1)
    at = np.minimum((steps - 0.5) / last, 1.0) * (op.knots - 1)
    knot = np.minimum(np.floor(at), op.knots - 2.0)
    before = np.take_along_axis(pace, knot.astype(np.int64), axis=1)
    after = np.take_along_axis(pace, knot.astype(np.int64) + 1, axis=1)
    travelled = np.cumsum(before + (after - before) * (at - knot), axis=1)
    travelled = np.concatenate([np.zeros((len(pace), 1)), travelled], axis=1)
    whole = np.take_along_axis(travelled, width[:, 0].astype(np.int64) - 1, axis=1)
    scale = np.where(whole > 0, last / np.where(whole > 0, whole, 1.0), 0.0)
    return (travelled * scale)[:, None, :]


def _taps(op: Warp, context: Context, place_y: Array, place_x: Array) -> list[Tap]:
    """The pixels that each place reads."""
    sizes = float(op.image[0]), _width(op, context, len(place_y))
    if op.nearest:
        corners = [((np.floor(place_y + 0.5), np.floor(place_x + 0.5)), np.ones(place_y.shape))]
    else:
        top, left = np.floor(place_y), np.floor(place_x)
        down, right = place_y - top, place_x - left
        corners = [
            ((top + i, left + j), (down if i else 1.0 - down) * (right if j else 1.0 - right))
            for i in (0, 1)
            for j in (0, 1)
        ]
    taps = []
    for (y, x), weight in corners:
        (row, in_height), (column, in_width) = (
            _folded(op.fill_mode, at, n) for at, n in zip((y, x), sizes, strict=True)
        )
        taps.append(Tap(row, column, weight, in_height & in_width))
    return taps


def _folded(mode: str, at: Array, size: Array | float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pixel numbers inside an image for those that may lie outside, and whether they count."""
    inside = np.ones(at.shape, dtype=bool)
    if mode == "reflect":
        period = at - 2.0 * size * np.floor((at + 0.5) / (2.0 * size))
        at = np.where(period < size, period, 2.0 * size - 1.0 - period)
    elif mode == "wrap":
        at = at - size * np.floor((at + 0.5) / size)
    elif mode == "constant":
        inside = (at >= 0) & (at < size)
    return np.clip(at, 0.0, size - 1.0).astype(np.int64), inside
