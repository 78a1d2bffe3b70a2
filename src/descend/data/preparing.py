"""From a table to what training needs: the task, the three parts of the rows, and the fitted encoder.

Statistics come from the training rows alone, so that validation and test rows stay unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.encoding import TableEncoder
from descend.data.errors import DataError
from descend.data.kinds import ColumnOptions, classify_columns, require_columns
from descend.data.reading import Table
from descend.data.splitting import Split, quantile_groups, split_rows
from descend.data.targets import ClassTarget, NumberTarget, Target, Task, infer_task


@dataclass(frozen=True)
class PrepareOptions:
    """How to prepare a table.

    Attributes
    ----------
    task : str or None
        The user's choice of `targets.TASKS`; None infers it.
    seed : int
        Of the split.
    test, validation : float
        Shares of the rows.
    columns : ColumnOptions
    """

    task: str | None = None
    seed: int = 0
    test: float = 0.2
    validation: float = 0.16
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
    """

    task: Task
    encoder: TableEncoder
    split: Split
    X: NDArray[np.float32]
    y: NDArray
    frame: pl.DataFrame
    notes: tuple[str, ...]


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
    series = table.frame[target]
    task = infer_task(series, options.task)
    kept, dropped = classify_columns(table.frame.drop(target), options.columns)
    notes: list[str] = []
    if task.kind == "regression":
        all_values = NumberTarget(target, 0.0, 1.0).values(series)
        rows = np.flatnonzero(~np.isnan(all_values))
        strata = quantile_groups(all_values[rows])
    else:
        classes = ClassTarget.fit(series)
        all_values = classes.values(series)
        rows = np.flatnonzero(all_values >= 0)
        strata = all_values[rows]
    if len(rows) < len(series):
        notes.append(f"{len(series) - len(rows):,} of {len(series):,} rows have no target and were left out.")
    split = split_rows(strata, seed=options.seed, test=options.test, validation=options.validation)
    train = rows[split.train]
    fitted: Target = NumberTarget.fit(series, train) if task.kind == "regression" else classes
    encoder = TableEncoder.fit(kept, dropped, fitted, train)
    notes += [f"Column {column.name!r} {column.reason}; it is not used." for column in encoder.dropped]
    frame = table.frame[rows] if len(rows) < len(series) else table.frame
    return Prepared(task, encoder, split, encoder.encode(frame), all_values[rows], frame, tuple(notes))


def _require_target(table: Table, target: str) -> None:
    names = table.frame.columns
    if target not in names and all(_is_number(name) for name in names):
        raise DataError(
            f"'{table.path}' has no column {target!r}: its first line holds numbers, not names; add a line of names."
        )
    require_columns(table.frame, [target])
    if len(names) == 1:
        raise DataError(f"'{table.path}' has no column besides the target {target!r}; name another --separator.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
