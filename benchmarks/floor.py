"""How long a fit takes at the least: its products alone, at the rate of NumPy's product of two 1024 x 1024 matrices.

Everything else (activations, losses, the optimizer, gathering rows, Python) counts as free, so no implementation whose
products run at that rate is faster, and narrow products reach it nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import machine
from timing import cores

HIDDEN = 100  # units of scikit-learn's default network
DTYPES = ("float64", "float32")


def contestants(dtype: str) -> dict[str, Callable[[int], object]]:
    """NumPy's product on one core and on all of them, to take turns with the fits."""
    counts = {"one core": 1, "all cores": cores()}
    return {f"product, {name}": machine.numpy_product(dtype, threads) for name, threads in counts.items()}


def rates(seconds: dict[str, float]) -> dict[str, float]:
    """FLOP/s of `contestants` that took `seconds`: {"one core": ..., "all cores": ...}."""
    return {name: 1e9 * machine.product_rate(seconds[f"product, {name}"]) for name in ("one core", "all cores")}


def outputs(table: Any) -> int:
    """Outputs of the network for the targets of an `estimators.Table`."""
    classes = 1 if table.kind == "MLPRegressor" else len(np.unique(table.y))
    return classes if classes > 2 else 1


def forward(entries: float, rows: float, width: int) -> float:
    """FLOPs of the products that predict `rows` rows with `entries` numbers in all, zeros of sparse rows left out."""
    return 2 * HIDDEN * (entries + rows * width)


def epoch(entries: float, rows: float, width: int) -> float:
    """FLOPs of the products of one epoch: nobody asks for the gradient of the rows themselves."""
    return 2 * HIDDEN * (2 * entries + 3 * rows * width)


def of_fit(table: Any, epochs: int) -> float:
    """FLOPs of the products of a fit of the table."""
    rows, columns = table.X.shape
    entries = table.X.nnz if hasattr(table.X, "nnz") else rows * columns
    return epochs * epoch(entries, rows, outputs(table))


def of_search(table: Any, epochs: int, points: int, folds: int) -> float:
    """FLOPs of the products of a grid search: fits on all folds but one, their scores, and the last fit on all rows."""
    rows, columns = table.X.shape
    width, share = outputs(table), (folds - 1) / folds
    trained = epochs * epoch(rows * columns, rows, width)
    return points * folds * (share * trained + (1 - share) * forward(rows * columns, rows, width)) + trained
