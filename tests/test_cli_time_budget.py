"""`--time-budget` of the command line."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from cli_runs import classes_frame, refused, run
from descend.cli.models import load_model

SHORT = ("--time-budget", "1e-3", "--epochs", "100000", "--patience", "100000")


def test_training_stops_by_it_and_says_so(tmp_path):
    classes_frame(2000).write_csv(tmp_path / "data.csv")
    result = run("train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "out", *SHORT)
    assert result.exit_code == 0, result.output
    with (tmp_path / "out" / "history.csv").open(encoding="utf-8") as stream:
        epochs = len(list(csv.DictReader(stream)))
    assert 1 <= epochs < 1000
    remark = f"The time budget of 0.001 s ended the training in epoch {epochs} of 100000, with the learning rate still "
    assert "(time budget used up; weights of epoch" in result.output and remark in result.output
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "(time budget used up; weights of epoch" in page and remark in page
    assert "<td>time budget</td><td>0.001</td>" in page
    assert load_model(tmp_path / "out").facts.recipe["time_budget"] == 0.001
    assert "time budget 0.001" in run("info", tmp_path / "out" / "model.descend").output


def test_images_and_the_doctor_have_it(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "images.npz", X=rng.integers(0, 255, (60, 12, 12), np.uint8), y=np.arange(60) % 2)
    result = run("train", tmp_path / "images.npz", "-o", tmp_path / "out", *SHORT)
    assert result.exit_code == 0 and "The time budget of 0.001 s ended the training" in result.output, result.output
    classes_frame().write_csv(tmp_path / "data.csv")
    result = run("doctor", tmp_path / "data.csv", "-t", "label", *SHORT)
    assert result.exit_code == 0 and "(time budget used up" in result.output, result.output


def test_nothing_is_said_about_it_without(trained):
    page = (trained / "model" / "report.html").read_text(encoding="utf-8")
    assert "budget" not in page + run("info", trained / "model" / "model.descend").output


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_budget_that_is_none_is_refused(trained, tmp_path, seconds):
    said = refused("train", trained / "data.csv", "-t", "label", "-o", tmp_path / "out", f"--time-budget={seconds}")
    assert f"--time-budget must be a number of seconds above 0, got {seconds}." in said
    assert not (tmp_path / "out").exists()
