"""Schedules: hand-computed rates, limits, the loss-driven ones replayed epoch by epoch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descend import schedules, specs
from descend.schedules import (
    Adaptive,
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
    WarmUp,
)


@pytest.mark.parametrize(
    ("schedule", "steps", "expected"),
    [
        (Constant(0.1), [0, 5, 99], [0.1, 0.1, 0.1]),
        (Step(1.0, factor=0.5, every=2), [0, 19, 20, 39, 40], [1, 1, 0.5, 0.5, 0.25]),
        (Exponential(1.0, decay=0.5), [0, 5, 10, 20], [1, math.sqrt(0.5), 0.5, 0.25]),
        (Exponential(1.0, decay=0.5, staircase=True), [0, 9, 10, 25], [1, 1, 0.5, 0.25]),
        (InverseScaling(1.0, power=0.5), [0, 3, 8], [1, 0.5, 1 / 3]),
        (InverseScaling(1.0, power=1.0, scale=2.0, staircase=True), [0, 9, 10, 19], [1, 1, 1 / 21, 1 / 21]),
        (Cosine(1.0), [0, 25, 50, 100], [1, (1 + math.sqrt(0.5)) / 2, 0.5, 0]),
        (Cosine(1.0, final=0.2), [0, 50, 100, 150], [1, 0.6, 0.2, 0.2]),
        (WarmUp(0.4, 4), [0, 1, 3, 4, 50], [0.1, 0.2, 0.4, 0.4, 0.4]),
        (WarmUp(Cosine(1.0), 20), [0, 19, 20, 60, 100], [0.05, 1, 1, 0.5, 0]),
        (OneCycle(1.0), [0, 29, 99], [0.04, 1.0, 4e-6]),
    ],
    ids=repr,
)
def test_rates_computed_by_hand(schedule: Schedule, steps: list[int], expected: list[float]) -> None:
    rates = schedule(np.array(steps), steps_per_epoch=10, total_steps=100)
    assert rates.dtype == np.float64
    np.testing.assert_allclose(rates, expected, rtol=1e-12, atol=1e-15)


def test_one_cycle_rises_then_falls() -> None:
    rates = OneCycle(0.5, rise=0.25)(np.arange(200), 10, 200)
    peak = int(rates.argmax())
    assert peak == 49
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()


def test_one_cycle_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=57)
    rates = []
    for _ in range(57):
        rates.append(theirs.get_last_lr()[0])
        optimizer.step()
        if len(rates) < 57:
            theirs.step()
    np.testing.assert_allclose(OneCycle(0.5)(np.arange(57), 10, 57), rates, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(schedules.registry.names()), per_epoch=st.integers(0, 7), total=st.integers(0, 40))
def test_rates_are_finite_for_any_length(name: str, per_epoch: int, total: int) -> None:
    schedule = WarmUp(0.1, 3) if name == "warm_up" else schedules.resolve(name, rate=0.1)
    rates = schedule(np.arange(total), per_epoch, total)
    assert rates.shape == (total,)
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()
    assert schedule(3, per_epoch, total).shape == ()


def test_scikit_learn_invscaling() -> None:
    """scikit-learn sets rate / (rows seen + 1)^power after each epoch."""
    rows, batch_size = 100, 20
    per_epoch = rows // batch_size
    schedule = InverseScaling(0.1, power=0.5, scale=rows / per_epoch, staircase=True)
    expected = [0.1] + [0.1 / (epoch * rows + 1) ** 0.5 for epoch in (1, 2)]
    np.testing.assert_allclose(schedule(np.array([0, 5, 10]), per_epoch, 15), expected)


def _replay(schedule: schedules.LossDriven, losses: list[float]) -> list[float]:
    rate, rates = schedule.rate, []
    for epoch in range(len(losses)):
        rate = schedule.update(rate, losses[: epoch + 1])
        rates.append(rate)
    return rates


def test_reduce_on_plateau_by_hand() -> None:
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=2, min_delta=0.0)
    assert _replay(schedule, [3, 2, 2, 2, 1, 1, 1, 1, 1]) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=1, min_delta=0.0, cooldown=2, minimum=0.4)
    assert _replay(schedule, [1, 1, 1, 1, 1, 1]) == [1, 0.5, 0.5, 0.5, 0.4, 0.4]


def test_reduce_on_plateau_needs_min_delta() -> None:
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=2, min_delta=0.1)
    assert _replay(schedule, [1.0, 0.95, 0.91]) == [1, 1, 0.5]


def test_adaptive_by_hand() -> None:
    schedule = Adaptive(1.0, tol=0.1, n_iter_no_change=2, minimum=0.1)
    rates = _replay(schedule, [5, 4, 3.95, 3.94, 3.93, 3.0, 3.0, 3.0, 3.0])
    np.testing.assert_allclose(rates, [1, 1, 1, 1, 0.2, 0.2, 0.2, 0.2, 0.04])
    assert not schedule.exhausted(0.2)
    assert schedule.exhausted(0.04)
    assert schedule.update(0.04, [3.0] * 4) == 0.04


def test_nan_losses_count_as_no_improvement() -> None:
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=2)
    assert _replay(schedule, [math.nan, math.nan, math.nan]) == [1, 0.5, 0.5]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Constant(float("nan")), ValueError, "rate must be a finite number"),
        (lambda: Constant(-0.1), ValueError, "rate"),
        (lambda: schedules.resolve(None), TypeError, "rate"),
        (lambda: schedules.resolve("cosinus"), ValueError, "did you mean 'cosine'"),
        (lambda: schedules.resolve("cosine"), ValueError, r"schedules\.Cosine\(rate\)"),
        (lambda: schedules.resolve("warm_up", rate=0.1), ValueError, "WarmUp"),
        (lambda: schedules.resolve(Cosine), TypeError, r"Cosine\(\.\.\.\)"),
        (lambda: Step(0.1, every=0), ValueError, "every"),
        (lambda: Exponential(0.1, decay=0.0), ValueError, "decay"),
        (lambda: WarmUp(0.1, 0), ValueError, "steps"),
        (lambda: WarmUp(Adaptive(0.1), 5), ValueError, "follows the loss"),
        (lambda: OneCycle(0.1, rise=1.0), ValueError, "rise"),
        (lambda: ReduceOnPlateau(0.1, factor=1.0), ValueError, "factor"),
        (lambda: ReduceOnPlateau(0.1, patience=0), ValueError, "patience"),
        (lambda: Adaptive(0.1, divisor=1.0), ValueError, "divisor"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_description_survives() -> None:
    schedule = WarmUp(Cosine(0.1, final=0.01), 5)
    assert specs.from_config(specs.to_config(schedule)) == schedule
    assert eval(repr(schedule), vars(schedules)) == schedule
