"""One row, two rows: in the helper and in what a user reads."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cli_runs import classes_frame, run
from descend import History, Network, NetworkClassifier, Sequences, layers
from descend.cli.show import number
from descend.data.preparing import prepare
from descend.data.reading import Table
from descend.training.progress import closing_line
from descend.wording import agreeing, counted


def test_words_agree_with_their_number():
    assert [counted(number, "row") for number in (0, 1, 2, 1000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]
    assert [counted(number, "class", "classes") for number in (1, 3)] == ["1 class", "3 classes"]
    assert [agreeing(number, "is", "are") for number in (1, 0)] == ["is", "are"]


@pytest.mark.parametrize(("lost", "words"), [(1, "1 of 200 rows has no target and was"), (2, "2 of 200 rows have no")])
def test_rows_without_a_target(tmp_path, lost, words):
    frame = classes_frame().with_columns(
        pl.when(pl.col("row") < lost).then(None).otherwise(pl.col("label")).alias("label")
    )
    assert prepare(Table(frame, tmp_path), "label").notes[0].startswith(words)


def test_a_single_epoch_column_and_output(tmp_path):
    assert "1 trained weight\n" in Network([layers.Dense(1, use_bias=False)], input_shape=1).summary() + "\n"
    assert "1 step in all" in repr(Sequences([np.ones((1, 2))]))
    history = History(epoch=[1], loss=[0.5], seconds=[0.1], stop_reason="epochs")
    assert closing_line(history).startswith("1 epoch in 0.10 s")
    with pytest.raises(ValueError, match="y calls for 1 output;"):
        NetworkClassifier([layers.Dense(3)]).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"groups .* add up to 2, but the layer before has 1 output;"):
        Network([layers.Dense(1), layers.Softmax(groups=(1, 1))], input_shape=2)
    pl.DataFrame({"x": np.arange(60) % 7, "y": np.arange(60) % 7 // 4}).write_csv(tmp_path / "data.csv")
    result = run("train", tmp_path / "data.csv", "-t", "y", "-o", tmp_path / "out", "--epochs", "1")
    assert "1 epoch in" in result.output, result.output
    shown = run("info", tmp_path / "out" / "model.descend").output
    assert "1 column, 1 feature" in shown and "batch size 16" in shown, shown


def test_numbers_just_below_zero_are_zero():
    assert number(-9.1e-7) == number(0.0) == "0.0000"
    assert number(9.1e-7) == "9.100e-07" and number(-0.0012) == "-0.0012" and number(None) == "-"
