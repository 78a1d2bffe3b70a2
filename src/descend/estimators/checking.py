"""What every classifier here asks of its data, through scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

_validate: Any = validate_data  # its annotations are those of its sentinels


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
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        name = type(estimator).__name__
        raise ValueError(f"y holds only one class, {classes[0]!r}; {name} needs rows of at least 2 classes")
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
