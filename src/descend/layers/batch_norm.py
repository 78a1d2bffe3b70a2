"""The batch-normalization layer's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, registry


@dataclass(frozen=True, repr=False)
class BatchNorm(Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta per feature. Ioffe and Szegedy, 2015.

    Features are the last axis: statistics are taken over rows and all other axes, such as height and width of images or
    time. Mean and (biased) variance are the batch's in training; inference uses running ones, which each training step
    moves to momentum * running + (1 - momentum) * batch. Every row of a batch counts alike, whatever its sample weight,
    and every batch moves the running statistics alike, a shorter last one too. A batch of one row (and position) has no
    variance: it
    is normalized by the running statistics, as in inference, and leaves them as they are.

    With `frozen` training uses the running statistics too and does not move them, so that rows no longer depend on
    their batch: for going on with a trained network on few rows. gamma and beta still learn; `trainable=False` stops
    them as well, and freezes the statistics.

    Attributes
    ----------
    momentum : share of the running statistics that stays, in [0, 1)
    epsilon : added to the variance
    center : whether beta is learned; without it nothing is added
    scale : whether gamma is learned; without it nothing is multiplied
    frozen : whether training uses the running statistics and leaves them as they are
    """

    momentum: float = field(default=0.9, kw_only=True)
    epsilon: float = field(default=1e-5, kw_only=True)
    center: bool = field(default=True, kw_only=True)
    scale: bool = field(default=True, kw_only=True)
    frozen: bool = field(default=False, kw_only=True)
    kind: ClassVar[str] = "batch_norm"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "momentum", low=0.0, high=1.0, high_open=True)
        specs.check_number(self, "epsilon", low=0.0, low_open=True)
        specs.check_flag(self, "center")
        specs.check_flag(self, "scale")
        specs.check_flag(self, "frozen")


registry.register(BatchNorm, BatchNorm.kind)
