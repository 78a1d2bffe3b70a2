"""Remedies as the command line's options: only such as the data allow."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cli_runs import run
from descend.cli.baselines import LINEAR, OURS, Lead, trivial_name
from descend.cli.findings import BEHIND, NO_BETTER, beside_baseline, beside_linear, in_our_words
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
        assert "linear model is clearly better" not in result.output, "it does no better than the majority either"


def test_a_healthy_run_was_compared_with_the_baseline(trained):
    for arguments in (("doctor", trained / "model"), ("doctor", trained / "data.csv", "-t", "label")):
        assert "no better than baseline" in run(*arguments).output
    report = (trained / "model" / "report.html").read_text(encoding="utf-8")
    assert "no better than baseline" in report and "critical'>" not in report


def compared(lead, *, mine=1.2, line=1.0, trivial=2.0, **more):
    """A diagnosis without findings beside the linear model's lead."""
    scores = {OURS: {"rmse": mine}, LINEAR: {"rmse": line}, trivial_name("regression"): {"rmse": trivial}}
    return beside_linear(Diagnosis((), (), {}), "regression", scores, lead, **more)


def test_a_clearly_better_linear_model_is_named():
    found = compared(Lead(0.44, 0.1, 1.0))
    assert [one.name for one in found] == [BEHIND] and found[0].severity == "warning"
    assert (
        "linear model is clearly better than the network, with a root mean squared error of 1.0000" in found[0].message
    )
    assert "Ridge" in found[0].remedy and "--hidden none" in found[0].remedy
    assert found[0].evidence["lead_in_standard_errors"] == pytest.approx(4.4)
    assert "--hidden" not in compared(Lead(0.44, 0.1, 1.0), is_linear=True)[0].remedy
    assert "--network" in compared(Lead(0.44, 0.1, 1.0), form="image")[0].remedy


@pytest.mark.parametrize(
    ("lead", "scores"),
    [
        (Lead(0.44, 0.23, 1.0), {}),  # within chance
        (Lead(0.04, 0.001, 1.0), {}),  # too little to matter
        (Lead(-0.4, 0.1, 1.0), {"mine": 0.8}),
        (Lead(0.44, 0.1, 1.0), {"trivial": 0.9}),  # neither tells anything
    ],
)
def test_a_linear_model_that_is_not_clearly_better_is_not(lead, scores):
    found = compared(lead, **scores)
    assert BEHIND not in found and BEHIND in found.checked


def test_without_a_comparison_row_by_row_nothing_is_claimed():
    found = compared(None)
    assert BEHIND not in found.checked and "row by row" in found.unchecked[BEHIND]


def test_leads_are_means_over_rows():
    y = np.array([1.0, 2.0, 4.0])
    lead = Lead.of(y, np.array([1.0, 4.0, 3.0]), np.array([1.0, 2.0, 5.0]))
    assert lead is not None and (lead.mean, lead.loss) == pytest.approx((4 / 3, 1 / 3))
    assert lead.standard_error == pytest.approx(np.std([0, 4, 0], ddof=1) / np.sqrt(3))
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    lead = Lead.of(np.array([0, 1, 1]), shares, np.full((3, 2), 0.5))
    assert lead is not None and lead.loss == pytest.approx(np.log(2))
    assert lead.mean == pytest.approx(-np.log([0.9, 0.8, 0.5]).mean() - np.log(2))
    assert Lead.of(y[:1], y[:1], y[:1]) is None and Lead.of(y, y * 1e200, y) is None


def test_a_linear_table_trained_too_briefly(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    frame = pl.DataFrame(X, schema=["a", "b", "c", "d"])
    frame = frame.with_columns(pl.Series("y", X @ [1.0, -2.0, 0.5, 3.0] + 0.1 * rng.normal(size=400)))
    frame.write_csv(tmp_path / "data.csv")
    told = "Warning: on the test rows the linear model is clearly better than the network"
    short = ("train", tmp_path / "data.csv", "-t", "y", "--epochs", "3", "-o", tmp_path / "out")
    trained, recorded = run(*short), run("doctor", tmp_path / "out")
    anew = run("doctor", tmp_path / "data.csv", "-t", "y", "--epochs", "3")
    for result in (trained, recorded, anew):
        assert result.exit_code == 0 and told in result.output, result.output
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "linear model is clearly better" in page and "try --hidden none" in page
    linear = run("train", tmp_path / "data.csv", "-t", "y", "--hidden", "none", "-o", tmp_path / "line")
    assert linear.exit_code == 0 and "clearly better" not in linear.output, linear.output
