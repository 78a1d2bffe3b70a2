"""scikit-learn's own callbacks on our estimators, where the installed release has them."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from descend import MLPClassifier, MLPRegressor, NetworkClassifier, callbacks, layers

theirs = pytest.importorskip("sklearn.callback")

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class Recorder:
    """Writes down what it is told."""

    max_propagation_depth = None

    def __init__(self, stop_after: int | None = None) -> None:
        self.told: list[str] = []
        self.models: list[Any] = []
        self.metadata: list[Any] = []
        self.stop_after = stop_after

    def setup(self, estimator: Any, context: Any) -> None:
        self.told.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any, *, X: Any = None) -> None:
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, metadata: Any = None, fitted_estimator: Any = None
    ) -> bool:
        self.told.append(f"end {context.task_name}")
        self.models.append(fitted_estimator)
        self.metadata.append(metadata)
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifier(**SMALL),
        MLPClassifier(**SMALL, early_stopping=True),
        MLPClassifier(**SMALL, solver="lbfgs"),
        MLPRegressor(**SMALL),
        NetworkClassifier([layers.Dense(5, "tanh")], epochs=5, random_state=0),
        MLPClassifier(**SMALL, callbacks=[callbacks.Function(on_step_end=lambda run: None)]),
    ],
    ids=str,
)
def test_every_epoch_is_told(model: Any) -> None:
    plain, recorder = clone(model).fit(X, Y), Recorder()
    watched = clone(model).set_callbacks(recorder).fit(X, Y)
    epochs = ["begin epoch", "end epoch"] * 5
    assert recorder.told == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    np.testing.assert_array_equal(watched.coefs_[0], plain.coefs_[0])
    assert watched.loss_ == plain.loss_
    assert vars(watched).keys() == vars(plain).keys() | {"_skl_callbacks"}
    *along, last = recorder.models
    np.testing.assert_array_equal(last.predict(X), plain.predict(X))
    for most, one in enumerate(along, start=1):  # what a fit that ended there would have given
        short = clone(model).set_params(**({"epochs": most} if "epochs" in model.get_params() else {"max_iter": most}))
        if not short.get_params().get("early_stopping"):
            np.testing.assert_array_equal(one.predict(X), short.fit(X, Y).predict(X))


def test_they_may_stop_it() -> None:
    for settings in ({}, {"solver": "lbfgs"}):
        model = MLPClassifier(**SMALL, **settings).set_callbacks(Recorder(stop_after=2))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(X, Y)
        short = MLPClassifier(**{**SMALL, **settings, "max_iter": 2}).fit(X, Y)
        assert model.n_iter_ == 2
        np.testing.assert_array_equal(model.coefs_[0], short.coefs_[0])


def test_weights_and_streams_are_told() -> None:
    weight, recorder = np.arange(150) % 3, Recorder()
    model = MLPClassifier(**SMALL).set_callbacks(recorder).fit(X, Y, weight)
    assert recorder.metadata[0]["sample_weight"] is weight
    recorder.told.clear()
    model.partial_fit(X, Y)
    assert recorder.told == ["setup", "begin partial_fit", "begin epoch", "end epoch", "end partial_fit", "teardown"]
    recorder.told.clear()
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X * np.nan, Y)
    assert recorder.told == ["setup", "begin fit", "teardown"]
    model.set_callbacks()
    assert pickle.loads(pickle.dumps(model)).predict(X).shape == (150,)


def test_theirs_work(capsys: pytest.CaptureFixture[str]) -> None:
    monitor = theirs.ScoringMonitor(scoring="accuracy")
    model = MLPClassifier(**SMALL).set_callbacks(monitor, theirs.ProgressBar()).fit(X, Y)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 5 and scores[-1] == model.score(X, Y)
    assert "MLPClassifier - fit" in capsys.readouterr().out
    recorder = Recorder()
    search = GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.1, 1.0]}, cv=2).set_callbacks(recorder)
    search.fit(X, Y)
    assert recorder.told.count("begin epoch") == recorder.told.count("end epoch") == 5 * 5
