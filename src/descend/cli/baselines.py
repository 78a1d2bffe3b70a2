"""The two models every network has to beat: one that ignores the features, and a linear one."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from descend.cli.scoring import Scores, score
from descend.data.splitting import Split
from descend.data.targets import ClassTarget, Target, TaskKind
from descend.engine.sparse import SparseRows, is_sparse

OURS, LINEAR = "network", "linear model"
#: The linear model sees at most this many numbers (rows x features), enough for what it can learn.
MAX_CELLS = 10_000_000


def trivial(task: TaskKind, y: NDArray, rows: int, classes: int) -> NDArray[np.float64]:
    """Predict the training rows' mean, or the shares of their classes, for every row.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    y : (training rows,)
    rows : int
        How many to predict.
    classes : int
        How many there are; not used by a regression.

    Returns
    -------
    (rows,) or (rows, classes)
    """
    if task == "regression":
        return np.full(rows, float(np.mean(y)))
    return np.tile(np.bincount(y, minlength=classes) / len(y), (rows, 1))


def linear(
    task: TaskKind, X: NDArray | SparseRows, y: NDArray, X_new: NDArray | SparseRows, classes: int, seed: int
) -> NDArray[np.float64]:
    """Fit ridge or logistic regression (scikit-learn's, their default penalties) and predict.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    X : (training rows, features)
        Of a sparse matrix the zeros do not count as numbers.
    y : (training rows,)
    X_new : (rows, features)
        What to predict.
    classes : int
    seed : int
        Picks the rows to fit on when there are more than the model needs.

    Returns
    -------
    (rows,) or (rows, classes)
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    rows = X.shape[0]
    numbers = len(X.data) / rows if is_sparse(X) else X.shape[1]
    limit = int(max(1000, MAX_CELLS // max(numbers, 1)))
    if rows > limit:
        chosen = np.random.default_rng(seed).choice(rows, limit, replace=False)
        X, y = X[chosen], y[chosen]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an optimizer that stops a little early is good enough to compare with
        if task == "regression":
            return np.asarray(Ridge().fit(X.astype(np.float64), y).predict(X_new), dtype=np.float64)
        model = LogisticRegression(max_iter=300).fit(X, y)
        shares = np.zeros((X_new.shape[0], classes))
        shares[:, model.classes_] = model.predict_proba(X_new)
    return shares


def compare(
    task: TaskKind,
    X: NDArray | SparseRows,
    y: NDArray,
    split: Split,
    target: Target,
    seed: int,
    outputs: NDArray[np.float64],
) -> dict[str, Scores]:
    """The network's and the baselines' test scores; the linear model gets the same training rows.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    X : (rows, features)
    y : (rows,)
    split : Split
    target : Target
    seed : int
    outputs : (test rows,) or (test rows, classes)
        The network's.
    """
    classes = len(target.classes) if isinstance(target, ClassTarget) else 0
    by_line = linear(task, X[split.train], y[split.train], X[split.test], classes, seed)
    ours, by_none = compare_with_trivial(task, y, split, target, outputs).items()
    return dict([ours, (LINEAR, score(task, y[split.test], by_line)), by_none])


def compare_with_trivial(
    task: TaskKind, y: NDArray, split: Split, target: Target, outputs: NDArray[np.float64]
) -> dict[str, Scores]:
    """The test scores of the network and of the model that ignores the features; the parameters as for `compare`."""
    classes = len(target.classes) if isinstance(target, ClassTarget) else 0
    by_none = trivial(task, y[split.train], len(split.test), classes)
    return {OURS: score(task, y[split.test], outputs), trivial_name(task): score(task, y[split.test], by_none)}


def trivial_name(task: TaskKind) -> str:
    """What the baseline that ignores the features is called."""
    return "always the mean" if task == "regression" else "always the majority"
