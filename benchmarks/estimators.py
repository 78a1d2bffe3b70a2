"""The estimators against scikit-learn's own: one program, of which only the import changes.

Epochs on real tables, a grid search, one row at a time; and what was learnt, over seeds, because speed alone is no use.
"""

from __future__ import annotations

import importlib
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import floor
from timing import alternate, medians

EPOCHS, SEEDS = 10, 5
DESCRIPTION = (
    f"Defaults (one hidden layer of 100, ReLU, Adam, batch 200), `max_iter={EPOCHS}, tol=0`; both imports take turns. "
    f"float64 is what readers of files give, float32 one `astype` away. Loss and test score "
    f"(accuracy, R2), float64: mean and standard deviation over {SEEDS} seeds."
)
SEARCH = "5-fold search of 8 points on letter, `max_iter=5`, `n_jobs=2`"
SEARCH_EPOCHS, FOLDS = 5, 5
GRID = {"alpha": [1e-5, 1e-4, 1e-3, 1e-2], "learning_rate_init": [1e-3, 5e-3]}
_IMPORTS = {"descend": "descend", "scikit-learn": "sklearn.neural_network"}
Note = Callable[[str], None]


@dataclass(frozen=True)
class Table:
    """Training and test rows, ready for a network.

    Attributes
    ----------
    X, X_test : (rows, features) float64, or sparse
    y, y_test : (rows,)
    kind : "MLPClassifier" or "MLPRegressor"
    """

    X: Any
    y: NDArray
    X_test: Any
    y_test: NDArray
    kind: str = "MLPClassifier"

    def describe(self) -> str:
        return f"{self.X.shape[0]} x {self.X.shape[1]}"

    def astype(self, dtype: str) -> Table:
        """The same training rows in another precision, numbers to learn too."""
        return replace(self, X=self.X.astype(dtype), y=self.y.astype(dtype) if self.kind == "MLPRegressor" else self.y)


def _digits() -> Table:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return _split(X / 16, y)


def _letter() -> Table:
    data = _load("letter")
    return _split(_scaled(data["X"]), data["y"])


def _adult(sparse: bool) -> Table:
    data = _load("adult")
    X, test = _with_columns(data, sparse), data["split"] == 1
    return Table(X[~test], data["y"][~test], X[test], data["y"][test])


def _house_prices() -> Table:
    data = _load("house_prices")
    y = np.log(data["y"].astype(np.float64))
    return _split(_with_columns(data, sparse=False), (y - y.mean()) / y.std(), "MLPRegressor")


TABLES: dict[str, Callable[[], Table]] = {
    "digits": _digits,
    "letter": _letter,
    "adult, one-hot": lambda: _adult(sparse=False),
    "adult, one-hot, sparse": lambda: _adult(sparse=True),
    "house prices": _house_prices,
}


def measure(rounds: int, note: Note) -> dict[str, Any]:
    """{"epochs": {table: ...}, "one row": ..., "search": ...}; what needs an absent data set is left out."""
    found: dict[str, Any] = {"epochs": {}}
    for name, load in TABLES.items():
        try:
            table = load()
            found["epochs"][name] = _epochs(table, rounds)
        except (FileNotFoundError, TypeError) as error:  # no such file; sparse rows are not taken
            note(f"  {name} left out: {error}")
            continue
        for dtype, times in found["epochs"][name]["seconds"].items():
            note(f"  {name:24s} {dtype} {times['scikit-learn']:8.3f} s {times['descend']:8.3f} s {ratio(times):5.1f}x")
    found["one row"] = _one_row(_digits(), rounds)
    note(f"  {'one row':24s} {ratio(found['one row']):5.1f}x")
    try:
        found["search"] = _search(_letter(), min(rounds, 3))
    except FileNotFoundError as error:
        note(f"  search left out: {error}")
    else:
        note(f"  {'search':24s} {ratio(found['search']['seconds']):5.1f}x")
    return found


def ratio(seconds: dict[str, float]) -> float:
    """How many times descend's time scikit-learn takes."""
    return seconds["scikit-learn"] / seconds["descend"]


def _make(contestant: str, kind: str, **settings: Any) -> Any:
    return getattr(importlib.import_module(_IMPORTS[contestant]), kind)(**settings)


def _fit(contestant: str, table: Table, seed: int = 0) -> Any:
    model = _make(contestant, table.kind, max_iter=EPOCHS, tol=0.0, batch_size=200, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(table.X, table.y)


def _epochs(table: Table, rounds: int) -> dict[str, Any]:
    """Seconds of a whole fit by precision; last training losses and test scores, seed by seed."""

    def fits(contestant: str, table: Table) -> Callable[[int], None]:
        def call(count: int) -> None:
            for _ in range(count):
                _fit(contestant, table)

        return call

    times, rates = {}, {}
    for dtype in floor.DTYPES:
        rows = table.astype(dtype)
        calls = {name: fits(name, rows) for name in _IMPORTS}
        times[dtype] = alternate({**calls, **floor.contestants(dtype)}, rounds=rounds)
        rates[dtype] = floor.rates(medians(times[dtype]))
    learnt: dict[str, Any] = {}
    for name in _IMPORTS:
        models = [_fit(name, table, seed) for seed in range(SEEDS)]
        assert all(model.n_iter_ == EPOCHS for model in models)
        learnt[name] = {
            "loss": [float(model.loss_) for model in models],
            "score": [float(model.score(table.X_test, table.y_test)) for model in models],
        }
    return {
        "shape": table.describe(),
        "seconds": {d: medians(t) for d, t in times.items()},
        "rounds": times,
        "flops": floor.of_fit(table, EPOCHS),
        "rates": rates,
        "learnt": learnt,
    }


def _one_row(table: Table, rounds: int) -> dict[str, float]:
    """Seconds of `predict_proba` of one row."""
    row = table.X_test[:1]
    models = {name: _fit(name, table) for name in _IMPORTS}
    np.testing.assert_allclose(*(model.predict_proba(row) for model in models.values()), atol=1e-5)

    def rows(model: Any) -> Callable[[int], None]:
        def call(count: int) -> None:
            for _ in range(count):
                model.predict_proba(row)

        return call

    return medians(alternate({name: rows(model) for name, model in models.items()}, rounds=rounds, target=0.2))


def _search(table: Table, rounds: int) -> dict[str, Any]:
    """Seconds of a grid search, its workers started before, the best score, and what the floor is made of."""
    from sklearn.model_selection import GridSearchCV

    best: dict[str, float] = {}

    def searches(contestant: str) -> Callable[[int], None]:
        def call(count: int) -> None:
            for _ in range(count):
                model = _make(contestant, table.kind, max_iter=SEARCH_EPOCHS, tol=0.0, random_state=0)
                search = GridSearchCV(model, GRID, cv=FOLDS, n_jobs=2)
                best[contestant] = float(search.fit(table.X, table.y).best_score_)

        return call

    shown = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"  # workers warn that five epochs do not converge
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calls = {name: searches(name) for name in _IMPORTS}
            times = alternate({**calls, **floor.contestants("float64")}, rounds=rounds, target=0.1)
    finally:
        os.environ.pop("PYTHONWARNINGS") if shown is None else os.environ.update(PYTHONWARNINGS=shown)
    points = int(np.prod([len(values) for values in GRID.values()]))
    return {
        "seconds": medians(times),
        "rounds": times,
        "best score": best,
        "flops": floor.of_search(table, SEARCH_EPOCHS, points, FOLDS),
        "rates": floor.rates(medians(times)),
    }


def _load(name: str) -> dict[str, NDArray]:
    """A data set beside the repository, or where DESCEND_DATASETS points.

    Raises
    ------
    FileNotFoundError
        When it is not there.
    """
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("DESCEND_DATASETS") or root / "shared" / "datasets")
    with np.load(folder / f"{name}.npz", allow_pickle=False) as archive:
        return dict(archive)


def _scaled(X: NDArray) -> NDArray:
    """Columns without missing numbers, of mean 0 and deviation 1: float64."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit_transform(X.astype(np.float64))


def _with_columns(data: dict[str, NDArray], sparse: bool) -> Any:
    """Scaled numbers and one-hot categories, missing ones a column of their own."""
    from scipy.sparse import csr_array, hstack
    from sklearn.preprocessing import OneHotEncoder

    codes = OneHotEncoder(sparse_output=True).fit_transform(data["Xc"])
    joined = csr_array(hstack([csr_array(_scaled(data["X"])), codes]))
    return joined if sparse else joined.toarray()


def _split(X: Any, y: NDArray, kind: str = "MLPClassifier") -> Table:
    from sklearn.model_selection import train_test_split

    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    return Table(X, y, X_test, y_test, kind)


if __name__ == "__main__":
    print(json.dumps(measure(3, print), indent=2))
