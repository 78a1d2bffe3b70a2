"""Cases of layers that prepare and embed single columns, for the table in `ops_cases`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from descend import layers, losses
from op_case import NORMALIZED_BATCH_SIZES, OpCase


def _coded(X: NDArray) -> NDArray:
    """The even columns as small integers."""
    X[:, ::2] = np.round(2 * X[:, ::2])
    return X


def _constant(X: NDArray) -> NDArray:
    """Column 2 always the same."""
    X[:, 2] = 0.1
    return X


def _binary(X: NDArray) -> NDArray:
    """Column 2 always the same, columns 0 and 4 only 0 and 1."""
    X[:, [0, 4]] = X[:, [0, 4]] > 0
    return _constant(X)


def _holes(X: NDArray) -> NDArray:
    """Every third number of columns 1 and 4 missing, but not the first row's."""
    X[1::3, [1, 4]] = np.nan
    return X


def _holes_at_positions(X: NDArray) -> NDArray:
    """Large numbers of columns 1 and 4 missing."""
    X[..., [1, 4]] = np.where(X[..., [1, 4]] > 1, np.nan, X[..., [1, 4]])
    return X


def _before(*first: layers.Layer) -> Callable[[], list[layers.Layer]]:
    return lambda: [*first, layers.Dense(9, "tanh"), layers.Dense(3)]


COLUMN_CASES = [
    OpCase("rescale-moments", _before(layers.Standardize()), (19,), losses.MSE()),
    OpCase("rescale-moments-some", _before(layers.Standardize(columns=(0, 5, -1))), (19,), losses.MSE()),
    OpCase("rescale-quartiles", _before(layers.RobustScale(1.0)), (7,), losses.MSE(), shape_rows=_binary),
    OpCase("rescale-quartiles-no-limit", _before(layers.RobustScale(None, columns=range(3, 20))), (35,), losses.MSE()),
    OpCase("interpolate-uniform", _before(layers.QuantileTransform(9)), (19,), losses.MSE(), shape_rows=_constant),
    OpCase(
        "interpolate-normal",
        _before(layers.QuantileTransform(33, output="normal", columns=(1, 2))),
        (4,),
        losses.MSE(),
        weighted=True,
    ),
    OpCase("impute", _before(layers.Impute()), (5,), losses.MSE(), shape_rows=_holes),
    OpCase(
        "impute-indicator",
        _before(layers.Impute("median", columns=(1, 2, 4), indicator=True), layers.Standardize()),
        (16,),
        losses.MSE(),
        shape_rows=_holes,
    ),
    OpCase("one_hot", _before(layers.OneHot(16, columns=(0, 4))), (6,), losses.MSE(), shape_rows=_coded),
    OpCase(
        "one_hot-others",
        _before(layers.OneHot((70, 18), columns=(2, 0)), layers.RobustScale(columns=-1)),
        (4,),
        losses.MSE(),
        shape_rows=_coded,
    ),
    OpCase("periodic", _before(layers.PeriodicEmbedding(5, sigma=1.0)), (7,), losses.MSE()),
    OpCase(
        "periodic-inside",
        lambda: [
            layers.Dense(9, "tanh"),
            layers.PeriodicEmbedding(3, sigma=0.3, columns=(0, 2, 8)),
            layers.Dropout(0.2),
            layers.PeriodicEmbedding(1, columns=4, trainable=False),
            layers.Dense(3),
        ],
        (7,),
        losses.MSE(),
        weighted=True,
    ),
    OpCase("piecewise_linear", _before(layers.PiecewiseLinearEmbedding(5)), (7,), losses.MSE(), shape_rows=_binary),
    OpCase(
        "piecewise_linear-tree",
        _before(layers.PiecewiseLinearEmbedding(6, split="tree", columns=(1, 2, 4))),
        (5,),
        losses.MSE(),
        shape_rows=_binary,
    ),
    OpCase(
        "columns-positions",
        lambda: [
            layers.Impute("median", indicator=True, columns=(1, 4)),
            layers.Standardize(columns=(0, -1)),
            layers.PiecewiseLinearEmbedding(3, split="tree", columns=2),
            layers.PeriodicEmbedding(2, columns=(0, 3)),
            layers.Dense(7, "tanh"),
            layers.PeriodicEmbedding(2, columns=(1, 2)),
            layers.Dense(2),
        ],
        (3, 5),
        losses.MSE(),
        weighted=True,
        shape_rows=_holes_at_positions,
    ),
    OpCase(
        "columns-all",
        lambda: [
            layers.Impute(indicator=True, columns=(1, 4)),
            layers.OneHot(20, columns=(0, 2)),
            layers.QuantileTransform(17, columns=-4),
            layers.Standardize(columns=(-2, -1)),
            layers.PiecewiseLinearEmbedding(3, columns=20),
            layers.PeriodicEmbedding(2, columns=-3),
            layers.Dense(19),
            layers.BatchNorm(),
            layers.ReLU(),
            layers.Dense(4, "softmax"),
        ],
        (6,),
        losses.CategoricalCrossentropy(),
        NORMALIZED_BATCH_SIZES,
        index_target=True,
        shape_rows=lambda X: _holes(_coded(X)),
    ),
]
