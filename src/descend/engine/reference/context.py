"""What an op may see while it runs: parameters, the gradient to add to, and the kind of run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.random_numbers import splitmix64, stream_key
from descend.plan.plan import Plan

Array = NDArray[np.float64]

#: What a forward pass keeps for the backward pass, by name; `trace` shows it.
Saved = dict[str, Array]


def lines(x: Array) -> Array:
    """X as a matrix (rows * positions, features), where positions are all axes between rows and features."""
    return x if len(x.shape) == 2 else x.reshape(-1, x.shape[-1])


def steps_there(context: Context, x: Array) -> NDArray[np.bool_] | None:
    """Which steps rows have, (rows, steps), where x has steps and rows have lengths of their own; else None."""
    if context.lengths is None or x.ndim < 3:
        return None
    return np.arange(x.shape[1]) < context.lengths[:, None]


@dataclass
class Context:
    """One pass over one batch.

    Attributes
    ----------
    plan : what runs
    parameters : (plan.size,) float64, read only
    training : batch statistics and dropout masks, or running statistics and none
    seed, step : select the random numbers
    weight_sum : of the weights of the batch's rows; of all batches of an update where gradients accumulate
    lengths : (rows,) steps that rows have; None for all
    state : (rows, sizes) states that recurrent layers start from, see `Engine.predict_from`; None for zeros
    part : number of the batch in its update
    gradient : (plan.size,), to which backward passes add
    running : new values of running statistics by parameter id, filled by forward passes in training
    states : (rows, size) that each recurrent layer ends with, by its name, filled by forward passes
    """

    plan: Plan
    parameters: Array
    training: bool
    seed: int = 0
    step: int = 0
    weight_sum: float = 0.0
    lengths: NDArray[np.int32] | None = None
    state: Array | None = None
    part: int = 0
    gradient: Array = field(init=False)
    running: dict[int, Array] = field(default_factory=dict)
    states: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gradient = np.zeros(self.plan.size)

    def key(self, stream: int) -> int:
        """The key of a stream's random numbers in this batch."""
        seed = self.seed ^ splitmix64(self.part) if self.part else self.seed
        return stream_key(seed, self.step, stream)

    def parameter(self, index: int) -> Array:
        """The parameter's values in its shape."""
        parameter = self.plan.parameters[index]
        return self.parameters[parameter.slice].reshape(parameter.shape)

    def add_gradient(self, index: int, value: Array) -> None:
        """Add to the gradient of a parameter, unless it is not trained."""
        parameter = self.plan.parameters[index]
        if parameter.trainable:
            self.gradient[parameter.slice] += value.ravel()
