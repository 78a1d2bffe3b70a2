"""Reading CSV and Parquet: what is guessed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from descend.data.errors import DataError
from descend.data.reading import ReadOptions, guess_separator, read_table


@pytest.fixture
def write(tmp_path: Path):
    def write(content: bytes | str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


TEXT = "name;größe\nJürgen;1,5\nZoë;2,25\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(write, encoding):
    table = read_table(write(TEXT.encode(encoding)))
    assert table.frame.columns == ["name", "größe"]
    assert table.frame["name"].to_list() == ["Jürgen", "Zoë"]
    assert table.frame["größe"].to_list() == ["1.5", "2.25"]


def test_guesses_are_said(write):
    notes = " ".join(read_table(write(TEXT.encode("cp1252"))).notes)
    assert "cp1252" in notes and "semicolons" in notes and "'größe'" in notes


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(write, separator):
    rows = [["a", "b", "c"], ["1", '"x, y; z"', "3"], ["4", "plain", "6"]]
    text = "\n".join(separator.join(row) for row in rows)
    assert guess_separator(text) == separator
    frame = read_table(write(text)).frame
    assert frame.row(0) == ("1", "x, y; z", "3")


def test_one_column_and_line_ends(write):
    assert read_table(write("a\r\n1\r\n2\r\n")).frame["a"].to_list() == ["1", "2"]
    assert read_table(write("a\r1\r2\r")).frame["a"].to_list() == ["1", "2"]


def test_missing_cells_and_blanks(write):
    frame = read_table(write(" a , b \n NA , x\n?,null\n 1 , - \n"), ReadOptions(missing=("-",))).frame
    assert frame.columns == ["a", "b"]
    assert frame["a"].to_list() == [None, None, "1"]
    assert frame["b"].to_list() == ["x", None, None]


def test_thousands_between_tabs_stay(write):
    frame = read_table(write("a\tb\n1,234\t1,5\n5,678\t2,25\n")).frame
    assert frame["a"].to_list() == ["1,234", "5,678"]
    assert frame["b"].to_list() == ["1.5", "2.25"]


def test_parquet_keeps_types(tmp_path):
    path = tmp_path / "table.parquet"
    pl.DataFrame({"a": [1, 2], "b": ["x", None], "c": [True, False]}).write_parquet(path)
    with pytest.raises(DataError, match="--separator is for CSV files"):
        read_table(path, ReadOptions(separator=";"))
    assert read_table(path).frame.dtypes == [pl.Int64, pl.String, pl.Boolean]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "table.csv", "is empty"),
        (b"\n\n", "table.csv", "is empty"),
        (b"a,b\n", "table.csv", "no rows"),
        (b"a,a,b\n1,2,3\n", "table.csv", "more than one column named 'a'"),
        (b"a, a\n1,2\n", "table.csv", "more than one column named 'a'"),
        (b"0.5,0,0\n0.1,1,0\n", "table.csv", "first line .* holds numbers, not names; add a line of names"),
        (b"a,,\n1,2,3\n", "table.csv", "no name for columns '2' and '3'"),
        (b"a,b\n1,2\n1,2,3\n", "table.csv", "Line 3 .* has 3 cells .* names 2 columns"),
        (b'a,b\n"1,2\n3,4\n', "table.csv", "quotation mark is never closed"),
        (bytes(range(256)) * 20, "table.csv", "not text"),
        (b"PK\x03\x04", "table.xlsx", "Excel workbook; save its table as CSV"),
        (b"\x93NUMPY", "array.npy", "a single NumPy array; save its table as CSV"),
        (b"PAR1 nothing", "table.parquet", "not a readable Parquet file"),
        (b"garbage", "table.parquet", "not a readable Parquet file"),
    ],
)
def test_bad_files(write, content, name, words):
    with pytest.raises(DataError, match=words):
        read_table(write(content, name))


def test_no_file_and_folder(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


def test_bad_options(write):
    path = write("a,b\n1,ä\n".encode())
    with pytest.raises(DataError, match="no encoding 'klingon'"):
        read_table(path, ReadOptions(encoding="klingon"))
    with pytest.raises(DataError, match="not text in the encoding 'ascii'"):
        read_table(path, ReadOptions(encoding="ascii"))
    with pytest.raises(DataError, match="one ASCII character"):
        read_table(path, ReadOptions(separator="::"))


@pytest.mark.parametrize(
    ("separator", "cells", "read"),
    [
        (";", ["1.234,50", "999,00"], ["1234.50", "999.00"]),
        (";", ["1.234.567,5 €", "-8,0 €"], ["1234567.5 €", "-8.0 €"]),
        ("\t", ["1.234,500", "2,500"], ["1234.500", "2.500"]),
        ("\t", ["1,234", "2,500"], ["1,234", "2,500"]),  # thousands or decimals?
        (";", ["1.234,50", "1.234"], ["1.234,50", "1.234"]),
        (";", ["1,234.50", "1,234"], ["1,234.50", "1,234"]),
    ],
)
def test_points_between_thousands_where_all_cells_have_decimal_commas(write, separator, cells, read):
    text = f"a{separator}b\n" + "".join(f"{cell}{separator}x\n" for cell in cells)
    assert read_table(write(text)).frame["a"].to_list() == read
