"""Rows as the engine takes them, refused with scikit-learn's own words where they cannot be taken."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_X_y, column_or_1d, validate_data

from descend.engine.sequences import Sequences
from descend.engine.sparse import SparseRows, is_sparse
from descend.estimators.mlp.columns import ColumnEncoder, table
from descend.training.arrays import all_finite, finite, sparse_rows

_validate_data: Any = validate_data  # its annotations are those of its sentinels


def _validate(estimator: Any, *data: Any, **checks: Any) -> Any:
    """Check data by scikit-learn's rules; what is missing has a remedy of ours where the layers are the user's."""
    try:
        return _validate_data(estimator, *data, **checks)
    except ValueError as error:
        if "Input X contains NaN" not in str(error) or not hasattr(estimator, "layers"):
            raise
        raise ValueError(
            f"X contains NaN, which {type(estimator).__name__} takes only where its layers fill it: put "
            "layers.Impute() first in layers, or fill X before, for instance with sklearn.impute.SimpleImputer()"
        ) from error


#: Formats of sparse X that scikit-learn's checks let through; they make CSR of all others.
SPARSE: list[str] = ["csr"]


def for_engine(rows: NDArray | SparseRows, dtype: np.dtype) -> NDArray | SparseRows:
    """Return checked rows in the form the engine reads: `dtype`; in C order, or sparse as canonical CSR."""
    if is_sparse(rows):
        return sparse_rows(rows, dtype, "X")
    return np.ascontiguousarray(rows, dtype=dtype)


def training_data(
    estimator: Any, X: Any, y: ArrayLike, *, reset: bool, numeric: bool
) -> tuple[NDArray | SparseRows, NDArray]:
    """Check rows and targets to learn from.

    Parameters
    ----------
    reset : whether the number and names of the features are learnt anew
    numeric : whether y must hold numbers

    Returns
    -------
    X : (rows, features) float64 or float32, dense or CSR
    y : (rows,) or (rows, outputs)
    """
    _refuse_sequences(estimator, X)
    checks: dict[str, Any] = {"multi_output": True, "y_numeric": numeric, "dtype": (np.float64, np.float32)}
    if reset:
        vars(estimator).pop("_columns", None)
    if _is_plain(estimator, X, y, reset=reset):
        rows: Any = X
        targets: Any = y
        _know_features(estimator, X)
    elif "_columns" not in vars(estimator) and (estimator.categorical_features is None or not reset):
        rows, targets = _validate(estimator, X, y, reset=reset, **_as_layers_take(estimator), **checks)
        rows = _missing_only_where_filled(estimator, rows)
    else:
        rows, targets = check_X_y(_encoded(estimator, X, reset=reset), y, estimator=estimator, **checks)
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = column_or_1d(targets, warn=True)
    return rows, targets


def _refuse_sequences(estimator: Any, X: Any) -> None:
    if isinstance(X, Sequences):
        raise TypeError(
            f"X holds sequences of different lengths, but {type(estimator).__name__} takes a table (rows, features); "
            "use descend.Network, which takes Sequences wherever it takes X"
        )


def _as_layers_take(estimator: Any) -> dict[str, Any]:
    """Which rows scikit-learn's check is to let through: with missing values where a layer fills them."""
    return {"accept_sparse": SPARSE, "ensure_all_finite": "allow-nan" if len(estimator._filled()) else True}


def _missing_only_where_filled(estimator: Any, rows: Any) -> Any:
    """Return rows unless they lack numbers in columns that no layer fills.

    Raises
    ------
    ValueError
        Naming the first.
    """
    filled = estimator._filled()
    return rows if not len(filled) or is_sparse(rows) else finite(rows, rows.dtype, "X", filled)


def _is_plain(estimator: Any, X: Any, y: Any, *, reset: bool) -> bool:
    """Whether data certainly pass scikit-learn's checks unchanged, so that they can be spared."""
    if "_columns" in vars(estimator) or (reset and estimator.categorical_features is not None):
        return False
    if not reset and "feature_names_in_" in vars(estimator):
        return False
    return (
        type(X) is np.ndarray
        and type(y) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and y.ndim == 1
        and 0 < X.shape[0] == y.shape[0]
        and (X.shape[1] > 0 if reset else X.shape[1] == estimator.n_features_in_)
        and X.flags.c_contiguous
        and (y.dtype.kind in "iu" or (y.dtype in (np.float64, np.float32) and y.flags.c_contiguous and all_finite(y)))
        and all_finite(X)
    )


def _know_features(estimator: Any, X: NDArray) -> None:
    """Note what scikit-learn's checks note of rows without names."""
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = X.shape[1]


def _encoded(estimator: Any, X: Any, *, reset: bool) -> NDArray:
    """Return a table with its categories and missing values as numbers (rows, inputs), its columns checked."""
    X = table(X)
    if reset:
        estimator._columns = ColumnEncoder(X, estimator.categorical_features)
    _validate(estimator, X, reset=reset, skip_check_array=True)
    return estimator._columns.encode(X)


def new_rows(estimator: Any, X: Any, dtype: np.dtype) -> tuple[NDArray | SparseRows, np.dtype]:
    """Check rows to predict, sparing plain finite arrays of the right shape the long way.

    Returns
    -------
    X : (rows, features) of `dtype`, in C order or canonical CSR
    wanted : the dtype of the prediction: `dtype`, or a wider one that X has
    """
    if (
        type(X) is np.ndarray
        and X.dtype == dtype
        and X.ndim == 2
        and X.shape[1] == estimator.n_features_in_
        and X.shape[0] > 0
        and X.flags.c_contiguous
        and "feature_names_in_" not in vars(estimator)
        and "_columns" not in vars(estimator)
        and all_finite(X)
    ):
        return X, dtype
    _refuse_sequences(estimator, X)
    if "_columns" in vars(estimator):
        rows = _encoded(estimator, X, reset=False)
    else:
        rows = _missing_only_where_filled(estimator, _validate(estimator, X, reset=False, **_as_layers_take(estimator)))
    return for_engine(rows, dtype), np.result_type(rows.dtype, dtype)
