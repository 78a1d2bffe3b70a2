"""Remedies as the command line's options: only such as the data allow."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cli_runs import run
from descend.cli.baselines import LINEAR, OURS, trivial_name
from descend.cli.findings import NO_BETTER, beside_baseline, in_our_words
from descend.data.targets import NumberTarget
from descend.training.diagnosis import Diagnosis, Finding

NAMES = ("dead_units", "stalled_loss", "underfitting", "overfitting")


@pytest.mark.parametrize(
    ("form", "said", "unsaid"),
    [
        ("table", ["--hidden", "columns"], ["--network", "--augment"]),
        ("image", ["--network", "--augment"], ["--hidden", "columns"]),
        ("sequence", ["--network", "--augment"], ["--hidden", "columns"]),
        ("text", ["--network"], ["--hidden", "columns", "--augment"]),
    ],
)
def test_remedies_are_options_of_such_rows(form, said, unsaid):
    findings = tuple(Finding(name, "warning", "message", "remedy") for name in NAMES)

    found = in_our_words(Diagnosis(findings, NAMES, {}), NumberTarget("y", 0.0, 1.0), 0.01, 16, form)

    remedies = " ".join(finding.remedy for finding in found)
    assert all(word in remedies for word in said)
    assert not any(word in remedies for word in unsaid)


def judged(task, ours, theirs, form="table"):
    """A diagnosis of one warning beside two models' scores."""
    before = Diagnosis((Finding("underfitting", "warning", "message", "remedy"),), ("underfitting",), {})
    return beside_baseline(before, task, {OURS: ours, trivial_name(task): theirs}, form)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classes_are_judged_by_log_loss_and_accuracy(task):
    majority = {"log_loss": 0.69, "accuracy": 0.6}
    good = judged(task, {"log_loss": 0.68, "accuracy": 0.5}, majority)
    assert NO_BETTER not in good and NO_BETTER in good.checked
    bad = judged(task, {"log_loss": 0.70, "accuracy": 0.6}, majority)
    assert [one.name for one in bad] == [NO_BETTER, "underfitting"], "the most severe comes first"
    assert bad[0].severity == "critical" and "a log loss of 0.7000 against 0.6900" in bad[0].message
    assert "'always the majority'" in bad[0].message and bad[0].evidence == {"log_loss": 0.70, "baseline": 0.69}
    unsure = judged(task, {"log_loss": 0.70, "accuracy": 0.61}, majority)
    assert unsure[0].severity == "warning" and "accuracy is 0.6100 against 0.6000" in unsure[0].message


def test_numbers_are_judged_by_their_squared_error():
    good = judged("regression", {"rmse": 1.0, "r2": 0.1}, {"rmse": 1.1, "r2": -0.01})
    assert NO_BETTER not in good and NO_BETTER in good.checked
    bad = judged("regression", {"rmse": 1.1, "r2": -0.1}, {"rmse": 1.1, "r2": -0.01}, "image")
    assert bad[0].severity == "critical" and "root mean squared error of 1.1000 against 1.1000" in bad[0].message
    assert "images that tell more" in bad[0].remedy
    unknown = judged("regression", {"rmse": None}, {"rmse": 1.1})
    assert NO_BETTER in unknown.unchecked and NO_BETTER not in unknown.checked


def test_a_run_that_learnt_nothing_is_not_called_healthy(tmp_path):
    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.normal(size=300) for i in range(6)}
    pl.DataFrame({**columns, "y": [f"k{k:02d}" for k in rng.integers(0, 30, 300)]}).write_csv(tmp_path / "data.csv")
    trained = run("train", tmp_path / "data.csv", "-t", "y", "-o", tmp_path / "out")
    assert trained.exit_code == 0, trained.output
    told = "Critical: on the test rows the network is no better than 'always the majority', with a log loss of "
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8").replace("&#x27;", "'")
    assert "<li class='critical'>" in page and told.removeprefix("Critical: ") in page
    recorded, anew = run("doctor", tmp_path / "out"), run("doctor", tmp_path / "data.csv", "-t", "y")
    for result in (trained, recorded, anew):
        assert result.exit_code == 0 and told in result.output, result.output
    assert LINEAR not in anew.output


def test_a_healthy_run_was_compared_with_the_baseline(trained):
    for arguments in (("doctor", trained / "model"), ("doctor", trained / "data.csv", "-t", "label")):
        assert "no better than baseline" in run(*arguments).output
    report = (trained / "model" / "report.html").read_text(encoding="utf-8")
    assert "no better than baseline" in report and "critical'>" not in report
