"""The two models every network has to beat: one that ignores the features, and a linear one."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.cli.scoring import Scores, score
from descend.data.splitting import Split
from descend.data.targets import ClassTarget, Target, TaskKind
from descend.engine.sparse import SparseRows, is_sparse
from descend.metrics import CLIP

OURS, LINEAR = "network", "linear model"
#: The linear model sees at most this many numbers (rows x features), enough for what it can learn.
MAX_CELLS = 10_000_000


@dataclass(frozen=True)
class Lead:
    """How far the linear model is ahead of the network, by what training minimizes, test row by test row.

    Attributes
    ----------
    mean : float
        What a row loses with the network beyond what it loses with the linear model: log loss, or squared error.
    standard_error : float
        Of that mean.
    loss : float
        What a row loses with the linear model.
    """

    mean: float
    standard_error: float
    loss: float

    @classmethod
    def of(cls, y: NDArray, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Lead | None:
        """Compare two models' outputs on the same rows; None where that gives no numbers.

        Parameters
        ----------
        y : (rows,)
            Class numbers, or numbers in the target's unit.
        ours, theirs : (rows,) or (rows, classes)
            As `bundle.as_outputs` gives them.
        """
        if len(y) < 2:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            lost = _losses(y, theirs)
            more = _losses(y, ours) - lost
            found = cls(float(more.mean()), float(more.std(ddof=1) / math.sqrt(len(y))), float(lost.mean()))
        return found if all(map(math.isfinite, (found.mean, found.standard_error, found.loss))) else None


def _losses(y: NDArray, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared errors of numbers, or -log of the probability of the true class: (rows,)."""
    if outputs.ndim == 1:
        return (y - outputs) ** 2
    return -np.log(np.clip(outputs[np.arange(len(y)), y], CLIP, 1 - CLIP))


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
) -> tuple[dict[str, Scores], Lead | None]:
    """The network's and the baselines' test scores, and the linear model's lead; it gets the same training rows.

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
    by_none = trivial(task, y[split.train], len(split.test), classes)
    tested = y[split.test]
    models = {OURS: outputs, LINEAR: by_line, trivial_name(task): by_none}
    scores = {name: score(task, tested, given) for name, given in models.items()}
    return scores, Lead.of(tested, outputs, by_line)


def trivial_name(task: TaskKind) -> str:
    """What the baseline that ignores the features is called."""
    return "always the mean" if task == "regression" else "always the majority"
