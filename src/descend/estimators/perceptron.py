"""Rosenblatt's perceptron as a scikit-learn classifier."""

from __future__ import annotations

import math
import numbers
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from descend.engine.native import perceptron_epoch
from descend.estimators.checking import new_rows, training_rows
from descend.wording import counted


class Perceptron(ClassifierMixin, BaseEstimator):
    """A single neuron with a step: y = 1 if w . x + b >= 0, else 0.

    Rows are shown one after the other; on a mistake w += eta0 (y - prediction) x and b += eta0 (y - prediction).
    When the classes are linearly separable this ends with no mistakes, after at most (R / margin)^2 of them, where R
    is the largest norm of a row (with a 1 appended for b) and the margin that of the best separating plane of norm 1.
    When they are not, it never ends; then the weights with the fewest errors on the training rows after an epoch are
    kept (Gallant's pocket), and a warning says so. With more than two classes each is learnt against the rest.

    Parameters
    ----------
    eta0 : float, default: 1.0
        The step of the rule. Starting from zero weights it scales them and changes no prediction.
    fit_intercept : bool, default: True
        Whether there is a b.
    max_iter : int, default: 1000
        Epochs at most.
    shuffle : bool, default: True
        Whether every epoch shows the rows in a new order.
    random_state : int, RandomState or None, default: None
        Of the orders.
    warm_start : bool, default: False
        Whether `fit` goes on from the weights there are.

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
    coef_ : ndarray of shape (1, features), or (classes, features) beyond two
    intercept_ : ndarray of shape (1,) or (classes,)
    n_iter_ : int
        Epochs done; of the problem that took longest.
    converged_ : bool
        Whether an epoch passed without mistakes, for every class.
    mistakes_ : ndarray of shape (n_iter_,)
        Mistakes in each epoch, summed over the problems.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had names

    References
    ----------
    F. Rosenblatt, The perceptron, 1958. A. Novikoff, On convergence proofs for perceptrons, 1962.
    S. Gallant, Perceptron-based learning algorithms, 1990.

    Examples
    --------
    >>> from descend import Perceptron
    >>> neuron = Perceptron(random_state=0).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])
    >>> neuron.converged_, neuron.predict([[1, 1], [0, 1]]).tolist()
    (True, [1, 0])
    """

    def __init__(
        self,
        *,
        eta0: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
    ) -> None:
        self.eta0 = eta0
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start

    def fit(self, X: ArrayLike, y: ArrayLike) -> Perceptron:
        """Learn from rows and their classes.

        Parameters
        ----------
        X : array-like of shape (rows, features)
        y : array-like of shape (rows,)
            Classes of any type.

        Returns
        -------
        Perceptron
            Itself.

        Raises
        ------
        TypeError, ValueError
            When a parameter or the data are not what they should be.

        Warns
        -----
        ConvergenceWarning
            When every epoch up to `max_iter` had mistakes.
        """
        self._check_parameters()
        rows, classes, codes = training_rows(self, X, y)
        positives = [1] if len(classes) == 2 else range(len(classes))
        rng = check_random_state(self.random_state)
        previous = self._previous(classes, rows.shape[1])
        learnt = [
            self._learn(rows, (codes == positive).astype(np.float64), *previous[i], rng)
            for i, positive in enumerate(positives)
        ]
        self.classes_ = classes
        self.coef_ = np.stack([one.w for one in learnt])
        self.intercept_ = np.concatenate([one.b for one in learnt])
        self.n_iter_ = max(len(one.mistakes) for one in learnt)
        self.converged_ = all(one.converged for one in learnt)
        self.mistakes_ = np.zeros(self.n_iter_, dtype=np.int64)
        for one in learnt:
            self.mistakes_[: len(one.mistakes)] += one.mistakes
        if not self.converged_:
            self._warn(learnt)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute w . x + b.

        Parameters
        ----------
        X : array-like of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,), or (rows, classes) beyond two
        """
        rows = new_rows(self, X)
        scores = rows @ self.coef_.T + self.intercept_
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the class of each row: by the sign of the score, beyond two classes the largest score.

        Parameters
        ----------
        X : array-like of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,)
        """
        scores = self.decision_function(X)
        return self.classes_[(scores >= 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def _check_parameters(self) -> None:
        if not isinstance(self.eta0, numbers.Real) or not 0 < float(self.eta0) < math.inf:
            raise ValueError(f"eta0 must be a finite number > 0, got {self.eta0!r}")
        if isinstance(self.max_iter, bool) or not isinstance(self.max_iter, numbers.Integral) or self.max_iter < 1:
            raise ValueError(f"max_iter must be an integer >= 1, got {self.max_iter!r}")

    def _previous(self, classes: NDArray, features: int) -> list[tuple[NDArray, NDArray]]:
        """Return the (w, b) of each problem to start from: zeros, or with `warm_start` those of the last fit."""
        problems = 1 if len(classes) == 2 else len(classes)
        if self.warm_start and hasattr(self, "coef_"):
            if not np.array_equal(classes, self.classes_) or self.coef_.shape[1] != features:
                raise ValueError(
                    f"warm_start needs the classes {self.classes_.tolist()} and "
                    f"{counted(self.coef_.shape[1], 'feature')} of the last fit, got {classes.tolist()} and "
                    f"{features}; set warm_start=False to start anew"
                )
            return [(self.coef_[i].copy(), self.intercept_[i : i + 1].copy()) for i in range(problems)]
        return [(np.zeros(features), np.zeros(1)) for _ in range(problems)]

    def _learn(self, X: NDArray, y: NDArray, w: NDArray, b: NDArray, rng: np.random.RandomState) -> _Learnt:
        """Learn one problem: y (rows,) of 0 and 1."""
        order = np.arange(len(X), dtype=np.uint32)
        learnt = _Learnt(w, b, [], False, len(X) + 1)
        for _ in range(self.max_iter):
            if self.shuffle:
                rng.shuffle(order)
            mistakes = perceptron_epoch(X, y, w, b if self.fit_intercept else None, float(self.eta0), order)
            learnt.mistakes.append(mistakes)
            if not mistakes:
                return _Learnt(w, b, learnt.mistakes, True, 0)
            errors = int(np.count_nonzero((X @ w + b[0] >= 0) != (y > 0)))
            if errors < learnt.errors:
                learnt = _Learnt(w.copy(), b.copy(), learnt.mistakes, False, errors)
        return learnt

    def _warn(self, learnt: list[_Learnt]) -> None:
        warnings.warn(
            f"Perceptron did not converge in {counted(self.max_iter, 'epoch')}: the classes are not linearly "
            "separable, or need more epochs (max_iter). The weights with the fewest errors on the training rows are "
            f"kept: {', '.join(str(one.errors) for one in learnt)} wrong",
            ConvergenceWarning,
            stacklevel=3,
        )


@dataclass
class _Learnt:
    """One problem's weights w (features,) and b (1,), its mistakes per epoch, and its errors on all rows."""

    w: NDArray[np.float64]
    b: NDArray[np.float64]
    mistakes: list[int]
    converged: bool
    errors: int
