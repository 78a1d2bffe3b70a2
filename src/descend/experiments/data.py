"""The data of the experiments: sets that come with scikit-learn, so that every machine has them.

Each function draws another split per seed and scales features by the training rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to test on.

    Attributes
    ----------
    name : for people
    X, X_test : (rows, features) float32
    y, y_test : (rows,) class numbers, or standardized numbers for a regression
    outputs : units of the output layer
    metric : "accuracy" or "r2", higher is better
    """

    name: str
    X: NDArray[np.float32]
    y: NDArray[Any]
    X_test: NDArray[np.float32]
    y_test: NDArray[Any]
    outputs: int
    metric: str

    @property
    def loss_metric(self) -> str:
        """The name of the loss without penalties or smoothing: "log_loss" or "mse"."""
        return "mse" if self.metric == "r2" else "log_loss"


def digits(seed: int, rows: int = 1000) -> Split:
    """8 x 8 images of digits in ten classes: `rows` to train on, the others of 1797 to test on; pixels from 0 to 1."""
    from sklearn.datasets import load_digits

    X, y = (np.asarray(part) for part in load_digits(return_X_y=True))
    return _split("digits", X / 16.0, y, seed, rows, outputs=10)


def mislabelled_digits(seed: int, rows: int = 1000, share: float = 0.2) -> Split:
    """`digits` in which a share of the training rows has the label of another class, drawn by the seed."""
    clean = digits(seed, rows)
    rng = np.random.default_rng([seed, 1])
    wrong = rng.random(rows) < share
    y = np.where(wrong, (clean.y + rng.integers(1, 10, rows)) % 10, clean.y)
    return Split("mislabelled digits", clean.X, y, clean.X_test, clean.y_test, 10, "accuracy")


def breast_cancer(seed: int, rows: int = 400) -> Split:
    """30 measurements of tumours in two classes: `rows` to train on, the others of 569 to test on; standardized."""
    from sklearn.datasets import load_breast_cancer

    X, y = (np.asarray(part) for part in load_breast_cancer(return_X_y=True))
    return _standardized(_split("breast cancer", X, y, seed, rows, outputs=1))


def diabetes(seed: int, rows: int = 300) -> Split:
    """10 measurements of patients and their disease a year later: `rows` to train on, the others of 442 to test on."""
    from sklearn.datasets import load_diabetes

    X, y = (np.asarray(part) for part in load_diabetes(return_X_y=True))
    made = _standardized(_split("diabetes", X, y, seed, rows, outputs=1, metric="r2"))
    mean, deviation = made.y.mean(), made.y.std()
    y, y_test = (made.y - mean) / deviation, (made.y_test - mean) / deviation
    return Split(made.name, made.X, y, made.X_test, y_test, 1, "r2")


def xor() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The four rows of exclusive or, with inputs -1 and 1."""
    X = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], dtype=np.float32)
    return X, np.array([0, 1, 1, 0])


def _split(
    name: str, X: NDArray[Any], y: NDArray[Any], seed: int, rows: int, *, outputs: int, metric: str = "accuracy"
) -> Split:
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = order[:rows], order[rows:]
    X = X.astype(np.float32)
    return Split(name, X[train], y[train], X[test], y[test], outputs, metric)


def _standardized(split: Split) -> Split:
    mean, deviation = split.X.mean(axis=0), split.X.std(axis=0)
    deviation[deviation == 0] = 1
    X, X_test = (split.X - mean) / deviation, (split.X_test - mean) / deviation
    return Split(split.name, X, split.y, X_test, split.y_test, split.outputs, split.metric)
