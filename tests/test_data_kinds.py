"""What a column is taken for, and which columns a network never sees."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from descend.data.cells import canonical, date_format, match_levels, to_numbers
from descend.data.errors import DataError
from descend.data.kinds import ColumnOptions, classify_columns
from descend.data.preparing import prepare
from descend.data.reading import Table

ROWS = 30


def kinds(options: ColumnOptions | None = None, **columns: list) -> dict[str, str]:
    kept, dropped = classify_columns(pl.DataFrame(columns, strict=False), options)
    return {c.name: c.kind for c in kept} | {c.name: f"dropped: {c.reason}" for c in dropped}


def test_kinds():
    found = kinds(
        number=[str(0.5 * i) for i in range(ROWS)],
        holes=[None if i % 3 else str(i) for i in range(ROWS)],
        category=["red", "green", "blue"] * 10,
        boolean=[True, False] * 15,
        date=[f"2024-03-{1 + i:02d}" for i in range(ROWS)],
        typed=[dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(ROWS)],
        clock=[f"2024-03-01 10:{i:02d}:00" for i in range(ROWS)],
        dashes=["-" if i % 5 == 0 else str(i * 7) for i in range(ROWS)],
    )
    assert found == {
        "number": "number",
        "holes": "number",
        "category": "category",
        "boolean": "category",
        "date": "date",
        "typed": "date",
        "clock": "date",
        "dashes": "number",
    }


def test_dropped():
    found = kinds(
        constant=["a"] * ROWS,
        constant_number=[2.0] * ROWS,
        empty=[None] * ROWS,
        row=[i + 5 for i in range(ROWS)],
        customer_id=[i * i + 100 for i in range(ROWS)],
        name=[f"person {i}" for i in range(ROWS)],
        asked=list("ab") * 15,
        options=ColumnOptions(drop=("asked",)),
    )
    assert "same value in every row (a)" in found["constant"]
    assert "same value in every row (2)" in found["constant_number"]
    assert "no value in any row" in found["empty"]
    assert "numbers the rows from 5 to 34" in found["row"]
    assert "identifier" in found["customer_id"]
    assert "identifier or free text: 30 different values in 30 rows" in found["name"]
    assert "as asked" in found["asked"]


def test_numbers_that_look_like_identifiers_but_repeat_are_kept():
    assert kinds(idle=[i // 2 * 3 for i in range(ROWS)], price=[i * i + 100 for i in range(ROWS)]) == {
        "idle": "number",
        "price": "number",
    }


def test_one_value_or_nothing_is_a_category():
    assert kinds(flag=["1" if i % 2 else None for i in range(ROWS)])["flag"] == "category"


def test_numbers_as_names():
    found = kinds(ColumnOptions(categorical=("zip",)), zip=["01234", "98765"] * 15)
    assert found["zip"] == "category"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1", "2", "x", "4"], r"mixes numbers with text \(1 of 4 cells, the first in row 3: 'x'\).*--missing 'x'"),
        (["1", "inf", "3"], "infinite number in row 2"),
        ([1.0, float("-inf"), 3.0], "infinite number in row 2"),
        ([[1], [2], [3]], "neither numbers, text nor dates"),
    ],
)
def test_bad_columns(cells, words):
    with pytest.raises(DataError, match=words):
        kinds(q=cells)


def test_unknown_column_in_options():
    with pytest.raises(DataError, match="did you mean 'Age'"):
        kinds(ColumnOptions(drop=("agee",)), Age=[1, 2, 3])


def test_number_cells_at_prediction():
    with pytest.raises(DataError, match="'age' must hold numbers, but row 2 holds 'old'"):
        to_numbers(pl.Series("age", ["1", "old"]))
    assert to_numbers(pl.Series("age", ["1", "-", None])).to_list() == [1.0, None, None]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,234.50", "999", "-12,000", "."], [1234.5, 999, -12000, None]),
        (["$1,300", "-$5.25", "$ 7", "-"], [1300, -5.25, 7, None]),
        (["12.5%", "-3 %", None], [12.5, -3, None]),
        (["4.20 €", "1000 €"], [4.2, 1000]),
    ],
)
def test_numbers_as_people_write_them(cells, numbers):
    assert to_numbers(pl.Series("q", cells)).to_list() == numbers
    assert kinds(q=cells * 4)["q"] == "number"


def test_what_is_left_out_of_numbers_is_said():
    rows = range(40)
    frame = pl.DataFrame({"a": [f"{i * 37 % 11}%" for i in rows], "b": [i * i for i in rows], "y": ["n", "p"] * 20})

    notes = prepare(Table(frame, Path("table.csv")), "y").notes

    assert notes == ("Commas between thousands and signs such as $ or % were left out in 'a'.",)


@pytest.mark.parametrize("cells", [["12%", "0.12"], ["$5", "€5"], ["$5", "5%"], ["1,23", "1,2345"], ["1,234,5"], ["$"]])
def test_numbers_of_unlike_signs_or_commas_are_not_guessed(cells):
    with pytest.raises(DataError, match="must hold numbers"):
        to_numbers(pl.Series("q", cells))


def test_canonical_spelling():
    assert canonical(pl.Series(["True", "FALSE"])).to_list() == ["true", "false"]
    assert canonical(pl.Series(["1.0", "2", None])).to_list() == ["1", "2", None]
    assert canonical(pl.Series(["007", "12"])).to_list() == ["007", "12"]
    assert canonical(pl.Series([1.0, 2.5])).to_list() == ["1.0", "2.5"]


def test_match_levels_across_spellings():
    assert match_levels(pl.Series(["1.0", "1", "3", None]), ("1", "2")).tolist() == [0, 0, -2, -1]
    assert match_levels(pl.Series(["TRUE", "false"]), ("false", "true")).tolist() == [1, 0]
    assert match_levels(pl.Series([True, None]), ("false", "true")).tolist() == [1, -1]
    assert match_levels(pl.Series([2, 1]), ("1", "2")).tolist() == [1, 0]
    assert match_levels(pl.Series([None, None]), ("1", "2")).tolist() == [-1, -1]


def test_date_formats():
    assert date_format(pl.Series(["31.12.2024", None, "01.01.2025"])) == "%d.%m.%Y"
    assert date_format(pl.Series(["12/31/2024"])) == "%m/%d/%Y"
    assert date_format(pl.Series(["2024-01-01T10:00:00Z"])) == "%Y-%m-%dT%H:%M:%SZ"
    assert date_format(pl.Series(["20240101"])) is None
    assert date_format(pl.Series(["2024-01-01", "soon"])) is None
