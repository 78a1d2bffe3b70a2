"""From what users pass (arrays, lists, frames, sparse matrices) to what engines take: finite numbers, one dtype, rows
in C order or compressed.

Refuses, naming the argument, everything that cannot be trained on; converts, but never repairs, imputes or encodes.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.engine.sequences import Sequences
from descend.engine.sparse import Features, SparseRows, is_sparse
from descend.wording import counted

#: Numbers of columns, or all of them.
Columns = Sequence[int] | Literal["all"]

#: Rows looked at together when a cheap check was not enough.
_BLOCK = 4096


def as_numbers(values: Any, name: str) -> NDArray:
    """Return `values` as an array of booleans, integers or floats, without looking at the numbers.

    Raises
    ------
    TypeError
        For sparse matrices, masked arrays, text, objects, dates and complex numbers.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; fill the masked entries first: {name}.filled(...)")
    if hasattr(values, "toarray") and not isinstance(values, np.ndarray):
        raise TypeError(f"{name} must be a dense array, got a sparse {type(values).__name__}; use {name}.toarray()")
    try:
        array = _of_pandas(values) if _is_numeric_pandas(values) else np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must be an array of numbers whose rows all have one shape{_unequal(values)}; pass sequences of "
            f"different lengths as descend.Sequences({name})"
        ) from error
    if array.ndim == 0 and array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of numbers, got {type(values).__name__}; pass rows of numbers")
    if array.dtype.kind not in "biuf":
        remedy = {
            "O": _for_objects(array, name),
            "U": "encode text as numbers, e.g. np.unique(labels, return_inverse=True)",
            "S": "encode text as numbers, e.g. np.unique(labels, return_inverse=True)",
            "M": "turn dates into numbers",
            "m": "turn durations into numbers",
            "c": "split complex numbers into real and imaginary columns",
        }.get(array.dtype.kind, "pass a float array")
        raise TypeError(f"{name} must hold numbers, got dtype {array.dtype}; {remedy}")
    return array


def _for_objects(array: NDArray, name: str) -> str:
    """What to do about an array of objects."""
    if array.dtype.kind == "O" and all(isinstance(value, bool | np.bool_) for value in array.flat):
        return f"its entries are True or False, so pass {name}.astype(bool)"
    if array.dtype.kind == "O" and all(isinstance(value, numbers.Real | np.bool_) for value in array.flat):
        return f"its entries are numbers, so pass {name}.astype(float)"
    return "turn every column into numbers (encode text, impute missing entries) and pass a float array"


def _unequal(values: Any) -> str:
    """Which items of a list differ in shape, where that is what is wrong with it."""
    if not isinstance(values, list | tuple):
        return ""
    parts = [item for item in values if isinstance(item, np.ndarray | list | tuple)]
    shapes = [item.shape if isinstance(item, np.ndarray) else (len(item),) for item in parts]
    for position, shape in enumerate(shapes):
        if shape != shapes[0]:
            return f", but item 0 has shape {shapes[0]} and item {position} has {shape}"
    return ""


def _is_numeric_pandas(values: Any) -> bool:
    """Whether this is a pandas frame of numbers and booleans, which NumPy would make objects of when it mixes them."""
    if not (hasattr(values, "dtypes") and hasattr(values, "to_numpy") and hasattr(values, "iloc")):
        return False
    dtypes = [values.dtypes] if hasattr(values.dtypes, "kind") else list(values.dtypes)
    return bool(dtypes) and all(getattr(dtype, "kind", "O") in "biuf" for dtype in dtypes)


def _of_pandas(values: Any) -> NDArray:
    """The frame's or series' numbers; its missing entries, which are found and named later, as NaN."""
    array = np.asarray(values)
    return array if array.dtype.kind in "biuf" else values.to_numpy(dtype=np.float64, na_value=np.nan)


def features(
    X: Features | SparseRows,
    shape: tuple[int, ...] | None,
    dtype: np.dtype,
    name: str = "X",
    *,
    missing: Columns = (),
) -> NDArray | SparseRows | Sequences:
    """Return X as a finite C-ordered (rows, *shape) array of `dtype`, or, when it is sparse, as canonical CSR rows.

    Sequences of different lengths stay what they are, with room for the network's steps.

    Parameters
    ----------
    X : array-like of shape (rows, *shape), or a SciPy sparse matrix or array of shape (rows, features)
    shape : the network's input shape, or None to take whatever comes
    dtype : dtype of the result
    name : the argument's name in messages
    missing : columns that may hold NaN when X is dense

    Raises
    ------
    TypeError, ValueError
        When X is not such an array; the message says what came and what to do.
    """
    if isinstance(X, Sequences):
        return _sequences(X, shape, dtype, name)
    array = sparse_numbers(X, name) if is_sparse(X) else as_numbers(X, name)
    wanted = "(rows, features)" if shape is None else f"(rows, {', '.join(map(str, shape))})"
    if array.ndim == 1:
        raise ValueError(
            f"{name} must have shape {wanted}, got a one-dimensional array of {array.shape[0]} numbers; "
            f"use {name}.reshape(1, -1) for one row, {name}.reshape(-1, 1) for one feature"
        )
    if array.ndim < 2 or (shape is not None and array.ndim != len(shape) + 1):
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}; reshape it")
    if shape is not None and array.shape[1:] != shape:
        raise ValueError(
            f"{name} must have shape {wanted}, as the network was built, got {array.shape}; "
            "pass the same features in the same order, or build a network for this width"
        )
    if math.prod(array.shape[1:]) == 0:
        raise ValueError(f"{name} has no features, its shape is {array.shape}; pass at least one column")
    return sparse_rows(array, dtype, name) if is_sparse(array) else finite(array, dtype, name, missing)


def _sequences(X: Sequences, shape: tuple[int, ...] | None, dtype: np.dtype, name: str) -> Sequences:
    as_numbers(X.values, name)
    if X.ndim == 2:
        return _tokens(X, shape, dtype, name)
    _, steps, width = X.shape
    if shape is not None and (len(shape) != 2 or width != shape[1] or X.lengths.max(initial=0) > shape[0]):
        wanted = f"({shape[0]} steps or fewer, {shape[1]} features)" if len(shape) == 2 else f"{shape}"
        raise ValueError(
            f"{name} must have rows of shape {wanted}, as the network was built, got up to "
            f"{counted(int(X.lengths.max(initial=0)), 'step')} of {counted(width, 'feature')}; cut longer sequences, "
            "or build a network for them"
        )
    if width == 0:
        raise ValueError(f"{name} has no features, its shape is {X.shape}; pass at least one column")
    own = X if shape is None or steps <= shape[0] else Sequences(X.values[:, : shape[0]], X.lengths)
    padded = own.padded_to(steps if shape is None else shape[0], dtype)
    finite(padded.values, dtype, name)
    return padded


def _tokens(X: Sequences, shape: tuple[int, ...] | None, dtype: np.dtype, name: str) -> Sequences:
    """Sequences of integers with room for the network's steps."""
    longest = X.lengths.max(initial=0)
    if shape is not None and (len(shape) != 1 or longest > shape[0]):
        wanted = f"up to {counted(shape[0], 'integer')}" if len(shape) == 1 else f"shape {shape}"
        raise ValueError(
            f"{name} must have rows of {wanted}, as the network was built, got sequences of up to "
            f"{counted(int(longest), 'integer')}; cut longer sequences, or build a network for them"
        )
    steps = X.shape[1] if shape is None else shape[0]
    own = Sequences(X.values[:, :steps], X.lengths)
    padded = own.padded_to(steps, dtype)
    finite(padded.values, dtype, name)
    return padded


def steps(X: ArrayLike | Sequences, shape: tuple[int, ...] | None, dtype: np.dtype, name: str = "X") -> Sequences:
    """Return (rows, steps, features) of as many steps as there are as Sequences with room for those of `shape`.

    Where `shape` is (steps,), X is (rows, steps) of integers.

    Raises
    ------
    TypeError, ValueError
        As `features`.
    """
    if not isinstance(X, Sequences):
        values = as_numbers(X, name)
        if values.ndim != (2 if shape is not None and len(shape) == 1 else 3):
            wanted = "(rows, steps)" if shape is not None and len(shape) == 1 else "(rows, steps, features)"
            raise ValueError(f"{name} must have shape {wanted}, got {values.shape}")
        if not values.shape[1]:
            raise ValueError(f"{name} has no steps, its shape is {values.shape}; pass at least one")
        X = Sequences(values, np.full(values.shape[0], values.shape[1]))
    return _sequences(X, shape, dtype, name)


def sparse_numbers(X: Any, name: str) -> Any:
    """Return a SciPy sparse matrix as it is, when it holds real numbers.

    Raises
    ------
    TypeError
        When it does not.
    """
    if X.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got a sparse {type(X).__name__} of dtype {X.dtype}")
    return X


def sparse_rows(X: Any, dtype: np.dtype, name: str) -> SparseRows:
    """Return finite compressed sparse rows of `dtype`, columns sorted and none twice.

    X is left as it is; the result shares with it what need not be changed.

    Raises
    ------
    ValueError
        For numbers that are not finite, and for indices that do not fit the shape.
    """
    from scipy.sparse import csr_array

    rows: Any = csr_array(X)
    try:
        rows.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(f"{name} is not a valid sparse matrix: {error}") from error
    if not rows.has_canonical_format:
        rows = csr_array(rows, copy=True)
        rows.sum_duplicates()
    with np.errstate(over="ignore"):  # found and named below
        data = np.ascontiguousarray(rows.data, dtype=dtype)
    if not all_finite(data):
        bad = np.flatnonzero(~np.isfinite(data))
        if bad.size:
            row = int(np.searchsorted(rows.indptr, bad[0], side="right")) - 1
            raise _not_finite(rows.data[bad[0]], (row, int(rows.indices[bad[0]])), dtype, name)
    index = np.int32 if rows.nnz < 2**31 else np.int64  # one for both, as SciPy wants it
    same: Any = csr_array(
        (data, rows.indices.astype(index, copy=False), rows.indptr.astype(index, copy=False)), rows.shape
    )
    same.has_canonical_format = True
    return same


def finite(original: NDArray, dtype: np.dtype | type, name: str, missing: Columns = ()) -> NDArray:
    """Return the C-ordered conversion of `original` to `dtype`, when every number in it is finite.

    The columns of `missing` may hold NaN.

    Raises
    ------
    ValueError
        Naming the first NaN, infinity, or number too large for the dtype.
    """
    with np.errstate(over="ignore"):  # found and named below
        array = np.ascontiguousarray(original, dtype=dtype)
    if all_finite(array):
        return array
    rows = array.shape[0]
    for start in range(0, rows, _BLOCK):
        block = array[start : start + _BLOCK]
        bad = ~np.isfinite(block)
        if missing == "all":
            bad &= ~np.isnan(block)
        elif missing:
            bad[..., list(missing)] &= ~np.isnan(block[..., list(missing)])
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            where = (where[0] + start, *where[1:])
            break
    else:
        return array
    raise _not_finite(original[where], where, array.dtype, name)


def _not_finite(value: Any, where: tuple[int, ...], dtype: np.dtype, name: str) -> ValueError:
    """The error for a number that is NaN, infinite, or too large for the dtype."""
    index = ", ".join(map(str, where))
    if np.isnan(value):
        features = name in ("X", "validation_data[0]")
        filled = "impute missing values (layers.Impute() as the first layer)" if features else "fill them in"
        remedy = f"{filled}, or drop those rows"
    elif np.isinf(value):
        remedy = "clip or drop infinite values"
    else:
        remedy = f"{value:g} does not fit {dtype}: scale the data, or use dtype='float64'"
        return ValueError(f"{name}[{index}] is too large; {remedy}")
    return ValueError(f"{name} must hold finite numbers, got {value:g} at {name}[{index}]; {remedy}")


#: With more numbers than that BLAS wakes threads of its own, which then get in the way of the engine's.
ALONE = 10_000


def all_finite(array: NDArray) -> bool:
    """Whether a C-ordered float array is certainly finite; False may also mean that its squares or its sum overflow."""
    if array.size <= ALONE:
        return math.isfinite(np.vdot(array, array))
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(array.sum())


def same_rows(X: NDArray | SparseRows | Sequences, other: NDArray, other_name: str, name: str = "X") -> None:
    """Refuse arrays of different numbers of rows.

    Raises
    ------
    ValueError
        When the first dimensions differ.
    """
    if X.shape[0] != other.shape[0]:
        raise ValueError(
            f"{name} and {other_name} must have the same number of rows, got {X.shape[0]} and {other.shape[0]}; "
            "drop or add rows so that they belong together"
        )


def weights(sample_weight: ArrayLike | None, rows: int, name: str = "sample_weight") -> NDArray[np.float64] | None:
    """Return the row weights as a (rows,) float64 array, or None for none.

    Raises
    ------
    TypeError, ValueError
        For another length, negative or non-finite weights, or weights that are all zero.
    """
    if sample_weight is None:
        return None
    original = as_numbers(sample_weight, name)
    if original.shape != (rows,):
        raise ValueError(f"{name} must have shape ({rows},), one weight per row, got {original.shape}")
    array = finite(original, np.float64, name)
    if (array < 0).any():
        raise ValueError(f"{name} must be >= 0, got {array.min():g}; use 0 to leave a row out")
    if rows and not array.any():
        raise ValueError(f"{name} is zero for every row, so there is nothing to train on; give some rows a weight > 0")
    return array
