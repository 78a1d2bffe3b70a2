"""What every classifier here asks of its data, through scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

_validate: Any = validate_data  # its annotations are those of its sentinels


def refuse_odd_labels(y: Any) -> None:
    """Refuse arrays of objects that are not all text, which scikit-learn cannot tell or sort.

    Raises
    ------
    ValueError
        Naming what they are and what to pass.
    """
    if getattr(y, "dtype", None) != np.dtype(object):
        return
    kinds = sorted({type(label).__name__ for label in np.asarray(y).ravel()})
    if set(kinds) <= {"str"}:
        return
    if set(kinds) <= {"bool", "bool_"}:
        remedy = "pass y.astype(bool)"
    elif "NoneType" in kinds:
        remedy = "drop the rows without a label (None)"
    else:
        remedy = "pass y.astype(int)" if set(kinds) <= {"int", "int64"} else "pass y.astype(str)"
    raise ValueError(f"Unknown label type: y holds objects of the type {', '.join(kinds[:5])}; {remedy}")


def training_rows(estimator: Any, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray, NDArray]:
    """Check the rows and classes to learn from.

    Returns
    -------
    X : (rows, features) float64, C order
    classes : the distinct ones, sorted
    codes : (rows,) the number of each row's class

    Raises
    ------
    TypeError, ValueError
        When they cannot be learnt from.
    """
    rows, labels = _validate(estimator, X, y, dtype=np.float64, order="C", reset=True)
    refuse_odd_labels(labels)
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        name = type(estimator).__name__
        raise ValueError(f"y holds only one class, {classes[0]}; {name} needs rows of at least 2 classes")
    return rows, classes, codes


def new_rows(estimator: Any, X: ArrayLike) -> NDArray[np.float64]:
    """Check the rows to predict: (rows, features) float64, C order.

    Raises
    ------
    NotFittedError
        Before `fit`.
    TypeError, ValueError
        When they are not like those learnt from.
    """
    check_is_fitted(estimator)
    return _validate(estimator, X, dtype=np.float64, order="C", reset=False)
