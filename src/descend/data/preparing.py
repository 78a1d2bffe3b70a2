"""From a table to what training needs: the task, the three parts of the rows, and the fitted encoder.

Statistics come from the training rows alone, so that validation and test rows stay unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.cells import is_adorned
from descend.data.copies import copies_note, row_hashes
from descend.data.encoding import TableEncoder
from descend.data.errors import DataError, some
from descend.data.kinds import ColumnOptions, classify_columns, require_columns
from descend.data.known_rows import KnownRows, encoded_hashes
from descend.data.reading import Table, is_number
from descend.data.splitting import Split, quantile_groups, split_parts
from descend.data.targets import ClassTarget, NumberTarget, Target, Task, infer_task
from descend.wording import agreeing


@dataclass(frozen=True)
class PrepareOptions:
    """How to prepare a table.

    Attributes
    ----------
    task : str or None
        The user's choice of `targets.TASKS`; None infers it.
    seed : int
        Of the split.
    test : float
        Share of the rows.
    validation : float or None
        Likewise; None is `splitting.validation_share`.
    columns : ColumnOptions
    """

    task: str | None = None
    seed: int = 0
    test: float = 0.2
    validation: float | None = None
    columns: ColumnOptions = field(default_factory=ColumnOptions)


@dataclass(frozen=True)
class Prepared:
    """A table ready for training.

    Attributes
    ----------
    task : Task
    encoder : TableEncoder
    split : Split
        Row numbers into `X` and `y`.
    X : (rows, features) float32
        The rows that have a target.
    y : (rows,) int32 classes or float64 numbers in the target's unit
    frame : polars.DataFrame
        The table's rows that have a target.
    notes : tuple of str
        Sentences about what was left out.
    known : KnownRows
        Of the rows to train and to validate on.
    """

    task: Task
    encoder: TableEncoder
    split: Split
    X: NDArray[np.float32]
    y: NDArray
    frame: pl.DataFrame
    notes: tuple[str, ...]
    known: KnownRows


def prepare(table: Table, target: str, options: PrepareOptions | None = None) -> Prepared:
    """Infer the task, split the rows and fit the encoder.

    Parameters
    ----------
    table : Table
    target : str
        The name of the column to predict.
    options : PrepareOptions, optional

    Raises
    ------
    DataError
        When the table or the target is not fit to learn from.
    """
    options = options or PrepareOptions()
    _require_target(table, target)
    _keep_target(target, options.columns)
    series = table.frame[target]
    task = infer_task(series, options.task)
    kept, dropped = classify_columns(table.frame.drop(target), options.columns)
    adorned = [column.name for column in kept if column.kind == "number" and is_adorned(table.frame[column.name])]
    if task.kind == "regression" and is_adorned(series):
        adorned.append(target)
    notes = [f"Commas between thousands and signs such as $ or % were left out in {some(adorned)}."] if adorned else []
    classes = None if task.kind == "regression" else ClassTarget.fit(series)
    if classes is None:
        values = NumberTarget(target, 0.0, 1.0).values(series)
        rows = np.flatnonzero(~np.isnan(values))
        strata = quantile_groups(values[rows])
    else:
        values = classes.values(series)
        rows = np.flatnonzero(values >= 0)
        strata = values[rows]
    if len(rows) < len(series):
        notes.append(no_target(len(series) - len(rows), len(series)))
    part = None if table.part is None else table.part[rows]
    split = split_parts(strata, part, seed=options.seed, test=options.test, validation=options.validation)
    train = rows[split.train]
    fitted: Target = NumberTarget.fit(series, train) if classes is None else classes
    encoder = TableEncoder.fit(kept, dropped, fitted, train)
    used = {column.name for column in encoder.columns}
    cells = [column.series for column in kept if column.name in used]
    notes += copies_note(row_hashes([*cells, pl.Series(values)], rows), split)
    notes += [f"Column {column.name!r} {column.reason}; it is not used." for column in encoder.dropped]
    if classes is not None:
        notes += rare_classes(classes, values[rows], split)
    frame = table.frame[rows] if len(rows) < len(series) else table.frame
    X, y = encoder.encode(frame), values[rows]
    known = KnownRows.of(encoded_hashes(X, y)[np.union1d(split.train, split.validation)])
    return Prepared(task, encoder, split, X, y, frame, tuple(notes), known)


def _require_target(table: Table, target: str) -> None:
    names = table.frame.columns
    if target not in names and all(is_number(name) for name in names):
        raise DataError(
            f"'{table.path}' has no column {target!r}: its first line holds numbers, not names; add a line of names."
        )
    require_columns(table.frame, [target])
    if len(names) == 1:
        raise DataError(
            f"'{table.path}' has no column besides the target {target!r}; add columns to predict it from, or name "
            "another --separator."
        )


def _keep_target(target: str, columns: ColumnOptions) -> None:
    for option, names in (("--drop", columns.drop), ("--categorical", columns.categorical)):
        if target in names:
            remedy = "choose another --target" if option == "--drop" else "use --task classification"
            raise DataError(f"{option} {target!r} names the target, but is for features; {remedy}.")


def no_target(lost: int, rows: int) -> str:
    """A sentence about rows without a target.

    Parameters
    ----------
    lost, rows : int
        How many are left out, of how many.
    """
    return f"{lost:,} of {rows:,} rows {agreeing(lost, 'has no target and was', 'have no target and were')} left out."


def rare_classes(target: ClassTarget, codes: NDArray, split: Split) -> list[str]:
    """A sentence when some classes have too few rows to be in every part.

    Parameters
    ----------
    target : ClassTarget
    codes : (rows,) class numbers
    split : Split
    """
    parts = [np.bincount(codes[rows], minlength=len(target.classes)) for rows in (split.validation, split.test)]
    rare = [name for name, *counts in zip(target.classes, *parts, strict=True) if 0 in counts]
    if not rare:
        return []
    if len(rare) == 1:
        return [f"Class {some(rare)} has too few rows to validate and test on; the scores say little about it."]
    return [f"Classes {some(rare)} have too few rows to validate and test on; the scores say little about them."]
