"""Short ways to train what the experiments train, through the public interface alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend import Network, layers, losses, optimizers, penalties
from descend.experiments.data import Split
from descend.training.errors import DivergenceError
from descend.training.history import History


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    optimizer, loss, penalty : as for `Network.fit` and `Network`
    epochs : passes over the training rows
    batch_size : rows per update; None for all
    """

    optimizer: optimizers.Optimizer
    epochs: int
    batch_size: int | None = 32
    loss: losses.Loss | None = None
    penalty: penalties.Penalty | None = None


def network(
    hidden: Sequence[layers.Layer], split: Split, seed: int, penalty: penalties.Penalty | None = None
) -> Network:
    """Hidden layers and the output layer that the data call for."""
    return Network([*hidden, layers.Dense(split.outputs)], split.X.shape[1:], seed=seed, penalty=penalty)


def train(
    hidden: Sequence[layers.Layer], split: Split, recipe: Recipe, seed: int, **options: Any
) -> tuple[Network, History | None]:
    """Train on the split's training rows; the history is None when the loss became infinite or NaN.

    Parameters
    ----------
    options : more arguments of `Network.fit`, such as callbacks
    """
    net = network(hidden, split, seed, recipe.penalty)
    return net, fit(net, split, recipe, **options)


def fit(net: Network, split: Split, recipe: Recipe, **options: Any) -> History | None:
    """Train a network that is there already; None when the loss became infinite or NaN."""
    try:
        return net.fit(
            split.X,
            split.y,
            optimizer=recipe.optimizer,
            loss=recipe.loss,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            threads=1,
            verbose=0,
            **options,
        )
    except DivergenceError:
        return None


def scores(net: Network, split: Split) -> tuple[float, float]:
    """The split's metric on the training rows and on the test rows."""
    return _on_both(net, split, split.metric)


def losses_of(net: Network, split: Split) -> tuple[float, float]:
    """The loss without penalties or smoothing on the training rows and on the test rows."""
    return _on_both(net, split, split.loss_metric)


def _on_both(net: Network, split: Split, metric: str) -> tuple[float, float]:
    first = net.evaluate(split.X, split.y, metrics=[metric])[metric]
    return first, net.evaluate(split.X_test, split.y_test, metrics=[metric])[metric]


def dense(depth: int, units: int, activation: str, **options: Any) -> list[layers.Layer]:
    """`depth` dense layers of `units` with an activation."""
    return [layers.Dense(units, activation=activation, **options) for _ in range(depth)]


def norms(gradients: dict[str, NDArray], depth: int) -> NDArray[np.float64]:
    """Root mean square of the weight gradients of the first `depth` dense layers, (depth,)."""
    names = [f"dense_{k}/weight" for k in range(1, depth + 1)]
    return np.array([float(np.sqrt(np.mean(np.square(gradients[name], dtype=np.float64)))) for name in names])
