"""Rows that a model was trained or validated on are recognized in files of any form, few of them and many."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from cli_runs import classes_frame, run
from descend.data.errors import DataError
from descend.data.known_rows import SAMPLE, KnownRows, encoded_hashes


def hashes(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return encoded_hashes(rng.normal(size=(rows, 3)).astype(np.float32), rng.integers(0, 2, rows))


def test_hashes_are_of_numbers_and_stay_as_they_are():
    X = np.array([[0.0, 1.5], [-0.0, 1.5], [1.5, 0.0], [0.0, 1.5]], dtype=np.float32)
    first, second, third, fourth = encoded_hashes(X, np.array([1, 1, 1, 0], dtype=np.int32)).tolist()
    assert first == second and len({first, third, fourth}) == 3
    assert first == 2202204224914632729, "model files keep them: they may never change"
    assert encoded_hashes(X, np.array([1.0, 1.0, 1.0, -0.0]))[0] != first, "of a number, not of a class"
    values = hashes(100_000).astype(np.float64) / 2.0**64
    assert len(np.unique(hashes(100_000))) == 100_000
    assert np.abs(np.histogram(values, 10, (0, 1))[0] / 10_000 - 1).max() < 0.05, "spread evenly"


def test_one_hot_rows_do_not_collide():
    X = np.array([[(i >> k) & 1 for k in range(16)] for i in range(2**16)], dtype=np.float32)
    assert len(np.unique(encoded_hashes(X, np.zeros(2**16, np.int32)))) == 2**16


def test_few_rows_are_counted():
    known = KnownRows.from_record(KnownRows.of(hashes(500)).to_record())
    assert known.whole and known.note(hashes(200, seed=1)) == []
    (note,) = known.note(np.concatenate([hashes(500)[:30], hashes(70, seed=1)]))
    assert note.startswith("30 of 100 rows equal rows that the model was trained or validated on")
    assert known.note(hashes(500)[:0]) == []


def test_of_many_rows_the_share_is_estimated():
    seen = hashes(40_000)
    record = KnownRows.of(seen).to_record()
    known = KnownRows.from_record(record)
    assert not known.whole and len(known.hashes) == SAMPLE and len(str(record["hashes"])) < 22_000
    assert known.note(hashes(40_000, seed=1)) == []
    (note,) = known.note(np.concatenate([seen[:6000], hashes(4000, seed=1)]))
    told = re.match(r"about (\d+)% of the 10,000 rows equal rows .* \(by a sample\)", note)
    assert told is not None and abs(int(told[1]) - 60) <= 8, note


@pytest.mark.parametrize("record", [{}, {"whole": True, "hashes": "ä"}, {"whole": True, "hashes": "AAAA"}])
def test_a_damaged_record_is_refused(record):
    with pytest.raises(DataError, match="damaged"):
        KnownRows.from_record(record)


def test_evaluate_tells_of_rows_of_training(trained, tmp_path):
    frame = pl.read_csv(trained / "data.csv")
    same = run("evaluate", trained / "model", trained / "data.csv")
    assert "Note: 160 of 200 rows equal rows that the model was trained or validated on" in same.stderr
    frame.reverse().write_parquet(tmp_path / "turned.parquet")
    assert "Note: 160 of 200 rows" in run("evaluate", trained / "model", tmp_path / "turned.parquet").stderr
    classes_frame(seed=1).drop_nulls("x").write_csv(tmp_path / "new.csv")
    assert run("evaluate", trained / "model", tmp_path / "new.csv").stderr == ""


def test_evaluate_tells_of_examples_of_training(tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = (rng.normal(size=(60, 12, 2)) + y[:, None, None]).astype(np.float32)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    made = run("train", tmp_path / "data.npz", "-o", tmp_path / "out", "--epochs", "2", "--form", "sequence")
    assert made.exit_code == 0, made.output
    assert "Note: 48 of 60 rows equal" in run("evaluate", tmp_path / "out", tmp_path / "data.npz").stderr
    np.savez(tmp_path / "new.npz", X=X + 1, y=y)
    assert "equal rows" not in run("evaluate", tmp_path / "out", tmp_path / "new.npz").stderr
