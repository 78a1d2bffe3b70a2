"""`MLPClassifier` and `MLPRegressor` copied, cloned, in other processes, and on threads."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
import threading
import warnings
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from descend import MLPClassifier, MLPRegressor
from descend.estimators.mlp import threads

pytestmark = pytest.mark.usefixtures("_short_runs_do_not_converge")
X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}


WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "joblib": lambda model: _through_joblib(model),
}


def _through_joblib(model: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("settings", [{}, {"solver": "sgd", "learning_rate": "invscaling"}], ids=["adam", "sgd"])
def test_copies_predict_and_train_on_alike(way: str, settings: dict[str, Any]) -> None:
    model = MLPClassifier(**SMALL, **settings).fit(X, Y)
    twin = WAYS[way](model)
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    assert twin.loss_curve_ == model.loss_curve_
    twin = WAYS[way](twin)  # without an engine in between
    for _ in range(2):
        model.partial_fit(X, Y)
        twin.partial_fit(X, Y)
    for mine, other in zip(model.coefs_, twin.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert twin.loss_curve_ == model.loss_curve_


def test_clones_are_not_fitted() -> None:
    model = MLPRegressor(**SMALL).fit(X, Y)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        twin.predict(X)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search(backend: str) -> None:
    search = GridSearchCV(
        make_pipeline(StandardScaler(), MLPClassifier(**SMALL)),
        {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__learning_rate_init": [0.001, 0.02]},
        cv=3,
        n_jobs=2,
    )
    with joblib.parallel_backend(backend), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, Y)
    assert search.best_params_["mlpclassifier__learning_rate_init"] == 0.02
    assert search.best_score_ > 0.8
    assert "MLPClassifier" in search._repr_html_()


def test_reprs() -> None:
    assert repr(MLPRegressor(alpha=1)) == "MLPRegressor(alpha=1)"
    assert "MLPRegressor" in MLPRegressor(alpha=1)._repr_html_()


def _limit() -> int | None:
    return threads.limit()


def test_joblibs_workers_are_told_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads.limit() is None
    job = [joblib.delayed(_limit)() for _ in range(4)]
    assert joblib.Parallel(2, backend="threading")(job) == [1] * 4
    assert joblib.Parallel(1)(job) == [None] * 4
    with joblib.parallel_config(backend="loky", inner_max_num_threads=3):
        assert joblib.Parallel(2)(job) == [3] * 4
    monkeypatch.setenv("OMP_NUM_THREADS", "5,2")
    assert threads.limit() == 5


def test_threads_follow_work_and_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = MLPClassifier((100,), max_iter=1).fit(X, Y)._network.plan
    monkeypatch.setattr(threads, "processors", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads.choose(plan, 1, passes=1) == 1
    assert threads.choose(plan, 10**6, passes=3) == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert threads.choose(plan, 10**6, passes=3) == 4
    assert threads.choose(plan, 500, passes=3) == 4
    assert threads.choose(plan, 375, passes=3) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    assert threads.choose(plan, 10**6, passes=3) == 0


def _fit_in_fork() -> None:
    model = MLPClassifier((64,), max_iter=3, batch_size=1000, random_state=0).fit(*load_digits(return_X_y=True))
    print(model.loss_, flush=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_children_train() -> None:
    """After the parent has used its threads."""
    code = (
        "import multiprocessing as m, warnings; warnings.simplefilter('ignore')\n"
        "from test_mlp_processes import _fit_in_fork as f; f()\n"
        "p = m.get_context('fork').Process(target=f); p.start(); p.join(60); print(p.exitcode)"
    )
    where = os.path.dirname(__file__)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=where, timeout=120)
    losses = done.stdout.split()
    assert losses.pop() == "0", done.stdout + done.stderr
    assert len(losses) == 2 and losses[0] == losses[1]


def test_threads_of_the_user_share_a_model() -> None:
    model = MLPClassifier(**SMALL).fit(X, Y)
    expected, wrong = model.predict_proba(X), []

    def ask() -> None:
        for _ in range(200):
            if not np.array_equal(model.predict_proba(X), expected):
                wrong.append(1)

    team = [threading.Thread(target=ask) for _ in range(4)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert not wrong
