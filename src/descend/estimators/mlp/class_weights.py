"""Weights of rows by their classes."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def class_weights(class_weight: Any, y: Any, classes: NDArray | list[NDArray], *, incremental: bool) -> NDArray:
    """Return the weight of each row (rows,): its class's, or the product over its labels or columns.

    Parameters
    ----------
    class_weight : "balanced" (rows / (classes * rows of the class)); a dict from class to weight, 1 for those it leaves
        out; for several labels or columns at once a list of them, one for each
    y : classes (rows,), or (rows, labels) of 0 and 1, or (rows, columns) of classes
    classes : all that are known; a list for several labels (0 and 1) or columns
    incremental : whether y is only a part of the rows

    Raises
    ------
    TypeError, ValueError
        When it is anything else.
    """
    if incremental and isinstance(class_weight, str):
        raise ValueError(
            "class_weight='balanced' needs all rows at once, which partial_fit never sees; compute the weights with "
            "sklearn.utils.compute_class_weight('balanced', classes=classes, y=y) and pass them as a dict"
        )
    if not isinstance(classes, list):
        return _column(class_weight, np.asarray(y), classes, "class_weight")
    rows: Any = y.toarray() if sparse.issparse(y) else np.asarray(y)
    if isinstance(class_weight, Mapping):
        raise ValueError(
            "class_weight must be 'balanced' or a list of dicts, one per label or column, when rows have several"
        )
    each = [class_weight] * rows.shape[1] if isinstance(class_weight, str) else list(class_weight)
    if len(each) != rows.shape[1]:
        raise ValueError(
            f"class_weight must have one dict for each of the {rows.shape[1]} labels or columns, got {len(each)}"
        )
    weight = np.ones(len(rows))
    for i, one in enumerate(each):
        weight *= _column(one, rows[:, i], classes[i], f"class_weight[{i}]")
    return weight


def _column(class_weight: Any, y: NDArray, classes: NDArray, name: str) -> NDArray:
    codes = np.searchsorted(classes, y)
    if isinstance(class_weight, str):
        counts = np.bincount(codes, minlength=len(classes))
        return (len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[codes]
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"{name} must be a dict from class to weight, or 'balanced', got {class_weight!r}")
    table = np.ones(len(classes))
    for label, weight in class_weight.items():
        (place,) = np.nonzero(classes == label)
        if not len(place):
            raise ValueError(f"{name} names the class {label!r}, but y only has {classes.tolist()}")
        if isinstance(weight, bool) or not isinstance(weight, numbers.Real) or not 0 <= float(weight) < math.inf:
            raise ValueError(f"{name}[{label!r}] must be a finite number >= 0, got {weight!r}")
        table[place[0]] = float(weight)
    return table[codes]
