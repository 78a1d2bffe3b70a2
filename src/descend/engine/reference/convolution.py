"""Convolution, tap by tap: from image to grid z[i] = sum over k of x[i stride - before + k dilation] W[k] + b.

Transposed, from grid to image, z[i stride - before + k dilation] += x[i] W[k]. x and z are (rows, ..., channels).

Pixels outside the image count as zeros. With groups, each part of the channels has its part of the outputs. With
DropConnect W is multiplied by a mask in training, see `drop_connect`, and so is its gradient. A tied op takes the
transpose of the parameter, tap by tap: W[k] = V[k]^T, so dV[k] = dW[k]^T.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from descend.engine.reference import drop_connect
from descend.engine.reference.context import Array, Context, Saved, lines
from descend.layers.windows import Window
from descend.plan.ops import Convolution, Depthwise

#: The rows of an image or a grid that one tap reads, with all rows of the batch.
Part = tuple[slice, slice, slice]


def taps(window: Window) -> Iterator[tuple[int, Part, Part]]:
    """(number of the tap, pixels of the image, positions of the grid that read them), without what lies outside."""
    for tap in range(window.taps):
        place = divmod(tap, window.size[1])
        image, grid = [slice(None)], [slice(None)]
        for axis in (0, 1):
            stride, start = window.strides[axis], place[axis] * window.dilation[axis] - window.before[axis]
            first = max(0, -(start // stride))
            last = min(window.grid[axis], (window.image[axis] - 1 - start) // stride + 1)
            last = max(first, last)
            grid.append(slice(first, last))
            begin = start + first * stride
            image.append(slice(begin, begin + max(0, last - first - 1) * stride + (last > first), stride))
        yield tap, (image[0], image[1], image[2]), (grid[0], grid[1], grid[2])


def pixels(x: Array, sizes: tuple[int, int]) -> Array:
    """X as (rows, height, width, channels)."""
    return x.reshape(len(x), *sizes, x.shape[-1])


def _sides(op: Convolution) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sizes of the input and of the output."""
    window = op.window
    return (window.grid, window.image) if op.transposed else (window.image, window.grid)


def _read_and_written(op: Convolution, image: Part, grid: Part) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """What a tap reads and where that goes, in arrays (groups, rows, height, width, channels)."""
    read, written = (grid, image) if op.transposed else (image, grid)
    return (slice(None), *read), (slice(None), *written)


def _grouped(op: Convolution, x: Array) -> Array:
    """(groups, ..., channels of a group)."""
    return np.moveaxis(x.reshape(*x.shape[:-1], op.groups, x.shape[-1] // op.groups), -2, 0)


def _by_tap(op: Convolution, weight: Array) -> Array:
    """(taps, groups, in, out) of weights (..., in, groups * out), or of (..., out, groups * in) where it is tied."""
    by_tap = np.moveaxis(weight.reshape(op.window.taps, weight.shape[-2], op.groups, -1), 2, 1)
    return by_tap.swapaxes(-1, -2) if op.tied else by_tap


def kept(op: Convolution | Depthwise, context: Context) -> tuple[Array, Saved]:
    """The weights as the pass takes them, and the mask, where there is one, to be saved."""
    weight = context.parameter(op.weight)
    mask = drop_connect.mask(op.drop_connect, context, weight.shape)
    return (weight, {}) if mask is None else (weight * mask, {"mask": mask})


def kept_gradient(saved: Saved, dw: Array) -> Array:
    """The gradient of the parameter from that of the weights that `kept` returned."""
    return dw * saved["mask"].reshape(dw.shape) if "mask" in saved else dw


def forward(op: Convolution, context: Context, x: Array) -> tuple[Array, Saved]:
    """Z."""
    before, after = _sides(op)
    weights, mask = kept(op, context)
    weights = _by_tap(op, weights)
    source = _grouped(op, pixels(x, before))
    z = np.zeros((op.groups, len(x), *after, weights.shape[-1]))
    for tap, image, grid in taps(op.window):
        read, written = _read_and_written(op, image, grid)
        z[written] += source[read] @ weights[tap][:, None, None]
    z = np.moveaxis(z, 0, -2).reshape(len(x), *context.plan.values[op.output].shape)
    if op.bias is not None:
        z = z + context.parameter(op.bias)
    return z, {"x": x} | mask


def backward(op: Convolution, context: Context, saved: Saved, dz: Array) -> Array:
    """Dx by the transposed weights, dW[k] = sum over rows and positions of x^T dz, db = sum of dz."""
    before, after = _sides(op)
    weights, x = _by_tap(op, kept(op, context)[0]), saved["x"]
    source, slope = _grouped(op, pixels(x, before)), _grouped(op, pixels(dz, after))
    dx, dw = np.zeros_like(source), np.zeros(weights.shape)
    for tap, image, grid in taps(op.window):
        read, written = _read_and_written(op, image, grid)
        dx[read] += slope[written] @ weights[tap].swapaxes(-1, -2)[:, None, None]
        dw[tap] = np.einsum("grhwi,grhwo->gio", source[read], slope[written])
    shape = context.plan.parameters[op.weight].shape
    dw = np.moveaxis(dw.swapaxes(-1, -2) if op.tied else dw, 1, 2).reshape(shape)
    context.add_gradient(op.weight, kept_gradient(saved, dw))
    if op.bias is not None:
        context.add_gradient(op.bias, lines(dz).sum(axis=0))
    return np.moveaxis(dx, 0, -2).reshape(x.shape)
