"""MLPClassifier and MLPRegressor against scikit-learn's: the same first weights, order of rows, steps and decisions.

Both train in float64 from the same random_state; what differs is the order of sums, so agreement is near rounding at
first and is checked to 1e-6 after the epochs of these tests.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

import descend as ours

pytestmark = pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9), reason="scikit-learn before 1.9 differs in parameters"
)

CLOSE = {"rtol": 1e-6, "atol": 1e-9}


def _classes(classes: int) -> tuple[np.ndarray, np.ndarray]:
    return make_classification(
        230, 9, n_informative=6, n_classes=classes, n_clusters_per_class=1, flip_y=0.1, random_state=classes
    )


def _counts(outputs: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    X = rng.normal(size=(190, 5))
    y = rng.poisson(np.exp(0.3 * X @ rng.normal(size=(5, outputs)))).astype(float)
    return X, y[:, 0] if outputs == 1 else y


def _numbers(outputs: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = make_regression(210, 7, n_targets=outputs, noise=3.0, random_state=1)
    return X, y / 50


DATA = {
    "two": lambda: _classes(2),
    "three": lambda: _classes(3),
    "words": lambda: (_classes(3)[0], np.array(["ash", "birch", "cedar"])[_classes(3)[1]]),
    "labels": lambda: make_multilabel_classification(150, 8, n_classes=4, random_state=0),
    "number": lambda: _numbers(1),
    "numbers": lambda: _numbers(3),
    "count": lambda: _counts(1),
    "counts": lambda: _counts(2),
}
WORDS = {"two": "MLPClassifier", "three": "MLPClassifier", "words": "MLPClassifier", "labels": "MLPClassifier"}


@dataclass(frozen=True)
class Run:
    """One configuration; `weighted` draws sample weights for it, `sparse` hands X over in that format of SciPy's."""

    name: str
    data: str
    settings: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False
    sparse: str = ""

    def __str__(self) -> str:
        return self.name

    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        X, y = DATA[self.data]()
        if self.sparse:
            X = sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0.0, X)).asformat(self.sparse)
        weight = np.random.RandomState(5).uniform(0.1, 3.0, len(y)) if self.weighted else None
        return X, y, weight

    def pair(self, **more: Any) -> tuple[Any, Any]:
        settings = {"hidden_layer_sizes": (13, 6), "max_iter": 15, "random_state": 3, **self.settings, **more}
        if self.data.startswith("count"):
            settings["loss"] = "poisson"
        name = WORDS.get(self.data, "MLPRegressor")
        return getattr(theirs, name)(**settings), getattr(ours, name)(**settings)


def _sgd(**settings: Any) -> dict[str, Any]:
    return {"solver": "sgd", "learning_rate_init": 0.05, **settings}


RUNS = [
    *(Run(f"adam-{data}", data) for data in DATA),
    *(Run(f"adam-{data}-weighted", data, weighted=True) for data in ("two", "three", "labels", "numbers", "counts")),
    *(Run(f"sgd-{data}", data, _sgd()) for data in ("two", "three", "labels", "number", "numbers", "counts")),
    *(Run(f"lbfgs-{data}", data, {"solver": "lbfgs", "max_iter": 12}) for data in DATA),
    *(
        Run(f"lbfgs-{data}-weighted", data, {"solver": "lbfgs", "max_iter": 12, "alpha": 0.1}, weighted=True)
        for data in ("two", "three", "labels", "numbers", "counts")
    ),
    *(
        Run(f"{activation}-{data}", data, {"activation": activation})
        for activation in ("identity", "logistic", "tanh", "relu")
        for data in ("three", "number")
    ),
    Run("no-hidden-layer", "three", {"hidden_layer_sizes": ()}),
    Run("hidden-number", "two", {"hidden_layer_sizes": 5}),
    Run("hidden-array", "two", {"hidden_layer_sizes": np.array([70, 3, 9])}),
    Run("alpha-none", "three", {"alpha": 0}),
    Run("alpha-strong", "three", {"alpha": 20.0}),
    Run("alpha-strong-weighted", "number", {"alpha": 20.0}, weighted=True),
    Run("batch-odd", "three", {"batch_size": 37}),
    Run("batch-odd-weighted", "counts", {"batch_size": 37, "alpha": 1.0}, weighted=True),
    Run("batch-one", "number", {"batch_size": 1, "max_iter": 3}),
    Run("in-order", "three", {"shuffle": False, "batch_size": 50}),
    Run("adam-other-betas", "three", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01, "learning_rate_init": 0.01}),
    Run("adam-no-memory", "two", {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.1}),
    Run("sgd-plain", "three", _sgd(momentum=0.0)),
    Run("sgd-plain-no-nesterov", "three", _sgd(momentum=0.0, nesterovs_momentum=False)),
    Run("sgd-momentum", "three", _sgd(nesterovs_momentum=False)),
    Run("sgd-momentum-strong", "number", _sgd(momentum=0.99, learning_rate_init=0.001)),
    Run("sgd-momentum-one", "two", _sgd(momentum=1.0, learning_rate_init=0.001)),
    Run("sgd-invscaling", "three", _sgd(learning_rate="invscaling", learning_rate_init=0.5)),
    Run("sgd-invscaling-slow", "number", _sgd(learning_rate="invscaling", power_t=0.1, nesterovs_momentum=False)),
    Run("sgd-adaptive", "three", _sgd(learning_rate="adaptive", tol=0.05, n_iter_no_change=2, max_iter=60)),
    Run("sgd-adaptive-to-the-end", "two", _sgd(learning_rate="adaptive", tol=0.5, n_iter_no_change=1, max_iter=200)),
    Run("stops-by-loss", "three", {"tol": 0.01, "n_iter_no_change": 3, "max_iter": 100, "learning_rate_init": 0.01}),
    Run("never-stops", "two", {"n_iter_no_change": np.inf, "tol": 10.0}),
    Run("early-two", "two", {"early_stopping": True, "n_iter_no_change": 4, "max_iter": 60}),
    Run("early-three", "three", {"early_stopping": True, "validation_fraction": 0.3, "tol": 0.0}),
    Run("early-labels", "labels", {"early_stopping": True, "learning_rate_init": 0.02}),
    Run("early-number", "number", {"early_stopping": True, "learning_rate_init": 0.02, "max_iter": 40}),
    Run("early-numbers-weighted", "numbers", {"early_stopping": True, "learning_rate_init": 0.02}, weighted=True),
    Run("early-two-weighted", "two", {"early_stopping": True, "learning_rate_init": 0.02}, weighted=True),
    Run("early-counts", "counts", {"early_stopping": True, "learning_rate_init": 0.02}),
    Run(
        "early-adaptive",
        "three",
        _sgd(early_stopping=True, learning_rate="adaptive", n_iter_no_change=1, max_iter=40),
    ),
]

RUNS += [
    Run("sparse-adam", "three", sparse="csr"),
    Run("sparse-adam-weighted", "counts", weighted=True, sparse="csc"),
    Run("sparse-sgd", "labels", _sgd(learning_rate="invscaling", batch_size=30), sparse="coo"),
    Run("sparse-early", "number", {"early_stopping": True, "learning_rate_init": 0.02}, sparse="csr"),
    Run("sparse-lbfgs", "two", {"solver": "lbfgs", "max_iter": 12}, sparse="csr"),
    Run("sparse-no-hidden-layer", "two", {"hidden_layer_sizes": ()}, sparse="csr"),
]

#: Attributes that scikit-learn has after some solver or other.
NUMBERS = ("loss_", "best_loss_", "best_validation_score_", "loss_curve_", "validation_scores_")
EQUAL = ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_")


def _alike(expected: Any, got: Any, X: np.ndarray) -> None:
    """Same attributes and predictions."""
    for name in NUMBERS:
        assert hasattr(got, name) == hasattr(expected, name), name
        value = getattr(expected, name, None)
        if value is None:
            assert getattr(got, name, None) is None, name
        else:
            np.testing.assert_allclose(getattr(got, name), value, err_msg=name, **CLOSE)
            assert _types(getattr(got, name)) == _types(value), name
    for name in EQUAL:
        assert getattr(got, name) == getattr(expected, name), name
    for name in ("coefs_", "intercepts_"):
        assert len(getattr(got, name)) == len(getattr(expected, name))
        for mine, other in zip(getattr(got, name), getattr(expected, name), strict=True):
            assert mine.dtype == other.dtype
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-8, err_msg=name)
    _predict_alike(expected, got, X)


def _types(value: Any) -> list[type]:
    """Of a number, or of the numbers in a list."""
    return [type(one) for one in (value if isinstance(value, list) else [value])]


def _predict_alike(expected: Any, got: Any, X: np.ndarray) -> None:
    if not hasattr(expected, "classes_"):
        np.testing.assert_allclose(got.predict(X), expected.predict(X), rtol=1e-6, atol=1e-8)
        return
    np.testing.assert_array_equal(got.classes_, expected.classes_)
    np.testing.assert_array_equal(got.predict(X), expected.predict(X))
    assert got.predict(X).dtype == expected.predict(X).dtype
    np.testing.assert_allclose(got.predict_proba(X), expected.predict_proba(X), rtol=1e-6, atol=1e-9)
    p = expected.predict_proba(X)
    if p.min() > 1e-30:
        np.testing.assert_allclose(got.predict_log_proba(X), np.log(p), rtol=1e-5, atol=1e-6)


def _quietly(what: Any, *arguments: Any, **keywords: Any) -> list[type[Warning]]:
    """Call and return the kinds of warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        what(*arguments, **keywords)
    return sorted({w.category for w in caught}, key=str)


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_same_course(run: Run) -> None:
    X, y, weight = run.load()
    expected, got = run.pair()
    assert _quietly(expected.fit, X, y, weight) == _quietly(got.fit, X, y, weight)
    _alike(expected, got, X)


@pytest.mark.parametrize(
    "run",
    [
        Run("adam", "three"),
        Run("sgd", "two", _sgd(learning_rate="invscaling")),
        Run("stops", "number", {"tol": 0.01, "n_iter_no_change": 2}),
        Run("early", "two", {"early_stopping": True}),
        Run("lbfgs", "three", {"solver": "lbfgs", "max_iter": 5}),
    ],
    ids=str,
)
def test_same_warm_start(run: Run) -> None:
    X, y, weight = run.load()
    expected, got = run.pair(warm_start=True, max_iter=5)
    for _ in range(3):
        for model in (expected, got):
            _quietly(model.fit, X, y, weight)
        _alike(expected, got, X)


def test_warm_start_takes_new_parameters() -> None:
    X, y, _ = Run("", "three").load()
    expected, got = Run("", "three").pair(warm_start=True, max_iter=5)
    for changes in ({}, {"alpha": 3.0}, {"activation": "tanh"}, {"solver": "sgd"}, {"solver": "lbfgs"}):
        for model in (expected, got):
            _quietly(model.set_params(**changes).fit, X, y)
        _alike(expected, got, X)


@pytest.mark.parametrize("random_state", [3, None])
@pytest.mark.parametrize(
    "run",
    [
        Run("adam-three", "three"),
        Run("adam-three-sparse", "three", sparse="csr"),
        Run("adam-words-weighted", "words", weighted=True),
        Run("adam-labels", "labels"),
        Run("adam-numbers", "numbers"),
        Run("sgd-invscaling", "two", _sgd(learning_rate="invscaling")),
        Run("sgd-adaptive", "number", _sgd(learning_rate="adaptive", tol=1.0, n_iter_no_change=1)),
        Run("counts", "counts", {"batch_size": 20}),
    ],
    ids=str,
)
def test_same_partial_fits(run: Run, random_state: int | None) -> None:
    """Chunk by chunk, twice over; with one RandomState that goes on, and with a number that starts anew each time."""
    X, y, weight = run.load()
    models = run.pair()
    for model in models:
        model.set_params(random_state=np.random.RandomState(8) if random_state is None else random_state)
        for _ in range(2):
            for part in np.array_split(np.arange(len(y)), 3):
                classes = np.arange(y.shape[1]) if run.data == "labels" else np.unique(y)
                more = {"classes": classes} if run.data in WORDS else {}
                model.partial_fit(X[part], y[part], None if weight is None else weight[part], **more)
    _alike(*models, X)


def test_same_mixture_of_fit_and_partial_fit() -> None:
    X, y, _ = Run("", "three").load()
    models = Run("", "three").pair(random_state=np.random.RandomState(0))
    models = tuple(model.set_params(random_state=np.random.RandomState(0)) for model in models)
    for model in models:
        _quietly(model.fit, X, y)
        model.partial_fit(X[:50], y[:50])
        model.set_params(alpha=5.0).partial_fit(X[50:], y[50:])
        _quietly(model.fit, X, y)
    _alike(*models, X)


@pytest.mark.parametrize("run", [Run("adam", "three"), Run("lbfgs", "number", {"solver": "lbfgs"})], ids=str)
def test_float32_stays_what_scikit_learn_makes_of_it(run: Run) -> None:
    X, y, _ = run.load()
    X = X.astype(np.float32)
    expected, got = run.pair(max_iter=5)
    for model in (expected, got):
        _quietly(model.fit, X, y)
    for mine, other in zip(got.coefs_, expected.coefs_, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=2e-3, atol=2e-4)
    assert got.predict(X).dtype == expected.predict(X).dtype
    assert got.predict(X.astype(np.float64)).dtype == expected.predict(X.astype(np.float64)).dtype
    if hasattr(got, "predict_proba"):
        for rows in (X, X.astype(np.float64)):
            assert got.predict_proba(rows).dtype == expected.predict_proba(rows).dtype


def test_confident_mistakes_count_as_much() -> None:
    """Without scaling, logits are large: scikit-learn's loss clips probabilities, and so the curve is clipped.

    Its loss near the clip has the granularity of 1 - p, hence the tolerance.
    """
    for data in ("two", "three", "labels"):
        X, y, _ = Run("", data).load()
        expected, got = Run("", data).pair(max_iter=4, alpha=0.0)
        for model in (expected, got):
            _quietly(model.fit, 300 * X, y)
        assert expected.loss_curve_[0] > 5
        np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=1e-4)
        _predict_alike(expected, got, 300 * X)


def test_the_same_warnings_and_errors() -> None:
    X, y, _ = Run("", "three").load()
    for model in Run("", "three").pair(max_iter=2):
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
            model.fit(X, y)
    for model in Run("", "three").pair(batch_size=1000):
        with pytest.warns(UserWarning, match="going to be clipped"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
    for model in Run("", "number").pair(solver="sgd", learning_rate_init=1e150):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite parameter weights"):
            _quietly(model.fit, X, y)
