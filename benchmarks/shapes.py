"""The networks that are timed, their synthetic data, and the arithmetic one step needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Shape:
    """A training job: batch norm, ReLU and dropout 0.1 after each hidden layer, softmax cross-entropy, Adam 1e-3.

    `rows` is a multiple of `batch`, so that every contestant does the same number of full steps.
    """

    name: str
    rows: int
    features: int
    hidden: tuple[int, ...]
    classes: int
    batch: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", self.rows - self.rows % self.batch)

    @property
    def steps(self) -> int:
        return self.rows // self.batch

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.features, *self.hidden, self.classes)

    @property
    def step_flops(self) -> int:
        """Floating-point operations of one step's matrix products.

        Forward, gradient of the inputs and gradient of the weights: 2 per weight and row each; the first layer
        needs no gradient of its inputs.
        """
        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        products = sum(6 * a * b for a, b in pairs) - 2 * pairs[0][0] * pairs[0][1]
        return self.batch * products

    @property
    def parameters(self) -> int:
        """Numbers in the flat parameter buffer, running statistics included."""
        hidden = sum(a * b + 4 * b for a, b in zip(self.widths, self.hidden, strict=False))
        return hidden + (self.hidden[-1] + 1) * self.classes

    def describe(self) -> str:
        layers = "-".join(map(str, self.widths))
        return f"{self.rows} rows, {layers}, batch {self.batch}"

    def data(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """X (rows, features) and classes (rows,), learnable but not trivial."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.rows, self.features)).astype(np.float32)
        W = rng.standard_normal((self.features, self.classes)).astype(np.float32)
        return X, (np.tanh(X) @ W).argmax(axis=1).astype(np.int64)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("small", 8192, 20, (64, 64), 2, 32),
        Shape("tab", 20000, 32, (128, 128), 10, 128),
        Shape("mid", 20000, 128, (256, 256, 256), 10, 256),
        Shape("large", 10000, 784, (1024, 1024), 10, 256),
        Shape("odd37", 12000, 29, (37, 37), 7, 48),
        Shape("odd203", 12000, 101, (203, 131), 5, 100),
    )
}
