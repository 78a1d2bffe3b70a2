"""What the target asks of a network's end: its output layer, its loss, and how the loss is told to the user.

scikit-learn's losses are sums over the outputs (half the sum for squares), which the engine's mean over outputs becomes
by a factor. What it shows of the squared loss is the mean over outputs all the same, hence `shown`; and of the Poisson
loss it shows the deviance, which adds a number per row that no weight changes, hence `constants`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from descend import layers, losses, penalties
from descend.estimators.mlp import scores
from descend.plan import Plan, attach_loss, lower
from descend.training.groups import chosen

#: Where an output says yes, by the kind of a loss for yes and no.
THRESHOLDS = {"bce": 0.5, "hinge": 0.0}


@dataclass(frozen=True)
class Head:
    """The end of a network.

    Attributes
    ----------
    name : what scikit-learn calls the output activation
    outputs : units of the last layer
    ending : the activation after it, if any
    loss : on the engine's terms
    scale : of the loss and its gradient
    shown : factor from the engine's loss to the one shown
    ceiling : the most an output counts in a cross-entropy, or infinity
    target : "index" for class numbers (rows,), or (rows, groups); "dense" for numbers (rows, outputs)
    groups : sizes of the groups of classes that the outputs are, () for one
    deviance : show the Poisson loss as half the deviance
    """

    name: str
    outputs: int
    ending: tuple[layers.Layer, ...]
    loss: losses.Loss
    scale: float = 1.0
    shown: float = 1.0
    ceiling: float = np.inf
    target: Literal["dense", "index"] = "dense"
    deviance: bool = False
    groups: tuple[int, ...] = ()

    def constants(self, y: NDArray) -> NDArray[np.float64] | None:
        """Return what is added to each row's loss when it is shown (rows,), or None for nothing."""
        if not self.deviance:
            return None
        y = y.astype(np.float64)
        return (y * np.log(np.where(y > 0, y, 1.0)) - y).sum(axis=1)

    def score(self, output: NDArray, y: NDArray, weight: NDArray | None) -> float:
        """Score an output (rows, outputs) against encoded targets: accuracy, or the coefficient of determination."""
        if self.groups:
            return scores.accuracy((chosen(output, self.groups) == y).all(axis=1), weight)
        if self.target == "index":
            return scores.accuracy(output.argmax(axis=1) == y, weight)
        if self.loss.kind in THRESHOLDS:
            threshold = THRESHOLDS[self.loss.kind]
            return scores.accuracy(((output > threshold) == (y > threshold)).all(axis=1), weight)
        return scores.r2(y, output, weight)


def classes_head(classes: int, dtype: np.dtype, smoothing: float = 0.0) -> Head:
    """One class out of three or more."""
    return Head(
        "softmax",
        classes,
        (layers.Softmax(),),
        losses.CategoricalCrossentropy(smoothing),
        ceiling=_ceiling(dtype),
        target="index",
    )


def columns_head(groups: tuple[int, ...], dtype: np.dtype, smoothing: float = 0.0) -> Head:
    """Several columns of classes, by the sum of their cross-entropies."""
    return Head(
        "softmax",
        sum(groups),
        (layers.Softmax(groups),),
        losses.CategoricalCrossentropy(smoothing),
        scale=float(len(groups)),
        ceiling=_ceiling(dtype),
        target="index",
        groups=groups,
    )


def labels_head(labels: int, dtype: np.dtype, smoothing: float = 0.0) -> Head:
    """Two classes, or several independent labels."""
    loss = losses.BinaryCrossentropy(smoothing)
    return Head("logistic", labels, (layers.Sigmoid(),), loss, scale=float(labels), ceiling=_ceiling(dtype))


def margins_head(labels: int) -> Head:
    """Two classes, or several independent labels, by scores whose sign decides."""
    return Head("identity", labels, (), losses.Hinge(), scale=float(labels), shown=1 / labels)


def numbers_head(loss: losses.Loss, outputs: int) -> Head:
    """Numbers, by a loss whose gradient is of the sum over the outputs and whose mean over them is shown.

    Of squared errors it is half; of counts half the Poisson deviance, summed; the root of the batch's mean squared
    error has no sum.
    """
    if loss.kind == "mse":
        return Head("identity", outputs, (), loss, scale=outputs / 2, shown=1 / outputs)
    if loss.kind == "poisson":
        return Head("exp", outputs, (layers.Exponential(),), loss, scale=float(outputs), deviance=True)
    if loss.kind == "rmse":
        return Head("identity", outputs, (), loss)
    return Head("identity", outputs, (), loss, scale=float(outputs), shown=1 / outputs)


def plain(head: Head) -> Head:
    """Return the head with its loss as `descend.losses` defines it, a mean over the outputs."""
    return replace(head, scale=1.0, shown=1.0, ceiling=np.inf, deviance=False)


def with_label_noise(head: Head, noise: float) -> Head:
    """Return the head with noise on its targets in training.

    Raises
    ------
    ValueError
        When it has some already, or its loss takes none.
    """
    if not noise:
        return head
    if head.loss.label_noise:
        raise ValueError(f"label_noise={noise!r} does not go with loss={head.loss!r}, which has its own; give it once")
    return replace(head, loss=replace(head.loss, label_noise=float(noise)))


def complete(hidden: tuple[layers.Layer, ...], head: Head) -> tuple[layers.Layer, ...]:
    """Return a network's layers: these and the head's."""
    return (*hidden, layers.Dense(head.outputs), *head.ending)


def build(network: tuple[layers.Layer, ...], head: Head, features: int, penalty: penalties.Penalty | None) -> Plan:
    """Return the plan of a network of these layers, which end as the head says."""
    plan = lower(network, (features,), penalty=penalty)
    return attach_loss(plan, head.loss, target=head.target, scale=head.scale, ceiling=head.ceiling)


def build_again(
    network: tuple[layers.Layer, ...], head: Head, features: int, penalty: penalties.Penalty | None
) -> Plan:
    """As `build`, the last plans remembered: for layers of which none stands in two places, as they would be shared."""
    try:
        hash(network)
    except TypeError:  # of a user's initializer
        return build(network, head, features, penalty)
    return _remembered(network, head, features, penalty)


_remembered = lru_cache(maxsize=16)(build)


def _ceiling(dtype: np.dtype) -> float:
    """Minus the logarithm of the smallest probability scikit-learn tells from 0."""
    return float(-np.log(np.finfo(dtype).eps))
