"""Losses: specifications, hand-computed values, limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descend import losses
from descend.engine.reference.losses import value_and_gradient
from descend.plan.ops import LOSSES, Loss

Y = np.array([[1.0, 2.0], [0.0, -1.0]])
P = np.array([[0.0, 4.0], [0.5, -1.0]])


def test_every_kind_has_a_specification() -> None:
    made = [losses.resolve(name) for name in losses.registry.names()]
    assert {loss.kind for loss in made} == set(LOSSES)
    assert losses.resolve("sparse_categorical_crossentropy") == losses.CategoricalCrossentropy()
    assert losses.resolve(losses.Huber(2.0)).parameter == 2.0
    assert losses.resolve("quantile").parameter == 0.5


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.resolve("msee"), ValueError, "did you mean 'mse'"),
        (lambda: losses.resolve(None), TypeError, "loss must be a name"),
        (lambda: losses.resolve(losses.MSE), TypeError, r"write MSE\(\.\.\.\)"),
        (lambda: losses.Huber(0.0), ValueError, "delta"),
        (lambda: losses.Pinball(1.0), ValueError, "quantile"),
        (lambda: losses.BinaryCrossentropy(1.0), ValueError, "label_smoothing"),
        (lambda: losses.CategoricalCrossentropy(float("nan")), ValueError, "label_smoothing"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (Loss("mse", 0), (1 + 4 + 0.25 + 0) / 4),
        (Loss("rmse", 0), math.sqrt((1 + 4 + 0.25 + 0) / 4)),
        (Loss("mae", 0), (1 + 2 + 0.5 + 0) / 4),
        (Loss("huber", 0, parameter=1.0), (0.5 + 1.5 + 0.125 + 0) / 4),
        (Loss("pinball", 0, parameter=0.9), (0.9 * 1 + 0.1 * 2 + 0.1 * 0.5 + 0) / 4),
    ],
    ids=lambda value: value.kind if isinstance(value, Loss) else "",
)
def test_values_computed_by_hand(loss: Loss, expected: float) -> None:
    assert value_and_gradient(loss, P, Y, None)[0] == pytest.approx(expected, rel=1e-12)


def test_hinge_and_poisson_by_hand() -> None:
    signs = np.array([[1.0], [-1.0], [1.0]])
    scores = np.array([[0.25], [-3.0], [-1.0]])
    value, gradient = value_and_gradient(Loss("hinge", 0), scores, signs, None)
    assert value == pytest.approx((0.75 + 0 + 2) / 3)
    np.testing.assert_allclose(gradient[:, 0], [-1 / 3, 0, -1 / 3])

    counts, logs = np.array([[2.0], [0.0]]), np.array([[1.0], [-1.0]])
    value, gradient = value_and_gradient(Loss("poisson", 0, "exponential"), logs, counts, None)
    assert value == pytest.approx((math.e - 2 + math.exp(-1)) / 2)
    np.testing.assert_allclose(gradient[:, 0], [(math.e - 2) / 2, math.exp(-1) / 2])


def test_crossentropies_by_hand() -> None:
    p = np.array([[0.8], [0.3]])
    z, y = np.log(p / (1 - p)), np.array([[1.0], [0.0]])
    expected = -(math.log(0.8) + math.log(0.7)) / 2
    for loss, start in ((Loss("bce", 0), p), (Loss("bce", 0, "sigmoid"), z)):
        assert value_and_gradient(loss, start, y, None)[0] == pytest.approx(expected)
    q = np.array([[0.2, 0.5, 0.3]])
    for loss, start in ((Loss("cce", 0, target="index"), q), (Loss("cce", 0, "softmax", target="index"), np.log(q))):
        assert value_and_gradient(loss, start, np.array([1]), None)[0] == pytest.approx(-math.log(0.5))


def test_clipped_predictions_by_hand() -> None:
    y = np.array([[1.0], [1.0], [0.0]])
    value, gradient = value_and_gradient(Loss("poisson", 0), np.array([[0.0], [1.0], [0.5]]), y, None)
    assert value == pytest.approx((-math.log(1e-7) + 1 + 0.5) / 3)
    np.testing.assert_allclose(gradient[:, 0], [1 / 3, 0, 1 / 3])
    value, gradient = value_and_gradient(Loss("bce", 0), np.array([[0.0], [1.0], [0.5]]), y, None)
    assert value == pytest.approx((-math.log(1e-7) - math.log(1 - 1e-7) - math.log(0.5)) / 3)
    np.testing.assert_allclose(gradient[:, 0], [0, 0, 2 / 3])


def test_label_smoothing_by_hand() -> None:
    q = np.array([[0.2, 0.5, 0.3]])
    loss = Loss("cce", 0, target="index", label_smoothing=0.3)
    expected = -(0.1 * math.log(0.2) + 0.8 * math.log(0.5) + 0.1 * math.log(0.3))
    assert value_and_gradient(loss, q, np.array([1]), None)[0] == pytest.approx(expected)
    loss = Loss("bce", 0, label_smoothing=0.2)
    expected = -(0.9 * math.log(0.8) + 0.1 * math.log(0.2))
    assert value_and_gradient(loss, np.array([[0.8]]), np.array([[1.0]]), None)[0] == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["mse", "rmse", "mae", "huber", "pinball"])
def test_gradient_is_zero_at_a_perfect_fit(kind: str) -> None:
    value, gradient = value_and_gradient(Loss(kind, 0, parameter=0.5), Y, Y, None)
    assert value == 0
    assert not gradient.any()


@pytest.mark.parametrize("kind", LOSSES)
def test_zero_weights_and_zero_rows_give_zero(kind: str) -> None:
    loss = Loss(kind, 0, parameter=0.5)
    for rows, weight in ((3, np.zeros(3)), (0, None)):
        value, gradient = value_and_gradient(loss, np.full((rows, 2), 0.5), np.ones((rows, 2)), weight)
        assert value == 0
        assert gradient.shape == (rows, 2)
        assert not gradient.any()


@pytest.mark.parametrize("kind", LOSSES)
def test_integer_weights_repeat_rows(kind: str) -> None:
    rng = np.random.default_rng(3)
    p, y = rng.uniform(0.1, 0.9, (4, 3)), rng.integers(0, 2, (4, 3)).astype(float)
    counts = np.array([2, 0, 1, 3])
    loss = Loss(kind, 0, parameter=0.3)
    value, gradient = value_and_gradient(loss, p, y, counts.astype(float))
    rows = np.repeat(np.arange(4), counts)
    repeated, each = value_and_gradient(loss, p[rows], y[rows], None)
    assert value == pytest.approx(repeated)
    summed = np.zeros_like(p)
    np.add.at(summed, rows, each)
    np.testing.assert_allclose(gradient, summed, atol=1e-15)


@pytest.mark.parametrize("far", [-1e4, 1e4])
def test_no_overflow_from_logits(far: float) -> None:
    z = np.array([[far], [-far]])
    for loss, y in (
        (Loss("bce", 0, "sigmoid"), np.array([[1.0], [1.0]])),
        (Loss("cce", 0, "softmax"), np.array([[0.0, 1.0], [1.0, 0.0]])),
    ):
        start = z if loss.kind == "bce" else np.hstack([z, -z])
        value, gradient = value_and_gradient(loss, start, y, None)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
    value, gradient = value_and_gradient(Loss("bce", 0), np.array([[0.0], [1.0]]), np.array([[1.0], [0.0]]), None)
    assert np.isfinite(value)
    assert not gradient.any(), "clipped probabilities have no gradient"


@settings(max_examples=30, deadline=None)
@given(z=st.floats(-50, 50), y=st.sampled_from([0, 1]))
def test_two_class_softmax_is_the_sigmoid(z: float, y: int) -> None:
    binary, slope = value_and_gradient(Loss("bce", 0, "sigmoid"), np.array([[z]]), np.array([[float(y)]]), None)
    both, slopes = value_and_gradient(
        Loss("cce", 0, "softmax", target="index"), np.array([[0.0, z]]), np.array([y]), None
    )
    assert both == pytest.approx(binary, rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(slopes[0], [-slope[0, 0], slope[0, 0]], atol=1e-15)
