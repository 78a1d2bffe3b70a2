"""Several columns of classes at once: a softmax each over the same hidden layers, in one network."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils.class_weight import compute_sample_weight

from descend import MLPClassifier, Network, NetworkClassifier, layers, losses, metrics, optimizers

X, KIND = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
MORE = np.random.RandomState(0).permutation(len(X))
X, KIND = X[MORE], KIND[MORE]
WIDE = np.digitize(X[:, 1], [-1.0, 0.0, 1.0])  # 0 to 3
Y = np.column_stack([KIND, WIDE])
WORDS = np.column_stack([np.array(["setosa", "versicolor", "virginica"])[KIND], np.array(list("abcd"))[WIDE]])
SMALL: dict[str, Any] = {"hidden_layer_sizes": (16,), "max_iter": 60, "learning_rate_init": 0.02, "random_state": 0}


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.mark.parametrize("y", [Y, WORDS, WORDS.astype(object), Y.tolist()], ids=["numbers", "words", "objects", "list"])
def test_looks_like_scikit_learns(y: Any) -> None:
    model, forest = MLPClassifier(**SMALL).fit(X, y), RandomForestClassifier(5, random_state=0).fit(X, y)
    assert isinstance(model.classes_, list) and len(model.classes_) == 2
    for ours, theirs in zip(model.classes_, forest.classes_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for method in ("predict_proba", "predict_log_proba"):
        got = getattr(model, method)(X)
        with np.errstate(divide="ignore"):
            expected = getattr(forest, method)(X)
        assert [one.shape for one in got] == [one.shape for one in expected] == [(150, 3), (150, 4)]
    for one in model.predict_proba(X):
        np.testing.assert_allclose(one.sum(axis=1), 1.0, rtol=1e-12)
    predicted = model.predict(X)
    assert predicted.shape == (150, 2) and predicted.dtype.kind == forest.predict(X).dtype.kind
    assert model.score(X, y) == (predicted == np.asarray(y)).all(axis=1).mean() > 0.9
    assert model.out_activation_ == "softmax" and model.n_outputs_ == 7
    several = MultiOutputClassifier(MLPClassifier(**SMALL)).fit(X, np.asarray(y))  # scores likewise
    assert several.score(X, np.asarray(y)) == (several.predict(X) == np.asarray(y)).all(axis=1).mean()


def test_the_loss_is_the_sum_of_the_columns() -> None:
    model = MLPClassifier(**{**SMALL, "max_iter": 3}).fit(X, Y, X_val=X, y_val=Y)
    best = int(np.argmax(model.validation_scores_))
    chosen = [p[np.arange(150), column] for p, column in zip(model.predict_proba(X), Y.T, strict=True)]
    assert model.validation_loss_curve_[best] == pytest.approx(-np.log(chosen).sum(axis=0).mean(), rel=1e-12)
    assert model.best_validation_score_ == pytest.approx(model.score(X, Y))
    plain = NetworkClassifier([layers.Dense(8, "tanh")], epochs=3, random_state=0).fit(X, Y, X_val=X, y_val=Y)
    chosen = [p[np.arange(150), column] for p, column in zip(plain.predict_proba(X), Y.T, strict=True)]
    best = int(np.argmax(plain.validation_scores_))
    assert plain.validation_loss_curve_[best] == pytest.approx(-np.log(chosen).mean(), rel=1e-12)


def test_one_column_twice_is_one_network() -> None:
    """Two equal columns have equal probabilities where their first weights are equal: nothing is mixed up."""
    twice = np.column_stack([KIND, KIND])
    model = MLPClassifier((), solver="sgd", momentum=0.0, max_iter=1, random_state=0).fit(X, twice)
    half = model.coefs_[0][:, :3]
    model.coefs_, model.intercepts_ = [np.hstack([half, half])], [np.zeros(6)]
    model.partial_fit(X, twice)
    first, second = model.predict_proba(X)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "lbfgs", "max_iter": 200},
        {"solver": "sgd", "learning_rate_init": 0.1},
        {"early_stopping": True, "n_iter_no_change": 90},
        {"label_smoothing": 0.1},
        {"class_weight": "balanced"},
        {"loss": losses.CategoricalCrossentropy(0.1)},
        {"dropout": 0.1, "batch_norm": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_setting_learns_and_counts(settings: dict[str, Any], dtype: Any) -> None:
    model = MLPClassifier(**{**SMALL, "max_iter": 100, **settings}).fit(X.astype(dtype), WORDS)
    assert model.score(X.astype(dtype), WORDS) > 0.8
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X.astype(dtype))[1], model.predict_proba(X.astype(dtype))[1])
    plain = MLPClassifier(**{**SMALL, "max_iter": 100}).fit(X.astype(dtype), WORDS)
    assert model.loss_ != plain.loss_


def test_weights_of_rows_and_classes() -> None:
    plain = MLPClassifier(**SMALL).fit(X, Y, compute_sample_weight("balanced", Y))
    model = MLPClassifier(**SMALL, class_weight="balanced").fit(X, Y)
    np.testing.assert_allclose(model.coefs_[0], plain.coefs_[0], rtol=1e-9)
    given = [{0: 3.0}, {1: 0.5, 3: 2.0}]
    plain = MLPClassifier(**SMALL).fit(X, Y, np.where(KIND == 0, 3.0, 1.0) * np.array([1.0, 0.5, 1.0, 2.0])[WIDE])
    np.testing.assert_array_equal(MLPClassifier(**SMALL, class_weight=given).fit(X, Y).coefs_[0], plain.coefs_[0])
    weight = np.arange(150) % 3
    assert plain.score(X, Y, weight) == np.average((plain.predict(X) == Y).all(axis=1), weights=weight)
    for wrong, match in (
        ({0: 1.0}, "or a list of dicts"),
        ([{0: 1.0}], "one dict for each of the 2"),
        ([{7: 1.0}] * 2, "names the class 7"),
    ):
        with pytest.raises(ValueError, match=match):
            MLPClassifier(class_weight=wrong).fit(X, Y)


def test_streams_and_warm_starts() -> None:
    model = MLPClassifier(**SMALL)
    for start in range(0, 150, 50):
        model.partial_fit(X[start : start + 50], WORDS[start : start + 50], classes=[np.unique(one) for one in WORDS.T])
    for _ in range(60):
        model.partial_fit(X, WORDS)
    assert model.score(X, WORDS) > 0.9
    # a part in which all columns are 0 and 1 is no set of labels
    part = (Y < 2).all(axis=1)
    numbers = MLPClassifier(**SMALL).partial_fit(X[part], Y[part], classes=[[0, 1, 2], [0, 1, 2, 3]])
    assert numbers.partial_fit(X, Y).predict(X).shape == (150, 2)
    with pytest.raises(ValueError, match="not the same as on last call to partial_fit"):
        numbers.partial_fit(X, Y, classes=[[0, 1, 2], [0, 1, 2]])
    with pytest.raises(ValueError, match=r"column 1 of `y` has classes not in `self.classes_\[1\]`"):
        numbers.partial_fit(X, Y + np.array([0, 9]))
    with pytest.raises(ValueError, match="y must have 2 columns of classes"):
        numbers.partial_fit(X, KIND)
    with pytest.raises(ValueError, match="classes must be passed"):
        MLPClassifier().partial_fit(X, Y)
    warm = MLPClassifier(**{**SMALL, "max_iter": 5}, warm_start=True).fit(X, Y)
    before = warm.loss_
    assert warm.fit(X, Y).loss_ < before
    with pytest.raises(ValueError, match="In column 1 previously got"):
        warm.fit(X, np.column_stack([KIND, KIND]))
    judged = MLPClassifier(**SMALL).partial_fit(X, Y, classes=[[0, 1, 2], [0, 1, 2, 3]], X_val=X, y_val=Y)
    assert judged.best_validation_score_ == pytest.approx(judged.score(X, Y))


def test_around_it() -> None:
    scores = cross_val_score(MLPClassifier(**SMALL), X, Y, cv=3)
    search = GridSearchCV(MLPClassifier(**SMALL), {"alpha": [1e-4, 10.0]}, cv=3).fit(X, Y)
    assert scores.mean() > 0.8 and search.best_params_ == {"alpha": 1e-4}
    assert not hasattr(clone(search.best_estimator_), "classes_")
    scored = MLPClassifier(
        **SMALL, early_stopping=True, scoring=lambda model, rows, y: (model.predict(rows) == y).mean()
    )
    assert scored.fit(X, WORDS).best_validation_score_ > 0.6
    labels = MLPClassifier(**SMALL).fit(X, Y > 0)  # columns of 0 and 1 are labels, as ever
    assert isinstance(labels.classes_, np.ndarray) and labels.predict_proba(X).shape == (150, 2)


def test_labels_are_replaced_and_mixed() -> None:
    plain = MLPClassifier(**SMALL).fit(X, Y)
    noisy = [
        MLPClassifier(**SMALL, **settings).fit(X, Y)
        for settings in ({"label_noise": 0.2}, {"loss": losses.CategoricalCrossentropy(label_noise=0.2)})
    ]
    for model in noisy:
        assert model.score(X, Y) > 0.8 and model.loss_ > 2 * plain.loss_
    np.testing.assert_array_equal(noisy[0].predict_proba(X)[1], noisy[1].predict_proba(X)[1])
    for first in (layers.Mixup(0.3), layers.CutMix(0.3)):
        mixed = NetworkClassifier([first, layers.Dense(16, "tanh")], optimizer=optimizers.Adam(0.02), random_state=0)
        assert mixed.fit(X, Y).score(X, Y) > 0.8


def test_refusals() -> None:
    with pytest.raises(ValueError, match="does not suit several columns of classes"):
        MLPClassifier(loss="hinge").fit(X, Y)
    with pytest.raises(ValueError, match="no several columns of classes"):
        MLPClassifier(**SMALL).fit(X, Y).to_sklearn()
    for wrong in (
        [layers.Dense(7, "softmax")],
        [layers.Dense(7), layers.Softmax((4, 3))],
        [layers.Dense(3, "softmax")],
    ):
        with pytest.raises(ValueError, match="layers end in Softmax"):
            NetworkClassifier(wrong).fit(X, Y)
    with pytest.raises(ValueError, match="groups"):
        layers.Softmax((3, 0))
    with pytest.raises(ValueError, match=r"groups \(3, 2\) add up to 5, but the layer before has 4 outputs"):
        Network([layers.Dense(4), layers.Softmax((3, 2))], (4,))


def test_a_network_trains_them() -> None:
    hidden = [layers.Dense(16, activation="relu"), layers.Dense(7)]
    net = Network([*hidden, layers.Softmax((3, 4))], (4,), seed=0, dtype="float64")
    history = net.fit(X, Y, epochs=60, optimizer=optimizers.Adam(0.02), metrics=["accuracy"], validation_split=0.2)
    assert history.metrics["accuracy"][-1] > 0.85
    p = net.predict(X)
    right = (p[:, :3].argmax(axis=1) == KIND) & (p[:, 3:].argmax(axis=1) == WIDE)
    rows = np.hstack([np.eye(3)[KIND], np.eye(4)[WIDE]])
    chosen = -np.log(p[rows > 0].reshape(150, 2))
    for y in (Y, rows, Y.astype(float)):
        values = net.evaluate(X, y, metrics=["accuracy", _first], loss="categorical_crossentropy")
        assert values["accuracy"] == right.mean() and values["loss"] == pytest.approx(chosen.mean())
        assert values["_first"] == (p[:, :3].argmax(axis=1) == KIND).mean()
    soft = rows * 0.8 + np.hstack([np.full((150, 3), 0.2 / 3), np.full((150, 4), 0.05)])
    fresh = copy.deepcopy(net)
    assert Network(net.layers, (4,), seed=0).fit(X, soft, epochs=30).loss[-1] > 0.5
    del fresh
    with pytest.raises(ValueError, match="y has 3 columns, but the network ends in"):
        net.evaluate(X, rows[:, :3])
    with pytest.raises(ValueError, match="columns 0 to 2 of y must be one-hot"):
        net.evaluate(X, np.roll(rows, 1, axis=1))
    with pytest.raises(ValueError, match="column 1 of y must hold class numbers 0 to 3"):
        net.evaluate(X, Y + np.array([0, 1]))
    with pytest.raises(ValueError, match="metrics names 'f1'"):
        net.evaluate(X, Y, metrics=["f1"])
    assert metrics.accuracy(KIND, p[:, :3]) == (p[:, :3].argmax(axis=1) == KIND).mean()


def _first(true: Any, p: Any, weight: Any = None) -> float:
    return float((p[:, :3].argmax(axis=1) == true[:, 0]).mean())


def test_files_keep_the_groups(tmp_path: Any) -> None:
    net = Network([layers.Dense(7), layers.Softmax((3, 4))], (4,), seed=0)
    net.fit(X, Y, epochs=2, optimizer="adam")
    net.save(tmp_path / "groups.descend")
    again = Network.load(tmp_path / "groups.descend")
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    assert again.layers[-1] == layers.Softmax((3, 4))
    assert "groups=(3, 4)" in net.plan()
    net.fit(X, Y, epochs=2), again.fit(X, Y, epochs=2)
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
