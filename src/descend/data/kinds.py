"""Decides what every column of a table is: a number, a category, a date, or nothing a network should see.

Looks at all rows of the table but fits nothing: statistics come from the training rows, in `columns`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from descend.data.cells import NUMBER_MISSING, canonical, check_finite, date_format, parse_numbers, to_dates, to_numbers
from descend.data.errors import DataError, some
from descend.data.reading import is_number

Kind = Literal["number", "category", "date"]

IDENTIFIER_NAME = re.compile(
    r"(^|[\W_])(id|ids|uid|uuid|guid|index|idx|rowid|row|key|unnamed)([\W_]|$)|[a-z]I[dD]$", re.I
)
#: A text column is taken for an identifier or free text when more than this share of its cells are different.
DISTINCT_SHARE = 0.5
#: Fewer rows than this tell nothing about whether a column is an identifier.
IDENTIFIER_ROWS = 20


@dataclass(frozen=True)
class ColumnOptions:
    """What the user said about columns.

    Attributes
    ----------
    drop : tuple of str
        Columns to leave out.
    categorical : tuple of str
        Columns whose numbers are names of categories.
    """

    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """A column to encode: `series` is Float64, String or Datetime according to `kind`; `format` is a date's."""

    name: str
    kind: Kind
    series: pl.Series
    format: str | None = None


@dataclass(frozen=True)
class Dropped:
    """A column the network does not see, and why (the rest of a sentence that starts with its name)."""

    name: str
    reason: str


def classify_columns(
    frame: pl.DataFrame, options: ColumnOptions | None = None
) -> tuple[tuple[Kept, ...], tuple[Dropped, ...]]:
    """Sort a table's feature columns into those to encode and those to drop.

    Parameters
    ----------
    frame : polars.DataFrame
        Without the target.
    options : ColumnOptions, optional

    Returns
    -------
    kept : tuple of Kept
    dropped : tuple of Dropped

    Raises
    ------
    DataError
        When a column mixes numbers and text, holds infinities, is nested, or an option names no column.
    """
    options = options or ColumnOptions()
    require_columns(frame, [*options.drop, *options.categorical])
    kept: list[Kept] = []
    dropped: list[Dropped] = []
    for series in frame.get_columns():
        if series.name in options.drop:
            dropped.append(Dropped(series.name, "was left out as asked"))
            continue
        column = _classify(series, categorical=series.name in options.categorical)
        if isinstance(column, Kept):
            kept.append(column)
        else:
            dropped.append(column)
    return tuple(kept), tuple(dropped)


def require_columns(frame: pl.DataFrame, names: list[str]) -> None:
    """Refuse names that are no columns, proposing the nearest one.

    Parameters
    ----------
    frame : polars.DataFrame
    names : list of str
    """
    for name in names:
        if name not in frame.columns:
            raise DataError(f"The table has no column {name!r}; {unsplit(frame) or nearest(name, frame.columns)}")


def unsplit(frame: pl.DataFrame) -> str:
    """The end of a sentence about lacking columns where the table has one only that seems to be several; else empty.

    Parameters
    ----------
    frame : polars.DataFrame
    """
    name = frame.columns[0]
    if frame.width > 1 or name.isidentifier():
        return ""
    return f"its only column is {name!r}: say what stands between its cells with --separator."


def nearest(name: str, names: list[str]) -> str:
    """The end of a sentence about an unknown name: the likely one, or the choice.

    Parameters
    ----------
    name : str
    names : list of str
    """
    import difflib

    folded = {other.casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    data = " (if its first line holds data, add a line of names)" if any(map(is_number, names)) else ""
    return f"its columns are {some(names, 12)}{data}."


def _classify(series: pl.Series, *, categorical: bool) -> Kept | Dropped:
    name, dtype = series.name, series.dtype
    if dtype.is_float():
        series = series.fill_nan(None)
    cells = series.drop_nulls()
    if cells.is_empty():
        return Dropped(name, "holds no value in any row")
    if isinstance(dtype, pl.Date | pl.Datetime):
        return _unless_constant(Kept(name, "date", to_dates(series, None)))
    if categorical or dtype in (pl.Boolean, pl.Categorical, pl.Enum):
        return _unless_constant(Kept(name, "category", canonical(series)))
    if dtype == pl.String:
        return _classify_text(series, cells)
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        canonical(series)  # raises, naming the column
    numbers = to_numbers(series)
    return _classify_numbers(name, numbers)


def _classify_text(series: pl.Series, cells: pl.Series) -> Kept | Dropped:
    name = series.name
    cells = cells.filter(~cells.is_in(list(NUMBER_MISSING)))
    numeric = parse_numbers(cells)
    share = 1 - numeric.null_count() / len(cells) if len(cells) else 0.0
    if share == 1.0:
        return _classify_numbers(name, to_numbers(series))
    fmt = date_format(series)
    if fmt is not None:
        return _unless_constant(Kept(name, "date", to_dates(series, fmt), fmt))
    if share >= 0.5:
        check_finite(parse_numbers(series), name)
        odd = cells.filter(numeric.is_null())
        row = int((series == odd[0]).arg_max() or 0) + 1
        raise DataError(
            f"Column {name!r} mixes numbers with text ({len(odd)} of {len(cells)} cells, the first in row {row}: "
            f"{odd[0]!r}); correct them, or use --missing {odd[0]!r} if that means unknown, or --categorical {name!r}."
        )
    distinct = series.drop_nulls().n_unique()
    if series.len() >= IDENTIFIER_ROWS and distinct > DISTINCT_SHARE * len(cells):
        reason = f"looks like an identifier or free text: {distinct:,} different values in {len(cells):,} rows"
        return Dropped(name, reason)
    return _unless_constant(Kept(name, "category", canonical(series)))


def _classify_numbers(name: str, numbers: pl.Series) -> Kept | Dropped:
    numbers = numbers.alias(name)
    cells = numbers.drop_nulls()
    distinct = cells.n_unique()
    if distinct == 1 and numbers.null_count():
        return Kept(name, "category", canonical(numbers))  # whether there is a value is what it tells
    if len(cells) >= IDENTIFIER_ROWS and distinct == len(cells) == len(numbers):
        values = cells.to_numpy()
        whole = bool((values == np.round(values)).all())
        low, high = values.min(), values.max()
        if whole and high - low == len(cells) - 1:
            return Dropped(name, f"numbers the rows from {low:.0f} to {high:.0f}")
        if whole and IDENTIFIER_NAME.search(name):
            return Dropped(name, "looks like an identifier: another whole number in every row")
    return _unless_constant(Kept(name, "number", numbers))


def _unless_constant(column: Kept) -> Kept | Dropped:
    if column.series.null_count() == 0 and column.series.n_unique() == 1:
        value = column.series[0]
        text = f"{value:g}" if isinstance(value, float) else str(value)[:40]
        return Dropped(column.name, f"holds the same value in every row ({text})")
    return column
