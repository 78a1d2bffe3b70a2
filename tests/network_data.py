"""Small data sets of every kind of target, and a network for them."""

from __future__ import annotations

import numpy as np

from descend import Network, layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
NUMBERS = X @ [1.0, -2.0, 0.5]
BINARY = (NUMBERS > 0).astype(int)
CLASSES = np.digitize(NUMBERS, [-1.0, 1.0])
ONE_HOT = np.eye(3)[CLASSES]
LABELS = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0], axis=1).astype(int)


def network(units: int = 1, *end: layers.Layer, **options) -> Network:
    return Network([layers.Dense(4, activation="tanh"), layers.Dense(units), *end], **options)
