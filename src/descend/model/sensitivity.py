"""How a network's outputs change with its inputs: gradients with respect to rows instead of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import layers as layer_specs
from descend.engine.sequences import Sequences
from descend.plan.ops import Embedding

if TYPE_CHECKING:
    from descend.model.network import Network

_LAST = (layer_specs.Softmax, layer_specs.Sigmoid)


def input_gradient(network: Network, X: ArrayLike | Sequences, output: ArrayLike | int | None) -> NDArray[np.float64]:
    """What `Network.input_gradient` returns.

    Parameters
    ----------
    network : Network
    X, output
        As there.
    """
    shape = network.output_shape
    if network.input_shape is None or shape is None:
        raise ValueError("the network does not know its input shape yet; fit it, or give it an input_shape")
    if len(shape) != 1:
        raise ValueError(
            f"input_gradient needs a network with outputs of shape (outputs,), got {shape}, which has one for every "
            "position; take the gradient of what you need with trace"
        )
    plan = network._core.require_plan()
    if any(isinstance(op, Embedding) for op in plan.ops):
        raise ValueError(
            "input_gradient needs rows of numbers, but an Embedding reads categories, which have no gradient; trace "
            "the gradient of the embedding's output instead"
        )
    scores = _before_probabilities(network)
    values = scores.predict(X)
    chosen = _chosen(output, values)
    # The loss (z - y)^2 with y = z - 1 at the chosen output and y = z elsewhere has that output's gradient alone.
    target = values.copy()
    target[np.arange(len(target)), chosen] -= 1
    traced = scores.trace(X, target, loss="mse", training=False)
    plan = scores._core.require_plan()
    factor = traced[f"gradient/{plan.values[plan.output].name}"][np.arange(len(target)), chosen]
    gradient = traced["gradient/input"]
    return gradient / factor.reshape(-1, *[1] * (gradient.ndim - 1))


def _before_probabilities(network: Network) -> Network:
    """The network without a final softmax or sigmoid, in float64, with the same weights."""
    stack = list(network.layers)
    last = stack[-1]
    activation = getattr(last, "activation", None)
    if isinstance(last, _LAST):
        stack.pop()
    elif isinstance(activation, _LAST):
        stack[-1] = replace(last, activation=None)
    twin = type(network)(stack, input_shape=network.input_shape, seed=network.seed, dtype="float64")
    twin.set_weights(network.get_weights())
    return twin


def _chosen(output: ArrayLike | int | None, values: NDArray) -> NDArray[np.intp]:
    """Which output of each row."""
    rows, outputs = values.shape
    if output is None:
        return values.argmax(axis=1)
    chosen = np.asarray(output)
    if chosen.dtype.kind not in "iu" or chosen.shape not in ((), (rows,)):
        raise ValueError(
            f"output must be None, the number of an output, or one for each of {rows} rows, got {output!r}"
        )
    if rows and not 0 <= chosen.min() <= chosen.max() < outputs:
        raise ValueError(f"output must be from 0 to {outputs - 1}, got {chosen.min()} to {chosen.max()}")
    return np.broadcast_to(chosen, (rows,)).astype(np.intp)
