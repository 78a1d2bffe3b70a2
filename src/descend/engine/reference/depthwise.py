"""Depthwise convolution: z[i, c m + j] = sum over k of x[i stride - before + k dilation, c] W[k, c m + j] + b[c m + j].

x is (rows, ..., channels), z (rows, ..., channels m). Pixels outside the image count as zeros. DropConnect as in
`convolution`.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference.context import Array, Context, Saved, lines
from descend.engine.reference.convolution import kept, kept_gradient, pixels, taps
from descend.plan.ops import Depthwise


def forward(op: Depthwise, context: Context, x: Array) -> tuple[Array, Saved]:
    """Z."""
    weight, mask = kept(op, context)
    weight = weight.reshape(op.window.taps, -1)
    repeated = np.repeat(pixels(x, op.window.image), weight.shape[1] // x.shape[-1], axis=-1)
    z = np.zeros((len(x), *op.window.grid, weight.shape[1]))
    for tap, image, grid in taps(op.window):
        z[grid] += repeated[image] * weight[tap]
    z = z.reshape(len(x), *context.plan.values[op.output].shape)
    if op.bias is not None:
        z = z + context.parameter(op.bias)
    return z, {"x": x} | mask


def backward(op: Depthwise, context: Context, saved: Saved, dz: Array) -> Array:
    """Dx, dW[k] = sum over rows and positions of x dz, db = sum of dz."""
    x, slope = saved["x"], pixels(dz, op.window.grid)
    weight = kept(op, context)[0].reshape(op.window.taps, -1)
    times = weight.shape[1] // x.shape[-1]
    repeated = np.repeat(pixels(x, op.window.image), times, axis=-1)
    dx, dw = np.zeros_like(repeated), np.zeros_like(weight)
    for tap, image, grid in taps(op.window):
        dx[image] += slope[grid] * weight[tap]
        dw[tap] = (repeated[image] * slope[grid]).sum(axis=(0, 1, 2))
    context.add_gradient(op.weight, kept_gradient(saved, dw))
    if op.bias is not None:
        context.add_gradient(op.bias, lines(dz).sum(axis=0))
    return dx.reshape(*x.shape, times).sum(axis=-1)
