"""Sequences of different lengths: how rows with them reach engines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.wording import counted


class Sequences:
    """Rows that have fewer steps than the array has room for.

    Networks with recurrent layers, or with pools over all steps, take it wherever they take X. What stands beyond a
    row's length has no effect on any result, whatever it is, and costs next to nothing.

    Steps are rows of features, or integers such as the numbers of words, which a network reads whose first layer is an
    `Embedding`.

    Parameters
    ----------
    values : list of array-like of shape (steps_i, features) or (steps_i,)
        The sequences, padded with zeros here; or padded already, as one array-like with rows before these axes.
    lengths : array-like of int of shape (rows,), default: None
        How many steps each row of an array has, from 1 on; none for a list, which shows them.

    Attributes
    ----------
    values : ndarray of shape (rows, steps, features), or (rows, steps) of integers
    lengths : ndarray of int32 of shape (rows,)

    Raises
    ------
    TypeError, ValueError
        When a sequence is empty or of another width, or a length is below 1 or beyond the array.

    Examples
    --------
    >>> import numpy as np
    >>> from descend import Sequences
    >>> Sequences([np.ones((2, 3)), np.ones((5, 3))]).shape
    (2, 5, 3)
    >>> Sequences([[4, 8, 1], [7]]).values
    array([[4, 8, 1],
           [7, 0, 0]])
    """

    def __init__(self, values: Sequence[ArrayLike] | NDArray, lengths: ArrayLike | None = None) -> None:
        if lengths is None:
            self.values, self.lengths = _padded(values)
            return
        self.values = np.asarray(values)
        if self.values.ndim not in (2, 3):
            raise ValueError(
                f"values must have shape (rows, steps, features), or (rows, steps) of integers, got {self.values.shape}"
            )
        self.lengths = _checked_lengths(lengths, *self.values.shape[:2])

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, steps, features), or (rows, steps) of integers."""
        return self.values.shape

    @property
    def ndim(self) -> int:
        """3, or 2 of integers."""
        return self.values.ndim

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> Sequences:
        """Some rows: a slice, a mask or an array of row numbers."""
        if isinstance(rows, int | np.integer):
            raise TypeError(f"rows must be a slice, a mask or an array of row numbers, got {rows}; pass [{rows}]")
        return Sequences(self.values[rows], self.lengths[rows])

    def __repr__(self) -> str:
        return f"Sequences of shape {self.shape}, {counted(int(self.lengths.sum()), 'step')} in all"

    def padded_to(self, steps: int, dtype: np.dtype) -> Sequences:
        """The same with room for so many steps, zeros where there are none, and numbers of `dtype`."""
        rows, own, *features = self.shape
        values = np.zeros((rows, steps, *features), dtype)
        there = np.arange(own) < self.lengths[:, None]
        with np.errstate(over="ignore"):  # found by whoever checks the numbers
            values[:, :own][there] = self.values[there]
        return Sequences(values, self.lengths)


def _padded(values: Any) -> tuple[NDArray, NDArray[np.int32]]:
    if isinstance(values, np.ndarray) and values.dtype != object:
        raise TypeError("lengths is missing: pass one length per row of the array, or a list of arrays")
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise TypeError(f"values must be a list of arrays, one per row, got {type(values).__name__}; pass [array, ...]")
    parts = [_part(i, part) for i, part in enumerate(values)]
    if not parts:
        raise ValueError("values holds no sequence; pass at least one")
    features = parts[0].shape[1:]
    for i, part in enumerate(parts):
        if part.ndim and len(part) == 0:
            raise ValueError(f"values[{i}] has no steps; leave empty sequences out")
        if part.dtype.kind not in "biuf":
            raise TypeError(f"values[{i}] must hold numbers, got dtype {part.dtype}")
        if part.ndim == 1 and part.dtype.kind == "f":
            raise ValueError(
                f"values[{i}] must have shape (steps, features), got {part.shape}; only integers, such as the numbers "
                "of words, come without features: pass one feature with shape (steps, 1)"
            )
        if part.ndim not in (1, 2) or part.shape[1:] != features or 0 in features:
            wanted = "(steps, features)" if part.ndim not in (1, 2) or 0 in features else f"{('steps', *features)}"
            raise ValueError(f"values[{i}] must have shape {wanted}, got {part.shape}".replace("'", ""))
    lengths = np.array([len(part) for part in parts], np.int32)
    array = np.zeros((len(parts), lengths.max(), *features), np.result_type(*parts))
    for row, part in zip(array, parts, strict=True):
        row[: len(part)] = part
    return array, lengths


def _part(i: int, part: Any) -> NDArray:
    try:
        return np.asarray(part)
    except ValueError:
        raise ValueError(
            f"values[{i}] must have shape (steps, features), but its steps differ in length; give all as many features"
        ) from None


def _checked_lengths(lengths: ArrayLike, rows: int, steps: int) -> NDArray[np.int32]:
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu":
        raise TypeError(f"lengths must hold integers, got dtype {array.dtype}")
    if array.shape != (rows,):
        raise ValueError(f"lengths must have shape ({rows},), one per row, got {array.shape}")
    if rows and array.min() < 1:
        raise ValueError(f"lengths must be at least 1, got {array.min()} in row {array.argmin()}; leave that row out")
    if rows and array.max() > steps:
        raise ValueError(
            f"lengths must not exceed the array's {steps} steps, got {array.max()} in row {array.argmax()}"
        )
    return np.ascontiguousarray(array, np.int32)


def split(X: Any) -> tuple[Any, NDArray[np.int32] | None]:
    """X and its rows' lengths, None where all rows are whole."""
    return (X.values, X.lengths) if isinstance(X, Sequences) else (X, None)
