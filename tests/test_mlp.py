"""MLPClassifier and MLPRegressor as estimators: the contract, moving them around, changing their weights, threads."""

from __future__ import annotations

import inspect
import pickle
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, cross_val_score
from sklearn.utils._param_validation import InvalidParameterError

from descend import MLPClassifier, MLPRegressor, callbacks
from descend.estimators.mlp import scores
from descend.training.arrays import all_finite
from estimator_checks import checks_of

pytestmark = pytest.mark.usefixtures("_short_runs_do_not_converge")
X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}


@checks_of(
    [
        MLPClassifier(max_iter=100),
        MLPClassifier((20, 10), activation="tanh", solver="lbfgs", max_iter=200),
        MLPClassifier(solver="sgd", learning_rate="adaptive", learning_rate_init=0.05, max_iter=100),
        MLPRegressor(max_iter=100),
        MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", max_iter=200),
        MLPRegressor(solver="sgd", learning_rate_init=0.005, max_iter=100),
    ]
)
def test_follows_the_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_parameters_are_scikit_learns(name: str) -> None:
    """Names, order, defaults and whether they may be given by position; ours follow, by keyword only."""
    pairs = [
        [(p.name, p.default, p.kind) for p in inspect.signature(module.__dict__[name]).parameters.values()]
        for module in (theirs, sys.modules["descend.estimators.mlp"])
    ]
    assert pairs[0] == pairs[1][: len(pairs[0])]
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for _, _, kind in pairs[1][len(pairs[0]) :])
    for method in ("fit", "partial_fit", "predict", "score"):
        theirs_and_ours = [
            list(inspect.signature(getattr(module.__dict__[name](), method)).parameters)
            for module in (theirs, sys.modules["descend.estimators.mlp"])
        ]
        more = ["X_val", "y_val", "sample_weight_val"] if method in ("fit", "partial_fit") else []
        assert theirs_and_ours[0] + more == theirs_and_ours[1]


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layer_sizes": -1},
        {"hidden_layer_sizes": "many"},
        {"hidden_layer_sizes": (3, 0)},
        {"alpha": -1},
        {"batch_size": 0},
        {"power_t": -0.5},
        {"max_iter": 0},
        {"shuffle": "yes"},
        {"random_state": "seed"},
        {"tol": -1},
        {"verbose": "very"},
        {"warm_start": 2},
        {"momentum": 1.5},
        {"nesterovs_momentum": 3},
        {"early_stopping": "no"},
        {"validation_fraction": 1.0},
        {"beta_1": 1.0},
        {"beta_2": -0.1},
        {"epsilon": 0},
        {"n_iter_no_change": 0.5},
        {"max_fun": 0},
        {"validation_fraction": 0.001, "early_stopping": True},
    ],
    ids=str,
)
def test_bad_parameters_are_refused_in_the_same_words(name: str, settings: dict[str, Any]) -> None:
    messages = []
    for module in (theirs, sys.modules["descend.estimators.mlp"]):
        with pytest.raises(ValueError) as caught:
            getattr(module, name)(**settings).fit(X, Y)
        messages.append((type(caught.value), sorted(str(caught.value))))  # sets are printed in any order
    assert messages[0] == messages[1]


def test_bad_parameters_have_scikit_learns_error() -> None:
    for name, value in (
        ("activation", "swoosh"),
        ("solver", "newton"),
        ("learning_rate", "fast"),
        ("learning_rate_init", 0),
    ):  # more are known
        with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of MLPRegressor"):
            MLPRegressor(**{name: value}).fit(X, Y)
    with pytest.raises(InvalidParameterError, match="'alpha' parameter of MLPClassifier"):
        MLPClassifier(alpha="none").fit(X, Y)
    with pytest.raises(InvalidParameterError, match="'loss' parameter of MLPRegressor"):
        MLPRegressor("absolute").fit(X, Y)


def test_refusals() -> None:
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    with pytest.raises(NotFittedError):
        MLPClassifier().predict_proba(X)
    with pytest.raises(NotFittedError):
        MLPRegressor().predict(X)
    assert not hasattr(MLPClassifier(), "coefs_") and not hasattr(MLPRegressor(), "intercepts_")
    with pytest.raises(ValueError, match="classes must be passed"):
        MLPClassifier().partial_fit(X, Y)
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(ValueError, match="does not support early_stopping"):
        MLPClassifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
    model = MLPClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="classes not in"):
        model.partial_fit(X, Y + 1)
    with pytest.raises(ValueError, match="same classes"):
        MLPClassifier(warm_start=True, **SMALL).fit(X, Y).fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match=r"keep the layers .* as they were"):
        MLPClassifier(warm_start=True, **SMALL).fit(X, Y).set_params(hidden_layer_sizes=(9,)).fit(X, Y)
    with pytest.raises(ValueError, match=r"keep the layers .* as they were"):
        MLPRegressor(**SMALL).partial_fit(X, Y).partial_fit(X, np.stack([Y, Y], axis=1))
    with pytest.raises(ValueError, match="y must be >= 0"):
        MLPRegressor("poisson").fit(X, Y - 1)
    with pytest.raises(ValueError, match="has 3 features, but"):
        model.predict_proba(X[:, :3])
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(np.full((2, 4), np.nan))
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(X[:0])
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.predict(X[0])


def test_sparse_rows_are_learnt_like_dense_ones() -> None:
    dense = np.where(np.abs(X) < 0.5, 0.0, X)
    expected = MLPClassifier(**SMALL).fit(dense, Y)
    for rows in (sparse.csr_matrix(dense), sparse.csr_array(dense), sparse.csc_array(dense), sparse.coo_matrix(dense)):
        model = MLPClassifier(**SMALL).fit(rows, Y)
        np.testing.assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=1e-10)
        np.testing.assert_allclose(model.predict_proba(rows), expected.predict_proba(dense), rtol=1e-9)
        np.testing.assert_allclose(model.predict_proba(dense), model.predict_proba(rows), rtol=1e-9)
    single = MLPClassifier(**SMALL).fit(sparse.csr_array(dense.astype(np.float32)), Y)
    assert (
        single.coefs_[0].dtype == single.predict_proba(sparse.csr_array(dense.astype(np.float32))).dtype == np.float32
    )
    with pytest.raises(ValueError, match="has 3 features, but"):
        model.predict(sparse.csr_array(dense[:, :3]))
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(sparse.csr_array(np.full((1, 4), np.nan)))


def test_one_row_is_the_row_of_many() -> None:
    model = MLPClassifier(**SMALL).fit(X, Y)
    p = model.predict_proba(X)
    for i in (0, 77, 149):
        np.testing.assert_array_equal(model.predict_proba(X[i : i + 1])[0], p[i])
        np.testing.assert_array_equal(model.predict_proba(X[i : i + 1].tolist())[0], p[i])
    np.testing.assert_array_equal(model.predict_proba(np.asfortranarray(X)), p)
    np.testing.assert_array_equal(model.predict_proba(X[::-1]), p[::-1])
    assert model.score(X, Y) == accuracy_score(Y, model.predict(X))


def test_names_of_features_are_kept_and_watched() -> None:
    frame = pytest.importorskip("pandas").DataFrame(dict(zip("abcd", X.T, strict=True)))
    model = MLPClassifier(**SMALL).fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_what_is_written_into_weights_counts() -> None:
    model = MLPClassifier(**SMALL).fit(X, Y)
    other = MLPClassifier(**{**SMALL, "random_state": 1}).fit(X, Y)
    before = model.predict_proba(X)
    model.predict(X)
    model.intercepts_[-1][:] = [0.0, 100.0, 0.0]
    assert (model.predict(X) == 1).all()
    model.coefs_ = [w.copy() for w in other.coefs_]
    model.intercepts_[0] = other.intercepts_[0]
    model.intercepts_[1] = other.intercepts_[1].tolist()
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    assert np.abs(before - other.predict_proba(X)).max() > 0.01
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict_proba(X), other.predict_proba(X))
    model.coefs_[0][...] = 0
    model.partial_fit(X, Y)
    assert 0 < np.abs(model.coefs_[0]).max() < 0.01  # one pass of small steps from zero
    with pytest.raises(ValueError, match=r"must have shape \(4, 8\), got \(8, 4\)"):
        model.coefs_ = [w.T for w in other.coefs_]


def test_wrong_weights_are_named() -> None:
    model = MLPRegressor(**SMALL).fit(X, Y)
    with pytest.raises(ValueError, match="expected 2 arrays"):
        model.intercepts_ = [np.zeros(8)]
    with pytest.raises(AttributeError, match="before it is fitted"):
        MLPRegressor().coefs_ = []


def test_verbose_prints_scikit_learns_lines(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {**SMALL, "max_iter": 200, "verbose": True, "early_stopping": True, "n_iter_no_change": 2}
    printed = []
    for kind in (theirs.MLPClassifier, MLPClassifier):
        kind(**settings).fit(X, Y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    MLPRegressor(**{**SMALL, "solver": "lbfgs", "verbose": True}).fit(X, Y)
    assert "Iteration 3, loss = 0." in capsys.readouterr().out


class _Interrupt(callbacks.Callback):
    """Ctrl-C between two calls of the engine."""

    def on_epoch_end(self, run: Any) -> None:
        if run.epoch == 3:
            raise KeyboardInterrupt


def test_interrupting_between_epochs_keeps_what_was_learnt() -> None:
    expected = MLPClassifier(**{**SMALL, "max_iter": 3}, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected.fit(X, Y)
    model = MLPClassifier(**{**SMALL, "max_iter": 50}, tol=0.0, callbacks=[_Interrupt()])
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_interrupting_keeps_what_was_learnt() -> None:
    """As Ctrl-C does: the signal comes while the engine runs."""
    import _thread

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20000, 50)), rng.normal(size=20000)
    model = MLPRegressor(
        hidden_layer_sizes=(200, 200), max_iter=100000, tol=0.0, n_iter_no_change=100000, random_state=0
    )
    timer = threading.Timer(1.0, _thread.interrupt_main)
    timer.start()
    started = time.perf_counter()
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, y)
    assert time.perf_counter() - started < 60
    assert model.n_iter_ == len(model.loss_curve_)
    assert np.isfinite(model.predict(X[:5])).all()


def test_scores_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y, p, w = rng.normal(size=(30, 3)), rng.normal(size=(30, 3)), rng.uniform(size=30)
    y[:, 1] = 2.0
    for weight in (None, w):
        assert scores.r2(y, p, weight) == pytest.approx(r2_score(y, p, sample_weight=weight), rel=1e-12)
        right = p[:, 0] > 0
        assert scores.accuracy(right, weight) == accuracy_score(right, np.ones(30, bool), sample_weight=weight)
    p[:, 1] = 2.0
    assert scores.r2(y, p, None) == pytest.approx(r2_score(y, p), rel=1e-12)
    p[3, 0] = np.inf
    assert np.isnan(scores.r2(y, p, None))


def test_many_labels_at_once_and_one_class_alone() -> None:
    y = np.stack([Y == 0, Y > 0, X[:, 0] > 0], axis=1).astype(int)
    model = MLPClassifier(**{**SMALL, "max_iter": 200, "learning_rate_init": 0.01}).fit(X, y)
    assert model.predict(X).shape == model.predict_proba(X).shape == (150, 3)
    assert model.score(X, y) > 0.8
    alone = MLPClassifier(**SMALL).fit(X, np.full(150, "only"))
    assert alone.classes_.tolist() == ["only"]
    assert (alone.predict(X) == "only").all()


def test_cross_validation_of_a_regressor() -> None:
    model = MLPRegressor(solver="lbfgs", max_iter=50, random_state=0)
    folds = KFold(3, shuffle=True, random_state=0)
    assert cross_val_score(model, X[:, :3], X[:, 3], cv=folds).mean() > 0.8


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_found_among_many(value: float) -> None:
    rows = np.random.RandomState(0).normal(size=(4000, 4))
    labels = (rows[:, 0] > 0).astype(int)
    model = MLPClassifier(**{**SMALL, "max_iter": 1}).fit(rows, labels)
    rows[3000, 2] = value
    assert not all_finite(rows) and not all_finite(np.tile([value, -value], 10_000)) and all_finite(rows[:3000])
    for call in (model.predict, lambda rows: model.fit(rows, labels), lambda rows: model.partial_fit(rows, labels)):
        with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
            call(rows)
    with pytest.raises(ValueError, match=r"y contains (NaN|infinity)"):
        MLPRegressor(**SMALL).fit(rows[:3000], np.full(3000, value))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float64])
def test_labels_are_scikit_learns(dtype: Any) -> None:
    for y in (Y, Y + 3, 2 * Y, np.where(Y == 1, 1, 5)):
        ours, other = (kind(**SMALL).fit(X, y.astype(dtype)) for kind in (MLPClassifier, theirs.MLPClassifier))
        np.testing.assert_array_equal(ours.classes_, other.classes_)
        assert ours.classes_.dtype == other.classes_.dtype == ours.predict(X).dtype
        assert ours.loss_ == pytest.approx(other.loss_, rel=1e-9)
        assert ours.score(X, y.astype(dtype)) == accuracy_score(y.astype(dtype), ours.predict(X))


class Greedy(MLPClassifier):
    def __init__(self, alpha: float = -1.0) -> None:
        super().__init__(alpha=alpha, max_iter=1)


def test_defaults_of_derived_estimators_are_checked() -> None:
    for _ in range(2):
        with pytest.raises(InvalidParameterError, match="'alpha' parameter of Greedy"):
            Greedy().fit(X, Y)
    assert Greedy(0.1).fit(X, Y).get_params() == {"alpha": 0.1}
