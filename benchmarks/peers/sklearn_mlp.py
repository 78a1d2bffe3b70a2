"""scikit-learn's MLPClassifier. It has neither batch norm nor dropout, so it does less work than the others."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from shapes import Shape


class SklearnMLP:
    def __init__(self, shape: Shape, X: NDArray[np.float32], y: NDArray[np.int64], threads: int | None) -> None:
        if threads is not None:
            raise ValueError("threads must be None: scikit-learn leaves them to its BLAS")
        self.model = MLPClassifier(
            shape.hidden, solver="adam", batch_size=shape.batch, warm_start=True, random_state=0, tol=0.0
        )
        self.X, self.y = X, y

    def epochs(self, count: int) -> float:
        self.model.set_params(max_iter=count, n_iter_no_change=10**6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(self.X, self.y)
        return self.model.loss_
