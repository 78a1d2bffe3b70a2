"""Says what of a new table a model was not trained for: empty columns and levels never seen. Changes no prediction.

Such cells are no errors, since every column knows what to put in their place; but whoever sends a table whose column
got lost on the way wants to hear of it.
"""

from __future__ import annotations

import polars as pl

from descend.data.cells import match_levels, parse_numbers, to_text
from descend.data.columns import CategoryColumn, Column, NumberColumn
from descend.data.encoding import TableEncoder
from descend.data.errors import some
from descend.wording import agreeing

#: Of so few rows it is no surprise that none has a value, where training rows lacked some, too.
FEW = 10


def unfamiliar(encoder: TableEncoder, frame: pl.DataFrame) -> list[str]:
    """Sentences about columns without a value in any row, and about levels that the training rows lacked.

    Parameters
    ----------
    encoder : TableEncoder
    frame : polars.DataFrame
        A table that `encoder` encodes.
    """
    empty = [column.name for column in encoder.columns if _is_empty(column, frame[column.name])]
    told = []
    if empty:
        number = len(empty)
        told.append(
            f"{agreeing(number, 'column')} {some(empty)} {agreeing(number, 'holds', 'hold')} no value in any row, "
            f"although {agreeing(number, 'it', 'they')} did in training; check that nothing was lost, since the "
            "predictions do without."
        )
    for column in encoder.columns:
        if isinstance(column, CategoryColumn) and not column.other:
            told += _new_levels(column, frame[column.name])
    return told


def _is_empty(column: Column, series: pl.Series) -> bool:
    """Few rows may well lack what some rows of training lacked."""
    if column.indicator and len(series) < FEW:
        return False
    cells = parse_numbers(series) if isinstance(column, NumberColumn) else series
    return cells.null_count() == len(cells)


def _new_levels(column: CategoryColumn, series: pl.Series) -> list[str]:
    """Only of a column without grouped levels: there a new level cannot be told from one that was rare in training."""
    new = match_levels(series, column.levels) == -2
    if not new.any():
        return []
    levels = to_text(series).filter(pl.Series(new)).unique(maintain_order=True).to_list()
    rows = int(new.sum())
    return [
        f"column {column.name!r} holds {agreeing(len(levels), 'a level', 'levels')} that the training rows lacked in "
        f"{rows:,} of {len(series):,} rows: {some(levels)}; {agreeing(len(levels), 'it counts', 'they count')} as none "
        "of the known ones."
    ]
