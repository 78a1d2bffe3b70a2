"""What a network remembers between two calls of `fit`, so that the second goes on where the first ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from descend import losses, optimizers
from descend.engine.protocol import OptimizerState


@dataclass
class TrainingState:
    """The training so far.

    Attributes
    ----------
    loss : the loss trained with
    target : how the engine takes targets for it, see `descend.plan.ops.Loss`
    optimizer : the last one used; None before the first fit
    slots : its state, kept here only while no engine holds it (after loading, or after L-BFGS)
    epoch : epochs done, which also numbers the shuffles
    step : updates done since the slots were empty
    rate : the current rate of a schedule that follows the loss, otherwise None
    watched : the losses that schedule has seen
    """

    loss: losses.Loss
    target: Literal["dense", "index"]
    optimizer: optimizers.Optimizer | None = None
    slots: OptimizerState | None = None
    epoch: int = 0
    step: int = 0
    rate: float | None = None
    watched: list[float] = field(default_factory=list)


def continues(previous: optimizers.Optimizer | None, now: optimizers.Optimizer) -> bool:
    """Whether an optimizer can go on with the slots of the previous one: same update rule, whatever the numbers."""
    return previous is not None and previous.kind == now.kind and previous.slots == now.slots
