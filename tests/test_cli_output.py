"""Where the command line writes: never over what it reads, and without a standard output at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli_runs import refused, run
from descend import Network, layers


def without_stdout(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in a process that was given no standard output."""
    quoted = " ".join(f"'{argument}'" for argument in arguments)
    return subprocess.run(
        ["/bin/sh", "-c", f"'{sys.executable}' -m descend.cli {quoted} >&-"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("output") / "data.csv"
    a = rng.standard_normal(60)
    pl.DataFrame({"a": a, "b": rng.standard_normal(60), "y": np.where(a > 0, "p", "n")}).write_csv(path)
    return path


@pytest.fixture(scope="module")
def model(table) -> Path:
    out = table.parent / "model"
    assert run("train", table, "--target", "y", "--epochs", 2, "--out", out).exit_code == 0
    return out


def test_predictions_do_not_replace_what_they_are_made_from(table, model):
    before = table.read_bytes()

    result = run("predict", model, table, "--out", table.parent / "." / "data.csv")

    assert result.exit_code == 2
    assert "would replace the data; name another file." in result.stderr
    assert table.read_bytes() == before


def test_commands_run_without_a_standard_output(table, model):
    trained = without_stdout("train", table, "--target", "y", "--epochs", 2, "--out", table.parent / "again")
    refused = without_stdout("predict", model, table)
    written = without_stdout("predict", model, table, "--out", table.parent / "predicted.csv")

    assert (trained.returncode, trained.stderr) == (0, "")
    assert refused.returncode == 2
    assert refused.stderr == "descend: There is no standard output to print to; name a file with --out.\n"
    assert written.returncode == 0


def test_fit_is_silent_in_a_program_without_a_console(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)

    history = Network([layers.Dense(1)], input_shape=(2,)).fit(np.eye(2), [0.0, 1.0], epochs=1)

    assert len(history) == 1


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError("No space left (os error 28)")])
def test_a_full_disk_is_one_sentence(trained, tmp_path, monkeypatch, error):
    def full(*_) -> None:
        raise error

    monkeypatch.setattr(pl.DataFrame, "write_csv", full)
    said = refused("predict", trained / "model", trained / "data.csv", "--out", tmp_path / "p.csv")
    assert "no space left on the disk; free some" in said
    assert list(tmp_path.iterdir()) == []
