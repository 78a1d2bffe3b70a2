"""Multilayer perceptron for numbers: scikit-learn's `MLPRegressor`, trained by the native engine."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions

from descend.engine.sparse import Features
from descend.estimators.mlp.base import BaseMLP
from descend.estimators.mlp.constraints import CONSTRAINTS
from descend.estimators.mlp.heads import Head, counts_head, squares_head
from descend.estimators.mlp.inputs import training_data


class MLPRegressor(RegressorMixin, BaseMLP):
    """A network of dense layers for one or more numbers.

    It takes the place of scikit-learn's `MLPRegressor` by changing the import: parameters, attributes, errors and
    warnings are the same, and from the same `random_state` come the same weights up to rounding.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default: "squared_error"
        Half the squared error, or half the Poisson deviance of counts >= 0, predicted by an exponential. Gradients are
        of the sum over outputs; of squared errors the mean over outputs is shown.
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
        Share of the rows that `early_stopping` holds back.
    beta_1, beta_2, epsilon : float, default: 0.9, 0.999, 1e-8
        Of "adam": w -= eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    n_iter_no_change : int or inf, default: 10
        Training stops after more than so many epochs in a row without improvement.
    max_fun : int, default: 15000
        Evaluations of the loss by "lbfgs" at most.

    Attributes
    ----------
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
        With `early_stopping`: the coefficient of determination of the rows held back, after every epoch.
    n_layers_, n_outputs_ : int
        Layers including the input, and units of the last one.
    out_activation_ : str
        "identity", or "exp" for counts.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had names

    Notes
    -----
    Numbers stay in the dtype of X, float64 or float32, and sparse rows stay sparse. The result does not depend on the
    number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> from descend import MLPRegressor
    >>> X = np.linspace(0, 1, 50)[:, None]
    >>> model = MLPRegressor(solver="lbfgs", max_iter=1000, random_state=0).fit(X, np.sin(3 * X[:, 0]))
    >>> bool(model.score(X, np.sin(3 * X[:, 0])) > 0.99)
    True
    """

    _parameter_constraints: ClassVar = {**CONSTRAINTS, "loss": [StrOptions({"squared_error", "poisson"})]}

    def __init__(
        self,
        loss: str = "squared_error",
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
        self.loss = loss
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
    def fit(self, X: Features, y: ArrayLike, sample_weight: ArrayLike | None = None) -> MLPRegressor:
        """Learn from rows and their numbers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,) or (rows, outputs)
        sample_weight : array-like of shape (rows,), default: None

        Returns
        -------
        MLPRegressor
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

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Features, y: ArrayLike, sample_weight: ArrayLike | None = None) -> MLPRegressor:
        """Go once over rows, from the weights and the optimizer's state as they are.

        With "lbfgs" it is a fit that goes on from the weights.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,) or (rows, outputs)
        sample_weight : array-like of shape (rows,), default: None

        Returns
        -------
        MLPRegressor
            Itself.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Features) -> NDArray:
        """Return the numbers the network expects.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,), or (rows, outputs) for more than one
        """
        output = self._output(X)
        return output[:, 0] if output.shape[1] == 1 else output

    def _learn_targets(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, NDArray]:
        X, y = training_data(self, X, y, reset=first, numeric=True)
        y = y.reshape(len(y), -1)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(f"y must be >= 0 for loss='poisson', got {y.min():g}; use loss='squared_error'")
        return X, y

    def _head(self, y: Any, dtype: np.dtype) -> Head:
        return counts_head(y.shape[1]) if self.loss == "poisson" else squares_head(y.shape[1])

    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        return np.ascontiguousarray(y, dtype=dtype)
