"""Categories and missing values as numbers: what a table's columns become before the network sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.utils import check_array

from descend.estimators.mlp.frames import categorical_mask, categories_of, is_frame, numbers_of

_check_array: Any = check_array  # which names no types

#: Levels of a category that have an input of their own; when there are more, the rarest share one.
MAX_LEVELS = 100


class ColumnEncoder:
    """Learnt from the rows of the first fit, by scikit-learn's encoders, applied to any rows with the same columns.

    Numbers stay as they are. Missing ones become the median of the column's known ones; where some were missing in
    training, an input of 0 and 1 tells which. A category is an input of 0 and 1 per level. Of more than MAX_LEVELS the
    rarest share one. Where it was missing in training, missing is a level, too; a level that was not seen in training
    counts as missing, and where that is no level all inputs of the category are 0.

    Parameters
    ----------
    X : a `table`
    chosen : see `frames.categorical_mask`

    Raises
    ------
    ValueError
        Naming a column that cannot be encoded.
    """

    def __init__(self, X: Any, chosen: Any) -> None:
        mask = categorical_mask(X, chosen)
        self.numbers, self.categories = np.flatnonzero(~mask), np.flatnonzero(mask)
        names = [str(name) for name in X.columns] if is_frame(X) else [f"x{i}" for i in range(X.shape[1])]
        self.names = np.array(names, dtype=object)
        self._imputer: Any = None
        self._levels: Any = None
        self._inputs: Any = None
        if len(self.numbers):
            self._imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
            self._imputer.fit(self._known(X))
        if len(self.categories):
            self._levels = OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=np.nan,
                encoded_missing_value=np.nan,
                max_categories=MAX_LEVELS,
            )
            self._inputs = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            self._inputs.fit(self._numbered(categories_of(X, self.categories)))

    @property
    def changes_nothing(self) -> bool:
        """Whether all columns are numbers, of which none was missing in training."""
        return not len(self.categories) and not len(self._imputer.indicator_.features_)

    @property
    def features(self) -> list[str]:
        """The names of the inputs, such as "age", "age (missing)", "colour = red"."""
        found: list[str] = []
        if self._imputer is not None:
            names = self.names[self.numbers]
            found += [*names, *(f"{name} (missing)" for name in names[self._imputer.indicator_.features_])]
        if self._levels is not None:
            for place, name in enumerate(self.names[self.categories]):
                found += [f"{name} = {level}" for level in self._level_names(place)]
        return found

    def _level_names(self, place: int) -> list[str]:
        """Return what each input of a category stands for."""
        rare = self._levels.infrequent_categories_[place]
        known = [level for level in self._levels.categories_[place] if level == level]
        own = [str(level) for level in known if rare is None or level not in set(rare)]
        inputs = self._inputs.categories_[place]
        missing = len(inputs) > 0 and bool(np.isnan(inputs[-1]))
        return [*own, *(["(other)"] if rare is not None else []), *(["(missing)"] if missing else [])]

    def encode(self, X: Any) -> NDArray:
        """Return a table's inputs (rows, inputs), in C order: float32 where the numbers are, otherwise float64.

        Raises
        ------
        ValueError
            Naming a column whose cells do not fit.
        """
        parts = []
        if self._imputer is not None:
            parts.append(self._imputer.transform(self._known(X)))
        if self._levels is not None:
            dtype = parts[0].dtype if parts else np.float64
            levels = self._levels.transform(categories_of(X, self.categories))
            parts.append(self._inputs.transform(levels).astype(dtype, copy=False))
        return np.ascontiguousarray(np.concatenate(parts, axis=1))

    def _known(self, X: Any) -> NDArray:
        numbers = numbers_of(X, self.numbers)
        return _check_array(numbers, dtype=(np.float64, np.float32), ensure_all_finite="allow-nan", input_name="X")

    def _numbered(self, cells: NDArray[np.object_]) -> NDArray:
        """Learn the levels of training rows and return their numbers (rows, categories)."""
        try:
            return self._levels.fit_transform(cells)
        except TypeError as error:  # levels that cannot be sorted
            for name, column in zip(self.names[self.categories], cells.T, strict=True):
                kinds = sorted({type(value).__name__ for value in column if value == value})
                if len(kinds) > 1:
                    raise ValueError(
                        f"the category {name!r} of X holds values of several kinds ({', '.join(kinds)}); make them one"
                    ) from error
            raise


def table(X: Any) -> Any:
    """Return X if it has columns, as a frame or an array (rows, features).

    Raises
    ------
    TypeError, ValueError
        When it has not.
    """
    if issparse(X):
        raise TypeError(
            "Sparse data was passed for X, but categorical_features needs dense rows; pass X.toarray(), or "
            "categorical_features=None"
        )
    if is_frame(X):
        return X
    array = np.asarray(X)
    dtype: Any = None if array.dtype.kind in "OUS" else "numeric"
    return _check_array(array, dtype=dtype, ensure_all_finite="allow-nan" if array.dtype.kind == "f" else False)
