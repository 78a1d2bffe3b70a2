"""`descend experiment`: what it lists, prints, writes and refuses."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from descend import experiments
from descend.cli.app import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["experiment", *map(str, arguments)])


def test_list_names_every_experiment():
    result = run("list")
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in experiments.names())


def test_run_prints_the_verdict_and_writes_files(tmp_path):
    result = run("run", "l1-zeros", "--seeds", 3, "--effort", 0.02, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    outcome = experiments.run("l1-zeros", seeds=3, effort=0.02)
    assert outcome.experiment.claim in result.output
    assert "over 3 seeds (a rehearsal with 2% of the work)" in result.output
    assert f": {outcome.verdict.word}." in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"l1-zeros.{ending}" for ending in ("json", "npz", "png", "svg")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["early-stoping"], "did you mean 'early-stopping'?"),
        (["xyz"], "'descend experiment list' shows all."),
        (["dropout", "--seeds", 0], "--seeds must be at least 1, got 0."),
        (["dropout", "--effort", 2], "--effort must be above 0 and at most 1, got 2."),
    ],
)
def test_what_can_be_mended_is_one_sentence(arguments, message):
    result = run("run", *arguments)
    assert result.exit_code == 2
    assert message in result.output
