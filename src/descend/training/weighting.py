"""Row weights: the user's, times what the classes say."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

#: "balanced" or a weight per class number.
ClassWeight = Mapping[int, float] | Literal["balanced"]


def combine(
    sample_weight: NDArray[np.float64] | None,
    class_weight: ClassWeight | None,
    classes: NDArray | None,
    dtype: np.dtype,
) -> NDArray | None:
    """Return the weight of each row, (rows,) of `dtype`, or None when all are one.

    Parameters
    ----------
    sample_weight : (rows,) checked weights or None
    class_weight : a dict from class number to weight (1 for classes it leaves out), or "balanced" for
        rows / (classes * rows of the class)
    classes : (rows,) class numbers, or None when rows have none
    dtype : dtype of the result

    Raises
    ------
    TypeError, ValueError
        For class weights without classes, unknown classes, or weights that are not numbers >= 0.
    """
    if class_weight is None:
        return None if sample_weight is None else sample_weight.astype(dtype)
    if classes is None:
        raise ValueError(
            "class_weight needs a target with one class per row; for a regression or several labels use sample_weight"
        )
    table = _balanced(classes) if class_weight == "balanced" else _table(class_weight, classes)
    weight = table[classes]
    if sample_weight is not None:
        weight = weight * sample_weight
    return weight.astype(dtype)


def _balanced(classes: NDArray) -> NDArray[np.float64]:
    counts = np.bincount(classes)
    present = np.count_nonzero(counts)
    return classes.size / (present * np.maximum(counts, 1).astype(np.float64))


def _table(class_weight: object, classes: NDArray) -> NDArray[np.float64]:
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be a dict from class number to weight, or 'balanced', got {class_weight!r}")
    table = np.ones(int(classes.max(initial=0)) + 1)
    for label, weight in class_weight.items():
        if isinstance(label, bool) or not isinstance(label, numbers.Integral):
            raise TypeError(f"class_weight must be keyed by class numbers, got the key {label!r}")
        if not (isinstance(weight, numbers.Real) and 0 <= float(weight) < math.inf):
            raise ValueError(f"class_weight[{label}] must be a finite number >= 0, got {weight!r}")
        if not 0 <= int(label) < table.size:
            raise ValueError(f"class_weight names class {label}, but y only has classes 0 to {table.size - 1}")
        table[int(label)] = float(weight)
    return table
