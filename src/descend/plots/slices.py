"""The plane a decision boundary is drawn on: the user's table, a grid over two of its features, rows to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.plots.responses import Response, class_labels


@dataclass(frozen=True)
class Table:
    """The user's rows as numbers, and how to turn numbers back into what the model was trained on."""

    values: NDArray[np.float64]  # (rows, features)
    names: list[str]
    frame: Any = None  # the data frame class, when rows came in one

    @classmethod
    def read(cls, X: Any, feature_names: Sequence[str] | None) -> Table:
        """The user's X (rows, features), checked."""
        columns = [str(name) for name in X.columns] if hasattr(X, "columns") else None
        try:
            values = np.asarray(X, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"X must hold numbers only ({error}); encode categories before plotting") from error
        if values.ndim != 2 or values.shape[1] < 2 or not len(values):
            raise ValueError(f"X must be (rows, features) with two features or more, got shape {values.shape}")
        if feature_names is not None and len(feature_names) != values.shape[1]:
            raise ValueError(f"feature_names must have {values.shape[1]} names, got {len(feature_names)}")
        names = columns if feature_names is None else [str(name) for name in feature_names]
        if names is None:
            names = [f"feature {i}" for i in range(values.shape[1])]
        return cls(values, names, type(X) if columns is not None else None)

    def wrap(self, values: NDArray[np.float64], like: Any) -> Any:
        """`values` (rows, features) as an array or, if the user passed a frame, as one with the same columns."""
        if self.frame is None:
            return np.ascontiguousarray(values, dtype=_float_type(like))
        return self.frame({name: values[:, i] for i, name in enumerate(like.columns)})

    def index(self, feature: int | str) -> int:
        """The column number of a feature given by number or name."""
        if isinstance(feature, str):
            if feature not in self.names:
                raise ValueError(f"features names {feature!r}, which is not among: {', '.join(self.names)}")
            return self.names.index(feature)
        if not 0 <= feature < len(self.names):
            raise ValueError(f"features must be column numbers from 0 to {len(self.names) - 1} or names, got {feature}")
        return int(feature)


def _float_type(like: Any) -> Any:
    dtype = getattr(like, "dtype", None)
    return dtype if dtype is not None and np.issubdtype(dtype, np.floating) else np.float64


@dataclass(frozen=True)
class Points:
    """Rows drawn over the picture: `xy` (n, 2), `label` (n,) indices of classes, `weight` (n,) in [0, 1]."""

    xy: NDArray[np.float64]
    label: NDArray[np.intp]
    weight: NDArray[np.float64]


def grid(xy: NDArray[np.float64], resolution: int, margin: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two (n, n) grids over the finite range of `xy` (rows, 2), a margin wider."""
    axes = []
    for column in xy.T:
        finite = column[np.isfinite(column)]
        if not len(finite):
            raise ValueError("the chosen features hold no finite value to set the picture's range")
        low, high = finite.min(), finite.max()
        room = margin * (high - low) or 0.5
        axes.append(np.linspace(low - room, high + room, resolution))
    xx0, xx1 = np.meshgrid(*axes)
    return xx0, xx1


def points_of(
    values: NDArray[np.float64], y: ArrayLike, shown: tuple[int, int], others: list[int], response: Response
) -> Points:
    """Rows to draw; in a slice a row's weight falls with its distance from the slice, in standard deviations."""
    labels = class_labels(y, response)
    if len(labels) != len(values):
        raise ValueError(f"y must have one class per row of X ({len(values)}), got {len(labels)}")
    weight = np.ones(len(values))
    if others:
        away = values[:, others] - np.nanmedian(values[:, others], axis=0)
        spread = np.nanstd(values[:, others], axis=0)
        distance = np.sqrt(np.nanmean((away / np.where(spread > 0, spread, 1.0)) ** 2, axis=1))
        weight = np.nan_to_num(np.exp(-0.5 * distance**2))
    return Points(values[:, list(shown)], labels, weight)
