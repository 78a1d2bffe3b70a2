"""NetworkClassifier and NetworkRegressor: the contract, their output layers, and parameters inside parameters."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from descend import (
    MLPClassifier,
    NetworkClassifier,
    NetworkRegressor,
    Perceptron,
    Sequences,
    SigmoidNeuron,
    callbacks,
    layers,
    losses,
    optimizers,
    penalties,
    schedules,
)
from estimator_checks import checks_of

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
MIXED = np.random.RandomState(0).permutation(len(X))
X, Y = X[MIXED], Y[MIXED]
TWO = (Y == 1).astype(int)
LABELS = np.stack([TWO, Y == 0], axis=1).astype(int)
Z = np.stack([X[:, 0], X[:, 1] * X[:, 2]], axis=1)
HIDDEN = [layers.Dense(12, activation="relu")]


@checks_of(
    [
        NetworkClassifier(HIDDEN, optimizer=optimizers.Adam(0.01), batch_size=None),
        NetworkClassifier(HIDDEN, optimizer="lbfgs", penalty=penalties.L2(1e-3), epochs=2000, random_state=0),
        NetworkRegressor(HIDDEN, optimizer=optimizers.Adam(0.01), batch_size=None),
        NetworkRegressor(loss="huber", optimizer=optimizers.SGD(0.05), batch_size=None, epochs=300),
    ]
)
def test_follows_the_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("make", [NetworkClassifier, NetworkRegressor])
def test_sequences_are_refused(make) -> None:
    with pytest.raises(TypeError, match=rf"X holds sequences .*{make.__name__} takes a table .* use descend.Network"):
        make([layers.Embedding(9, 5), layers.LSTM(8)]).fit(Sequences([[1, 2], [3]]), [0, 1])


@pytest.mark.parametrize("y", [TWO, Y, LABELS, np.array(["a", "b", "c"])[Y]], ids=["two", "three", "labels", "words"])
@pytest.mark.parametrize(
    "given",
    [
        HIDDEN,
        [layers.Dense(12), layers.BatchNorm(), layers.PReLU(), layers.Dropout(0.1)],
        [layers.BatchNorm(), layers.Dense(12, activation="gelu"), layers.Dense(6, activation="tanh")],
    ],
    ids=["plain", "dropout", "deep"],
)
def test_classifies(given: list[layers.Layer], y: Any) -> None:
    model = NetworkClassifier(given, optimizer=optimizers.Adam(0.02), epochs=60, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.93
    again = NetworkClassifier(given, optimizer=optimizers.Adam(0.02), epochs=60, random_state=0).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    outputs = model.network_.predict(X)
    np.testing.assert_array_equal(outputs, model.predict_proba(X)[:, -outputs.shape[1] :])


@pytest.mark.parametrize("loss", ["mse", "squared_error", "mae", losses.Huber(0.5), "rmse"], ids=str)
def test_predicts_numbers(loss: Any) -> None:
    model = NetworkRegressor(HIDDEN, loss=loss, optimizer=optimizers.Adam(0.02), epochs=150, random_state=0).fit(X, Z)
    assert model.score(X, Z) > 0.9 and model.predict(X).shape == Z.shape
    assert model.set_params(epochs=3).fit(X, Z[:, 0]).predict(X).shape == (150,)


def test_the_loss_is_the_librarys() -> None:
    model = NetworkRegressor(HIDDEN, epochs=3, random_state=0).fit(X, Z, X_val=X, y_val=Z)
    best = int(np.argmax(model.validation_scores_))
    assert model.validation_loss_curve_[best] == pytest.approx(((model.predict(X) - Z) ** 2).mean(), rel=1e-12)
    assert model.validation_loss_curve_[best] == pytest.approx(model.network_.evaluate(X, Z, loss="mse")["loss"])


def test_an_output_layer_may_be_given() -> None:
    added = NetworkClassifier(HIDDEN, epochs=3, random_state=0).fit(X, Y).predict_proba(X)
    for more in ([layers.Dense(3)], [layers.Dense(3), layers.Softmax()], [layers.Dense(3, activation="softmax")]):
        given = NetworkClassifier([*HIDDEN, *more], epochs=3, random_state=0).fit(X, Y).predict_proba(X)
        np.testing.assert_array_equal(given, added)
    NetworkClassifier([*HIDDEN, layers.Dense(1, activation="sigmoid")], epochs=1).fit(X, TWO)
    with pytest.raises(ValueError, match=r"layers end in Dense\(10\) .* y calls for 3 outputs"):
        NetworkClassifier([*HIDDEN, layers.Dense(10)]).fit(X, Y)
    with pytest.raises(ValueError, match=r"layers end in Softmax, but y calls for 1 output and Sigmoid\(\); leave"):
        NetworkClassifier([*HIDDEN, layers.Dense(3, activation="softmax")]).fit(X, TWO)
    with pytest.raises(ValueError, match="layers end in Softmax"):
        NetworkRegressor([*HIDDEN, layers.Dense(2, activation="softmax")]).fit(X, Z)


@pytest.mark.parametrize("loss", ["log_loss", "categorical_crossentropy", losses.CategoricalCrossentropy(0.1)], ids=str)
def test_two_classes_may_have_an_output_each(loss: Any) -> None:
    names = np.array(["no", "yes"])[TWO]
    ends = [layers.Dense(2)], [layers.Dense(2), layers.Softmax()], [layers.Dense(2, activation="softmax")]
    adam, probabilities = optimizers.Adam(0.02), []
    for end in ends:
        model = NetworkClassifier([*HIDDEN, *end], loss=loss, optimizer=adam, epochs=60, random_state=0).fit(X, names)
        assert model.score(X, names) > 0.93 and model.classes_.tolist() == ["no", "yes"] and model.n_outputs_ == 2
        probabilities.append(model.predict_proba(X))
        np.testing.assert_allclose(probabilities[-1].sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_array_equal(model.classes_[probabilities[-1].argmax(axis=1)], model.predict(X))
        np.testing.assert_array_equal(model.network_.predict(X), probabilities[-1])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert all(np.array_equal(one, probabilities[0]) for one in probabilities)


def test_two_classes_with_an_output_each_learn_in_every_way() -> None:
    pair = [layers.Dense(2, activation="softmax")]
    model = NetworkClassifier(pair, early_stopping=True, validation_fraction=0.2, random_state=0).fit(X, TWO)
    assert model.best_validation_score_ > 0.5
    model = NetworkClassifier(pair, class_weight={0: 1, 1: 2}, random_state=0)
    for _ in range(3):
        model.partial_fit(X, TWO, classes=[0, 1], X_val=X, y_val=TWO)
    assert model.predict_proba(X).shape == (150, 2) and len(model.validation_scores_) == 3
    model = NetworkClassifier(pair, warm_start=True, epochs=2, random_state=0).fit(X, TWO).fit(X, TWO)
    assert len(model.history_) == 4
    assert NetworkClassifier(pair, optimizer="lbfgs").fit(X, TWO).predict_proba(X).shape == (150, 2)
    for loss in ("binary_crossentropy", "hinge"):
        with pytest.raises(ValueError, match=r"y calls for 1 output.*; leave the output layer out, it is added"):
            NetworkClassifier(pair, loss=loss).fit(X, TWO)
    # Two labels at once are not two classes.
    assert NetworkClassifier([layers.Dense(2)], epochs=1).fit(X, LABELS).out_activation_ == "logistic"


def test_parameters_inside_parameters() -> None:
    model = NetworkClassifier([layers.Dense(8, activation="relu"), layers.Dropout(0.2)], penalty=penalties.L2(0.1))
    names = model.get_params()
    assert names["optimizer__learning_rate"] == 0.001 and names["layers__1__rate"] == 0.2
    assert names["penalty__l2"] == 0.1 and "optimizer__learning_rate" not in model.get_params(deep=False)
    model.set_params(optimizer__learning_rate=0.5, layers__0__units=5, layers__1__rate=0.0, penalty__l2=0.2)
    assert model.optimizer == optimizers.Adam(0.5) and model.penalty == penalties.L2(0.2)
    assert isinstance(model.layers, list) and model.layers[0].units == 5
    model.set_params(optimizer=optimizers.SGD(schedules.Cosine(0.1)), optimizer__learning_rate__rate=0.3)
    assert model.optimizer == optimizers.SGD(schedules.Cosine(0.3))
    assert clone(model).get_params()["optimizer__learning_rate__rate"] == 0.3
    for name in ("optimizer__speed", "layers__7__units", "epochs__more", "color__red", "color"):
        with pytest.raises(ValueError, match="Invalid parameter"):
            model.set_params(**{name: 1})
    with pytest.raises(ValueError, match="rate"):
        model.set_params(layers__1__rate=2.0)


def test_grids_reach_inside() -> None:
    grid = {"optimizer__learning_rate": [1e-6, 0.03], "layers__0__units": [4, 16]}
    search = GridSearchCV(NetworkClassifier(HIDDEN, epochs=20, random_state=0), grid, cv=3).fit(X, Y)
    assert search.best_params_["optimizer__learning_rate"] == 0.03 and search.best_score_ > 0.85
    assert HIDDEN[0] == layers.Dense(12, activation="relu")


def test_early_stopping_keeps_the_best() -> None:
    model = NetworkClassifier(HIDDEN, early_stopping=True, patience=4, epochs=500, random_state=0)
    model.set_params(optimizer__learning_rate=0.02).fit(X[:100], Y[:100], X_val=X[100:], y_val=Y[100:])
    assert model.stopped_ and model.n_iter_ < 500
    assert model.score(X[100:], Y[100:]) == max(model.validation_scores_)
    assert NetworkClassifier(HIDDEN, epochs=30, random_state=0).fit(X, Y).n_iter_ == 30


@pytest.mark.parametrize(
    "settings",
    [
        {"penalty": "l1"},
        {"batch_size": None},
        {"class_weight": {0: 4.0}},
        {"label_smoothing": 0.3},
        {"shuffle": False},
        {"optimizer": optimizers.AdamW(0.001)},
        {"loss": losses.CategoricalCrossentropy(0.2)},
    ],
    ids=str,
)
def test_every_keyword_changes_the_course(settings: dict[str, Any]) -> None:
    curves = [NetworkClassifier(HIDDEN, epochs=5, random_state=0, **s).fit(X, Y).loss_curve_ for s in ({}, settings)]
    assert curves[0] != curves[1]


def test_sparse_rows() -> None:
    rows = sparse.csr_matrix(X)
    model = NetworkClassifier(HIDDEN, epochs=5, random_state=0).fit(rows, Y)
    dense = NetworkClassifier(HIDDEN, epochs=5, random_state=0).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(rows), dense.predict_proba(X), rtol=1e-9)
    with pytest.raises(ValueError, match="X is sparse, but the layer 'batch_norm_1'"):
        NetworkClassifier([layers.BatchNorm(), *HIDDEN]).fit(rows, Y)


def test_streams_and_warm_starts() -> None:
    model = NetworkClassifier(HIDDEN, optimizer=optimizers.Adam(0.02), random_state=0)
    for _ in range(40):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert model.score(X, Y) > 0.9
    warm = NetworkClassifier(HIDDEN, epochs=10, warm_start=True, random_state=0).fit(X, Y)
    first = warm.loss_curve_[0]
    assert warm.fit(X, Y).loss_curve_[10] < first


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": layers.Dense(3)},
        {"layers": [3]},
        {"optimizer": "newton"},
        {"optimizer": 0.1},
        {"loss": "mse"},
        {"epochs": 0},
        {"batch_size": 0},
        {"patience": 0},
        {"min_delta": -1},
        {"validation_fraction": 0.0},
        {"penalty": "l3"},
        {"threads": 0},
        {"time_budget": -1},
        {"optimizer": "lbfgs", "early_stopping": True},
        {"optimizer": "lbfgs", "callbacks": [callbacks.EarlyStopping("loss")]},
        {"optimizer": "lbfgs", "layers": [layers.Dense(3), layers.Dropout(0.5)]},
    ],
    ids=str,
)
def test_refusals_name_the_parameter(settings: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match="(?i)" + "|".join(settings)):
        NetworkClassifier(**{"layers": HIDDEN, **settings}).fit(X, Y)


def test_layers_that_adapt_see_the_training_rows() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(1000.0, 30.0, 200), rng.integers(3, 7, 200)])
    y = (X[:, 0] > 1000) ^ (X[:, 1] == 5)
    first = [
        layers.OneHot(columns=1),
        layers.Standardize(columns=0),
        layers.Dense(16, "relu", weight_initializer="lsuv"),
    ]
    model = NetworkClassifier(first, epochs=300, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95
    weights = model.network_.get_weights()
    np.testing.assert_allclose(weights["standardize_1/mean"], X[:, 0].mean())
    np.testing.assert_array_equal(weights["one_hot_1/levels"], [3, 4, 5, 6])
    np.testing.assert_allclose(model.network_.predict(X)[:, 0], model.predict_proba(X)[:, 1])
    model.partial_fit(X[:20] + 5, y[:20])  # fewer levels, other means: they stay
    np.testing.assert_allclose(model.network_.get_weights()["standardize_1/mean"], X[:, 0].mean())


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_held_back_rows_do_not_count_for_statistics() -> None:
    X = np.random.default_rng(0).normal(size=(100, 2))
    for optimizer, options in (("adam", {"early_stopping": True, "validation_fraction": 0.5}), ("lbfgs", {})):
        model = NetworkRegressor(
            [layers.Standardize(), layers.Dense(4, "tanh")], optimizer=optimizer, epochs=2, random_state=0, **options
        ).fit(X, X[:, 0])
        mean = model.network_.get_weights()["standardize_1/mean"]
        assert np.allclose(mean, X.mean(axis=0)) == (not options)


def test_missing_values_name_the_layer_that_fills_them() -> None:
    rows, classes = np.ones((20, 3)), np.arange(20) % 2
    model = NetworkClassifier(HIDDEN, epochs=1).fit(rows, classes)
    rows[3, 1] = np.nan
    for use in (lambda: model.predict(rows), lambda: model.fit(rows, classes)):
        with pytest.raises(ValueError, match=r"X contains NaN, which NetworkClassifier .* put layers.Impute\(\) first"):
            use()


@pytest.mark.parametrize("kind", [NetworkClassifier, MLPClassifier, Perceptron, SigmoidNeuron])
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((True, False), r"objects of the type bool; pass y\.astype\(bool\)"),
        ((2, 3), r"objects of the type int; pass y\.astype\(int\)"),
        (("a", 3), r"objects of the type int, str; pass y\.astype\(str\)"),
        (("a", None), "objects of the type NoneType, str; drop the rows without a label"),
    ],
)
def test_objects_that_are_no_labels_are_named(kind: Any, labels: Any, words: str) -> None:
    with pytest.raises(ValueError, match="Unknown label type: y holds " + words):
        kind().fit(X, np.array(labels, dtype=object)[TWO])


@pytest.mark.parametrize("kind", [NetworkClassifier, Perceptron, SigmoidNeuron])
def test_true_and_false_are_classes(kind: Any) -> None:
    model = kind().fit(X, Y == 0)
    assert model.classes_.dtype == bool and model.predict(X).dtype == bool


@pytest.mark.parametrize("kind", [Perceptron, SigmoidNeuron])
def test_a_single_class_is_named_as_it_was_given(kind: Any) -> None:
    with pytest.raises(ValueError, match="y holds only one class, 3; "):
        kind().fit(X, np.full(len(X), 3))
