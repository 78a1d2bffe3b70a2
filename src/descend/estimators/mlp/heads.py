"""What the target asks of a network's end: its output layer, its loss, and how the loss is told to the user.

scikit-learn's losses are sums over the outputs (half the sum for squares), which the engine's mean over outputs becomes
by a factor. What it shows of the squared loss is the mean over outputs all the same, hence `shown`; and of the Poisson
loss it shows the deviance, which adds a number per row that no weight changes, hence `constants`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from descend import layers, losses, penalties
from descend.estimators.mlp import scores
from descend.plan import Plan, attach_loss, lower


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
    target : "index" for class numbers, "dense" for numbers (rows, outputs)
    """

    name: str
    outputs: int
    ending: tuple[layers.Layer, ...]
    loss: losses.Loss
    scale: float = 1.0
    shown: float = 1.0
    ceiling: float = np.inf
    target: Literal["dense", "index"] = "dense"

    def constants(self, y: NDArray) -> NDArray[np.float64] | None:
        """Return what is added to each row's loss when it is shown (rows,), or None for nothing."""
        if self.loss.kind != "poisson":
            return None
        y = y.astype(np.float64)
        return (y * np.log(np.where(y > 0, y, 1.0)) - y).sum(axis=1)

    def score(self, output: NDArray, y: NDArray, weight: NDArray | None) -> float:
        """Score an output (rows, outputs) against encoded targets: accuracy, or the coefficient of determination."""
        if self.target == "index":
            return scores.accuracy(output.argmax(axis=1) == y, weight)
        if self.loss.kind == "bce":
            return scores.accuracy(((output > 0.5) == (y > 0.5)).all(axis=1), weight)
        return scores.r2(y, output, weight)


def classes_head(classes: int, dtype: np.dtype) -> Head:
    """One class out of three or more."""
    return Head(
        "softmax",
        classes,
        (layers.Softmax(),),
        losses.CategoricalCrossentropy(),
        ceiling=_ceiling(dtype),
        target="index",
    )


def labels_head(labels: int, dtype: np.dtype) -> Head:
    """Two classes, or several independent labels."""
    loss = losses.BinaryCrossentropy()
    return Head("logistic", labels, (layers.Sigmoid(),), loss, scale=float(labels), ceiling=_ceiling(dtype))


def squares_head(outputs: int) -> Head:
    """Numbers, by half their squared error."""
    return Head("identity", outputs, (), losses.MSE(), scale=outputs / 2, shown=1 / outputs)


def counts_head(outputs: int) -> Head:
    """Counts, by half their Poisson deviance."""
    return Head("exp", outputs, (layers.Exponential(),), losses.Poisson(), scale=float(outputs))


def build(hidden: tuple[layers.Layer, ...], head: Head, features: int, penalty: penalties.Penalty | None) -> Plan:
    """Return the plan of a network of these hidden layers and this head."""
    plan = lower([*hidden, layers.Dense(head.outputs), *head.ending], (features,), penalty=penalty)
    return attach_loss(plan, head.loss, target=head.target, scale=head.scale, ceiling=head.ceiling)


def _ceiling(dtype: np.dtype) -> float:
    """Minus the logarithm of the smallest probability scikit-learn tells from 0."""
    return float(-np.log(np.finfo(dtype).eps))
