"""descend, through its public interface: the time of the whole `fit` call counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend import Network, layers, optimizers
from shapes import Shape


def network(shape: Shape, seed: int = 0) -> Network:
    stack: list[layers.Layer] = []
    for units in shape.hidden:
        stack += [layers.Dense(units, use_bias=False), layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.1)]
    stack += [layers.Dense(shape.classes), layers.Softmax()]
    return Network(stack, input_shape=(shape.features,), seed=seed)


class Descend:
    def __init__(self, shape: Shape, X: NDArray[np.float32], y: NDArray[np.int64], threads: int | None) -> None:
        self.net = network(shape)
        self.X, self.y, self.batch, self.threads = X, y, shape.batch, threads

    def epochs(self, count: int) -> float:
        history = self.net.fit(
            self.X,
            self.y,
            loss="categorical_crossentropy",
            optimizer=optimizers.Adam(1e-3),
            epochs=count,
            batch_size=self.batch,
            threads=self.threads,
            verbose=0,
        )
        return history.loss[-1]
