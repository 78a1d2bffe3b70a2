"""From examples to what training needs: the task, the three parts of the rows, and the fitted encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend import Sequences
from descend.data.array_encoding import ArrayEncoder
from descend.data.copies import copies_note, example_hashes
from descend.data.errors import DataError
from descend.data.examples import Examples
from descend.data.images import TARGET as CLASS
from descend.data.known_rows import KnownRows
from descend.data.preparing import PrepareOptions, no_target, rare_classes
from descend.data.splitting import Split, quantile_groups, split_parts
from descend.data.targets import ClassTarget, NumberTarget, Target, Task, infer_task


@dataclass(frozen=True)
class PreparedArrays:
    """Examples ready for training.

    Attributes
    ----------
    task : Task
    encoder : ArrayEncoder
    split : Split
        Row numbers into the others.
    X : (rows, *shape) float32 (texts: int32), or Sequences
        Encoded.
    y : (rows,) int32 classes or float64 numbers in the target's unit
    examples : Examples
        The rows that have a target.
    notes : tuple of str
        Sentences about what was left out.
    known : KnownRows
        Of the rows to train and to validate on.
    """

    task: Task
    encoder: ArrayEncoder
    split: Split
    X: NDArray[np.float32] | NDArray[np.int32] | Sequences
    y: NDArray
    examples: Examples
    notes: tuple[str, ...]
    known: KnownRows


def prepare_arrays(examples: Examples, options: PrepareOptions) -> PreparedArrays:
    """Infer the task, split the rows and fit the encoder on the training rows.

    Parameters
    ----------
    examples : Examples
    options : PrepareOptions

    Raises
    ------
    DataError
        When the examples are not fit to learn from, or an option is for tables.
    """
    series = examples.target
    if series is None:
        raise DataError(f"'{examples.path}' has no y to learn; save it with numpy.savez(path, X=X, y=y).")
    if options.columns.drop or options.columns.categorical:
        raise DataError("--drop and --categorical are for the columns of tables; leave them out.")
    task = _task(examples, series, options.task)
    classes = None if task.kind == "regression" else ClassTarget.fit(series)
    values = (classes or NumberTarget(series.name, 0.0, 1.0)).values(series)
    rows = np.flatnonzero(~np.isnan(values) if classes is None else values >= 0)
    notes = list(examples.notes)
    if len(rows) < len(values):
        notes.append(no_target(len(values) - len(rows), len(values)))
        examples = take(examples, rows)
        values = values[rows]
    strata = quantile_groups(values.astype(np.float64)) if classes is None else values.astype(np.intp)
    split = split_parts(strata, examples.part, seed=options.seed, test=options.test, validation=options.validation)
    if examples.part is not None:
        notes.append("Rows to test on are those that the data themselves set apart.")
    hashes = example_hashes(examples, values)
    notes += copies_note(hashes, split)
    known = KnownRows.of(hashes[np.union1d(split.train, split.validation)])
    target: Target = NumberTarget.fit(series, rows[split.train]) if classes is None else classes
    encoder = ArrayEncoder.fit(examples, split.train, target)
    if not np.any(np.array(encoder.scale) != 1.0) and not _varies(examples, split.train):
        raise DataError(f"All {examples.form}s to train on are the same, so there is nothing to learn; check the data.")
    if classes is not None:
        notes += rare_classes(classes, values, split)
    X = network_rows(encoder, examples)
    return PreparedArrays(task, encoder, split, X, values, examples, tuple(notes), known)


def network_rows(encoder: ArrayEncoder, examples: Examples) -> NDArray[np.float32] | NDArray[np.int32] | Sequences:
    """Encoded rows in the form the network takes."""
    X = encoder.encode(examples)
    if not encoder.variable:
        return X
    lengths = np.full(len(X), X.shape[1], np.int32) if examples.lengths is None else examples.lengths
    return Sequences(X, lengths)


def take(examples: Examples, rows: NDArray[np.intp]) -> Examples:
    """Some rows of examples."""
    return replace(
        examples,
        X=examples.X[rows],
        target=None if examples.target is None else examples.target[rows],
        lengths=None if examples.lengths is None else examples.lengths[rows],
        part=None if examples.part is None else examples.part[rows],
        sources=tuple(examples.sources[i] for i in rows) if examples.sources else (),
    )


def _task(examples: Examples, series: pl.Series, asked: str | None) -> Task:
    """The task; folders always ask for classes, whatever their names look like."""
    if series.name != CLASS or not examples.sources:
        return infer_task(series, asked)
    if asked == "regression":
        raise DataError("The sub-folders of images are classes, which a regression cannot predict; leave --task out.")
    task = infer_task(series, asked or "classification")
    return Task(task.kind, f"classification, because the images lie in {series.n_unique()} sub-folders, one per class")


def _varies(examples: Examples, rows: NDArray[np.intp]) -> bool:
    return bool((examples.X[rows] != examples.X[rows[0]]).any())
