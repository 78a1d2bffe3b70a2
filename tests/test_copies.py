"""Rows that stand in several parts of a split are counted and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli_runs import run
from descend.data.copies import copies_note, example_hashes, row_hashes
from descend.data.examples import Examples
from descend.data.preparing import Prepared, prepare
from descend.data.reading import Table
from descend.data.splitting import Split


def table(copied: int) -> pl.DataFrame:
    """300 different rows with holes, some of them twice, and a column that numbers all."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    frame = pl.DataFrame(
        {
            "x": [None if i % 50 == 0 else float(v) for i, v in enumerate(x)],
            "z": rng.permutation(300) % 60,
            "colour": [["red", "green", None][k] for k in rng.integers(0, 3, 300)],
            "label": np.where(x > 0, "yes", "no"),
        }
    )
    frame = pl.concat([frame, frame[:copied]]).sample(fraction=1.0, shuffle=True, seed=1)
    return frame.with_columns(pl.Series("row", np.arange(frame.height)))


def prepared(frame: pl.DataFrame) -> Prepared:
    return prepare(Table(frame, Path("data.csv")), "label")


def copies(notes: tuple[str, ...]) -> list[str]:
    return [note for note in notes if "remove the copies" in note]


def test_copies_are_counted_as_comparing_all_cells_does():
    frame = table(120)
    made = prepared(frame)
    cells = frame.drop("row").rows()
    train = {cells[i] for i in made.split.train}
    test, validation = (sum(cells[i] in train for i in part) for part in (made.split.test, made.split.validation))
    assert test > 5 and validation > 5
    (note,) = copies(made.notes)
    tested, validated = len(made.split.test), len(made.split.validation)
    begin = (
        f"{test} of {tested} rows to test on and {validation} of {validated} rows to validate on equal rows to train"
    )
    assert note.startswith(begin), note


def test_equal_features_with_another_target_are_no_copies():
    frame = table(120)
    assert not copies(prepared(table(0)).notes)
    first = pl.struct("x", "z", "colour").is_first_distinct()
    other = pl.when(pl.col("label") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    frame = frame.with_columns(pl.when(first).then(pl.col("label")).otherwise(other).alias("label"))
    assert not copies(prepared(frame).notes)


@pytest.mark.parametrize(
    ("hashes", "begin"),
    [
        ([1, 2, 3, 4, 1], "1 of 1 row to test on equals a row to train on"),
        ([1, 2, 3, 2, 5], "1 of 2 rows to validate on equals a row to train on"),
        ([1, 2, 1, 2, 2], "1 of 1 row to test on and 2 of 2 rows to validate on equal rows to train on"),
        ([1, 2, 3, 3, 3], ""),
    ],
)
def test_words(hashes, begin):
    split = Split(np.arange(2), np.arange(2, 4), np.arange(4, 5))
    note = copies_note(np.array(hashes, np.uint64), split)
    assert note[0].startswith(begin) if begin else note == [], note


def test_missing_cells_equal_each_other_and_nothing_else():
    columns = [pl.Series("a", [None, None, 0.0, -0.0]), pl.Series("b", ["x", "x", "x", "x"])]
    a, b, c, d = row_hashes(columns, np.arange(4))
    assert a == b and c == d and a != c


def test_examples_of_other_length_or_target_are_others():
    X = np.zeros((4, 3, 2), np.float32)
    lengths = np.array([3, 3, 2, 3], np.int32)
    a, b, c, d = example_hashes(Examples("sequence", X, Path("x.npz"), lengths=lengths), np.array([0, 0, 0, 1]))
    assert a == b and len({a, c, d}) == 3


def test_the_command_says_it_of_tables_and_images(tmp_path):
    table(120).write_csv(tmp_path / "data.csv")
    images = np.random.default_rng(0).integers(0, 255, (30, 12, 12), np.uint8)
    np.savez(tmp_path / "images.npz", X=np.concatenate([images] * 3), y=np.tile(np.arange(30) % 2, 3))
    for data, options in (("data.csv", ("-t", "label")), ("images.npz", ())):
        result = run("train", tmp_path / data, *options, "-o", tmp_path / "out", "--epochs", "1")
        assert result.exit_code == 0, result.output
        page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        for text in (result.output, page):
            assert text.count("if the data hold rows twice, remove the copies") == 1
