"""Multilayer perceptron for classes: scikit-learn's `MLPClassifier`, trained by the native engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target

from descend.engine.sparse import Features
from descend.estimators.mlp.base import BaseMLP, goes_by_batches
from descend.estimators.mlp.heads import Head
from descend.estimators.mlp.inputs import training_data
from descend.estimators.mlp.labels import Labels


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A network of dense layers for one class out of several, or for several labels at once.

    It takes the place of scikit-learn's `MLPClassifier` by changing the import: parameters, attributes, errors and
    warnings are the same, and from the same `random_state` come the same weights up to rounding. It minimizes the
    cross-entropy: of a sigmoid for two classes and for labels (the sum over the labels), of a softmax beyond.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, or int, default: (100,)
        Units of each hidden layer; empty for none.
    activation : {"identity", "logistic", "tanh", "relu"}, default: "relu"
        Of the hidden layers.
    solver : {"adam", "sgd", "lbfgs"}, default: "adam"
        "adam" and "sgd" go batch by batch; "lbfgs" takes all rows at once, in float64, and suits small data.
    alpha : float, default: 0.0001
        Each batch's loss gets alpha / 2 times the sum of the squared weights (biases are exempt), divided by the
        batch's number of rows, or by the sum of their sample weights.
    batch_size : int or "auto", default: "auto"
        Rows per update; "auto" is 200, or all rows if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default: "constant"
        Of "sgd", after each epoch: the same; learning_rate_init / (rows seen + 1)^power_t; or divided by 5 whenever
        `n_iter_no_change` epochs passed without improvement, down to 1e-6, which takes the place of stopping.
    learning_rate_init : float, default: 0.001
    power_t : float, default: 0.5
    max_iter : int, default: 200
        Epochs at most; for "lbfgs" iterations.
    shuffle : bool, default: True
        Whether every epoch has its own order of the rows.
    random_state : int, RandomState or None, default: None
        Of initial weights, of the rows held back for validation and of the shuffles.
    tol : float, default: 0.0001
        An epoch improves when its loss falls below the best so far by `tol`, or its validation score rises as much.
        "lbfgs" stops when no element of the gradient is larger.
    verbose : bool, default: False
        Print a line per epoch.
    warm_start : bool, default: False
        Whether `fit` goes on from the weights of the last one.
    momentum : float, default: 0.9
        Of "sgd": v = momentum v + eta g, w -= v.
    nesterovs_momentum : bool, default: True
        Of "sgd": w -= momentum v + eta g instead.
    early_stopping : bool, default: False
        Whether to hold rows back, to stop by their score, and to end with the weights that had the best one.
    validation_fraction : float, default: 0.1
        Share of the rows that `early_stopping` holds back, of two classes in proportion.
    beta_1, beta_2, epsilon : float, default: 0.9, 0.999, 1e-8
        Of "adam": w -= eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    n_iter_no_change : int or inf, default: 10
        Training stops after more than so many epochs in a row without improvement.
    max_fun : int, default: 15000
        Evaluations of the loss by "lbfgs" at most.

    Attributes
    ----------
    classes_ : ndarray
        The labels, sorted.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, outputs) and biases (outputs,) of each layer. They are yours: what is written into them, or
        assigned, counts from the next prediction on.
    n_iter_ : int
        Epochs of the last fit.
    t_ : int
        Rows presented so far, over all calls.
    loss_ : float
        Of the last epoch.
    loss_curve_ : list of float
        Of every epoch: the mean over batches, weighted by their rows. Not with "lbfgs".
    best_loss_ : float or None
        None with `early_stopping`.
    validation_scores_, best_validation_score_ : list of float, float; or None
        With `early_stopping`: the accuracy of the rows held back, after every epoch.
    n_layers_, n_outputs_ : int
        Layers including the input, and units of the last one.
    out_activation_ : str
        "softmax", or "logistic" for two classes and for labels.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had names

    Notes
    -----
    Numbers stay in the dtype of X, float64 or float32, and sparse rows stay sparse. The result does not depend on the
    number of threads.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from descend import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((20,), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _labels: Labels
    classes_: NDArray

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Features, y: ArrayLike, sample_weight: ArrayLike | None = None) -> MLPClassifier:
        """Learn from rows and their labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,), or (rows, labels) of 0 and 1
        sample_weight : array-like of shape (rows,), default: None

        Returns
        -------
        MLPClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError
            When a parameter or the data are not what they should be, or when the weights grow without bounds.

        Warns
        -----
        ConvergenceWarning
            When a limit on iterations ended the training.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(goes_by_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Features,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> MLPClassifier:
        """Go once over rows, from the weights and the optimizer's state as they are. Not with "lbfgs".

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,), or (rows, labels) of 0 and 1
        sample_weight : array-like of shape (rows,), default: None
        classes : array-like, default: None
            All classes there will be; needed in the first call.

        Returns
        -------
        MLPClassifier
            Itself.
        """
        if _check_partial_fit_first_call(self, classes):
            self._labels = Labels(y if type_of_target(y).startswith("multilabel") else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Features) -> NDArray:
        """Return the most probable class of each row, or 0 and 1 for each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,) or (rows, labels)
        """
        return self._labels_or_refuse().decode(self._output(X))

    def predict_proba(self, X: Features) -> NDArray:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows, classes)
            In the order of `classes_`.
        """
        p = self._output(X)
        if p.shape[1] > 1:
            return p
        both = np.empty((len(p), 2), p.dtype)
        both[:, 1] = p[:, 0]
        np.subtract(1.0, p[:, 0], out=both[:, 0])
        return both

    def predict_log_proba(self, X: Features) -> NDArray:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows, classes)
        """
        p = self.predict_proba(X)
        return np.log(p, out=p)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _labels_or_refuse(self) -> Labels:
        self._require_fitted()
        return self._labels

    def _learn_targets(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, NDArray]:
        X, y = training_data(self, X, y, reset=first, numeric=False)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._labels = Labels(y)
            self.classes_ = self._labels.classes
        else:
            self._labels.check(y, same=bool(self.warm_start))
        return X, y

    def _head(self, y: Any, dtype: np.dtype) -> Head:
        return self._labels.head(dtype)

    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        return self._labels.encode(y, dtype)
