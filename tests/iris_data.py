"""The iris data, standardized and shuffled, as three classes, two, and numbers; and a small network's settings."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_iris

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
MORE = np.random.RandomState(0).permutation(len(X))
X, Y = X[MORE], Y[MORE]
TWO = (Y == 1).astype(int)
Z = np.stack([X[:, 0], X[:, 1] * X[:, 2]], axis=1)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (8, 6), "max_iter": 10, "random_state": 0, "learning_rate_init": 0.01}
