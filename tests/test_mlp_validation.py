"""Validation rows, scoring, callbacks and early stopping of `MLPClassifier` and `MLPRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import balanced_accuracy_score, f1_score, make_scorer

from descend import MLPClassifier, MLPRegressor, callbacks
from iris_data import X, Y, Z

pytestmark = pytest.mark.usefixtures("_short_runs_do_not_converge")


@pytest.mark.parametrize("rows", [X, sparse.csr_matrix(X)], ids=["dense", "sparse"])
def test_the_users_validation_rows(rows: Any) -> None:
    train, held = slice(0, 100), slice(100, 150)
    model = MLPClassifier((20,), learning_rate_init=0.02, max_iter=60, random_state=0)
    model.fit(rows[train], Y[train], X_val=rows[held], y_val=Y[held])
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == len(model.loss_curve_) == 60
    assert model.score(rows[held], Y[held]) == model.best_validation_score_ == max(model.validation_scores_)
    plain = MLPClassifier((20,), learning_rate_init=0.02, max_iter=60, random_state=0).fit(rows[train], Y[train])
    assert plain.loss_curve_ == model.loss_curve_ and plain.validation_loss_curve_ is None
    model.set_params(early_stopping=True, n_iter_no_change=3)
    model.fit(rows[train], Y[train], X_val=rows[held], y_val=Y[held])
    assert model.n_iter_ < 60 and model.stopped_
    assert model.score(rows[held], Y[held]) == max(model.validation_scores_)


def test_weights_of_validation_rows_count() -> None:
    weight = np.linspace(0.1, 3, 50)
    model = MLPRegressor(hidden_layer_sizes=(9,), max_iter=8, random_state=0)
    model.fit(X[:100], Z[:100, 0], X_val=X[100:], y_val=Z[100:, 0], sample_weight_val=weight)
    assert model.score(X[100:], Z[100:, 0], weight) == pytest.approx(model.best_validation_score_, rel=1e-12)


@pytest.mark.parametrize(
    ("scoring", "function"),
    [
        ("balanced_accuracy", balanced_accuracy_score),
        (make_scorer(f1_score, average="macro", pos_label=None), lambda y, p: f1_score(y, p, average="macro")),
        (lambda model, rows, y: balanced_accuracy_score(y, model.predict(rows)), balanced_accuracy_score),
    ],
)
def test_scoring(scoring: Any, function: Any) -> None:
    names = np.array(["ash", "birch", "cedar"])[Y]
    model = MLPClassifier((9,), scoring=scoring, max_iter=12, random_state=0)
    model.fit(X[:100], names[:100], X_val=X[100:], y_val=names[100:])
    assert function(names[100:], model.predict(X[100:])) == pytest.approx(model.best_validation_score_)
    model.set_params(early_stopping=True).fit(X, names)
    assert len(model.validation_scores_) == model.n_iter_


def test_scoring_by_loss() -> None:
    model = MLPClassifier((9,), scoring="loss", max_iter=12, random_state=0).fit(X, Y, X_val=X, y_val=Y)
    np.testing.assert_array_equal(model.validation_scores_, -np.array(model.validation_loss_curve_))
    p = model.predict_proba(X)[np.arange(150), Y]
    assert -np.log(p).mean() == pytest.approx(-model.best_validation_score_, rel=1e-9)


def test_partial_fit_with_validation_rows_predicts_with_the_best_weights() -> None:
    model = MLPClassifier((9,), early_stopping=True, n_iter_no_change=4, learning_rate_init=0.05, random_state=0)
    plain = MLPClassifier((9,), learning_rate_init=0.05, random_state=0)
    for _ in range(200):
        model.partial_fit(X[:100], Y[:100], classes=[0, 1, 2], X_val=X[100:], y_val=Y[100:])
        plain.partial_fit(X[:100], Y[:100], classes=[0, 1, 2])
        assert model.score(X[100:], Y[100:]) == max(model.validation_scores_)
        if model.stopped_:
            break
    assert model.stopped_ and 4 < len(model.loss_curve_) < 200
    assert model.loss_curve_ == plain.loss_curve_  # training went on from the latest weights


def test_callbacks_see_and_stop_the_training() -> None:
    seen: list[tuple[int, float, float]] = []
    steps: list[int] = []

    def look(run: Any) -> None:
        seen.append((run.epoch, run.value("loss"), run.value("val_score")))
        assert run.network.coefs_[0].shape == (4, 9)
        if run.epoch == 4:
            run.stop()

    settings = {"hidden_layer_sizes": (9,), "early_stopping": True, "random_state": 0}
    model = MLPClassifier(callbacks=[callbacks.Function(look)], **settings).fit(X, Y)
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3, 4] and model.n_iter_ == 4
    assert [loss for _, loss, _ in seen] == model.loss_curve_
    assert [score for _, _, score in seen] == model.validation_scores_
    by_steps = callbacks.Function(on_step_end=lambda run: steps.append(run.step))
    settings = {**settings, "max_iter": 4, "batch_size": 50}
    stepwise = MLPClassifier(callbacks=by_steps, **settings).fit(X, Y)
    assert steps == list(range(1, 13))
    np.testing.assert_array_equal(stepwise.coefs_[0], MLPClassifier(**settings).fit(X, Y).coefs_[0])


def test_early_stopping_as_a_callback_keeps_its_best() -> None:
    stop = callbacks.EarlyStopping("val_loss", patience=3)
    model = MLPClassifier((20,), learning_rate_init=0.1, max_iter=300, random_state=0, callbacks=[stop], tol=0)
    model.fit(X[:60], Y[:60], X_val=X[60:], y_val=Y[60:])
    p = model.predict_proba(X[60:])[np.arange(90), Y[60:]]
    assert -np.log(p).mean() == pytest.approx(min(model.validation_loss_curve_), rel=1e-9)
    assert model.n_iter_ < 300
    with pytest.raises(ValueError, match="does not record"):
        model.fit(X, Y)


def test_the_best_weights_are_kept_when_training_diverges() -> None:
    def blow_up(run: Any) -> None:
        if run.epoch == 5:
            run.network.coefs_[0][...] = 1e300
            run.network.coefs_[1][...] = 1e300

    model = MLPRegressor(hidden_layer_sizes=(9,), random_state=0, callbacks=callbacks.Function(blow_up))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model.fit(X[:100], Z[:100], X_val=X[100:], y_val=Z[100:])
    assert len(model.validation_scores_) == 5
    assert model.score(X[100:], Z[100:]) == pytest.approx(max(model.validation_scores_))
