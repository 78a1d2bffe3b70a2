"""Dense: z = x W + b with x (rows, ..., in), W (in, out), b (out,), z (rows, ..., out).

W is the parameter, or, where the op is transposed, the transpose of the parameter (out, in).

With DropConnect W is multiplied in training by a mask (in, out) of 0 and 1 / (1 - rate), one for all rows of a step;
inference is that of all weights, or Gaussian, see `descend.plan.ops.DropConnect`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from descend.engine.reference import activation, drop_connect
from descend.engine.reference.context import Array, Context, Saved, lines
from descend.engine.reference.gaussian_noise import standard_normal
from descend.plan.ops import Dense, DropConnect


def forward(op: Dense, context: Context, x: Array) -> tuple[Array, Saved]:
    """Z = x W + b; with DropConnect x (W mask) + b, or what the Gaussian inference gives."""
    w, drop, saved = _weight(op, context), op.drop_connect, {"x": x}
    mask = drop_connect.mask(drop, context, w.shape)
    if mask is not None:
        saved["mask"], w = mask, w * mask
    z = x @ w
    if op.bias is not None:
        z = z + context.parameter(op.bias)
    if drop is not None and drop.samples and not context.training:
        saved["mean"] = z
        saved["deviation"] = np.sqrt(_odds(drop) * (_square(x) @ (w * w)))
        z = np.mean(_each_sample(drop, saved, "value"), axis=0)
    return z, saved


def backward(op: Dense, context: Context, saved: Saved, dz: Array) -> Array:
    """Dx = dz W^T, dW = x^T dz, db = sum of dz over rows and positions; the parameter's gradient is dW or dW^T.

    With DropConnect it is dW mask, and dx takes W mask for W.
    """
    if "mean" in saved:
        return _backward_gaussian(op, context, saved, dz)
    mask = saved.get("mask", np.float64(1.0))
    dw = (lines(saved["x"]).T @ lines(dz)) * mask
    context.add_gradient(op.weight, dw.T if op.transposed else dw)
    if op.bias is not None:
        context.add_gradient(op.bias, lines(dz).sum(axis=0))
    return dz @ (_weight(op, context) * mask).T


def _weight(op: Dense, context: Context) -> Array:
    w = context.parameter(op.weight)
    return w.T if op.transposed else w


def _backward_gaussian(op: Dense, context: Context, saved: Saved, dy: Array) -> Array:
    """Through the mean m and the variance v of y = mean over q of f(m + sqrt(v) q); where v is 0 only through m."""
    drop, w, x = op.drop_connect, context.parameter(op.weight), saved["x"]
    assert drop is not None
    slopes = _each_sample(drop, saved, "derivative")
    dm = dy * np.mean(slopes, axis=0)
    deviation = saved["deviation"]
    ds = dy * np.mean([q * slope for q, slope in zip(_points(drop), slopes, strict=True)], axis=0)
    dv = _odds(drop) * np.divide(ds, 2.0 * deviation, out=np.zeros_like(ds), where=deviation > 0)
    dense = x if isinstance(x, np.ndarray) else x.toarray()
    context.add_gradient(op.weight, lines(x).T @ lines(dm) + 2.0 * w * (_square(lines(x)).T @ lines(dv)))
    if op.bias is not None:
        context.add_gradient(op.bias, lines(dm).sum(axis=0))
    return dm @ w.T + 2.0 * dense * (dv @ (w * w).T)


def _square(x: Array) -> Array:
    return x * x if isinstance(x, np.ndarray) else x.multiply(x)


def _odds(drop: DropConnect) -> float:
    return drop.rate / (1.0 - drop.rate)


def _points(drop: DropConnect) -> Array:
    """The middle quantiles of `samples` equal parts of the standard normal distribution."""
    bits = (2 * np.arange(drop.samples, dtype=np.uint64) + 1) * 2**31 // drop.samples
    return standard_normal(bits.astype(np.uint32))


def _each_sample(drop: DropConnect, saved: Saved, what: Literal["value", "derivative"]) -> list[Array]:
    """The activation or its derivative at every sample of what reaches it."""
    function = getattr(activation.FUNCTIONS[drop.function], what)
    return [function(saved["mean"] + q * saved["deviation"], drop.alpha) for q in _points(drop)]
