"""Several columns of classes at once: which classes each has, and the way to the engine's numbers and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import type_of_target

from descend import losses
from descend.estimators.mlp.heads import Head, columns_head, with_label_noise
from descend.estimators.mlp.labels import Labels
from descend.wording import counted


class ColumnLabels:
    """The labels of a classifier of several columns; see `Labels`.

    Parameters
    ----------
    classes : of each column, sorted
    """

    kind = "multiclass-multioutput"
    several = False  # labels that are there or not
    sparse = False

    def __init__(self, classes: Sequence[Any]) -> None:
        self.classes: list[NDArray] = [np.unique(np.asarray(one)) for one in classes]

    def head(self, dtype: np.dtype, loss: losses.Loss | None = None, smoothing: float = 0.0) -> Head:
        """Return the end of a network for these labels, with the cross-entropy, smoothed.

        Raises
        ------
        ValueError
            When the loss is another one.
        """
        if loss is not None and loss.kind != "cce":
            raise ValueError(
                f"loss={loss!r} does not suit several columns of classes; choose 'categorical_crossentropy'"
            )
        sizes = tuple(len(one) for one in self.classes)
        if loss is None:
            return columns_head(sizes, dtype, smoothing)
        return with_label_noise(columns_head(sizes, dtype, loss.smoothing), loss.label_noise)

    def check(self, y: Any, same: bool) -> None:
        """Refuse labels that were not there before; with `same` also labels that are missing.

        Raises
        ------
        ValueError
            Naming the column and both sets.
        """
        for i, (column, classes) in enumerate(zip(self._columns(y), self.classes, strict=True)):
            found = np.unique(column)
            if same and not np.array_equal(found, classes):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"In column {i} previously got {classes}, `y` has {found}"
                )
            if not np.isin(found, classes).all():
                raise ValueError(
                    f"column {i} of `y` has classes not in `self.classes_[{i}]`, which has {classes}. 'y' has {found}."
                )

    def encode(self, y: Any, dtype: np.dtype) -> NDArray:
        """Return class numbers (rows, columns) int32."""
        pairs = zip(self._columns(y), self.classes, strict=True)
        return np.column_stack([np.searchsorted(classes, column) for column, classes in pairs]).astype(np.int32)

    def decode(self, output: NDArray, threshold: float = 0.5) -> NDArray:
        """Return the labels (rows, columns) with the largest outputs."""
        pairs = zip(self.split(output), self.classes, strict=True)
        return np.column_stack([classes.take(part.argmax(axis=1)) for part, classes in pairs])

    def split(self, output: NDArray) -> list[NDArray]:
        """Return each column's outputs (rows, classes)."""
        return np.split(output, np.cumsum([len(one) for one in self.classes])[:-1], axis=1)

    def _columns(self, y: Any) -> NDArray:
        columns = np.asarray(y).T
        if columns.ndim != 2 or len(columns) != len(self.classes):
            came = "one" if columns.ndim != 2 else len(columns)
            raise ValueError(
                f"y must have {counted(len(self.classes), 'column')} of classes, as in the first fit, got {came}; call "
                "fit with warm_start=False to learn anew"
            )
        return columns


def learn_labels(y: Any) -> Labels | ColumnLabels:
    """Return the labels that checked targets have."""
    several = np.ndim(y) == 2 and type_of_target(y) == ColumnLabels.kind
    return ColumnLabels(list(np.asarray(y).T)) if several else Labels(y)


def announced(classes: Any) -> ColumnLabels | None:
    """Return the labels that `partial_fit` announces, if it announces several columns of them."""
    if isinstance(classes, list | tuple | np.ndarray) and len(classes) and all(np.ndim(one) == 1 for one in classes):
        return ColumnLabels(list(classes))
    return None
