"""Images, sequences or texts with their targets, as arrays: what folders and `.npz` files become before training.

Refuses what cannot be trained on; changes no number. Tables go another way, through `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.errors import DataError

Form = Literal["image", "sequence", "text"]
FORMS: tuple[Form, ...] = ("image", "sequence", "text")

#: Numbers in `Examples.part`.
TRAIN, VALIDATION, TEST = 0, 1, 2
#: No axis of a row may be longer.
MAX_AXIS = 1_000_000
#: Different tokens of texts, as many as `layers.Embedding` takes.
MAX_TOKENS = 2**24


@dataclass(frozen=True)
class Examples:
    """Rows of one form.

    Attributes
    ----------
    form : "image", "sequence" or "text"
    X : (rows, height, width, channels) or (rows, steps, features), uint8 or float32; of texts (rows, tokens) int32, 0
        behind the end of each
    path : Path
        The folder or file they come from.
    target : polars.Series or None
        What to predict, (rows,); None where the source does not say.
    lengths : (rows,) int32 or None
        Steps of each sequence, tokens of each text; None where all are whole.
    part : (rows,) int8 or None
        TRAIN, VALIDATION or TEST where the source says so; None where rows are still to be split.
    sources : tuple of str
        The image files, as paths within the folder; empty for arrays.
    notes : tuple of str
        Sentences about what was found, scaled, or left out.
    vocabulary : int
        How many different tokens texts may have, from 0 on; 0 where rows are no texts.
    """

    form: Form
    X: NDArray
    path: Path
    target: pl.Series | None = None
    lengths: NDArray[np.int32] | None = None
    part: NDArray[np.int8] | None = None
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    vocabulary: int = 0

    def __len__(self) -> int:
        return len(self.X)


def checked(examples: Examples) -> Examples:
    """Refuse rows without numbers, numbers that are not finite, and lengths that do not fit.

    Parameters
    ----------
    examples : Examples

    Raises
    ------
    DataError
        Naming the array and the first row.
    """
    X, path = examples.X, examples.path
    if not len(X):
        raise DataError(f"'{path}' holds no rows; check that it was written completely.")
    if 0 in X.shape or max(X.shape[1:]) > MAX_AXIS:
        raise DataError(f"X of '{path}' has shape {X.shape}; every axis must hold from 1 to {MAX_AXIS:,} numbers.")
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        row = int(np.flatnonzero(~np.isfinite(X.reshape(len(X), -1)).all(axis=1))[0])
        raise DataError(f"X of '{path}' holds NaN or infinity in row {row}; fill such numbers in or leave the row out.")
    lengths = examples.lengths
    if lengths is not None and (lengths.min() < 1 or lengths.max() > X.shape[1]):
        raise DataError(
            f"lengths of '{path}' must be from 1 to {X.shape[1]}, the steps of X, but go from {lengths.min()} to "
            f"{lengths.max()}; correct them."
        )
    return examples
