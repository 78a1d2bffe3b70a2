"""Runs a plan forward and backward, op by op."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from descend.engine.reference import (
    activation,
    add,
    adjust,
    batch_norm,
    concatenate,
    convolution,
    dense,
    depthwise,
    dropout,
    embedding,
    erase,
    gaussian_noise,
    impute,
    interpolate,
    layer_norm,
    losses,
    mix,
    one_hot,
    pad,
    penalties,
    periodic,
    piecewise_linear,
    pool,
    prelu,
    recurrent,
    rescale,
    reshape,
    softmax,
    swap_noise,
    targets,
    warp,
)
from descend.engine.reference.context import Array, Context, Saved
from descend.plan import ops

#: The file that defines each op.
OPS: dict[type[ops.Op], ModuleType] = {
    ops.Dense: dense,
    ops.BatchNorm: batch_norm,
    ops.LayerNorm: layer_norm,
    ops.Activation: activation,
    ops.PReLU: prelu,
    ops.Softmax: softmax,
    ops.Dropout: dropout,
    ops.GaussianNoise: gaussian_noise,
    ops.Add: add,
    ops.Concatenate: concatenate,
    ops.Recurrent: recurrent,
    ops.Embedding: embedding,
    ops.Mix: mix,
    ops.SwapNoise: swap_noise,
    ops.Warp: warp,
    ops.Adjust: adjust,
    ops.Erase: erase,
    ops.Convolution: convolution,
    ops.Depthwise: depthwise,
    ops.Pool: pool,
    ops.Pad: pad,
    ops.Reshape: reshape,
    ops.Rescale: rescale,
    ops.Interpolate: interpolate,
    ops.Impute: impute,
    ops.OneHot: one_hot,
    ops.Periodic: periodic,
    ops.PiecewiseLinear: piecewise_linear,
}


@dataclass
class Forward:
    """What a forward pass computed: `values` by id and what each op `saved`, by its name."""

    values: dict[int, Array]
    saved: dict[str, Saved]


def forward(context: Context, x: Array) -> Forward:
    """Run all ops; x is (rows, *input shape)."""
    done = Forward({context.plan.input: x}, {})
    for op in context.plan.ops:
        inputs = [done.values[value] for value in op.inputs]
        done.values[op.output], done.saved[op.name] = OPS[type(op)].forward(op, context, *inputs)
    return done


def loss_and_gradient(context: Context, done: Forward, y: Any, weight: Array | None) -> tuple[float, Array]:
    """The batch loss without penalties, and its gradient with respect to the value it starts from."""
    loss = require_loss(context)
    z = done.values[loss.prediction]
    if context.training:
        mixed = next((done.saved[op.name] for op in context.plan.ops if isinstance(op, ops.Mix)), None)
        loss, y = targets.in_training(loss, context, y, z.shape[-1], mixed)
    return losses.value_and_gradient(loss, z, y, weight, context.lengths, context.weight_sum)


def backward(context: Context, done: Forward, start: Array) -> dict[int, Array]:
    """Run the ops in reverse from the loss's gradient; fills context.gradient, penalties included.

    Returns
    -------
    the gradient of every value on the way, by id, in the order in which they were completed
    """
    gradients: dict[int, Array] = {require_loss(context).prediction: start}
    for op in reversed(context.plan.ops):
        if op.output not in gradients:
            continue
        results = OPS[type(op)].backward(op, context, done.saved[op.name], gradients[op.output])
        for value, gradient in zip(op.inputs, results if isinstance(results, tuple) else (results,), strict=True):
            gradients[value] = gradients[value] + gradient if value in gradients else gradient
    if not context.part:  # once in an update
        penalties.add_gradient(context)
    return gradients


def require_loss(context: Context) -> ops.Loss:
    """The plan's loss.

    Raises
    ------
    ValueError
        when it has none.
    """
    if context.plan.loss is None:
        raise ValueError("the plan has no loss, so there is nothing to evaluate or train; use plan.attach_loss first")
    return context.plan.loss
