"""What of a new table a model was not trained for is told, and nothing else."""

from __future__ import annotations

import polars as pl
import pytest

from cli_runs import run


def told(trained, tmp_path, command: str, frame: pl.DataFrame) -> str:
    frame.write_csv(tmp_path / "new.csv")
    result = run(command, trained / "model", tmp_path / "new.csv")
    assert result.exit_code == 0, result.output
    return result.stderr


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_columns_that_became_empty_are_named(trained, tmp_path, command):
    frame = pl.read_csv(trained / "data.csv")
    said = told(trained, tmp_path, command, frame.with_columns(pl.lit("-").alias("x"), pl.lit(None).alias("day")))
    assert "Warning: columns 'x' and 'day' hold no value in any row, although they did in training" in said
    said = told(trained, tmp_path, command, frame.with_columns(pl.lit(None).alias("x")))
    assert "Warning: column 'x' holds no value in any row, although it did in training" in said


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_levels_never_seen_are_counted(trained, tmp_path, command):
    frame = pl.read_csv(trained / "data.csv")
    colours = frame["colour"].to_list()
    colours[3], colours[8] = "pink", "teal"
    said = told(trained, tmp_path, command, frame.with_columns(pl.Series("colour", colours)))
    assert "column 'colour' holds levels that the training rows lacked in 2 of 200 rows: 'pink' and 'teal'" in said


def test_a_table_like_that_of_training_needs_no_warning(trained, tmp_path):
    frame = pl.read_csv(trained / "data.csv")
    assert told(trained, tmp_path, "predict", frame) == ""
    one_row_without = frame.with_columns(pl.when(pl.col("row") > 0).then(pl.col("x")).alias("x"))
    assert told(trained, tmp_path, "predict", one_row_without) == ""


def test_what_was_guessed_in_reading_is_told(trained, tmp_path):
    frame = pl.read_csv(trained / "data.csv")
    frame.write_csv(tmp_path / "new.csv", separator=";")
    result = run("predict", trained / "model", tmp_path / "new.csv")
    assert result.exit_code == 0 and result.stderr == "Cells are separated by semicolons.\n"


def test_few_rows_may_lack_what_training_rows_lacked(trained, tmp_path):
    frame = pl.read_csv(trained / "data.csv").head(3)
    assert told(trained, tmp_path, "predict", frame.with_columns(pl.lit(None).alias("x"))) == ""
    said = told(trained, tmp_path, "predict", frame.with_columns(pl.lit(None).alias("day")))
    assert "column 'day' holds no value" in said, "no training row lacked it"
