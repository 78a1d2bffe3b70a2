"""Fitted estimators taken over from scikit-learn and handed back: equal predictions both ways."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.fixes import parse_version

import descend as ours

X = np.random.RandomState(0).normal(size=(120, 5))
TARGETS = {
    "two": np.where(X[:, 0] > 0, "yes", "no"),
    "three": np.digitize(X[:, 1], [-0.5, 0.5]) * 10,
    "labels": (X[:, :3] > 0).astype(int),
    "number": X[:, 0] ** 2,
    "numbers": X[:, :2] ** 2,
    "counts": np.round(np.exp(X[:, :2])),
}


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _classes(target: str) -> tuple[Any, Any, dict[str, Any]]:
    if target in ("two", "three", "labels"):
        return theirs.MLPClassifier, ours.MLPClassifier, {}
    return theirs.MLPRegressor, ours.MLPRegressor, {"loss": "poisson"} if target == "counts" else {}


def _alike(one: Any, other: Any, rows: np.ndarray) -> None:
    close = {"rtol": 1e-4, "atol": 1e-5} if rows.dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-13}
    if hasattr(one, "classes_"):
        np.testing.assert_array_equal(other.predict(rows), one.predict(rows))
        np.testing.assert_array_equal(other.classes_, one.classes_)
        np.testing.assert_allclose(other.predict_proba(rows), one.predict_proba(rows), **close)
    else:
        np.testing.assert_allclose(other.predict(rows), one.predict(rows), **close)
    assert other.predict(rows).dtype == one.predict(rows).dtype and other.predict(rows).shape == one.predict(rows).shape
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "loss_"):
        assert getattr(other, name) == getattr(one, name)
    assert getattr(other, "loss_curve_", None) == getattr(one, "loss_curve_", None)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"activation": "tanh", "solver": "lbfgs"}, {"early_stopping": True, "activation": "logistic"}],
    ids=str,
)
def test_there_and_back(target: str, dtype: Any, settings: dict[str, Any]) -> None:
    their, our, more = _classes(target)
    settings = {"hidden_layer_sizes": (7, 4), "max_iter": 8, "random_state": 1, **settings, **more}
    rows, y = X.astype(dtype), TARGETS[target]
    old = parse_version(sklearn.__version__) < parse_version("1.8")
    if old and settings.get("early_stopping") and y.dtype.kind == "U":
        pytest.skip("scikit-learn's own fails where it stops early on two classes that are names")
    fitted = their(**settings).fit(rows, y)
    taken = our.from_sklearn(fitted)
    _alike(fitted, taken, rows)
    assert {name: taken.get_params()[name] for name in fitted.get_params()} == fitted.get_params()
    _alike(taken, taken.to_sklearn(), rows)
    own = our(**settings).fit(rows, y)
    _alike(own, own.to_sklearn(), rows)


@pytest.mark.parametrize("target", ["two", "three", "labels", "number"])
def test_training_goes_on_on_both_sides(target: str) -> None:
    their, our, more = _classes(target)
    fitted = (
        their((7,), max_iter=5, random_state=1, **more)
        if not more and target != "number"
        else their(hidden_layer_sizes=(7,), max_iter=5, random_state=1)
    )
    fitted.fit(X, TARGETS[target])
    taken = our.from_sklearn(fitted)
    handed = taken.to_sklearn()
    for model in (taken, handed):
        model.partial_fit(X, TARGETS[target])
    np.testing.assert_allclose(taken.coefs_[0], handed.coefs_[0], rtol=1e-9)
    assert len(taken.loss_curve_) == len(fitted.loss_curve_) + 1


def test_what_only_concerns_training_is_left_out() -> None:
    model = ours.MLPRegressor("huber", (6,), solver="nadam", dropout=0.1, learning_rate="cosine", max_iter=5)
    handed = model.fit(X, TARGETS["number"]).to_sklearn()
    np.testing.assert_allclose(handed.predict(X), model.predict(X), rtol=1e-12, atol=1e-13)  # some are close to 0
    assert handed.solver == "adam"


@pytest.mark.parametrize(
    "settings",
    [{"activation": "gelu"}, {"activation": ["tanh", "relu"]}, {"batch_norm": True}, {"loss": "hinge"}],
    ids=str,
)
def test_other_networks_are_refused(settings: dict[str, Any]) -> None:
    model = ours.MLPClassifier((6, 5), max_iter=2, **settings).fit(X, TARGETS["two"])
    with pytest.raises(ValueError, match="scikit-learn"):
        model.to_sklearn()


def test_other_estimators_are_refused() -> None:
    with pytest.raises(TypeError, match=r"takes a fitted MLPClassifier .* got MLPRegressor"):
        ours.MLPClassifier.from_sklearn(theirs.MLPRegressor())
    with pytest.raises(NotFittedError):
        ours.MLPClassifier.from_sklearn(theirs.MLPClassifier())
    with pytest.raises(NotFittedError):
        ours.MLPClassifier().to_sklearn()
