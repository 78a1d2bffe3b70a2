"""Class labels: which kind of target they are, and the way to the engine's numbers and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

from descend import losses
from descend.estimators.checking import refuse_odd_labels
from descend.estimators.mlp.heads import Head, classes_head, labels_head, margins_head, with_label_noise


class Labels:
    """The labels of a classifier.

    Parameters
    ----------
    y : labels (rows,), or (rows, labels) of 0 and 1 for several labels at once

    Raises
    ------
    ValueError
        For anything else, such as continuous numbers.
    """

    def __init__(self, y: Any) -> None:
        if _is_plain(y):
            found = np.unique(y)
            if 2 * len(found) <= len(y):  # of more classes some releases of scikit-learn warn
                self.classes, self.kind, self.sparse = found, "multiclass" if len(found) > 2 else "binary", False
                return
        refuse_odd_labels(y)
        self._learn(LabelBinarizer().fit(y))

    @classmethod
    def of(cls, binarizer: Any) -> Labels:
        """Return the labels a fitted `LabelBinarizer` knows."""
        labels = cls.__new__(cls)
        labels._learn(binarizer)
        return labels

    def _learn(self, binarizer: Any) -> None:
        self.classes: NDArray = binarizer.classes_
        self.kind: str = binarizer.y_type_
        self.sparse: bool = binarizer.sparse_input_

    @property
    def several(self) -> bool:
        """Whether a row may have several labels."""
        return self.kind.startswith("multilabel")

    def pair(self, wanted: bool) -> None:
        """Have two classes learnt as one out of several, with an output each, instead of by one output for the second.

        Of other labels nothing changes.
        """
        if not self.several and len(self.classes) == 2:
            self.kind = "multiclass" if wanted else "binary"

    def head(self, dtype: np.dtype, loss: losses.Loss | None = None, smoothing: float = 0.0) -> Head:
        """Return the end of a network for these labels, by default with the cross-entropy, smoothed.

        Raises
        ------
        ValueError
            When the loss is one for another kind of labels.
        """
        one_of_many = self.kind == "multiclass"
        wanted = "cce" if one_of_many else "bce"
        if loss is not None and loss.kind != wanted and (one_of_many or loss.kind != "hinge"):
            what = f"{len(self.classes)} classes" if one_of_many else "two classes or several labels"
            fit = "'categorical_crossentropy'" if one_of_many else "'binary_crossentropy' or 'hinge'"
            only = "Only binary classification is supported. The type of the target is multiclass. "
            raise ValueError(f"{only if loss.kind == 'hinge' else ''}loss={loss!r} does not suit {what}; choose {fit}")
        smoothing = smoothing if loss is None else loss.smoothing
        outputs = len(self.classes) if self.several else 1
        if one_of_many:
            head = classes_head(len(self.classes), dtype, smoothing)
        elif loss is not None and loss.kind == "hinge":
            head = margins_head(outputs)
        else:
            head = labels_head(outputs, dtype, smoothing)
        return head if loss is None else with_label_noise(head, loss.label_noise)

    def check(self, y: Any, same: bool) -> None:
        """Refuse labels that were not there before; with `same` also labels that are missing.

        Raises
        ------
        ValueError
            Naming both sets.
        """
        found = unique_labels(y)
        if same and set(found) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes}, `y` has {found}"
            )
        if len(np.setdiff1d(found, self.classes, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. 'y' has {found}."
            )

    def encode(self, y: Any, dtype: np.dtype) -> NDArray:
        """Return class numbers (rows,) int32 for "multiclass", else 0 and 1 as (rows, outputs) of `dtype`.

        Raises
        ------
        ValueError
            When one kind of target was learnt and another comes.
        """
        if (not _is_plain(y) and type_of_target(y).startswith("multilabel")) != self.several:
            wanted = "a row of 0 and 1 per row" if self.several else "one label per row"
            raise ValueError(f"y must have {wanted}, as in the first fit; call fit with warm_start=False to learn anew")
        if self.several:
            dense: Any = y.toarray() if sparse.issparse(y) else y
            return np.ascontiguousarray(np.asarray(dense) != 0, dtype=dtype)
        codes = self._codes(np.asarray(y))
        if self.kind == "multiclass":
            return codes.astype(np.int32)
        return np.ascontiguousarray(codes.reshape(-1, 1), dtype=dtype)

    def _codes(self, y: NDArray) -> NDArray:
        """Return the place of each label among the classes (rows,)."""
        if _is_plain(y) and _is_plain(self.classes):
            first = int(self.classes[0])
            if int(self.classes[-1]) - first == len(self.classes) - 1:  # none is left out
                return y - first if first else y
        return np.searchsorted(self.classes, y)

    def decode(self, output: NDArray, threshold: float = 0.5) -> Any:
        """Return the labels of an output (rows, outputs): the largest, or every one above the threshold."""
        if self.kind == "multiclass":
            return self.classes.take(output.argmax(axis=1))
        above = output > threshold
        if self.several:
            labels = above.astype(int)
            return sparse.csr_matrix(labels) if self.sparse else labels
        if len(self.classes) == 1:
            return np.repeat(self.classes[0], len(output))
        return self.classes.take(above[:, 0].astype(np.intp))


def _is_plain(y: Any) -> bool:
    """Whether labels are whole numbers in an array (rows,), of which nothing more need be found out."""
    return type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iu" and len(y) > 0
