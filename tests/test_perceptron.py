"""The perceptron: its rule, its promise of convergence, and scikit-learn's contract."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Perceptron as PeerPerceptron

from descend import Perceptron
from descend.engine.native import perceptron_epoch
from estimator_checks import checks_of


@checks_of([Perceptron(max_iter=50), Perceptron(max_iter=50, fit_intercept=False, shuffle=False)])
def test_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


def separable(rows: int, features: int, margin: float, seed: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Rows in the unit ball at least `margin` from a plane through the origin: X, y, the margin and the radius."""
    rng = np.random.default_rng(seed)
    plane = rng.normal(size=features)
    plane /= np.linalg.norm(plane)
    X = rng.normal(size=(rows, features))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    side = np.where(X @ plane >= 0, 1.0, -1.0)
    X += (side * margin)[:, None] * plane
    return X, (side > 0).astype(int), float(np.abs(X @ plane).min()), float(np.linalg.norm(X, axis=1).max())


def by_the_book(X, y, eta, order, w, b):
    mistakes = 0
    for i in order:
        prediction = 1 if X[i] @ w + b >= 0 else 0
        if prediction != y[i]:
            w = w + eta * (y[i] - prediction) * X[i]
            b = b + eta * (y[i] - prediction)
            mistakes += 1
    return w, b, mistakes


@pytest.mark.parametrize(("rows", "features"), [(1, 1), (7, 3), (200, 5), (3000, 2)])
def test_an_epoch_follows_the_rule_row_by_row(rows, features):
    # Small integers, so that no sum is rounded and the order of additions does not matter.
    rng = np.random.default_rng(rows)
    X = rng.integers(-8, 9, (rows, features)).astype(float)
    y = (X.sum(axis=1) + rng.integers(-4, 5, rows) > 0).astype(float)
    w, b = np.zeros(features), np.zeros(1)
    order = rng.permutation(rows).astype(np.uint32)
    expected_w, expected_b = np.zeros(features), 0.0
    for _ in range(3):
        expected_w, expected_b, expected = by_the_book(X, y, 0.5, order, expected_w, expected_b)
        assert perceptron_epoch(X, y, w, b, 0.5, order) == expected
        np.testing.assert_array_equal(w, expected_w)
        assert b[0] == expected_b


@pytest.mark.parametrize("seed", range(5))
def test_separable_classes_are_learnt_within_the_bound_of_mistakes(seed):
    X, y, margin, radius = separable(400, 6, 0.05, seed)
    ours = Perceptron(fit_intercept=False, random_state=seed, max_iter=100_000).fit(X, y)
    assert ours.converged_ and ours.score(X, y) == 1.0
    assert ours.mistakes_[-1] == 0 and len(ours.mistakes_) == ours.n_iter_
    bound = (radius / margin) ** 2
    assert ours.mistakes_.sum() <= bound
    # The peer counts updates in t_ together with rows; its weights bound its mistakes: |w| <= R sqrt(mistakes).
    peer = PeerPerceptron(fit_intercept=False, random_state=seed, max_iter=100_000, tol=None).fit(X, y)
    assert (np.linalg.norm(peer.coef_) / radius) ** 2 <= bound and peer.score(X, y) == 1.0


def test_it_gives_the_peers_weights_on_the_same_order():
    X, y, _, _ = separable(300, 4, 0.1, 9)
    first = int(np.flatnonzero(y == 0)[0])  # a mistake for both: a score of 0 is a 1 here and a mistake there
    X, y = np.roll(X, -first, axis=0), np.roll(y, -first)
    ours = Perceptron(shuffle=False).fit(X, y)
    peer = PeerPerceptron(shuffle=False, max_iter=ours.n_iter_, tol=None).fit(X, y)
    np.testing.assert_allclose(ours.coef_, peer.coef_, rtol=1e-9)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, rtol=1e-9)


def test_it_says_when_it_did_not_converge_and_keeps_its_best_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] + 0.7 * rng.normal(size=300) > 0).astype(int)
    with pytest.warns(
        ConvergenceWarning, match=r"not converge in 50 epochs.*not linearly separable.*\d wrong"
    ) as caught:
        neuron = Perceptron(max_iter=50, random_state=0).fit(X, y)
    assert not neuron.converged_ and neuron.n_iter_ == 50
    errors = round(300 * (1 - neuron.score(X, y)))
    assert f" {errors} wrong" in str(caught[0].message)
    assert neuron.score(X, y) > PeerPerceptron(max_iter=50, tol=None, random_state=0).fit(X, y).score(X, y) - 0.02 > 0.7


def test_more_than_two_classes_are_learnt_one_against_the_rest():
    corners = np.array([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    X = corners[labels] + 0.1 * rng.uniform(-1, 1, (200, 2))
    names = np.array(["left", "up", "down"])[labels]
    neuron = Perceptron(random_state=0).fit(X, names)
    assert neuron.coef_.shape == (3, 2) and neuron.decision_function(X).shape == (200, 3)
    assert neuron.score(X, names) == 1.0 and neuron.converged_


def test_eta_scales_the_weights_and_nothing_else():
    X, y, _, _ = separable(100, 3, 0.1, 2)
    one, four = (Perceptron(eta0=eta, random_state=0).fit(X, y) for eta in (1.0, 4.0))
    np.testing.assert_allclose(4 * one.coef_, four.coef_)
    np.testing.assert_array_equal(one.mistakes_, four.mistakes_)


def test_a_warm_start_goes_on():
    X, y, _, _ = separable(100, 3, 0.1, 2)
    neuron = Perceptron(warm_start=True, random_state=0).fit(X, y)
    before = neuron.coef_.copy()
    neuron.fit(X, y)
    assert neuron.mistakes_.tolist() == [0]
    np.testing.assert_array_equal(neuron.coef_, before)
    with pytest.raises(ValueError, match="warm_start"):
        neuron.fit(X, y + 5)


@pytest.mark.parametrize(("name", "value"), [("eta0", 0), ("eta0", "a"), ("max_iter", 0), ("max_iter", 1.5)])
def test_bad_parameters_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        Perceptron(**{name: value}).fit([[0.0], [1.0]], [0, 1])
