"""Units that a target's column tells: in what is printed, in the report, in the model file."""

from __future__ import annotations

import datetime
import json

import numpy as np
import polars as pl
import pytest

from cli_runs import run
from descend.cli.bundle import Bundle
from descend.cli.report.canvas import axis_name
from descend.data.cells import unit_of
from descend.data.encoding import target_from
from descend.data.targets import NumberTarget, infer_task

HOURS = pl.Series("took", [datetime.timedelta(hours=h) for h in range(1, 101)])


@pytest.mark.parametrize(
    ("cells", "unit"),
    [
        (pl.Series([datetime.timedelta(minutes=1)]), "seconds"),
        (pl.Series([datetime.time(12, 30)]), "seconds since midnight"),
        (pl.Series(["$5", "7", None, "$1,000.50"]), "$"),
        (pl.Series(["12 %", "3.5%"]), "%"),
        (pl.Series(["1,000", "2,000"]), ""),
        (pl.Series(["12 %", "3.5"]), ""),
        (pl.Series(["$5", "5 €"]), ""),
        (pl.Series(["1", "2"]), ""),
        (pl.Series([1.0, 2.0]), ""),
    ],
)
def test_unit_of_cells(cells: pl.Series, unit: str) -> None:
    assert unit_of(cells) == unit


def test_the_task_says_what_the_numbers_are() -> None:
    assert (
        infer_task(HOURS).reason == "regression, because 'took' holds 100 different durations in 100 rows (in seconds)"
    )
    halves = pl.Series("took", [datetime.timedelta(milliseconds=500 * k) for k in range(100)])
    assert infer_task(halves).reason == "regression, because 'took' holds durations (in seconds)"
    prices = pl.Series("price", [f"${k}.50" for k in range(100)])
    assert infer_task(prices).reason == "regression, because 'price' holds numbers with decimals (in $)"


def test_names_along_axes_keep_the_unit() -> None:
    assert axis_name(NumberTarget("took", 0.0, 1.0)) == "took"
    long = axis_name(NumberTarget("the time that it took from here to there", 0.0, 1.0, "seconds"))
    assert long.endswith(" (seconds)") and "…" in long


def test_a_model_tells_its_unit_and_one_without_is_read(tmp_path) -> None:
    x = np.linspace(0, 1, 100)
    pl.DataFrame({"x": x, "z": x[::-1] ** 2, "took": HOURS}).write_parquet(tmp_path / "data.parquet")
    result = run("train", tmp_path / "data.parquet", "-t", "took", "-o", tmp_path / "out", "--epochs", "2")
    assert result.exit_code == 0, result.output
    assert "test rows; errors in seconds" in result.output
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Errors are in seconds.</p>" in page and "One point per test row, in seconds;" in page
    shown = run("info", tmp_path / "out" / "model.descend").output
    assert "(in seconds): regression" in shown and "test rows; errors in seconds" in shown
    again = run("evaluate", tmp_path / "out" / "model.descend", tmp_path / "data.parquet").output
    assert "100 rows; errors in seconds" in again
    target = json.loads(Bundle.load(tmp_path / "out" / "model.descend").encoder.to_json())["target"]
    assert target["unit"] == "seconds"
    del target["unit"]
    assert target_from(target) == NumberTarget("took", target["mean"], target["scale"])


def test_nothing_is_said_of_plain_numbers(tmp_path) -> None:
    x = np.linspace(0, 1, 100)
    pl.DataFrame({"x": x, "y": x**2}).write_csv(tmp_path / "data.csv")
    result = run("train", tmp_path / "data.csv", "-t", "y", "-o", tmp_path / "out", "--epochs", "2")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert result.exit_code == 0 and "errors in" not in result.output and "Errors are in" not in page
    assert "in the target's unit" in page.replace("&#x27;", "'")
