"""Reads CSV and Parquet files into a `Table`.

CSV cells stay text: what a column is gets decided later, once, on all its rows (`kinds`). Refuses files with
duplicate or missing column names, ragged rows and no rows, and never guesses a header.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.errors import DataError, some
from descend.wording import counted

#: Cells that stand for a missing value in any text column, compared after stripping blanks.
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "?")

SEPARATORS = (",", ";", "\t", "|")
PARQUET = (".parquet", ".pq")
FOREIGN = {
    ".xlsx": "an Excel workbook",
    ".xls": "an Excel workbook",
    ".ods": "a spreadsheet",
    ".json": "JSON",
    ".zip": "a ZIP archive",
    ".gz": "a compressed file",
    ".npy": "a single NumPy array",
    ".npz": "a NumPy archive",
    ".descend": "a trained model",
}


@dataclass(frozen=True)
class Table:
    """A file's rows.

    Attributes
    ----------
    frame : polars.DataFrame
        CSV columns are text, with missing cells null; Parquet columns keep their types.
    path : Path
    notes : tuple of str
        Sentences about what was guessed: encoding, separator, decimal commas.
    part : (rows,) int8 or None
        `examples.TRAIN` or `TEST` where the file says so; None where rows are still to be split.
    """

    frame: pl.DataFrame
    path: Path
    notes: tuple[str, ...] = ()
    part: NDArray[np.int8] | None = None


@dataclass(frozen=True)
class ReadOptions:
    """How to read a table: None means guess.

    Attributes
    ----------
    separator : str or None
        One character between CSV cells.
    encoding : str or None
        A codec of Python's, such as "cp1252".
    missing : tuple of str
        Cells that stand for a missing value, besides `MISSING`.
    """

    separator: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()


def refuse_options(
    path: Path, options: ReadOptions, names: tuple[str, ...] = ("separator", "encoding", "missing")
) -> None:
    """Refuse options that a file of this kind has no use for.

    Parameters
    ----------
    path : Path
    options : ReadOptions
    names : tuple of str
        Of the options without use.

    Raises
    ------
    DataError
        When one of them is given.
    """
    for name in names:
        if getattr(options, name) not in (None, ()):
            raise DataError(f"--{name} is for CSV files, but '{path}' is none; leave it out.")


def read_table(path: str | Path, options: ReadOptions | None = None) -> Table:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path : str or Path
    options : ReadOptions, optional

    Raises
    ------
    DataError
        When the file is absent, unreadable, empty, ragged, or has duplicate or missing column names.
    """
    path = Path(path)
    options = options or ReadOptions()
    data = _read_bytes(path)
    if path.suffix.lower() in PARQUET or data[:4] == b"PAR1":
        refuse_options(path, options, ("separator", "encoding"))
        table = _read_parquet(path, data)
    elif path.suffix.lower() in FOREIGN:
        cure = "name a table" if path.suffix.lower() == ".descend" else "save its table as CSV or Parquet"
        raise DataError(f"'{path}' is {FOREIGN[path.suffix.lower()]}; {cure}.")
    else:
        table = _read_csv(path, data, options)
    if table.frame.width == 0 or table.frame.height == 0:
        raise DataError(f"'{path}' has no rows of data; check that it was exported completely.")
    return replace(table, frame=_blank_to_null(table.frame, options.missing))


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"'{path}' is a folder; name a CSV or Parquet file in it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"There is no file '{path}'; check the path.") from None
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error.strerror}); check the path and its permissions.") from None
    if not data.strip():
        raise DataError(f"'{path}' is empty; it needs a line of column names and rows of data.")
    return data


def _read_parquet(path: Path, data: bytes) -> Table:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError, ValueError):
        raise DataError(f"'{path}' is not a readable Parquet file; write it again.") from None
    return Table(_stripped_names(frame, path), path)


def _read_csv(path: Path, data: bytes, options: ReadOptions) -> Table:
    text, notes = _decode(path, data, options.encoding)
    del data
    separator = guess_separator(text) if options.separator is None else options.separator
    if len(separator) != 1 or not separator.isascii():
        raise DataError(f"--separator must be one ASCII character, got {separator!r}; write for example ';'.")
    if separator != "," and options.separator is None:
        notes.append(f"Cells are separated by {_spelled(separator)}.")
    names = next(csv.reader(io.StringIO(text[:1_000_000]), delimiter=separator), [])
    _check_names(path, [name.strip() for name in names])
    try:
        frame = pl.read_csv(text.encode(), separator=separator, infer_schema_length=0)
    except pl.exceptions.PolarsError:
        raise DataError(_why_unreadable(path, text, separator)) from None
    frame = _stripped_names(frame, path)
    if separator in ";\t":
        frame, converted = _decimal_points(frame, separator)
        if converted:
            notes.append(f"Decimal commas were read as points in {some(converted)}.")
    return Table(frame, path, tuple(notes))


def _decode(path: Path, data: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """Text of the file with unified line ends, and a note when the encoding was a guess."""
    notes: list[str] = []
    if encoding is None:
        encoding = _guess_encoding(path, data)
        if encoding not in ("utf-8", "utf-8-sig", "utf-16"):
            notes.append(f"The text is not UTF-8 and was read as {encoding}; use --encoding if letters look wrong.")
    try:
        text = data.decode(encoding)
    except LookupError:
        raise DataError(f"There is no encoding {encoding!r}; use for example utf-8, cp1252 or utf-16.") from None
    except (UnicodeDecodeError, UnicodeError):
        raise DataError(f"'{path}' is not text in the encoding {encoding!r}; name the right one.") from None
    if "\x00" in text:
        raise DataError(f"'{path}' holds bytes that are not text; save it as CSV (UTF-8) or Parquet.")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.lstrip("\n"), notes


def _guess_encoding(path: Path, data: bytes) -> str:
    if data[:3] == b"\xef\xbb\xbf":
        return "utf-8-sig"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    start = data[:4096]
    nulls = start.count(0)
    if nulls:
        if nulls < len(start) * 0.3:
            raise DataError(f"'{path}' holds bytes that are not text; save it as CSV (UTF-8) or Parquet.")
        return "utf-16-le" if start[1:2] == b"\x00" else "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def guess_separator(text: str) -> str:
    """The candidate that cuts the first lines into the most, and equally many, cells; a comma when none does.

    Parameters
    ----------
    text : str
        The start of a CSV file.
    """
    lines = text[:65_536].split("\n")
    lines = [line for line in (lines[:-1] or lines)[:50] if line.strip()]
    best, best_score = ",", 0.0
    for separator in SEPARATORS:
        counts = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        cells = counts[0] if counts else 1
        if cells < 2:
            continue
        agreement = sum(count == cells for count in counts) / len(counts)
        score = agreement + min(cells, 1000) / 10_000  # equal counts first, then more cells
        if score > best_score:
            best, best_score = separator, score
    return best


def _spelled(separator: str) -> str:
    return {";": "semicolons", "\t": "tabs", "|": "vertical bars"}.get(separator, repr(separator))


def is_number(text: str) -> bool:
    """Whether a name is a number, which means that a line of names is missing."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_names(path: Path, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice and all(is_number(name) for name in names):
        raise DataError(f"The first line of '{path}' holds numbers, not names; add a line of names.")
    if twice:
        raise DataError(f"'{path}' has more than one column named {some(twice)}; rename or remove the copies.")
    empty = [str(i + 1) for i, name in enumerate(names) if not name]
    if len(empty) > 1:
        raise DataError(f"'{path}' has no name for columns {some(empty)}; its first line must name every column.")


def _stripped_names(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Column names without blanks around them; one unnamed column (a saved row index) becomes 'unnamed'."""
    names = [name.strip() or "unnamed" for name in frame.columns]
    _check_names(path, names)
    return frame.rename(dict(zip(frame.columns, names, strict=True))) if names != frame.columns else frame


def _blank_to_null(frame: pl.DataFrame, missing: tuple[str, ...]) -> pl.DataFrame:
    tokens = [*MISSING, *missing]
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    stripped = [pl.col(name).str.strip_chars() for name in text]
    return frame.with_columns(stripped).with_columns(
        pl.when(pl.col(name).is_in(tokens)).then(None).otherwise(pl.col(name)).alias(name) for name in text
    )


def _decimal_points(frame: pl.DataFrame, separator: str) -> tuple[pl.DataFrame, list[str]]:
    """Turn '3,14' into '3.14' in columns where every cell is such a number, and '1.234,50' where all have decimals.

    Between tabs '1,234' may mean a thousand and more, so there some cell must have other than three decimals.
    """
    converted = []
    for name in frame.columns:
        cells = frame[name].drop_nulls()
        if cells.is_empty() or not cells.str.contains(",", literal=True).any():
            continue
        cells = cells.str.strip_chars()
        cells = cells.filter(~cells.is_in(list(MISSING)))
        number = r"^[+-]?\d*(,\d+)?([eE][+-]?\d+)?\s*[€%]?$"
        grouped = r"^[+-]?\d{1,3}(\.\d{3})*,\d+\s*[€%]?$"
        thousands = r"^[+-]?\d+(,\d{3})?$"
        if cells.str.contains(".", literal=True).any():
            fits = cells.str.contains(grouped).all()
        else:
            fits = cells.str.contains(number).all() and (separator == ";" or not cells.str.contains(thousands).all())
        if fits:
            converted.append(name)
    point = pl.col(converted).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return frame.with_columns(point), converted


def _why_unreadable(path: Path, text: str, separator: str) -> str:
    """The sentence for a CSV file the fast reader gave up on: the first line that does not fit."""
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        width = len(next(reader))
        for row in reader:
            if len(row) > width:
                return (
                    f"Line {reader.line_num} of '{path}' has {len(row)} cells where the first line names "
                    f"{counted(width, 'column')}; correct it, or name another --separator."
                )
    except csv.Error as error:
        return f"Line {reader.line_num} of '{path}' is not valid CSV ({error}); correct it."
    return f"'{path}' is not valid CSV, most likely because a quotation mark is never closed; correct it."
