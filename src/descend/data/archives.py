"""Reads `.npz` files: images, sequences and texts as `Examples`, tables as `Table`. Never unpickles anything.

Known arrays are X and y, or x_train, y_train, x_test and y_test; and beside them lengths, class_names, feature_names,
split and vocab. Others are named in a note and left alone.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.errors import DataError, some
from descend.data.examples import FORMS, MAX_TOKENS, TEST, TRAIN, Examples, Form, checked
from descend.data.reading import Table

#: The name a target has that no file names.
TARGET = "y"
_KNOWN = (
    "x",
    "y",
    "x_train",
    "y_train",
    "x_test",
    "y_test",
    "lengths",
    "class_names",
    "feature_names",
    "split",
    "vocab",
)
_AXES = {2: "a table or texts", 3: "grey images or sequences", 4: "images"}


def read_archive(path: Path, form: str | None = None) -> Examples | Table:
    """Read an `.npz` file.

    Parameters
    ----------
    path : Path
    form : {"image", "sequence", "text"}, optional
        What rows of three axes are, (rows, height, width) or (rows, steps, features). Without it whole bytes (uint8)
        are images, and everything else, or what has lengths, is sequences. Of two axes, whole numbers that have lengths
        are the tokens of texts without it, and everything else is a table.

    Returns
    -------
    Examples, or a Table

    Raises
    ------
    DataError
        When it is no such file, or its arrays are not fit to learn from.
    """
    if form is not None and form not in FORMS:
        raise DataError(f"--form must be {', '.join(FORMS[:-1])} or {FORMS[-1]}, got {form!r}.")
    arrays = _load(path)
    X, y, part = _rows(path, arrays)
    notes = [f"Arrays that are not used: {some([n for n in arrays if n not in _KNOWN])}."] * (
        not set(arrays) <= set(_KNOWN)
    )
    target = None if y is None else _target(path, y, arrays.get("class_names"))
    if X.ndim == 2:
        if form == "text" or ("lengths" in arrays and form is None and X.dtype.kind in "iu"):
            return _texts(path, X, target, part, arrays, notes)
        if "lengths" in arrays or form is not None:
            raise DataError(
                f"X of '{path}' has shape {X.shape} and type {X.dtype}, that of a table, although "
                + (f"--form is {form}" if form else "there are lengths of sequences")
                + "; store rows of shape (steps, features) or (height, width, channels), or texts as whole numbers."
            )
        return _table(path, X, target, part, arrays, notes)
    if form == "text":
        raise DataError(f"X of '{path}' has shape {X.shape}, but texts are rows of tokens, of shape (rows, tokens).")
    kind, X = _form(path, X, "lengths" in arrays, form)
    lengths = _lengths(path, arrays, len(X)) if "lengths" in arrays else None
    X = X if X.dtype == np.uint8 else _floats(path, X)
    return checked(Examples(kind, X, path, target, lengths, part, (), tuple(notes)))


def rank_of(path: Path) -> int:
    """How many axes X has; 0 where there is none."""
    arrays = _load(path)
    X = arrays.get("x", arrays.get("x_train"))
    return 0 if X is None else X.ndim


def _load(path: Path) -> dict[str, NDArray]:
    """All arrays by their names in small letters."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not hasattr(archive, "files"):
                raise ValueError
            names = [name.lower() for name in archive.files]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise DataError(f"'{path}' holds {min(twice)!r} twice, in large and in small letters; keep one.")
            return {name.lower(): archive[name] for name in archive.files}
    except FileNotFoundError:
        raise DataError(f"There is no file '{path}'; check the path.") from None
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        if "pickle" in str(error) and "Object arrays" in str(error):
            raise DataError(
                f"'{path}' holds pickled objects, which could run any code; save plain arrays of numbers or text."
            ) from None
        raise DataError(f"'{path}' is not a readable .npz file; write it again with numpy.savez.") from None


def _rows(path: Path, arrays: dict[str, NDArray]) -> tuple[NDArray, NDArray | None, NDArray[np.int8] | None]:
    """X, y and the parts, from either way of storing them."""
    if "x" in arrays:
        X, y = arrays["x"], arrays.get("y")
        part = None
        if "split" in arrays:
            part = _part(path, arrays["split"], len(X) if X.ndim else 0)
    elif "x_train" in arrays:
        X, y = arrays["x_train"], arrays.get("y_train")
        part = None
        if "x_test" in arrays:
            test, y_test = arrays["x_test"], arrays.get("y_test")
            if test.shape[1:] != X.shape[1:] or test.ndim != X.ndim:
                raise DataError(
                    f"x_train and x_test of '{path}' have rows of different shapes, {X.shape[1:]} and {test.shape[1:]}."
                )
            if (y is None) != (y_test is None):
                raise DataError(f"'{path}' needs both y_train and y_test, or neither.")
            part = np.repeat(np.array([TRAIN, TEST], np.int8), [len(X), len(test)])
            X = np.concatenate([X, test])
            y = None if y is None or y_test is None else np.concatenate([y, y_test])
    else:
        raise DataError(
            f"'{path}' holds {some(list(arrays)) or 'nothing'}, but neither X nor x_train; save it with "
            "numpy.savez(path, X=X, y=y)."
        )
    if X.ndim not in _AXES or X.dtype.kind not in "biuf":
        wanted = ", ".join(f"{axes} axes ({what})" for axes, what in _AXES.items())
        raise DataError(f"X of '{path}' must hold numbers with {wanted}, got {X.dtype} of shape {X.shape}.")
    if y is not None:
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if y.shape != (len(X),):
            raise DataError(f"y of '{path}' must hold one value for each of the {len(X)} rows, got shape {y.shape}.")
    return X, y, part


def _part(path: Path, split: NDArray, rows: int) -> NDArray[np.int8]:
    if split.shape != (rows,) or not np.isin(split, (TRAIN, 1)).all() or split.all() or not split.any():
        raise DataError(f"split of '{path}' must hold 0 for training and 1 for test, one for each of {rows} rows.")
    return np.where(split == 1, TEST, TRAIN).astype(np.int8)


def _target(path: Path, y: NDArray, names: NDArray | None) -> pl.Series:
    """y as a series: class names where the file has them, numbers or text otherwise."""
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind not in "biufU":
        raise DataError(f"y of '{path}' must hold numbers or text, got {y.dtype}.")
    if names is not None and y.dtype.kind in "iu":
        if names.ndim != 1 or names.dtype.kind != "U" or (len(y) and not 0 <= y.min() <= y.max() < len(names)):
            raise DataError(f"class_names of '{path}' must hold one text for each of the numbers in y.")
        if len(set(names.tolist())) < len(names):
            raise DataError(f"class_names of '{path}' must be different texts.")
        y = names[y]
    return pl.Series(TARGET, y)


def _form(path: Path, X: NDArray, has_lengths: bool, asked: str | None) -> tuple[Form, NDArray]:
    """What rows are, and X with an axis for channels."""
    if X.ndim == 4:
        if asked == "sequence" or has_lengths:
            raise DataError(f"X of '{path}' has shape {X.shape}, that of images, and cannot be sequences.")
        if X.shape[1] in (1, 3, 4) and X.shape[3] > 4:
            raise DataError(
                f"X of '{path}' has shape {X.shape} with the channels first; store them last: numpy.moveaxis(X, 1, -1)."
            )
        return "image", X
    if asked == "image" and has_lengths:
        raise DataError(f"'{path}' has lengths of sequences, but --form is image.")
    if asked == "image" or (asked is None and X.dtype == np.uint8 and not has_lengths):
        return "image", X[..., None]
    return "sequence", X


def _lengths(path: Path, arrays: dict[str, NDArray], rows: int) -> NDArray[np.int32]:
    lengths = arrays["lengths"]
    if lengths.shape != (rows,) or lengths.dtype.kind not in "iu":
        raise DataError(
            f"lengths of '{path}' must hold one whole number for each of {rows} rows, got {lengths.dtype} of shape "
            f"{lengths.shape}."
        )
    return np.clip(lengths, -1, 2**31 - 1).astype(np.int32)


def _texts(
    path: Path, X: NDArray, target: pl.Series | None, part: NDArray[np.int8] | None, arrays: dict, notes: list[str]
) -> Examples:
    """Two axes as rows of tokens, numbered from 0 to one below the size of the vocabulary."""
    if X.dtype.kind not in "iu":
        raise DataError(f"X of '{path}' must hold whole numbers of tokens, got {X.dtype}; encode the texts first.")
    if 0 in X.shape:
        raise DataError(f"X of '{path}' has shape {X.shape}; it needs rows and tokens.")
    lengths = _lengths(path, arrays, len(X)) if "lengths" in arrays else None
    there = np.ones(X.shape, bool) if lengths is None else np.arange(X.shape[1]) < lengths[:, None]
    X = np.where(there, X, 0)
    vocab = arrays.get("vocab")
    if vocab is not None and vocab.ndim != 1:
        raise DataError(f"vocab of '{path}' must be a list with one entry for each token, got shape {vocab.shape}.")
    known = MAX_TOKENS if vocab is None else len(vocab)
    if not 0 <= X.min() <= X.max() < known:
        of = "" if vocab is None else f" of which vocab holds {known:,},"
        raise DataError(
            f"X of '{path}' must hold numbers of tokens,{of} from 0 to {max(0, known - 1):,}, but they go from "
            f"{X.min()} to {X.max()}; correct them."
        )
    size = int(X.max()) + 1 if vocab is None else known
    return checked(Examples("text", X.astype(np.int32), path, target, lengths, part, (), tuple(notes), size))


def _floats(path: Path, X: NDArray) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        floats = X.astype(np.float32)
    if X.dtype.kind == "f" and X.dtype.itemsize > 4 and bool((np.isinf(floats) & np.isfinite(X)).any()):
        raise DataError(f"X of '{path}' holds numbers too large for float32; scale them.")
    return floats


def _table(
    path: Path, X: NDArray, target: pl.Series | None, part: NDArray[np.int8] | None, arrays: dict, notes: list[str]
) -> Table:
    """Two axes as a table with a column of its own for y."""
    if 0 in X.shape:
        raise DataError(f"X of '{path}' has shape {X.shape}; it needs rows and columns.")
    names = arrays.get("feature_names")
    if names is None or names.shape != (X.shape[1],) or names.dtype.kind != "U":
        columns = [f"x{i + 1}" for i in range(X.shape[1])]
    else:
        columns = names.tolist()
    if len({*columns, TARGET}) < len(columns) + 1:
        raise DataError(f"feature_names of '{path}' must be different, and none may be {TARGET!r}.")
    frame = pl.DataFrame({name: X[:, i] for i, name in enumerate(columns)})
    if X.dtype.kind == "f":
        frame = frame.fill_nan(None)
    if target is not None:
        frame = frame.with_columns(target)
    return Table(frame, path, tuple(notes), part)
