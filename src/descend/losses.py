"""Losses, as specifications; what they compute is defined in `engine/reference/losses.py`.

Below y is the target and p the prediction of one row. The batch loss is the mean over rows, weighted by the sample
weights; a row's loss is the mean over its outputs (the sum over classes for the categorical cross-entropy).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs

__all__ = [
    "MAE",
    "MSE",
    "RMSE",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Hinge",
    "Huber",
    "Loss",
    "Pinball",
    "Poisson",
    "resolve",
]

registry: specs.Registry[type[Loss]] = specs.Registry("losses", "loss")


@dataclass(frozen=True, repr=False)
class Loss(specs.Spec):
    """What every loss has: `kind`, its name in a plan, and the numbers a plan's Loss op carries.

    Attributes
    ----------
    label_noise : noise on the targets, in training only and new for every row and step, so that the network cannot
        learn rows by heart. Of classes: the probability p in [0, 1) with which a label is replaced by one drawn from
        all of them, its own included; of several groups of classes each on its own. Of numbers: the standard deviation
        of what is added, in the target's unit. The training loss is that of the noisy targets, validation losses are
        not. Xie and others, "DisturbLabel", 2016
    """

    kind: ClassVar[str]
    _noise: ClassVar[str] = "number"  # what label_noise is: "number", "label" or "" for none

    label_noise: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        labels = self._noise == "label"
        specs.check_number(self, "label_noise", low=0.0, high=1.0 if labels else math.inf, high_open=labels)
        if self.label_noise and not self._noise:
            raise ValueError(
                f"{type(self).__name__}: label_noise would make counts of its targets that are none; leave it out"
            )

    @property
    def parameter(self) -> float:
        """Huber's delta or the pinball loss's quantile, otherwise 0."""
        return 0.0

    @property
    def smoothing(self) -> float:
        """Label smoothing, otherwise 0."""
        return 0.0


@dataclass(frozen=True, repr=False)
class MSE(Loss):
    """Mean squared error, (y - p)^2."""

    kind: ClassVar[str] = "mse"


@dataclass(frozen=True, repr=False)
class MAE(Loss):
    """Mean absolute error, |y - p|; the derivative at y = p is 0."""

    kind: ClassVar[str] = "mae"


@dataclass(frozen=True, repr=False)
class RMSE(Loss):
    """Root mean squared error: the square root of the whole batch's MSE; the gradient at 0 is 0."""

    kind: ClassVar[str] = "rmse"


@dataclass(frozen=True, repr=False)
class BinaryCrossentropy(Loss):
    """-(y log p + (1 - y) log(1 - p)) for y in [0, 1] and one or more independent outputs.

    After a final Sigmoid it is computed from the logit. `label_smoothing` s in [0, 1) replaces y by
    y (1 - s) + s / 2.
    """

    label_smoothing: float = 0.0
    kind: ClassVar[str] = "bce"
    _noise: ClassVar[str] = "label"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "label_smoothing", low=0.0, high=1.0, high_open=True)

    @property
    def smoothing(self) -> float:
        return self.label_smoothing


@dataclass(frozen=True, repr=False)
class CategoricalCrossentropy(Loss):
    """-sum_j y_j log p_j for one class out of k, given as an integer or as a row of k numbers.

    Follows a final Softmax and is computed from its logits. `label_smoothing` s in [0, 1) replaces y by
    y (1 - s) + s / k. After a Softmax of several groups it is the mean over the groups, and y holds a class number for
    each (rows, groups), or their rows of numbers beside each other.
    """

    label_smoothing: float = 0.0
    kind: ClassVar[str] = "cce"
    _noise: ClassVar[str] = "label"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "label_smoothing", low=0.0, high=1.0, high_open=True)

    @property
    def smoothing(self) -> float:
        return self.label_smoothing


@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), with e = y - p."""

    delta: float = 1.0
    kind: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "delta", low=0.0, low_open=True)

    @property
    def parameter(self) -> float:
        return self.delta


@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """p - y log p for counts y >= 0 and p > 0; computed from the logarithm after a final Exponential."""

    kind: ClassVar[str] = "poisson"
    _noise: ClassVar[str] = ""


@dataclass(frozen=True, repr=False)
class Pinball(Loss):
    """max(q e, (q - 1) e) with e = y - p: the prediction becomes the quantile q of y."""

    quantile: float = 0.5
    kind: ClassVar[str] = "pinball"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "quantile", low=0.0, high=1.0, low_open=True, high_open=True)

    @property
    def parameter(self) -> float:
        return self.quantile


@dataclass(frozen=True, repr=False)
class Hinge(Loss):
    """max(0, 1 - y p) for y in {-1, +1} and an unbounded p."""

    kind: ClassVar[str] = "hinge"
    _noise: ClassVar[str] = "label"


registry.register(MSE, "mse", "mean_squared_error")
registry.register(MAE, "mae", "mean_absolute_error")
registry.register(RMSE, "rmse", "root_mean_squared_error")
registry.register(BinaryCrossentropy, "binary_crossentropy", "bce")
registry.register(CategoricalCrossentropy, "categorical_crossentropy", "sparse_categorical_crossentropy", "cce")
registry.register(Huber, "huber")
registry.register(Poisson, "poisson")
registry.register(Pinball, "pinball", "quantile")
registry.register(Hinge, "hinge")


def resolve(spec: Loss | str) -> Loss:
    """The loss that `spec` names or is.

    Raises
    ------
    ValueError
        for an unknown name, listing the known ones.
    TypeError
        for anything else.
    """
    return specs.resolve(registry, Loss, spec)
