"""Tables as users have them, as numbers on one side and categories on the other.

Which columns are categories, and the cells of both kinds: NaN stands for every missing one. Nothing is learnt here.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "category", "other"]


def is_frame(X: Any) -> bool:
    """Whether X is a frame of pandas or polars; neither is loaded for the answer."""
    return _is("pandas", "DataFrame", X) or _is("polars", "DataFrame", X)


def _is(module: str, name: str, X: Any) -> bool:
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(X, getattr(loaded, name))


def categorical_mask(X: Any, chosen: Any) -> NDArray[np.bool_]:
    """Return which columns are categories (features,).

    Parameters
    ----------
    X : frame of pandas or polars, or array (rows, features)
    chosen : "from_dtype" for a frame's columns of categories, enumerations, text and booleans (none of an array's); or
        names, indices, or a mask

    Raises
    ------
    ValueError
        When `chosen` names no column, or is nothing of all that.
    """
    features = X.shape[1]
    if isinstance(chosen, str):
        if not is_frame(X):
            return np.zeros(features, dtype=bool)
        return np.array([_kind(X, i) == "category" for i in range(features)], dtype=bool)
    wanted, mask = np.asarray(chosen), np.zeros(features, dtype=bool)
    if wanted.size == 0:
        return mask
    if wanted.dtype.kind == "b":
        if wanted.shape != mask.shape:
            raise ValueError(
                f"categorical_features, as a mask, must have one entry for each of X's {features} columns, got shape "
                f"{wanted.shape}"
            )
        return wanted
    if wanted.dtype.kind in "iu":
        if wanted.min() < 0 or wanted.max() >= features:
            raise ValueError(f"categorical_features, as indices, must be in [0, {features - 1}], got {wanted.tolist()}")
        mask[wanted] = True
        return mask
    if not all(isinstance(name, str) for name in wanted.ravel().tolist()):
        raise ValueError(f"categorical_features must hold names, indices or a mask of columns, got {chosen!r}")
    if not is_frame(X):
        raise ValueError(
            "categorical_features holds names, but X is no frame and has none; pass indices or a mask of columns"
        )
    names = [str(name) for name in X.columns]
    for name in wanted.tolist():
        if name not in names:
            raise ValueError(f"categorical_features names {name!r}, which is no column of X; it has {names}")
        mask[names.index(name)] = True
    return mask


def numbers_of(X: Any, columns: NDArray[np.intp]) -> NDArray:
    """Return columns as numbers (rows, columns) with NaN where missing: float32 where all are, otherwise float64.

    Raises
    ------
    ValueError
        Naming a column that holds something else.
    """
    if not is_frame(X):
        try:
            found = X[:, columns]
            return found if found.dtype in (np.float32, np.float64) else _floats(found)
        except ValueError as error:
            raise ValueError(f"X must hold numbers outside of categorical_features: {error}") from error
    arrays = [_number_column(X, int(i)) for i in columns]
    dtype = np.float32 if arrays and all(one.dtype == np.float32 for one in arrays) else np.float64
    return np.column_stack(arrays).astype(dtype, copy=False) if arrays else np.empty((X.shape[0], 0))


def categories_of(X: Any, columns: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return columns as Python's values (rows, columns), with NaN where missing."""
    cells = np.empty((X.shape[0], len(columns)), dtype=object)
    for place, i in enumerate(columns):
        if not is_frame(X):
            cells[:, place] = X[:, i]
            missing = np.array([_is_missing(value) for value in cells[:, place]], dtype=bool)
        elif hasattr(X, "iloc"):
            cells[:, place], missing = X.iloc[:, i].astype(object), X.iloc[:, i].isna().to_numpy()
        else:
            series = X.to_series(int(i))
            cells[:, place], missing = series.to_list(), series.is_null().to_numpy()
        cells[missing, place] = np.nan
    return cells


def _is_missing(value: Any) -> bool:
    """Whether a cell is None, NaN, or pandas' NA or NaT, which are not equal to themselves or will not say."""
    if value is None:
        return True
    equal = value == value
    return not isinstance(equal, bool | np.bool_) or not equal


def _kind(X: Any, i: int) -> Kind:
    """Return what a frame's column is, by its dtype; of pandas' objects, by what they are."""
    if not hasattr(X, "iloc"):
        name = str(X.dtypes[i].base_type())
        if name in ("String", "Categorical", "Enum", "Boolean"):
            return "category"
        return "number" if X.dtypes[i].is_numeric() or name == "Null" else "other"
    dtype = X.dtypes.iloc[i]
    name = str(dtype)
    if name == "category" or name.startswith("str") or dtype.kind == "b":
        return "category"
    if dtype.kind in "iuf":
        return "number"
    if dtype.kind != "O":
        return "other"
    cells = [value for value in X.iloc[:, i] if not _is_missing(value)]
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in cells):
        return "number"
    return "category" if all(isinstance(value, str | bool | np.bool_) for value in cells) else "other"


def _number_column(X: Any, i: int) -> NDArray:
    name, dtype = X.columns[i], X.dtypes.iloc[i] if hasattr(X, "iloc") else X.dtypes[i]
    kind = _kind(X, i)
    boolean = str(dtype).lower().startswith("bool")
    if kind != "number" and not boolean:
        what = "make a number of it, or leave it out" if kind == "other" else "name it in categorical_features"
        raise ValueError(f"column {name!r} of X holds {dtype}, which are no numbers; {what}")
    if hasattr(X, "iloc"):
        wanted = np.float32 if str(dtype).lower() == "float32" else np.float64
        return X.iloc[:, i].to_numpy(dtype=wanted, na_value=np.nan)
    series = X.to_series(i)
    if str(dtype) != "Float32":
        import polars

        series = series.cast(polars.Float64)
    return series.to_numpy()


def _floats(cells: NDArray) -> NDArray[np.float64]:
    if cells.dtype.kind != "O":
        return cells.astype(np.float64)
    missing = np.array([_is_missing(value) for value in cells.ravel()], dtype=bool).reshape(cells.shape)
    return np.where(missing, np.nan, cells).astype(np.float64)
