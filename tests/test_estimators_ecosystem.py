"""MLPClassifier and MLPRegressor inside what scikit-learn builds around estimators.

Each case of the table is a small program run with both imports: what it returns must be the same up to rounding.
"""

from __future__ import annotations

import copy
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from scipy.sparse import issparse
from sklearn import config_context, neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.fixes import parse_version
from sklearn.utils.validation import _get_feature_names, check_is_fitted

from descend import MLPClassifier, MLPRegressor

OURS = sys.modules["descend.estimators.mlp"]

RAW, Y = load_iris(return_X_y=True)
MIXED = np.random.default_rng(0).permutation(len(Y))
RAW, Y = RAW[MIXED], Y[MIXED]
X = (RAW - RAW.mean(axis=0)) / RAW.std(axis=0)
TWO = (Y == 1).astype(int)
LABELS = np.stack([Y == 0, X[:, 0] > 0], axis=1).astype(int)
NUMBERS = np.stack([X[:, 3], X[:, 2] + 3], axis=1)
WEIGHT = np.random.default_rng(1).uniform(0.1, 3.0, len(Y))
CODES = np.floor(RAW[:, :1])  # a column of categories
SMALL: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 12, "learning_rate_init": 0.02, "random_state": 0}

Kind = Any  # the module that has MLPClassifier and MLPRegressor
Case = Callable[[Kind], Any]


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _classifier(kind: Kind, **settings: Any) -> Any:
    return kind.MLPClassifier(**{**SMALL, **settings})


def _regressor(kind: Kind, **settings: Any) -> Any:
    return kind.MLPRegressor(**{**SMALL, **settings})


def _probabilities(wrap: Callable[[Any], Any], y: Any = Y) -> Case:
    """A wrapper around the classifier, fitted: its probabilities."""
    return lambda kind: wrap(_classifier(kind)).fit(X, y).predict_proba(X)


def _numbers(wrap: Callable[[Any], Any], y: Any = NUMBERS[:, 0]) -> Case:
    """A wrapper around the regressor, fitted: its predictions."""
    return lambda kind: wrap(_regressor(kind)).fit(X, y).predict(X)


def _columns(kind: Kind, sparse: bool) -> Any:
    """Scaled numbers beside one-hot columns, written out or kept sparse."""
    parts = [("numbers", StandardScaler(), [0, 1, 2, 3]), ("codes", OneHotEncoder(sparse_output=sparse), [4])]
    columns, rows = ColumnTransformer(parts, sparse_threshold=float(sparse)), np.hstack([RAW, CODES])
    assert issparse(columns.fit_transform(rows)) == sparse
    return make_pipeline(columns, _classifier(kind)).fit(rows, Y).predict_proba(rows)


def _partial_fits(kind: Kind) -> Any:
    classes = MultiOutputClassifier(_classifier(kind))
    numbers = MultiOutputRegressor(_regressor(kind))
    for rows in (slice(0, 75), slice(75, 150)):
        classes.partial_fit(X[rows], LABELS[rows], classes=[[0, 1], [0, 1]])
        numbers.partial_fit(X[rows], NUMBERS[rows], sample_weight=WEIGHT[rows])
    return [*classes.predict_proba(X), numbers.predict(X)]


def _warm_pipeline(kind: Kind) -> Any:
    """Fitted twice: the network goes on, what is before it learns anew."""
    pipeline = make_pipeline(make_union(StandardScaler(), PCA(2)), _classifier(kind, warm_start=True))
    first = pipeline.fit(RAW, Y).predict_proba(RAW)
    return [first, pipeline.fit(RAW, Y).predict_proba(RAW), pipeline[-1].loss_curve_]


def _search(kind: Kind) -> Any:
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__hidden_layer_sizes": [(3,), (6, 4)]}
    search = GridSearchCV(make_pipeline(StandardScaler(), _classifier(kind)), grid, cv=3, n_jobs=1).fit(RAW, Y)
    return [search.cv_results_["mean_test_score"], search.predict_proba(RAW)]


def _routed_search(kind: Kind) -> Any:
    with config_context(enable_metadata_routing=True):
        model = _classifier(kind).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-4, 1.0]}, cv=3).fit(X, Y, sample_weight=WEIGHT)
        return [search.cv_results_["mean_test_score"], search.predict_proba(X)]


def _routed_pipeline(kind: Kind) -> Any:
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(
            scaler, _regressor(kind).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        )
        scores = cross_validate(model, X, NUMBERS[:, 0], cv=3, params={"sample_weight": WEIGHT})["test_score"]
        return [scores, model.fit(X, NUMBERS[:, 0], sample_weight=WEIGHT).predict(X)]


CASES: dict[str, Case] = {
    "Pipeline": _probabilities(lambda model: make_pipeline(StandardScaler(), PCA(3), model)),
    "ColumnTransformer": lambda kind: _columns(kind, sparse=False),
    "ColumnTransformer, sparse": lambda kind: _columns(kind, sparse=True),
    "GridSearchCV": _search,
    "RandomizedSearchCV": lambda kind: (
        RandomizedSearchCV(_regressor(kind), {"alpha": [1e-4, 1e-2, 1.0]}, n_iter=2, cv=3, random_state=0)
        .fit(X, NUMBERS)
        .cv_results_["mean_test_score"]
    ),
    "cross_val_score": lambda kind: cross_val_score(_classifier(kind), X, Y, cv=3, scoring="neg_log_loss"),
    "cross_validate": lambda kind: (
        cross_validate(_regressor(kind), X, NUMBERS, cv=3, scoring=["r2", "neg_mean_absolute_error"])["test_r2"]
    ),
    "cross_val_predict": lambda kind: cross_val_predict(_classifier(kind), X, Y, cv=3, method="predict_log_proba"),
    "CalibratedClassifierCV": _probabilities(lambda model: CalibratedClassifierCV(model, cv=3)),
    "isotonic calibration": _probabilities(lambda model: CalibratedClassifierCV(model, cv=3, method="isotonic"), TWO),
    "AdaBoostClassifier": _probabilities(lambda model: AdaBoostClassifier(model, n_estimators=4, random_state=0)),
    "AdaBoostRegressor": _numbers(lambda model: AdaBoostRegressor(model, n_estimators=4, random_state=0)),
    "BaggingClassifier": _probabilities(
        lambda model: BaggingClassifier(model, n_estimators=4, max_features=0.75, oob_score=False, random_state=0)
    ),
    "BaggingRegressor": _numbers(lambda model: BaggingRegressor(model, n_estimators=4, random_state=0), NUMBERS),
    "StackingClassifier": _probabilities(
        lambda model: StackingClassifier([("a", model), ("b", LogisticRegression())], LogisticRegression(), cv=3)
    ),
    "at the end of StackingClassifier": _probabilities(
        lambda model: StackingClassifier([("a", LogisticRegression())], model, cv=3, passthrough=True)
    ),
    "StackingRegressor": _numbers(lambda model: StackingRegressor([("a", model), ("b", Ridge())], Ridge(), cv=3)),
    "VotingClassifier": _probabilities(
        lambda model: VotingClassifier([("a", model), ("b", clone(model).set_params(alpha=1.0))], voting="soft")
    ),
    "VotingRegressor": _numbers(lambda model: VotingRegressor([("a", model), ("b", Ridge())])),
    "permutation_importance": lambda kind: (
        permutation_importance(_regressor(kind).fit(X, NUMBERS), X, NUMBERS, n_repeats=3, random_state=0)["importances"]
    ),
    "partial_dependence": lambda kind: partial_dependence(_classifier(kind).fit(X, TWO), X, [1])["average"],
    "SequentialFeatureSelector": lambda kind: (
        SequentialFeatureSelector(_classifier(kind), n_features_to_select=2, cv=2).fit(X, Y).get_support()
    ),
    "learning_curve": lambda kind: learning_curve(_classifier(kind), X, Y, cv=3, train_sizes=[0.5, 1.0])[2],
    "learning_curve, going on": lambda kind: (
        learning_curve(
            _classifier(kind), X, Y, cv=3, train_sizes=[0.5, 1.0], exploit_incremental_learning=True,
            scoring="neg_log_loss",
        )[2]
    ),
    "validation_curve": lambda kind: (
        validation_curve(_regressor(kind), X, NUMBERS, param_name="alpha", param_range=[0.0, 1.0], cv=3)[1]
    ),
    "TransformedTargetRegressor": _numbers(
        lambda model: TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp), NUMBERS[:, 1]
    ),
    "TransformedTargetRegressor, scaled": _numbers(
        lambda model: TransformedTargetRegressor(model, transformer=StandardScaler()), NUMBERS
    ),
    "MultiOutputClassifier": _probabilities(MultiOutputClassifier, LABELS),
    "MultiOutputRegressor": _numbers(MultiOutputRegressor, NUMBERS),
    "ClassifierChain": _probabilities(lambda model: ClassifierChain(model, cv=3, random_state=0), LABELS),
    "RegressorChain": _numbers(lambda model: RegressorChain(model, random_state=0), NUMBERS),
    "MultiOutput*.partial_fit": _partial_fits,
    "OneVsRestClassifier": _probabilities(OneVsRestClassifier),
    "OneVsOneClassifier": lambda kind: OneVsOneClassifier(_classifier(kind)).fit(X, Y).decision_function(X),
    "SelfTrainingClassifier": _probabilities(
        lambda model: SelfTrainingClassifier(model, max_iter=2), np.where(np.arange(150) % 3 == 0, -1, Y)
    ),
    "warm start at the end of a pipeline": _warm_pipeline,
    "routed sample_weight in a search": _routed_search,
    "routed sample_weight in a pipeline": _routed_pipeline,
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_around_both_alike(case: str) -> None:
    if "pipeline" in case and "routed" in case and parse_version(sklearn.__version__) < parse_version("1.8"):
        pytest.skip("a pipeline of scikit-learn routes no weights to score yet")
    ours, theirs = CASES[case](OURS), CASES[case](neural_network)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_what_theirs_route_ours_do_too(name: str) -> None:
    with config_context(enable_metadata_routing=True):
        ours, theirs = (getattr(kind, name)().get_metadata_routing() for kind in (OURS, neural_network))
        for method in ("fit", "partial_fit", "score"):
            wanted = getattr(theirs, method).requests
            assert wanted.items() <= getattr(ours, method).requests.items()
            assert "sample_weight" in wanted
        with pytest.raises(ValueError, match="sample_weight"):  # passed, but nobody said whether it is wanted
            cross_validate(getattr(OURS, name)(**SMALL), X, Y, cv=2, params={"sample_weight": WEIGHT})


@pytest.mark.parametrize("container", ["polars", "pandas"])
def test_frames_between_the_steps(container: str) -> None:
    frame = pytest.importorskip(container).DataFrame(dict(zip(("a", "b", "c", "d"), RAW.T, strict=True)))
    if _get_feature_names(frame) is None:
        pytest.skip("the installed scikit-learn does not know frames of the installed polars")
    columns = ColumnTransformer([("scaled", StandardScaler(), ["d", "a"]), ("kept", "passthrough", ["b"])])
    for model in (MLPClassifier(**SMALL), MLPRegressor(**SMALL)):
        pipeline = make_pipeline(columns, model).set_output(transform=container).fit(frame, Y)
        assert pipeline[-1].feature_names_in_.tolist() == ["scaled__d", "scaled__a", "kept__b"]
        plain = make_pipeline(clone(columns).set_output(transform="default"), clone(model)).fit(frame, Y)
        np.testing.assert_array_equal(pipeline.predict(frame), plain.predict(frame))


def test_read_only_data_are_left_alone() -> None:
    """As joblib's workers get them, in mapped memory."""
    rows, numbers, classes, weight = (np.array(a) for a in (X, NUMBERS, Y, WEIGHT))
    for array in (rows, numbers, classes, weight):
        array.setflags(write=False)
    for settings in ({}, {"solver": "lbfgs"}):
        model = MLPClassifier(**SMALL, **settings).fit(rows, classes, weight)
        np.testing.assert_array_equal(
            model.predict(rows), MLPClassifier(**SMALL, **settings).fit(X, Y, WEIGHT).predict(X)
        )
        MLPRegressor(**SMALL, **settings).fit(rows, numbers, weight).predict(rows)
    for array, before in zip((rows, numbers, classes, weight), (X, NUMBERS, Y, WEIGHT), strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("model", [MLPClassifier(**SMALL), MLPRegressor(**SMALL, solver="sgd")], ids=["adam", "sgd"])
def test_files_that_are_mapped(model: Any, tmp_path: Path) -> None:
    """Loaded read-only from a file, a model predicts and trains on, and the file stays what it was."""
    model = clone(model).fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    bytes_before = (tmp_path / "model").read_bytes()
    twin = joblib.load(tmp_path / "model", mmap_mode="r")
    for one in (model, twin):
        one.coefs_[0][:] *= 0.5
        one.partial_fit(X, Y)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    np.testing.assert_array_equal(twin.coefs_[0], model.coefs_[0])
    assert (tmp_path / "model").read_bytes() == bytes_before


@pytest.mark.parametrize(
    "wrap",
    [
        lambda: make_pipeline(StandardScaler(), MLPClassifier(**SMALL)),
        lambda: CalibratedClassifierCV(MLPClassifier(**SMALL), cv=2),
        lambda: GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.1, 1.0]}, cv=2),
        lambda: StackingClassifier([("a", MLPClassifier(**SMALL))], cv=2),
    ],
    ids=["Pipeline", "CalibratedClassifierCV", "GridSearchCV", "StackingClassifier"],
)
def test_wrappers_are_copied_and_shown(wrap: Callable[[], Any]) -> None:
    model = wrap().fit(X, Y)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(model))
    assert "MLPClassifier" in model._repr_html_() and "MLPClassifier" in clone(model)._repr_html_()


def test_clones_share_nothing_with_a_model_that_goes_on() -> None:
    model = MLPClassifier(**SMALL, warm_start=True).fit(X, Y)
    fresh = clone(model).fit(X, Y)
    assert fresh.loss_curve_ == model.loss_curve_
    kept, before = copy.deepcopy(model), model.predict_proba(X)
    model.fit(X, Y)
    assert len(model.loss_curve_) == 2 * len(fresh.loss_curve_)
    np.testing.assert_array_equal(kept.predict_proba(X), before)
    np.testing.assert_array_equal(kept.fit(X, Y).predict_proba(X), model.predict_proba(X))


class Narrow(MLPClassifier):
    """A user's own estimator: fewer parameters, the rest fixed."""

    def __init__(self, width: int = 4, alpha: float = 1e-4) -> None:
        super().__init__((width,), alpha=alpha, max_iter=12, random_state=0)
        self.width = width

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Narrow:
        self.hidden_layer_sizes = (self.width,)
        super().fit(X, y, sample_weight)
        return self


def test_estimators_derived_from_ours() -> None:
    search = GridSearchCV(Narrow(), {"width": [2, 5]}, cv=2).fit(X, Y)
    assert {w.shape for w in search.best_estimator_.coefs_} == {(4, w := search.best_params_["width"]), (w, 3)}
    twin = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(twin.predict_proba(X), search.predict_proba(X))
    assert isinstance(OURS, ModuleType) and clone(Narrow(7)).get_params() == {"alpha": 1e-4, "width": 7}
