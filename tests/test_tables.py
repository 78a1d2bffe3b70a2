"""Encoding tables: what every kind of column becomes, from the training rows alone, and its JSON form."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descend.data.columns import CategoryColumn, DateColumn, NumberColumn
from descend.data.encoding import VERSION, TableEncoder
from descend.data.errors import DataError
from descend.data.kinds import classify_columns
from descend.data.preparing import PrepareOptions, prepare
from descend.data.reading import Table, read_table
from descend.data.splitting import validation_share
from descend.data.targets import NumberTarget

TARGET = NumberTarget("t", 0.0, 1.0)


def fit(frame: pl.DataFrame, rows: np.ndarray | None = None) -> TableEncoder:
    kept, dropped = classify_columns(frame)
    return TableEncoder.fit(kept, dropped, TARGET, np.arange(frame.height) if rows is None else rows)


def column(values: np.ndarray | list, name: str = "x") -> pl.DataFrame:
    return pl.DataFrame({name: values})


def test_numbers_are_standardized_on_training_rows_only():
    values = np.concatenate([np.random.default_rng(0).normal(50, 5, 200), [1e6]])
    encoder = fit(column(values), np.arange(200))
    X = encoder.encode(column(values))
    assert X.dtype == np.float32 and X.flags.c_contiguous
    assert abs(X[:200].mean()) < 0.02 and abs(X[:200].std() - 1) < 0.05
    assert X[200, 0] <= NumberColumn.LIMIT


def test_missing_numbers_get_the_median_and_an_indicator():
    encoder = fit(column([1.0, 2.0, None, 9.0] * 10))
    X = encoder.encode(column([None, 2.0]))
    assert encoder.features == ("x", "x (missing)")
    assert X[0, 0] == X[1, 0]
    assert X[:, 1].tolist() == [1, 0]


def test_numbers_missing_only_at_prediction_get_the_median():
    encoder = fit(column([1.0, 2.0, 9.0] * 10))
    X = encoder.encode(column([None, 2.0]))
    assert X.shape == (2, 1) and X[0, 0] == X[1, 0]


def test_rare_levels_share_a_feature_and_unseen_ones_join_it():
    levels = ["a"] * 50 + ["b"] * 30 + ["c", "d", None]
    encoder = fit(column(levels))
    assert encoder.features == ("x = a", "x = b", "x = (other)", "x = (missing)")
    X = encoder.encode(column(["a", "c", "never seen", None]))
    assert X.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_unseen_levels_without_rare_ones_are_zero():
    encoder = fit(column(["a", "b"] * 30))
    assert encoder.encode(column(["z", None, "b"])).tolist() == [[0, 0], [0, 0], [0, 1]]


def test_levels_are_the_same_from_csv_and_parquet(tmp_path):
    frame = pl.DataFrame({"b": [True, False] * 20, "k": [1, 2, 3, 1] * 10, "t": np.arange(40) / 3})
    frame.write_csv(tmp_path / "a.csv")
    csv, typed = read_table(tmp_path / "a.csv").frame, frame
    encoder = fit(csv.select("b", "k"))
    assert np.array_equal(encoder.encode(csv), encoder.encode(typed))
    assert np.array_equal(encoder.encode(typed), encoder.encode(csv.with_columns(pl.col("b").str.to_uppercase())))


def test_many_levels_are_limited():
    rng = np.random.default_rng(0)
    levels = [f"level {i}" for i in rng.integers(0, 400, 4000)]
    encoder = fit(column(levels))
    assert len(encoder.features) <= 101 + 1
    assert encoder.features[-1] == "x = (other)"


def test_dates_expand():
    start = dt.datetime(2024, 1, 1)
    dates = [start + dt.timedelta(hours=7 * i) for i in range(300)]
    encoder = fit(column(dates, "d"))
    (date,) = encoder.columns
    assert isinstance(date, DateColumn)
    assert date.parts == ("time of year", "weekday", "time of day")
    X = encoder.encode(column([start, None, start + dt.timedelta(days=1)], "d"))
    assert X.shape == (3, 7) and np.isfinite(X).all()
    assert X[0, 3] == pytest.approx(np.sin(0)) and X[0, 4] == pytest.approx(1)  # a Monday
    assert (X[1] == 0).all()


def test_dates_as_text_keep_their_format():
    text = [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2023" for i in range(60)]
    encoder = fit(column([*text, None], "d"))
    assert encoder.features[-1] == "d (missing)"
    typed = [dt.date(2023, 1 + i % 12, 1 + i % 28) for i in range(60)]
    np.testing.assert_array_equal(encoder.encode(column(text, "d")), encoder.encode(column(typed, "d")))
    with pytest.raises(DataError, match=r"dates like 31.12.2024, but row 1 holds 'tomorrow'"):
        encoder.encode(column(["tomorrow"], "d"))


def test_columns_that_do_not_vary_in_training_are_dropped():
    frame = pl.DataFrame({"x": [1.0] * 20 + [2.0] * 5, "y": np.arange(25) / 7})
    encoder = fit(frame, np.arange(20))
    assert encoder.features == ("y",)
    assert "training rows" in encoder.dropped[0].reason


def test_no_column_left():
    with pytest.raises(DataError, match="No column is left to learn from"):
        fit(column([1] * 30))


def test_a_lacking_column_is_named():
    encoder = fit(pl.DataFrame({"a": np.arange(30) / 7, "b": ["x", "y"] * 15}))
    with pytest.raises(DataError, match="lacks the columns 'a' and 'b'"):
        encoder.encode(column([1.0], "c"))
    with pytest.raises(DataError, match="lacks the column 'b'"):
        encoder.encode(column([1.0], "a"))


def mixed(rows: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "n": [None if i % 9 == 0 else float(v) for i, v in enumerate(rng.normal(size=rows))],
            "ünïcode": rng.choice(["a", "b'\"", "ç"], rows),
            "d": [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(rows)],
            "constant": ["k"] * rows,
        }
    )


def test_json_round_trip():
    encoder = fit(mixed())
    text = encoder.to_json()
    again = TableEncoder.from_json(text)
    assert again == encoder
    assert again.features == encoder.features
    np.testing.assert_array_equal(again.encode(mixed()), encoder.encode(mixed()))


def damage(change) -> str:
    document = json.loads(fit(mixed()).to_json())
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("columns"),
        lambda d: d["columns"][0].update(kind="unheard of"),
        lambda d: d["columns"][0].update(mean="high"),
        lambda d: d["columns"][0].update(mean=float("nan")),
        lambda d: d["columns"][0].update(scale=0),
        lambda d: d["columns"][0].update(extra=1),
        lambda d: d["columns"][0].pop("fill"),
        lambda d: d["columns"][1].update(levels=[1, 2]),
        lambda d: d.update(target=3),
        lambda d: d.update(version=None, columns=[[]]),
    ],
)
def test_damaged_json_is_refused(change):
    with pytest.raises(DataError, match="damaged"):
        TableEncoder.from_json(damage(change))


def test_newer_json_is_refused():
    with pytest.raises(DataError, match="update descend"):
        TableEncoder.from_json(damage(lambda d: d.update(version=VERSION + 1)))
    for text in ("", "[]", "{", "null", "[" * 100_000):
        with pytest.raises(DataError, match="damaged"):
            TableEncoder.from_json(text)


@given(st.lists(st.one_of(st.none(), st.floats(-1e300, 1e300)), min_size=12, max_size=60))
def test_any_numbers_encode_to_finite_ones(cells):
    frame = pl.DataFrame({"x": pl.Series(cells, dtype=pl.Float64), "y": np.arange(len(cells)) % 5 / 3})
    X = fit(frame).encode(frame)
    assert np.isfinite(X).all()


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=12, max_size=60))
def test_any_text_encodes_or_is_refused(cells):
    frame = pl.DataFrame({"x": pl.Series(cells, dtype=pl.String), "y": np.arange(len(cells)) % 5 / 3})
    try:
        encoder = fit(frame)
    except DataError:
        return
    X = encoder.encode(frame)
    assert X.shape == (len(cells), len(encoder.features)) and np.isfinite(X).all()


def test_prepare(tmp_path):
    frame = mixed(100).with_columns(pl.Series("t", [None if i % 20 == 0 else i % 3 for i in range(100)]))
    prepared = prepare(Table(frame, tmp_path / "x.csv"), "t", PrepareOptions(seed=1))
    assert prepared.task.kind == "multiclass"
    assert len(prepared.X) == len(prepared.y) == prepared.frame.height == 95
    assert any("5 of 100 rows have no target" in note for note in prepared.notes)
    assert any("'constant'" in note for note in prepared.notes)
    assert isinstance(prepared.encoder.columns[1], CategoryColumn)


def test_prepare_refuses(tmp_path):
    table = Table(pl.DataFrame({"5.1": ["1"], "3.5": ["2"]}), tmp_path / "x.csv")
    with pytest.raises(DataError, match="first line holds numbers, not names"):
        prepare(table, "species")
    with pytest.raises(DataError, match=r"no column besides the target .* add columns to predict it from"):
        prepare(Table(pl.DataFrame({"a": ["1", "2"] * 10}), tmp_path / "x.csv"), "a")
    with pytest.raises(DataError, match="did you mean 'Price'"):
        prepare(Table(pl.DataFrame({"Price": ["1"], "b": ["2"]}), tmp_path / "x.csv"), "price")


def test_validation_share():
    assert validation_share(500) == 0.16
    assert validation_share(20_000) == pytest.approx(0.1)
    assert validation_share(10**6) == 0.05
