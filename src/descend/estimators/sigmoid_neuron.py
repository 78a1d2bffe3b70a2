"""A sigmoid neuron as a scikit-learn classifier, trained by the engine."""

from __future__ import annotations

import numbers
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from descend import layers, optimizers, penalties
from descend.estimators.checking import new_rows, training_rows
from descend.model import Network
from descend.wording import counted


class SigmoidNeuron(ClassifierMixin, BaseEstimator):
    """A single neuron sigma(w . x + b) = 1 / (1 + exp(-(w . x + b))), trained on the cross-entropy.

    Minimizes mean(-y log p - (1 - y) log(1 - p)) + l2 sum(w^2), which is logistic regression; scikit-learn's C is
    1 / (2 rows l2). With more than two classes there is one neuron per class, learnt against the rest, and the
    probabilities are scaled to sum to 1.

    Parameters
    ----------
    optimizer : str or Optimizer, default: "lbfgs"
        "lbfgs" goes straight to the optimum; `optimizers.SGD(0.1)` is plain gradient descent.
    l2 : float, default: 0.0
        Factor of the sum of squared weights; b is exempt.
    batch_size : int or None, default: None
        Rows per update of optimizers other than "lbfgs"; None is batch gradient descent.
    max_iter : int, default: 1000
        Epochs at most ("lbfgs": iterations).
    tol : float, default: 1e-6
        "lbfgs" stops when no element of the gradient is larger; others when the loss has not fallen by more for
        `n_iter_no_change` epochs.
    n_iter_no_change : int, default: 10
    class_weight : dict, "balanced" or None, default: None
        Weights by class label.
    random_state : int, RandomState or None, default: None
        Of initial weights and shuffles.
    verbose : {0, 1, 2}, default: 0

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
    coef_ : ndarray of shape (1, features), or (classes, features) beyond two
    intercept_ : ndarray of shape (1,) or (classes,)
    n_iter_ : int
    loss_curve_ : list of float
        Training loss per epoch.
    network_ : Network
        The neurons themselves, in float64.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had names

    Examples
    --------
    >>> from descend import SigmoidNeuron
    >>> neuron = SigmoidNeuron(random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    >>> neuron.predict([[0.0], [3.0]]).tolist()
    [0, 1]
    """

    def __init__(
        self,
        *,
        optimizer: str | optimizers.Optimizer = "lbfgs",
        l2: float = 0.0,
        batch_size: int | None = None,
        max_iter: int = 1000,
        tol: float = 1e-6,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.optimizer = optimizer
        self.l2 = l2
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SigmoidNeuron:
        """Learn from rows and their classes.

        Parameters
        ----------
        X : array-like of shape (rows, features)
        y : array-like of shape (rows,)
            Classes of any type.
        sample_weight : array-like of shape (rows,), default: None

        Returns
        -------
        SigmoidNeuron
            Itself.

        Raises
        ------
        TypeError, ValueError
            When a parameter or the data are not what they should be.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` ended the training.
        """
        rows, self.classes_, codes = training_rows(self, X, y)
        neurons = 1 if len(self.classes_) == 2 else len(self.classes_)
        target = codes.astype(np.float64) if neurons == 1 else np.eye(neurons)[codes]
        # The loss is the mean over the neurons, so each neuron's share of the penalty is, too.
        penalty = penalties.L2(self._checked_l2() / neurons) if self.l2 else None
        optimizer = self._optimizer(neurons)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        network = Network(
            [layers.Dense(neurons, name="neuron"), layers.Sigmoid()],
            rows.shape[1],
            seed=seed,
            dtype="float64",
            penalty=penalty,
        )
        history = network.fit(
            rows,
            target,
            loss="binary_crossentropy",
            optimizer=optimizer,
            epochs=self.max_iter,
            batch_size=self.batch_size,
            sample_weight=self._weights(rows, codes, sample_weight),
            tol=None if isinstance(optimizer, optimizers.LBFGS) else self.tol,
            n_iter_no_change=self.n_iter_no_change,
            verbose=self.verbose,
        )
        weights = network.get_weights()
        self.coef_ = np.ascontiguousarray(weights["neuron/weight"].T)
        self.intercept_ = weights["neuron/bias"]
        self.n_iter_ = len(history)
        self.loss_curve_ = list(history.loss)
        self.network_ = network
        if history.stop_reason == "epochs":
            warnings.warn(
                f"SigmoidNeuron did not converge in {counted(self.max_iter, 'epoch')}; raise max_iter, scale the "
                "features, or raise the learning rate",
                ConvergenceWarning,
                stacklevel=2,
            )
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

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the probability of each class.

        Parameters
        ----------
        X : array-like of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows, classes)
            In the order of `classes_`; each row sums to 1.
        """
        rows = new_rows(self, X)
        p = self.network_.predict(rows)
        if p.shape[1] == 1:
            return np.hstack([1 - p, p])
        total = p.sum(axis=1, keepdims=True)
        return np.divide(p, total, out=np.full_like(p, 1 / p.shape[1]), where=total > 0)

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,)
        """
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def _checked_l2(self) -> float:
        if isinstance(self.l2, bool) or not isinstance(self.l2, numbers.Real) or not self.l2 >= 0:
            raise ValueError(f"l2 must be a number >= 0, got {self.l2!r}")
        return float(self.l2)

    def _optimizer(self, neurons: int) -> optimizers.Optimizer:
        """Return the optimizer as an object; "lbfgs" by name takes this estimator's limits."""
        if self.optimizer == "lbfgs":
            # The gradient of the mean over the neurons is that much smaller.
            return optimizers.LBFGS(max_iter=self.max_iter, tol=self.tol / neurons)
        return optimizers.resolve(self.optimizer)

    def _weights(self, X: NDArray, codes: NDArray, sample_weight: ArrayLike | None) -> NDArray[np.float64] | None:
        """Return the rows' weights times their classes' (rows,), or None for ones."""
        if sample_weight is None and self.class_weight is None:
            return None
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        if self.class_weight is not None:
            labels = self.classes_[codes]
            weight = weight * compute_class_weight(self.class_weight, classes=self.classes_, y=labels)[codes]
        return weight
