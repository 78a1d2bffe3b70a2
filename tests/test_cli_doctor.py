"""`descend doctor`, from the outside."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cli_runs import classes_frame, run


def test_doctor_on_a_recorded_run(trained):
    for subject in (trained / "model", trained / "model" / "model.descend"):
        result = run("doctor", subject)
        assert result.exit_code == 0, result.output
        told = ("trained 20", "found. Checked were", "vanishing gradients", "dense_1", "relu_2", "update/weights", "→")
        for words in told:
            assert words in result.output, words
        assert "…" not in result.output, "the table fits a terminal of 80 columns"


def test_doctor_trains_on_a_table_and_writes_nothing(tmp_path):
    classes_frame().write_csv(tmp_path / "data.csv")
    options = ["--epochs", "8", "--lr", "1e-5", "--batch-size", "128", "--weight-decay", "0", "--dropout", "0"]
    result = run("doctor", tmp_path / "data.csv", "--target", "label", *options)
    assert result.exit_code == 0, result.output
    assert "Warning: the training loss" in result.output and "Evidence: fall" in result.output
    assert "Remedy: use a larger --lr than 1e-05, or more --epochs." in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_doctor_reports_a_divergence(tmp_path):
    rng = np.random.default_rng(0)
    pl.DataFrame({"x": rng.normal(size=100), "y": rng.normal(size=100)}).write_csv(tmp_path / "data.csv")
    result = run("doctor", tmp_path / "data.csv", "-t", "y", "--lr", "1e30", "--epochs", "5")
    assert result.exit_code == 0, result.output
    assert "Critical: the loss became infinite or NaN" in result.output
    assert "use a smaller --lr than 1e+30" in result.output


def test_doctor_names_rare_classes_by_name(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    pl.DataFrame({"x": x, "y": np.where(x > 2, "fraud", "fine")}).write_csv(tmp_path / "data.csv")
    result = run("train", tmp_path / "data.csv", "-t", "y", "-o", tmp_path / "out", "--epochs", "30")
    assert result.exit_code == 0, result.output
    assert "Note: class 'fraud' has" in result.output
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<li class='note'>" in report and "balanced accuracy and ROC AUC" in report


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{model}", "-t", "x"], "leave --target"),
        (["{model}", "--lr", "1"], "leave --target"),
        (["{data}"], "--target"),
        (["nowhere"], "no file or folder"),
    ],
)
def test_doctor_refuses_what_does_not_fit(trained, arguments, words):
    places = {"{model}": str(trained / "model"), "{data}": str(trained / "data.csv")}
    result = run("doctor", *(places.get(argument, argument) for argument in arguments))
    assert result.exit_code == 2 and words in result.output
