"""Turns a column's cells into numbers, text or dates, with nulls for what is missing.

Used when a table is first read and again at prediction, so that both see the same values. Cells that do not fit
are an error that names the first one; nothing is silently turned into a missing value.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.errors import DataError

#: Cells of a column of numbers that stand for a missing one, besides those of `reading.MISSING`.
NUMBER_MISSING = ("-", "--", ".", "none", "None", "NONE")

#: Numbers as people write them: $1,234.50, 12 %, -3 €; a comma only where it sets off three digits.
ADORNED = r"^[+-]?\s*[$€£¥]?\s*[+-]?(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d+)?\s*[$€£¥%]?$"

#: Formats dates are tried in, the first that fits every cell wins; day before month when both fit.
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)


def parse_numbers(series: pl.Series) -> pl.Series:
    """Float64; cells that are no number become null (`to_numbers` refuses them).

    Commas between thousands, one currency's sign and, where every number has it, the per cent sign are left out.

    Parameters
    ----------
    series : polars.Series
        Text, numbers, booleans, durations (seconds) or times of day (seconds since midnight).
    """
    dtype = series.dtype
    if dtype == pl.String:
        numbers = series.cast(pl.Float64, strict=False)
        if is_adorned(series):
            numbers = numbers.fill_null(_unadorned(series))
    elif dtype == pl.Duration:
        numbers = series.dt.total_microseconds().cast(pl.Float64) / 1e6
    elif dtype == pl.Time:
        numbers = series.cast(pl.Int64).cast(pl.Float64) / 1e9
    elif dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        numbers = series.cast(pl.Float64)
    else:
        numbers = to_text(series).cast(pl.Float64, strict=False)
    return numbers.fill_nan(None)


def is_adorned(series: pl.Series) -> bool:
    """Whether some cells of a column are numbers with commas between thousands or one sign, such as $1,234.50.

    Parameters
    ----------
    series : polars.Series
    """
    if series.dtype != pl.String:
        return False
    plain = series.cast(pl.Float64, strict=False)
    adorned = series.filter(plain.is_null() & _unadorned(series).is_not_null())
    signs = adorned.str.extract(r"([$€£¥%])").drop_nulls().unique().to_list()
    mixed = len(signs) > 1 or (signs == ["%"] and (plain.is_not_null().any() or not adorned.str.ends_with("%").all()))
    return len(adorned) > 0 and not mixed


def unit_of(series: pl.Series) -> str:
    """The unit in which `parse_numbers` gives a column's numbers; empty where the cells do not tell.

    Parameters
    ----------
    series : polars.Series
        Durations are in seconds, times of day in seconds since midnight, and text such as $5 or 12 % in its sign.
    """
    if series.dtype == pl.Duration:
        return "seconds"
    if series.dtype == pl.Time:
        return "seconds since midnight"
    if not is_adorned(series):
        return ""
    signs = series.filter(_unadorned(series).is_not_null()).str.extract(r"([$€£¥%])").drop_nulls()
    return "" if signs.is_empty() else str(signs[0])


def _unadorned(series: pl.Series) -> pl.Series:
    """Float64 of the cells that `ADORNED` describes, null elsewhere."""
    bare = series.str.replace_all(r"[$€£¥%,\s]", "").cast(pl.Float64, strict=False)
    return bare.set(~series.str.contains(ADORNED).fill_null(False), None)


def to_numbers(series: pl.Series, what: str = "Column") -> pl.Series:
    """Float64 with nulls; a cell that is no number, or is infinite, is a DataError.

    Parameters
    ----------
    series : polars.Series
    what : str
        How messages call the series before its name: "Column" or "Target".
    """
    numbers = parse_numbers(series)
    if series.dtype == pl.String:
        odd = numbers.is_null() & series.is_not_null() & ~series.str.to_lowercase().is_in([*NUMBER_MISSING, "nan"])
        if odd.any():
            row = odd.arg_max() or 0
            raise DataError(
                f"{what} {series.name!r} must hold numbers, but row {row + 1} holds {series[row]!r}; "
                "correct the cell, or leave it empty if the value is unknown."
            )
    check_finite(numbers, series.name, what)
    return numbers


def check_finite(numbers: pl.Series, name: str, what: str = "Column") -> None:
    """Refuse infinities.

    Parameters
    ----------
    numbers : polars.Series
        Float64, nulls allowed.
    name, what : str
        The column's name and how the message calls it.
    """
    infinite = numbers.is_infinite().fill_null(False)
    if infinite.any():
        row = (infinite.arg_max() or 0) + 1
        raise DataError(
            f"{what} {name!r} holds an infinite number in row {row} ({infinite.sum()} in all); "
            "replace such cells by numbers, or leave them empty if unknown."
        )


def to_text(series: pl.Series) -> pl.Series:
    """String with nulls, spelled the same whatever file the values came from: 1, not 1.0; true, not True.

    Parameters
    ----------
    series : polars.Series
    """
    dtype = series.dtype
    if dtype == pl.String:
        return series
    if dtype.is_float():
        clean = series.fill_nan(None)
        if clean.is_infinite().fill_null(False).any():
            return clean.cast(pl.String)
        whole = clean.drop_nulls()
        if (whole == whole.round()).all() and (whole.abs() < 2**53).all():
            return clean.cast(pl.Int64).cast(pl.String)
        return clean.cast(pl.String)
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"Column {series.name!r} holds {dtype} values, which are neither numbers, text nor dates; "
            f"remove it, or leave it out with --drop {series.name!r}."
        )
    return series.cast(pl.String)


def date_format(series: pl.Series) -> str | None:
    """The format of `DATE_FORMATS` that fits every cell of a text column, or None.

    Parameters
    ----------
    series : polars.Series
        Text.
    """
    cells = series.drop_nulls()
    if cells.is_empty() or not cells.head(100).str.contains(r"\d.*[-/. ,].*\d").all():
        return None
    head = cells.head(100)
    for fmt in DATE_FORMATS:
        if _parse_dates(head, fmt).null_count() == 0 and _parse_dates(cells, fmt).null_count() == 0:
            return fmt
    return None


def to_dates(series: pl.Series, fmt: str | None) -> pl.Series:
    """Datetime (microseconds, UTC where there was a zone) with nulls; a cell that is no date is a DataError.

    Parameters
    ----------
    series : polars.Series
        Dates, datetimes, or text in the format `fmt`.
    fmt : str or None
        The format seen in training; None when the column was typed.
    """
    if series.dtype == pl.Date:
        return series.cast(pl.Datetime("us"))
    if isinstance(series.dtype, pl.Datetime):
        if series.dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.cast(pl.Datetime("us"))
    if series.dtype == pl.Null:
        return series.cast(pl.Datetime("us"))
    text = to_text(series)
    fmt = fmt or date_format(text) or DATE_FORMATS[0]
    dates = _parse_dates(text, fmt)
    odd = dates.is_null() & text.is_not_null()
    if odd.any():
        row = odd.arg_max() or 0
        raise DataError(
            f"Column {series.name!r} must hold dates like {_example(fmt)}, but row {row + 1} holds {text[row]!r}; "
            "correct the cell, or leave it empty if the date is unknown."
        )
    return dates


def _example(fmt: str) -> str:
    """A date in a format of `DATE_FORMATS`, of which each number shows what it is."""
    return datetime(2024, 12, 31, 13, 45).strftime(fmt.replace("%.f", ".5"))


def _parse_dates(series: pl.Series, fmt: str) -> pl.Series:
    if "%H" in fmt:
        return series.str.to_datetime(fmt, strict=False, time_unit="us")
    return series.str.to_date(fmt, strict=False).cast(pl.Datetime("us"))


def canonical(series: pl.Series) -> pl.Series:
    """Text of a column of levels; when all are numbers or all true/false they get one spelling each.

    Parameters
    ----------
    series : polars.Series
    """
    text = to_text(series)
    if series.dtype != pl.String:
        return text
    cells = text.drop_nulls()
    folded = cells.str.to_lowercase()
    if folded.is_in(["true", "false"]).all():
        return text.str.to_lowercase()
    numbers = cells.cast(pl.Float64, strict=False)
    leading_zero = cells.str.contains(r"^[+-]?0\d").any()
    if numbers.null_count() == 0 and numbers.is_finite().all() and not leading_zero:
        return to_text(text.cast(pl.Float64)).alias(series.name)
    return text


def match_levels(series: pl.Series, levels: tuple[str, ...]) -> NDArray[np.int32]:
    """The index of every cell's level: (rows,) int32, -1 where the cell is missing, -2 where it is no known level.

    Parameters
    ----------
    series : polars.Series
    levels : tuple of str
        As `canonical` spells them.
    """
    text = to_text(series)
    known, index = pl.Series(levels, dtype=pl.String), pl.Series(range(len(levels)), dtype=pl.Int32)

    def codes(cells: pl.Series) -> NDArray[np.int32]:
        return cells.replace_strict(known, index, default=-2, return_dtype=pl.Int32).fill_null(-2).to_numpy().copy()

    found = codes(text)
    missing = text.is_null().to_numpy()
    if (found[~missing] == -2).any():  # the same level may be spelled 1.0 or TRUE here
        respelled = to_text(text.cast(pl.Float64, strict=False)).fill_null(text.str.to_lowercase())
        found = np.where(found == -2, codes(respelled), found)
    found[missing] = -1
    return found
