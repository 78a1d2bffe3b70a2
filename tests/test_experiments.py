"""Experiments: statistics, the rule for verdicts, each experiment rehearsed, and each rule fed data of both kinds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from descend import experiments, optimizers
from descend.experiments import Condition, Estimate, Surface, descend_surface, estimate, judge
from descend.experiments.surfaces import SURFACES, local_minimum

GOOD, BAD = np.linspace(1, 2, 10), np.linspace(-2, -1, 10)


# Statistics


def test_a_mean_has_students_interval():
    made = estimate([1.0, 2.0, 3.0, 4.0], bound=1.0)
    half = 3.182446 * np.sqrt(5 / 3) / 2
    np.testing.assert_allclose([made.mean, made.low, made.high], [2.5, 2.5 - half, 2.5 + half], rtol=1e-5)
    assert made.effect == pytest.approx(1.5 / np.sqrt(5 / 3))
    assert made.seeds == 4


def test_a_share_has_wilsons_interval():
    made = estimate(np.array([True] * 9 + [False]), bound=0.5)
    np.testing.assert_allclose([made.mean, made.low, made.high], [0.9, 0.59585, 0.98212], rtol=1e-4)
    assert made.effect == pytest.approx(2 * np.arcsin(np.sqrt(0.9)) - np.pi / 2)


def test_one_seed_decides_nothing():
    assert estimate([3.0]).low == -np.inf
    assert judge([Condition("a", "q", [3.0])]).findings[0].answer == "open"


def test_values_that_are_all_alike_have_an_endless_effect():
    assert estimate([2.0, 2.0, 2.0], bound=1.0) == Estimate(2.0, 2.0, 2.0, np.inf, 3)
    assert estimate([1.0, 1.0], bound=1.0).effect == 0.0


@pytest.mark.parametrize("values", [[], [[1.0]], [1.0, np.nan], [np.inf]])
def test_values_that_are_not_finite_numbers_per_seed_are_refused(values):
    with pytest.raises(ValueError, match="values must"):
        estimate(values)


# The rule


@pytest.mark.parametrize(
    ("samples", "word"),
    [
        ((GOOD, GOOD), "holds"),
        ((BAD, BAD), "does not hold"),
        ((BAD, np.array([-1.0, 1.0, -1.0, 1.0])), "does not hold"),
        ((GOOD, BAD), "holds only under stated conditions"),
    ],
)
def test_the_word_follows_from_the_answers(samples, word):
    verdict = judge([Condition(f"condition {k}", "q", values) for k, values in enumerate(samples)])
    assert verdict.word == word
    assert verdict.sentence.lower().startswith(word)
    assert all(finding.name in verdict.sentence for finding in verdict.findings)


def test_a_side_below_turns_the_answer_round():
    answers = [judge([Condition("a", "q", BAD, side=side)]).findings[0].answer for side in ("above", "below")]
    assert answers == ["refuted", "shown"]


def test_more_conditions_need_stronger_evidence():
    values = np.array([0.2, 0.6, 0.4, 0.5, 0.3])
    alone = judge([Condition("a", "q", values)])
    among = judge([Condition("a", "q", values)] * 20)
    assert alone.word == "holds"
    assert among.word == "does not hold"
    assert among.confidence == pytest.approx(1 - 0.05 / 20)


def test_a_verdict_needs_a_condition():
    with pytest.raises(ValueError, match="at least one condition"):
        judge([])


# Every experiment

#: One experiment for each function that draws; families share theirs.
_PICTURES = {experiments.get(name).draw.__code__: name for name in experiments.names()}


@pytest.fixture(scope="module")
def rehearsals():
    """Each experiment's outcome over two seeds with very little work, made once."""
    made = {}

    def rehearse(name):
        if name not in made:
            made[name] = experiments.run(name, seeds=2, effort=0.02)
        return made[name]

    return rehearse


@pytest.mark.parametrize("name", experiments.names())
def test_an_experiment_measures_judges_and_draws(name, rehearsals):
    outcome = rehearsals(name)
    assert all(values.shape[0] == 2 for values in outcome.measurements.values())
    findings = outcome.verdict.findings
    assert len({finding.name for finding in findings}) == len(findings)
    assert all(finding.estimate.seeds == 2 for finding in findings)
    json.dumps(outcome.to_dict(), allow_nan=False)


@pytest.mark.parametrize("name", _PICTURES.values())
def test_a_picture_labels_its_axes(name, rehearsals):
    axes = rehearsals(name).plot().axes
    assert axes
    assert all(ax.get_xlabel() or ax.get_ylabel() or ax.get_title(loc="left") for ax in axes)


@pytest.mark.parametrize("name", experiments.names())
def test_an_experiment_can_come_out_either_way(name, rehearsals):
    """With every condition's values on the claimed side of its bound it holds, on the other side it does not."""
    conditions = experiments.get(name).conditions(rehearsals(name).measurements)

    def moved(sign):
        return judge(
            [
                replace(c, values=c.bound + sign * (1 if c.side == "above" else -1) * np.linspace(1, 2, 8))
                for c in conditions
            ]
        )

    assert moved(1).word == "holds"
    assert moved(-1).word == "does not hold"


def _repeat(array, seeds=60):
    """The same measurement for each seed, with a little noise on numbers so that intervals have a width."""
    array = np.asarray(array)
    many = np.repeat(array[None], seeds, axis=0)
    return many if array.dtype == bool else many + 1e-9 * np.random.default_rng(0).standard_normal(many.shape)


_SETS = ("digits", "mislabelled digits", "diabetes")

#: Fabricated measurements by experiment: such as the claim foretells, and the opposite.
FABRICATED = {
    "linear-stack": (
        {"linear solved": _repeat(False), "relu solved": _repeat([True] * 3)},
        {"linear solved": _repeat(True), "relu solved": _repeat([False] * 3)},
    ),
    "local-minimum": (
        {"crossed": _repeat(np.array([[[False, False, True, True]] * 2] * 2))},
        {"crossed": _repeat(np.array([[[True, True, False, False]] * 2] * 2))},
    ),
    "dropout": (
        {name: _repeat([[1, 0.5, 0, 2.0]] + [[0.9, 0.8, 0.2, 0.4]] * 3) for name in _SETS},
        {name: _repeat([[1, 0.8, 0, 0.4]] + [[0.9, 0.5, 0.2, 2.0]] * 3) for name in _SETS},
    ),
    "l1-zeros": (
        {"exact": _repeat([[0, 0.5, 0]] * 2), "near": _repeat([[0, 0.6, 0.1]] * 2)},
        {"exact": _repeat([[0, 0.0, 0]] * 2), "near": _repeat([[0, 0.0, 0.1]] * 2)},
    ),
    "batch-size": (
        {
            "losses": _repeat(
                [np.linspace(2, 1, 41), np.tile([1.0, 0.9, 2.0, 1.5], 11)[:41], np.tile([1.0, 2.0], 21)[:41]]
            ),
            "high": _repeat(np.linspace(2, 1, 41)),
        },
        {
            "losses": _repeat([np.tile([1.0, 2.0], 21)[:41], np.linspace(2, 1, 41), np.linspace(3, 1, 41)]),
            "high": _repeat(np.tile([1.0, 2.0], 21)[:41]),
        },
    ),
}


@pytest.mark.parametrize("name", FABRICATED)
def test_a_rule_reads_measurements_of_both_kinds(name):
    as_claimed, opposite = FABRICATED[name]
    assert experiments.get(name).judge(as_claimed).word == "holds"
    assert experiments.get(name).judge(opposite).word == "does not hold"


def test_runs_repeat_to_the_bit():
    first, second = (experiments.run("l1-zeros", seeds=2, effort=0.02).measurements for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)


def test_an_outcome_is_written_to_files(tmp_path, rehearsals):
    paths = rehearsals("learning-rate").save(tmp_path / "new")
    assert [path.suffix for path in paths] == [".json", ".npz", ".png", ".svg"]
    assert json.loads(paths[0].read_text())["verdict"]["word"] == rehearsals("learning-rate").verdict.word
    with np.load(paths[1]) as arrays:
        assert set(arrays) == set(rehearsals("learning-rate").measurements)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "drop-out"}, "did you mean 'dropout'"),
        ({"name": "xyz"}, "names\\(\\) lists them"),
        ({"name": "dropout", "seeds": 0}, "seeds must be an integer >= 1"),
        ({"name": "dropout", "effort": 0.0}, "effort must be above 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        experiments.run(**arguments)


# Surfaces and paths


@pytest.mark.parametrize("surface", [*SURFACES, local_minimum(0.05)], ids=lambda surface: surface.name)
def test_gradients_of_surfaces_are_those_of_their_values(surface):
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (20, 2))
    for point in points:
        step = 1e-6 * np.eye(2)
        numeric = [(surface.value(point + h) - surface.value(point - h)) / 2e-6 for h in step]
        np.testing.assert_allclose(surface.gradient(point), numeric, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(surface.gradient(np.array(surface.minimum)), 0, atol=1e-9)


def _bowl() -> Surface:
    return Surface("bowl", "", lambda p: (p**2).sum(axis=0) / 2, lambda p: p, (0, 0), (1, 2), (-1, 1, -1, 1))


def test_a_path_follows_the_rule_by_hand():
    path = descend_surface(_bowl(), optimizers.Momentum(0.5, beta=0.5, dampening=False), [1.0, 2.0], 2)
    np.testing.assert_allclose(path, [[1, 2], [0.5, 1.0], [0.0, 0.0]])


def test_nesterov_looks_ahead():
    path = descend_surface(_bowl(), optimizers.Nesterov(0.5, momentum=0.5), [1.0, 2.0], 2)
    np.testing.assert_allclose(path[2], path[1] - (0.5 * 0.5 * path[0] + 0.5 * (path[1] - 0.25 * path[0])))


def test_a_path_that_diverges_stays_where_it_left():
    path = descend_surface(_bowl(), optimizers.SGD(100.0), [1.0, 2.0], 50)
    assert np.isfinite(path).all()
    assert (path[-1] == path[-2]).all()


def test_lbfgs_has_no_path():
    with pytest.raises(ValueError, match="must make single steps"):
        descend_surface(_bowl(), optimizers.LBFGS(), [1.0, 2.0], 5)
