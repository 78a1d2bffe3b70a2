"""Remedies as the command line's options: only such as the data allow."""

from __future__ import annotations

import pytest

from descend.cli.findings import in_our_words
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
