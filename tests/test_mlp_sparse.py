"""MLPClassifier and MLPRegressor on sparse rows: the same course as scikit-learn's, and no memory for the zeros."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

import descend as ours

CLOSE = {"rtol": 1e-6, "atol": 1e-9}
ROWS: Any = sparse.random_array((160, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
SUM = ROWS @ np.linspace(-1, 1, 40)
TARGETS = {
    "two": (SUM > 0).astype(int),
    "three": np.digitize(SUM, [-0.3, 0.3]),
    "labels": np.stack([SUM > 0, SUM > 0.3, SUM < -0.2], axis=1).astype(int),
    "number": SUM,
    "numbers": np.stack([SUM, SUM**2], axis=1),
}


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _pair(target: str, **settings: Any) -> tuple[Any, Any]:
    name = "MLPRegressor" if target.startswith("number") else "MLPClassifier"
    settings = {"hidden_layer_sizes": (11, 5), "max_iter": 12, "random_state": 2, **settings}
    return getattr(theirs, name)(**settings), getattr(ours, name)(**settings)


def _alike(expected: Any, got: Any, X: Any) -> None:
    for mine, other in zip(got.coefs_ + got.intercepts_, expected.coefs_ + expected.intercepts_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(got.loss_, expected.loss_, **CLOSE)
    for name in ("loss_curve_", "validation_scores_"):
        if getattr(expected, name, None) is not None:
            np.testing.assert_allclose(getattr(got, name), getattr(expected, name), **CLOSE)
    for method in ("predict", "predict_proba"):
        if hasattr(expected, method):
            for rows in (X, X.toarray()):
                np.testing.assert_allclose(getattr(got, method)(rows), getattr(expected, method)(rows), **CLOSE)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"solver": "sgd", "learning_rate_init": 0.05}, {"solver": "lbfgs", "max_iter": 3}, {"early_stopping": True}],
    ids=str,
)
def test_same_course(target: str, settings: dict[str, Any]) -> None:
    """L-BFGS briefly: its line searches meet probabilities near 1, where scikit-learn's loss is grainy."""
    models = _pair(target, **settings)
    for model in models:
        model.fit(ROWS, TARGETS[target])
    _alike(*models, ROWS)


@pytest.mark.parametrize("target", ["three", "number"])
def test_same_partial_fits(target: str) -> None:
    y = TARGETS[target]
    models = _pair(target)
    for model in models:
        for part in (slice(0, 80), slice(80, 160)):
            model.partial_fit(ROWS[part], y[part], **({"classes": np.unique(y)} if target == "three" else {}))
    _alike(*models, ROWS)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix, sparse.lil_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_format_gives_the_same_bits(make: Any, dtype: Any) -> None:
    X, y = ROWS.astype(dtype), TARGETS["three"]
    expected = _pair("three")[1].fit(X, y).predict_proba(X)
    rows = make(X)
    got = _pair("three")[1].fit(rows, y).predict_proba(rows)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, expected)


def test_explicit_zeros_and_twice_named_entries_change_nothing() -> None:
    y = TARGETS["two"]
    coo = ROWS.tocoo()
    rows: Any = sparse.coo_matrix(
        (np.r_[coo.data / 2, coo.data / 2, 0.0], (np.r_[coo.row, coo.row, 0], np.r_[coo.col, coo.col, 1])), ROWS.shape
    )
    np.testing.assert_allclose(
        _pair("two")[1].fit(rows, y).predict_proba(rows), _pair("two")[1].fit(ROWS, y).predict_proba(ROWS), **CLOSE
    )


def test_numbers_that_are_not_finite_are_refused() -> None:
    bad = ROWS.copy()
    bad.data[3] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        ours.MLPClassifier().fit(bad, TARGETS["two"])
    model = ours.MLPClassifier(max_iter=2).fit(ROWS, TARGETS["two"])
    with pytest.raises(ValueError, match="has 39 features, but"):
        model.predict(ROWS[:, :39])


def test_memory_does_not_grow_with_the_zeros() -> None:
    """Written out, these rows would take 3.2 GB; one batch of them 160 MB."""
    X: Any = sparse.random_array((4000, 100_000), density=1e-4, rng=np.random.default_rng(1), format="csr")
    y = np.arange(4000) % 2
    model = ours.MLPClassifier((4,), max_iter=2, early_stopping=True, random_state=0)
    tracemalloc.start()
    try:
        model.fit(X, y).predict_proba(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6
