"""The sigmoid neuron: logistic regression's optimum, and scikit-learn's contract."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from descend import SigmoidNeuron, optimizers
from estimator_checks import checks_of

L2 = 0.01


@checks_of([SigmoidNeuron()])
def test_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


@pytest.fixture(scope="module")
def cancer() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def peer(rows: int, **options) -> LogisticRegression:
    return LogisticRegression(C=1 / (2 * rows * L2), tol=1e-10, max_iter=10_000, **options)


def test_it_reaches_logistic_regressions_optimum(cancer):
    X, y = cancer
    ours, theirs = SigmoidNeuron(l2=L2, tol=1e-8).fit(X, y), peer(len(X)).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert ours.n_iter_ == len(ours.loss_curve_) and ours.loss_curve_[-1] < ours.loss_curve_[0]


def test_weights_reach_the_same_optimum_as_logistic_regressions(cancer):
    X, y = cancer
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    weight *= len(X) / weight.sum()
    ours = SigmoidNeuron(l2=L2, tol=1e-8).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, peer(len(X)).fit(X, y, weight).coef_, atol=1e-5)
    balanced = SigmoidNeuron(l2=L2, tol=1e-8, class_weight="balanced").fit(X, y)
    np.testing.assert_allclose(balanced.coef_, peer(len(X), class_weight="balanced").fit(X, y).coef_, atol=1e-5)


def test_beyond_two_classes_there_is_a_neuron_for_each():
    X, y = load_iris(return_X_y=True)
    ours = SigmoidNeuron(l2=L2, tol=1e-8).fit(X, y)
    theirs = OneVsRestClassifier(peer(len(X))).fit(X, y)
    np.testing.assert_allclose(ours.coef_, np.vstack([one.coef_ for one in theirs.estimators_]), atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def test_plain_gradient_descent_arrives_too(cancer):
    X, y = cancer
    options = {"l2": 0.1, "random_state": 0}
    exact = SigmoidNeuron(tol=1e-9, **options).fit(X, y)
    for optimizer in (optimizers.SGD(0.1), optimizers.Nesterov(0.02)):
        slow = SigmoidNeuron(optimizer=optimizer, max_iter=20_000, tol=1e-12, **options).fit(X, y)
        np.testing.assert_allclose(slow.coef_, exact.coef_, atol=1e-4)


def test_it_says_when_it_did_not_converge(cancer):
    with pytest.warns(ConvergenceWarning, match="did not converge in 3 epochs"):
        SigmoidNeuron(max_iter=3).fit(*cancer)
    with pytest.warns(ConvergenceWarning, match="did not converge in 3 epochs"):
        SigmoidNeuron(max_iter=3, optimizer="sgd").fit(*cancer)


def test_bad_parameters_are_named(cancer):
    for options, message in (
        ({"l2": -1}, "l2"),
        ({"optimizer": "nothing"}, "unknown optimizer"),
        ({"max_iter": 0}, "max_iter"),
    ):
        with pytest.raises(ValueError, match=message):
            SigmoidNeuron(**options).fit(*cancer)
