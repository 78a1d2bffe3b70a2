"""Estimators: averages of the weights, accumulated gradients, the history and its diagnosis, missing values."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.utils import get_tags

from descend import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor, callbacks, layers, optimizers

RNG = np.random.default_rng(3)
X = RNG.normal(size=(120, 5))
Y = X[:, 0] * X[:, 1] + 0.1 * RNG.normal(size=120)
LABELS = (Y > 0).astype(int)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (7,), "batch_size": 16, "max_iter": 4, "random_state": 0}


@pytest.fixture(autouse=True)
def _few_epochs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _flat(model: Any) -> np.ndarray:
    return np.concatenate([array.ravel() for array in (*model.coefs_, *model.intercepts_)])


class Path(callbacks.Callback):
    """Keeps the weights after every update."""

    def __init__(self) -> None:
        self.weights: list[np.ndarray] = []

    def on_step_end(self, run: Any) -> None:
        self.weights.append(_flat(run.network).copy())


# Averages


def test_a_moving_average_by_hand() -> None:
    path = Path()
    plain = MLPRegressor(**SMALL, callbacks=[path]).fit(X, Y)
    averaged = MLPRegressor(**SMALL, average_decay=0.8).fit(X, Y)
    mean = np.zeros_like(path.weights[0])
    for weights in path.weights:
        mean = 0.8 * mean + 0.2 * weights
    np.testing.assert_allclose(_flat(averaged), mean / (1 - 0.8 ** len(path.weights)), rtol=1e-12)
    assert averaged.loss_curve_ == plain.loss_curve_  # the path is the same
    given = MLPRegressor(**SMALL, solver=optimizers.Adam(epsilon_hat=True, average_decay=0.8)).fit(X, Y)
    np.testing.assert_array_equal(_flat(given), _flat(averaged))


def test_swa_by_hand() -> None:
    ends: list[np.ndarray] = []
    look = callbacks.Function(on_epoch_end=lambda run: ends.append(_flat(run.network).copy()))
    model = MLPRegressor(**SMALL, callbacks=[callbacks.SWA(2), look]).fit(X, Y)
    np.testing.assert_allclose(_flat(model), np.mean(ends[1:], axis=0), rtol=1e-12)
    net = NetworkRegressor([layers.Dense(6), layers.BatchNorm(), layers.ReLU()], callbacks=[callbacks.SWA(2)], epochs=3)
    assert np.isfinite(net.fit(X, Y).predict(X)).all()


def test_swa_that_takes_no_weights_is_said() -> None:
    with pytest.warns(UserWarning, match=r"SWA\(start=9\) takes no weights, as this training ends with epoch 4"):
        MLPRegressor(**SMALL, callbacks=callbacks.SWA(9)).fit(X, Y)
    stop = callbacks.Function(on_epoch_end=lambda run: run.stop() if run.epoch == 2 else None)
    with pytest.warns(UserWarning, match=r"SWA\(start=3\) took no weights, as the training ended in epoch 2"):
        MLPRegressor(**SMALL, callbacks=[callbacks.SWA(3), stop]).fit(X, Y)
    model = MLPRegressor(**SMALL, callbacks=callbacks.SWA(3))
    for _ in range(3):
        model.partial_fit(X, Y)  # how many will follow nobody knows: nothing is said


@pytest.mark.parametrize("scoring", [None, "accuracy", "loss"])
def test_the_average_is_what_is_judged_and_kept(scoring: str | None) -> None:
    held = X[:40], LABELS[:40]
    model = MLPClassifier(**SMALL, average_decay=0.9, scoring=scoring).fit(
        X[40:], LABELS[40:], X_val=held[0], y_val=held[1]
    )
    assert model.validation_scores_ is not None
    if scoring != "loss":
        assert model.score(*held) == model.validation_scores_[-1] or model.score(*held) == max(model.validation_scores_)
    stopping = callbacks.EarlyStopping("loss", patience=2)
    kept = MLPClassifier(**SMALL, average_decay=0.9, callbacks=[stopping]).fit(X, LABELS)
    plain = MLPClassifier(**SMALL, average_decay=0.9).fit(X, LABELS)
    if kept.n_iter_ == plain.n_iter_ and np.argmin(plain.loss_curve_) == plain.n_iter_ - 1:
        np.testing.assert_array_equal(_flat(kept), _flat(plain))


def test_partial_fit_goes_on_from_the_latest_weights() -> None:
    whole = MLPRegressor(**SMALL, average_decay=0.8, shuffle=False).fit(X, Y)
    parts = MLPRegressor(**SMALL, average_decay=0.8, shuffle=False)
    for _ in range(4):
        parts.partial_fit(X, Y)
        parts = pickle.loads(pickle.dumps(parts))
    np.testing.assert_allclose(_flat(parts), _flat(whole), rtol=1e-12)


# Accumulation


@pytest.mark.parametrize("kind", ["mlp", "network"])
def test_accumulated_batches_are_a_larger_batch(kind: str) -> None:
    def model(batch: int, parts: int) -> Any:
        if kind == "mlp":
            return MLPRegressor(**{**SMALL, "batch_size": batch}, accumulate=parts)
        return NetworkRegressor([layers.Dense(7, "tanh")], batch_size=batch, accumulate=parts, epochs=4, random_state=0)

    large, parts, small = (model(*sizes).fit(X, Y) for sizes in ((48, 1), (16, 3), (16, 1)))
    np.testing.assert_allclose(parts.predict(X), large.predict(X), rtol=1e-9)
    np.testing.assert_allclose(parts.loss_curve_, large.loss_curve_, rtol=1e-9)
    assert not np.allclose(small.predict(X), large.predict(X), rtol=1e-3)
    steps = Path()
    clone(parts).set_params(callbacks=[steps]).fit(X, Y)
    assert len(steps.weights) == 4 * 3


def test_accumulation_is_refused_where_there_are_no_batches() -> None:
    with pytest.raises(ValueError, match="accumulate=2 adds up the gradients of batches, but batch_size=None"):
        NetworkRegressor(batch_size=None, accumulate=2).fit(X, Y)
    with pytest.raises(ValueError, match="accumulate=2 does not go with optimizer='lbfgs'"):
        NetworkRegressor(optimizer="lbfgs", accumulate=2).fit(X, Y)


# History


def test_the_history_is_diagnosed() -> None:
    slow = MLPRegressor(**{**SMALL, "max_iter": 20}, solver="sgd", learning_rate_init=1e-7).fit(X, Y)
    assert [finding.name for finding in slow.history_.diagnose()] == ["learning_rate_too_low"]
    assert slow.history_.loss == slow.loss_curve_
    deep = NetworkClassifier(
        [layers.Dense(16, "sigmoid") for _ in range(8)], optimizer=optimizers.SGD(0.1), epochs=20,
        callbacks=[callbacks.Monitor()], random_state=0,
    ).fit(X, LABELS)  # fmt: skip
    assert "vanishing_gradients" in [finding.name for finding in deep.history_.diagnose()]
    healthy = MLPClassifier(**{**SMALL, "max_iter": 60, "learning_rate_init": 0.01}).fit(X, LABELS)
    assert healthy.history_.stop_reason in ("epochs", "tol")
    assert healthy.history_.setup.rows == 120


def test_the_history_of_a_training_that_failed_tells_why() -> None:
    model = MLPRegressor(**SMALL, solver="sgd", learning_rate_init=1e6)
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X, Y)
    assert "exploding" in str(model.history_.diagnose()) or "learning_rate_too_high" in [
        finding.name for finding in model.history_.diagnose()
    ]


def test_the_history_goes_on_with_partial_fit_and_warm_starts() -> None:
    model = MLPRegressor(**SMALL).partial_fit(X, Y).partial_fit(X, Y)
    assert model.history_.epoch == [1, 2]
    model.set_params(warm_start=True).fit(X, Y)
    assert model.history_.epoch == [1, 2, 3, 4, 5, 6]
    assert len(model.set_params(warm_start=False).fit(X, Y).history_) == 4


# Missing values


def _gaps() -> np.ndarray:
    rows = X.copy()
    rows[::7, 1] = np.nan
    return rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_missing_values_where_layers_fill_them(dtype: Any) -> None:
    rows = _gaps().astype(dtype)
    model = NetworkClassifier([layers.Impute(), layers.Standardize(), layers.Dense(8, "relu")], epochs=10)
    assert get_tags(model).input_tags.allow_nan
    model.fit(rows, LABELS, X_val=rows, y_val=LABELS)
    filled = np.where(np.isnan(rows), np.nanmean(rows, axis=0), rows)
    np.testing.assert_allclose(model.predict_proba(rows), model.predict_proba(filled.astype(dtype)), rtol=1e-5)
    assert cross_val_score(clone(model), rows, LABELS, cv=3).shape == (3,)
    regressor = NetworkRegressor([layers.Impute(indicator=True), layers.Dense(8, "relu")], epochs=3).fit(rows, Y)
    assert np.isfinite(regressor.predict(rows)).all()


def test_missing_values_elsewhere_are_refused() -> None:
    rows = _gaps()
    plain = NetworkClassifier([layers.Dense(8, "relu")], epochs=3)
    assert not get_tags(plain).input_tags.allow_nan
    assert not get_tags(NetworkClassifier()).input_tags.allow_nan
    assert not get_tags(NetworkClassifier("no layers")).input_tags.allow_nan  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="contains NaN"):
        plain.fit(rows, LABELS)
    partly = NetworkClassifier([layers.Impute(columns=1), layers.Dense(8, "relu")], epochs=3).fit(rows, LABELS)
    rows[3, 2] = np.nan
    for call in (partly.predict, lambda rows: clone(partly).fit(rows, LABELS)):
        with pytest.raises(ValueError, match=r"X must hold finite numbers, got nan at X\[3, 2\]"):
            call(rows)
    rows[3, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        partly.predict(rows)
