"""What MLPClassifier and MLPRegressor do beyond scikit-learn's: every keyword by what it changes, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError

from descend import MLPClassifier, MLPRegressor, Network, callbacks, layers, losses, optimizers, schedules
from estimator_checks import checks_of
from iris_data import SMALL, TWO, X, Y, Z

pytestmark = pytest.mark.usefixtures("_short_runs_do_not_converge")


def _curve(**settings: Any) -> list[float]:
    return MLPClassifier(**{**SMALL, **settings}).fit(X, Y).loss_curve_


#: Random masks, batch statistics and counted classes do not see a row of weight 2 as two rows.
NOT_BY_REPEATING = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")


@checks_of(
    [
        MLPClassifier(dropout=0.1, batch_norm=True, l1=1e-4, max_iter=60, learning_rate_init=0.01),
        MLPClassifier(solver="adamw", label_smoothing=0.05, activation="gelu", max_iter=60, threads=1),
        MLPClassifier(solver="nadam", class_weight="balanced", max_iter=60),
        MLPClassifier(loss="hinge", max_iter=60),
        MLPRegressor(loss="huber", solver="rmsprop", learning_rate="cosine", learning_rate_init=0.01, max_iter=60),
    ]
)
def test_follows_the_contract(estimator: Any, check: Any) -> None:
    name = getattr(check, "func", check).__name__
    if name in NOT_BY_REPEATING and (estimator.get_params().get("class_weight") or estimator.dropout):
        pytest.skip("a row of weight 2 is not two rows here")
    partly = "partial_fit" in name or name in ("check_fit_score_takes_y", "check_n_features_in_after_fitting")
    if partly and estimator.get_params().get("class_weight") == "balanced":
        pytest.skip("partial_fit never sees all rows, which class_weight='balanced' needs")
    check(estimator)


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.3},
        {"dropout": [0.0, 0.3]},
        {"drop_connect": 0.3},
        {"gradient_noise": 0.3},
        {"label_noise": 0.3},
        {"drop_connect": [0.0, 0.3]},
        {"batch_norm": True},
        {"input_noise": 0.5},
        {"l1": 0.5},
        {"weight_decay": 0.5},
        {"activation": ["tanh", "gelu"]},
        {"activation": layers.LeakyReLU(0.3)},
        {"label_smoothing": 0.2},
        {"class_weight": {0: 5.0}},
        {"learning_rate": "cosine"},
        {"learning_rate": schedules.Step(0.05, every=2), "learning_rate_init": 0.001},
        {"learning_rate_init": schedules.OneCycle(0.05)},
        {"learning_rate_init": schedules.ReduceOnPlateau(0.01, patience=2, min_delta=9.0)},
        {"loss": losses.CategoricalCrossentropy(0.1)},
    ],
    ids=str,
)
def test_every_keyword_changes_the_course(settings: dict[str, Any]) -> None:
    changed = _curve(**settings)
    for rate in (0.01, 0.05):  # of the schedules, too
        assert changed != _curve(learning_rate_init=rate)
    assert np.isfinite(changed).all()
    assert _curve(**settings) == changed


@pytest.mark.parametrize("name", [name for name in layers.activation_names() if name != "softmax"])
def test_every_activation_learns(name: str) -> None:
    model = MLPClassifier((20,), activation=name, max_iter=150, learning_rate_init=0.01, random_state=0).fit(X, Y)
    assert model.score(X, Y) > 0.9


@pytest.mark.parametrize("name", [name for name in optimizers.registry.names() if name != "lbfgs"])
def test_every_optimizer_learns_by_name_and_as_an_object(name: str) -> None:
    rate = 0.1 if name in ("sgd", "gradient_descent", "adagrad", "nesterov", "momentum", "heavy_ball") else 0.01
    settings = {"solver": name, "max_iter": 100, "random_state": 0, "batch_size": 32}
    model = MLPClassifier((20,), learning_rate_init=rate, **settings).fit(X, Y)
    assert model.score(X, Y) > 0.93
    settings["solver"] = optimizers.registry.get(name)(learning_rate=rate)
    assert MLPClassifier((20,), **settings).fit(X, Y).score(X, Y) > 0.93


def test_numbers_of_the_solver_come_from_the_keywords() -> None:
    by_name = _curve(solver="nesterov", momentum=0.5)
    assert by_name == _curve(solver=optimizers.Nesterov(0.01, momentum=0.5), learning_rate_init=0.001)
    by_name = _curve(solver="nadam", beta_1=0.5, epsilon=1e-3)
    assert by_name == _curve(solver=optimizers.Nadam(0.01, beta_1=0.5, epsilon=1e-3), learning_rate_init=0.001)
    assert _curve(solver="adamw", weight_decay=0.0) == _curve(solver=optimizers.Adam(0.01), learning_rate_init=0.001)


def test_a_schedule_is_the_same_in_all_its_places() -> None:
    cosine = schedules.Cosine(0.01)
    by_name = _curve(learning_rate="cosine")
    assert by_name == _curve(learning_rate=cosine, learning_rate_init=0.001)
    assert by_name == _curve(learning_rate_init=cosine)
    inside = optimizers.Adam(cosine, epsilon_hat=True)
    assert by_name == _curve(solver=inside, learning_rate_init=0.001)
    assert _curve(learning_rate=schedules.Constant(0.01), learning_rate_init=0.001) == _curve()


@pytest.mark.parametrize(
    ("loss", "as_network"),
    [
        ("absolute_error", "mae"),
        ("huber", "huber"),
        ("quantile", "pinball"),
        ("rmse", "rmse"),
        ("mse", "mse"),
        (losses.Pinball(0.9), losses.Pinball(0.9)),
        (losses.Huber(0.2), losses.Huber(0.2)),
    ],
    ids=str,
)
def test_losses_of_numbers_are_those_of_a_network(loss: Any, as_network: Any) -> None:
    """Its validation loss is what a `Network` with the same weights evaluates to (half of it for squares)."""
    model = MLPRegressor(loss, (7,), max_iter=5, random_state=0).fit(X, Z, X_val=X, y_val=Z)
    best = int(np.argmax(model.validation_scores_))
    net = Network([layers.Dense(7, activation="relu"), layers.Dense(2)], (4,), dtype="float64")
    names = ("dense_1/weight", "dense_2/weight"), ("dense_1/bias", "dense_2/bias")
    net.set_weights(
        dict(zip(names[0], model.coefs_, strict=True)) | dict(zip(names[1], model.intercepts_, strict=True))
    )
    expected = net.evaluate(X, Z, loss=as_network)["loss"]
    share = 0.5 if loss == "mse" else 1.0
    np.testing.assert_allclose(model.validation_loss_curve_[best], expected * share, rtol=1e-9)


def test_quantiles_are_quantiles() -> None:
    y = np.random.RandomState(0).normal(size=400)
    model = MLPRegressor(losses.Pinball(0.9), (), max_iter=300, learning_rate_init=0.05, learning_rate="cosine")
    model.set_params(random_state=0, n_iter_no_change=np.inf).fit(np.zeros((400, 1)), y)
    assert abs(model.predict([[0.0]])[0] - np.quantile(y, 0.9)) < 0.1


def test_hinge_gives_scores_instead_of_probabilities() -> None:
    model = MLPClassifier((20,), loss="hinge", max_iter=300, learning_rate_init=0.01, random_state=0).fit(X, TWO)
    assert not hasattr(model, "predict_proba") and not hasattr(MLPClassifier(), "decision_function")
    scores = model.decision_function(X)
    np.testing.assert_array_equal(model.predict(X), (scores > 0).astype(int))
    assert model.score(X, TWO) > 0.95
    labels = np.stack([TWO, Y == 0], axis=1).astype(int)
    model.set_params(early_stopping=True, n_iter_no_change=100).fit(X, labels)
    assert model.decision_function(X).shape == labels.shape and model.score(X, labels) > 0.9
    with pytest.raises(ValueError, match="does not suit 3 classes"):
        model.fit(X, Y)


def test_label_smoothing_tempers_probabilities() -> None:
    sure, smooth = (
        MLPClassifier((20,), max_iter=600, label_smoothing=s, learning_rate_init=0.01, random_state=0, alpha=0).fit(
            X, Y
        )
        for s in (0.0, 0.3)
    )
    assert sure.predict_proba(X).max() > 0.99 and smooth.predict_proba(X).max() < 0.95


def test_l1_makes_small_weights_smaller() -> None:
    plain, sparse_weights = (
        MLPClassifier((20,), max_iter=300, l1=l1, random_state=0, alpha=0.0, learning_rate_init=0.01).fit(X, Y)
        for l1 in (0.0, 1.0)
    )
    counts = [int((np.abs(model.coefs_[0]) < 1e-2).sum()) for model in (plain, sparse_weights)]
    assert counts[1] > counts[0] + 10


def test_class_weights_are_sample_weights() -> None:
    table = {0: 1.0, 1: 3.0, 2: 0.5}
    weighted = MLPClassifier(**SMALL).fit(X, Y, np.vectorize(table.get)(Y))
    assert MLPClassifier(class_weight=table, **SMALL).fit(X, Y).loss_curve_ == weighted.loss_curve_
    names = np.array(["a", "b", "c"])[Y]
    by_name = MLPClassifier(class_weight={"b": 3.0, "c": 0.5}, **SMALL).fit(X, names)
    assert by_name.loss_curve_ == weighted.loss_curve_
    some = np.r_[np.flatnonzero(TWO)[:10], np.flatnonzero(TWO == 0)]
    balanced = MLPClassifier(class_weight="balanced", **SMALL).fit(X[some], TWO[some])
    counts = np.bincount(TWO[some])
    same = MLPClassifier(**SMALL).fit(X[some], TWO[some], (len(some) / (2 * counts))[TWO[some]])
    np.testing.assert_allclose(balanced.loss_curve_, same.loss_curve_, rtol=1e-12)
    labels = np.stack([TWO, Y == 0], axis=1).astype(int)
    listed = MLPClassifier(class_weight=[{1: 2.0}, {0: 3.0}], **SMALL)
    weight = np.where(labels[:, 0], 2.0, 1.0) * np.where(labels[:, 1], 1.0, 3.0)
    expected = MLPClassifier(**SMALL).fit(X, labels, weight).loss_curve_
    assert listed.fit(X, labels).loss_curve_ == expected
    assert listed.fit(X, sparse.csr_matrix(labels)).loss_curve_ == expected
    parts = MLPClassifier(class_weight={2: 2.0}, **SMALL)
    parts.partial_fit(X[Y < 2], Y[Y < 2], classes=[0, 1, 2]).partial_fit(X, Y)


def test_time_budget_and_threads() -> None:
    many = np.tile(X, (40, 1)), np.tile(Y, 40)
    model = MLPClassifier(time_budget=0.3, max_iter=10**6, n_iter_no_change=np.inf, random_state=0).fit(*many)
    assert 0 < model.n_iter_ < 10**6
    one, two = (MLPClassifier((150,), max_iter=3, threads=n, random_state=0).fit(*many) for n in (1, 2))
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


def test_grids_reach_the_keywords() -> None:
    grid = {"dropout": [0.0, 0.2], "solver": ["rmsprop", optimizers.Adam(0.01)], "activation": ["gelu"]}
    search = GridSearchCV(MLPClassifier((9,), max_iter=20, random_state=0), grid, cv=2).fit(X, Y)
    assert search.best_score_ > 0.5


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 1.0},
        {"dropout": "much"},
        {"batch_norm": "yes"},
        {"l1": -1},
        {"weight_decay": -0.1},
        {"activation": "swoosh"},
        {"activation": layers.Dense(3)},
        {"activation": ["tanh"]},
        {"activation": ["tanh", "swoosh"]},
        {"dropout": [0.1]},
        {"drop_connect": 1.0},
        {"gradient_noise": -0.1},
        {"label_noise": 1.5},
        {"label_noise": 0.1, "loss": losses.CategoricalCrossentropy(label_noise=0.2)},
        {"solver": "lbfgs", "label_noise": 0.1},
        {"callbacks": [callbacks.SWA(3), callbacks.SWA(4)]},
        {"callbacks": callbacks.SWA(3), "average_decay": 0.9},
        {"average_decay": 1.0},
        {"solver": "lbfgs", "average_decay": 0.9},
        {"accumulate": 0},
        {"solver": "lbfgs", "accumulate": 2},
        {"solver": "lbfgs", "gradient_noise": 0.1},
        {"drop_connect": [0.1]},
        {"drop_connect": [0.1, "much"]},
        {"solver": "lbfgs", "drop_connect": 0.1},
        {"hidden_layer_sizes": (), "drop_connect": 0.1},
        {"dropout": [0.1, 2.0]},
        {"loss": "squared_error"},
        {"loss": losses.MSE()},
        {"loss": "binary_crossentropy"},
        {"label_smoothing": 1.0},
        {"label_smoothing": 0.1, "loss": losses.CategoricalCrossentropy(0.1)},
        {"class_weight": "even"},
        {"class_weight": {7: 1.0}},
        {"class_weight": {0: -1.0}},
        {"class_weight": [{0: 1.0}]},
        {"scoring": "beauty"},
        {"callbacks": "none"},
        {"threads": 0},
        {"time_budget": 0},
        {"solver": "newton"},
        {"solver": optimizers.Adam},
        {"solver": optimizers.Adam(), "learning_rate_init": 0.1},
        {"learning_rate": "fast"},
        {"learning_rate": schedules.Cosine(0.1), "learning_rate_init": 0.1},
        {"learning_rate": "adaptive", "learning_rate_init": schedules.Cosine(0.1)},
        {"learning_rate": "cosine", "solver": optimizers.Adam(schedules.Cosine(0.1))},
        {"solver": "lbfgs", "dropout": 0.1},
        {"input_noise": -1.0},
        {"solver": "lbfgs", "batch_norm": True},
        {"solver": "lbfgs", "input_noise": 0.1},
        {"solver": "lbfgs", "scoring": "f1_macro"},
        {"hidden_layer_sizes": (), "dropout": 0.2},
        {"hidden_layer_sizes": (), "batch_norm": True},
        {"solver": "adagrad", "momentum": 0.5},
        {"solver": "nadam", "nesterovs_momentum": False},
        {"solver": "rmsprop", "beta_1": 0.5},
        {"solver": "adamw", "max_fun": 3},
        {"solver": "adamw", "power_t": 0.1},
        {"solver": optimizers.Adam(), "epsilon": 1e-3},
        {"solver": optimizers.Momentum(), "momentum": 0.5},
        {"solver": optimizers.LBFGS(), "early_stopping": True},
        {"solver": optimizers.LBFGS(), "batch_size": 10},
        {"solver": optimizers.LBFGS(), "max_iter": 10},
        {"solver": optimizers.LBFGS(), "tol": 1e-3},
        {"solver": "lbfgs", "weight_decay": 0.1},
        {"solver": "lbfgs", "learning_rate": "cosine"},
        {"solver": "lbfgs", "time_budget": 3},
        {"solver": "lbfgs", "callbacks": [callbacks.EarlyStopping("loss")]},
        {"callbacks": [callbacks.Checkpoint("somewhere")]},
    ],
    ids=str,
)
def test_refusals_name_the_parameter(settings: dict[str, Any]) -> None:
    named = "|".join(settings)
    with pytest.raises((ValueError, TypeError), match=named):
        MLPClassifier(**{"hidden_layer_sizes": (5, 4), **settings}).fit(X, Y)


def test_what_scikit_learns_solvers_skip_they_skip_here() -> None:
    plain = MLPClassifier((5,), solver="lbfgs", max_iter=5, random_state=0).fit(X, Y)
    more: dict[str, Any] = {"momentum": 0.5, "early_stopping": True, "batch_size": 7, "learning_rate": "adaptive"}
    skipped = MLPClassifier((5,), solver="lbfgs", max_iter=5, random_state=0, **more).fit(X, Y)
    np.testing.assert_array_equal(plain.coefs_[0], skipped.coefs_[0])
    assert _curve(power_t=0.1, nesterovs_momentum=False, max_fun=3) == _curve()


def test_noise_depends_on_the_seed_and_not_on_what_is_predicted() -> None:
    models = [MLPClassifier(**SMALL, input_noise=0.3).fit(X, Y) for _ in range(2)]
    np.testing.assert_array_equal(models[0].predict_proba(X), models[0].predict_proba(X))
    np.testing.assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))
    start = MLPClassifier(**SMALL).fit(X, Y)  # noise of another seed, from the same first weights
    courses = []
    for seed in (1, 2):
        model = MLPClassifier(**{**SMALL, "random_state": seed, "warm_start": True, "shuffle": False}, input_noise=0.3)
        model.fit(X, Y)
        model.coefs_, model.intercepts_ = start.coefs_, start.intercepts_
        courses.append(model.fit(X, Y).loss_curve_[-1])
    assert courses[0] != courses[1]
    np.testing.assert_array_equal(models[0].to_sklearn().predict(X), models[0].predict(X))


@pytest.mark.parametrize("noise", [{"drop_connect": 0.3}, {"label_noise": 0.3}, {"gradient_noise": 0.1}], ids=str)
def test_every_noise_follows_the_seed(noise: dict[str, Any]) -> None:
    courses = []
    for seed in (1, 1, 2):
        model = MLPClassifier(**{**SMALL, "random_state": 0, "shuffle": False, "max_iter": 3}, **noise)
        model.fit(X, Y)
        model.set_params(random_state=seed, warm_start=True)
        courses.append(model.fit(X, Y).loss_curve_[-1])
    assert courses[0] == courses[1] != courses[2]


def test_numbers_inside_objects_are_parameters() -> None:
    model = MLPClassifier(solver=optimizers.Adam(0.01), loss=losses.BinaryCrossentropy())
    model.set_params(solver__learning_rate=0.2, loss__label_smoothing=0.1)
    assert model.solver == optimizers.Adam(0.2) and model.loss == losses.BinaryCrossentropy(0.1)
    assert model.get_params()["solver__beta_1"] == 0.9
    with pytest.raises(ValueError, match="Invalid parameter 'solver__learning_rate'"):
        MLPClassifier().set_params(solver__learning_rate=0.2)


def test_more_refusals() -> None:
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be whole numbers, got \[3, 2.5\]"):
        MLPClassifier((3, 2.5)).fit(X, Y)
    with pytest.raises(ValueError, match="scoring='f1_macro' scores validation rows, and there are none"):
        MLPClassifier(scoring="f1_macro").fit(X, Y)
    with pytest.raises(ValueError, match="scoring='f1_macro' does not go with solver='lbfgs'"):
        MLPClassifier(scoring="f1_macro", solver="lbfgs", early_stopping=True).fit(X, Y)
    with pytest.raises(InvalidParameterError, match="'loss' parameter of MLPRegressor"):
        MLPRegressor("hinge").fit(X, Z)
    with pytest.raises(ValueError, match="X_val and y_val belong together"):
        MLPClassifier().fit(X, Y, X_val=X)
    with pytest.raises(ValueError, match=r"X_val, y_val: .*classes not in"):
        MLPClassifier().fit(X, TWO, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="X_val, y_val: X has 3 features"):
        MLPClassifier().fit(X, Y, X_val=X[:, :3], y_val=Y)
    with pytest.raises(ValueError, match="X_val does not go with solver='lbfgs'"):
        MLPClassifier(solver="lbfgs").fit(X, Y, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="needs all rows at once"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="columns"):
        MLPRegressor().fit(X, Z, X_val=X, y_val=Z[:, 0])
    with pytest.raises(ValueError, match="scoring must return a number"):
        MLPClassifier(scoring=lambda model, rows, y: "good").fit(X, Y, X_val=X, y_val=Y)


def test_an_activation_with_weights_is_learnt_in_each_layer() -> None:
    by_name, by_object = (MLPClassifier(**SMALL, activation=one).fit(X, Y) for one in ("prelu", layers.PReLU()))
    assert by_name.loss_curve_ == by_object.loss_curve_
    assert len([p for p in by_object._network.plan.parameters if p.name.endswith("slope")]) == 2
