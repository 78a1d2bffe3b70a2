"""Penalties: arguments, values, gradients, and which parameters get them."""

from __future__ import annotations

import numpy as np
import pytest

from descend import layers, penalties
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import attach_loss, lower, named


def test_factors() -> None:
    assert (penalties.L1(0.5).l1, penalties.L1(0.5).l2) == (0.5, 0.0)
    assert (penalties.L2(l2=0.5).l1, penalties.L2(0.5).l2) == (0.0, 0.5)
    assert penalties.resolve("l1_l2") == penalties.L1L2()
    assert penalties.resolve(None) is None


def test_repr_shows_what_differs() -> None:
    given = penalties.L1(0.1), penalties.L1(0.1, spread=True), penalties.L2(0.5), penalties.L1L2(0.1, 0.2, spread=True)
    assert [repr(one) for one in given] == [
        "L1(l1=0.1)",
        "L1(l1=0.1, spread=True)",
        "L2(l2=0.5)",
        "L1L2(l1=0.1, l2=0.2, spread=True)",
    ]
    assert all(eval(repr(one), vars(penalties)) == one for one in given)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: penalties.L1(-1.0), ValueError, "l1"),
        (lambda: penalties.L2(float("nan")), ValueError, "l2"),
        (lambda: penalties.resolve("ridge"), ValueError, "known: elastic_net, l1, l1_l2, l2"),
        (lambda: penalties.resolve(0.1), TypeError, "penalty"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_own_penalty_comes_before_the_networks() -> None:
    network = [layers.Dense(2, penalty="l1"), layers.BatchNorm(), layers.PReLU(), layers.Dense(2)]
    plan = lower(network, 2, penalty=penalties.L2(0.3))
    given = {parameter.name: parameter.penalty for parameter in plan.parameters if parameter.penalty}
    assert given == {"dense_1/weight": penalties.L1(), "dense_2/weight": penalties.L2(0.3)}


def test_value_and_gradient_by_hand() -> None:
    plan = attach_loss(lower([layers.Dense(1, penalty=penalties.L1L2(0.1, 0.01))], 3), "mse")
    engine = ReferenceEngine(plan)
    engine.set_parameters(np.array([2.0, -3.0, 0.0, 5.0]))
    batch = Batch(np.zeros((0, 3)), np.zeros((0, 1)))
    loss, gradient = engine.gradients(batch)
    assert loss == pytest.approx(0.1 * 5 + 0.01 * 13)
    np.testing.assert_allclose(gradient, [0.1 + 0.04, -0.1 - 0.06, 0, 0])
    assert engine.evaluate(batch) == loss
    assert list(named(plan, gradient)) == ["dense_1/weight", "dense_1/bias"]


def test_spread_penalties_are_divided_by_the_batchs_weight() -> None:
    penalty = penalties.L1L2(0.1, 0.01, spread=True)
    plan = attach_loss(lower([layers.Dense(1, penalty=penalty)], 1), "mse")
    engine = ReferenceEngine(plan)
    engine.set_parameters(np.array([-2.0, 0.0]))
    empty = np.zeros((4, 1))
    whole = 0.1 * 2 + 0.01 * 4
    for weight, share in ((None, 1 / 4), (np.array([1.0, 0.0, 0.5, 0.5]), 1 / 2), (np.zeros(4), 0.0)):
        batch = Batch(empty, empty, weight)
        loss, gradient = engine.gradients(batch)
        assert loss == engine.evaluate(batch) == pytest.approx(whole * share)
        np.testing.assert_allclose(gradient, [-(0.1 + 0.04) * share, 0])
    with pytest.raises(TypeError, match="spread"):
        penalties.L2(0.1, spread=1)  # type: ignore[arg-type]
