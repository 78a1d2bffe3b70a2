"""The pages of docs/experiments: their code runs, every experiment is on one, and none is missing from the folder."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from descend import experiments
from descend.experiments.setups import Reached
from generator import augmented, effects, pages, real
from generator.techniques import TECHNIQUES

FOLDER = real.ROOT / "docs" / "experiments"


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda technique: technique.name)
def test_the_lines_of_a_page_run_and_print(technique):
    assert len(technique.code.splitlines()) <= 5
    assert pages.run_code(technique.code)


def test_every_experiment_is_on_a_page_and_every_page_has_one():
    shown = {name for technique in TECHNIQUES for name in technique.experiments}
    assert shown == set(experiments.names())
    assert all(technique.experiments for technique in TECHNIQUES)


def test_the_pages_are_up_to_date_and_their_links_lead_somewhere():
    for technique in TECHNIQUES:
        page = FOLDER / f"{technique.name}.md"
        if page.exists():
            assert technique.code in page.read_text(encoding="utf-8"), f"{page.name} is out of date: make experiments"
    for page in FOLDER.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (FOLDER / target).exists(), f"{page.name} links to {target}"


def test_a_page_says_what_a_run_found():
    outcome = experiments.run("l1-zeros", seeds=2, effort=0.02)
    technique = next(technique for technique in TECHNIQUES if technique.name == "l1")
    text = pages.technique_page(technique, dict.fromkeys(technique.experiments, outcome))
    assert f"**Verdict: {outcome.verdict.word}** (2 seeds)" in text
    assert all(f"| {finding.name} |" in text for finding in outcome.verdict.findings)


def _effect(technique: str, test: float) -> effects.Effect:
    noise = 0.001 * np.arange(5)
    return effects.Effect("letter", technique, tuple(Reached(1.0, test + e, 0.0, 1.0) for e in noise))


def test_the_table_marks_good_and_bad_changes():
    lines = effects.page([_effect("nothing", 0.7), _effect("good", 0.8), _effect("bad", 0.6)]).splitlines()
    good, bad = (next(line for line in lines if f"| {word} |" in line) for word in ("good", "bad"))
    assert "**-0.100 (-0.100 to -0.100)** | **+0.100" in good
    assert "| *+0.100" in bad
    assert "*-0.100" in bad


def test_lines_that_are_not_measured_anew_are_kept_in_their_places():
    before = effects.page([_effect("nothing", 0.7), _effect("dropout, 0.3", 0.8), _effect("mixup, 0.4", 0.75)])
    kept = effects.rows_of(before)
    assert effects.page([_effect("nothing", 0.7)], kept) == before
    after = effects.page([_effect("nothing", 0.7), _effect("dropout, 0.3", 0.9)], kept)
    assert "| dropout, 0.3 | 1.000 | 0.902" in after
    assert after.index("dropout, 0.3") < after.index("mixup, 0.4")


def test_lines_about_images_are_kept_as_well():
    images = [replace(_effect(kind, 0.7), data="fashion_mnist, dense") for kind in ("nothing", "random erasing")]
    page = effects.page([_effect("nothing", 0.7), *images])
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines[1:]] == ["| letter", *["| fashion_mnist, dense"] * 2]
    assert effects.page([_effect("nothing", 0.7)], effects.rows_of(page)) == page


def test_the_overview_keeps_lines_of_experiments_that_did_not_run():
    outcome = experiments.run("l1-zeros", seeds=2, effort=0.02)
    lines = pages.claim_rows(TECHNIQUES, {"l1-zeros": outcome})
    assert pages.index_rows(pages.index_page(TECHNIQUES, list(lines.values()), False)) == lines


def test_effects_are_measured_on_real_data(datasets):
    if real.missing():
        pytest.skip(f"no {', '.join(real.missing())} in {real.folder()}")
    made = effects.measure(seeds=1, epochs=1)
    assert {effect.data for effect in made} == {*real.ROWS, *augmented.SETS}
    assert {effect.technique for effect in made if effect.data in augmented.SETS} == set(augmented.KINDS)
    assert all(np.isfinite(effect.tests).all() for effect in made)
