"""Multilayer perceptron for classes: scikit-learn's `MLPClassifier`, trained by the native engine."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from descend.estimators.mlp.classifying import BaseClassifier
from descend.estimators.mlp.constraints import CLASSIFIER, CONSTRAINTS
from descend.estimators.mlp.exchange import Exchange
from descend.estimators.mlp.heads import Head, with_label_noise


class MLPClassifier(Exchange, BaseClassifier):
    """A network of dense layers for one class out of several, several labels at once, or several columns of classes.

    It takes the place of scikit-learn's `MLPClassifier` by changing the import: parameters, attributes, errors and
    warnings are the same, and from the same `random_state` come the same weights up to rounding. It minimizes the
    cross-entropy: of a sigmoid for two classes and for labels (the sum over the labels), of a softmax beyond. Several
    columns of classes have a softmax each, over the same hidden layers; the sum of their cross-entropies is minimized.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, or int, default: (100,)
        Units of each hidden layer; empty for none.
    activation : str or activation layer, or a list of one per hidden layer, default: "relu"
        scikit-learn's "identity", "logistic", "tanh", "relu", and all others of `descend.layers`, such as "gelu".
    solver : str or Optimizer, default: "adam"
        "adam", "sgd" and all others of `descend.optimizers` by name go batch by batch; an object brings its own
        numbers. "lbfgs" takes all rows at once, in float64, and suits small data.
    alpha : float, default: 0.0001
        Each batch's loss gets alpha / 2 times the sum of the squared weights (biases are exempt), divided by the
        batch's number of rows, or by the sum of their sample weights.
    dropout : float, or a list of one per hidden layer, default: 0.0
        Share of each hidden layer's outputs zeroed in training.
    batch_norm : bool, default: False
        Whether each hidden layer's sums are normalized over the batch, before the activation.
    learning_rate_init : float or Schedule, default: 0.001
        A schedule of `descend.schedules` says every step's rate.
    max_iter : int, default: 200
        Epochs at most; for "lbfgs" iterations.
    early_stopping : bool, default: False
        Whether to hold rows back, to stop by their score, and to end with the weights that had the best one. Rows
        given to `fit` as X_val take their place.
    random_state : int, RandomState or None, default: None
        Of initial weights, of the rows held back for validation, of the shuffles and of dropout.
    batch_size : int or "auto", default: "auto"
        Rows per update; "auto" is 200, or all rows if there are fewer.
    learning_rate : str or Schedule, default: "constant"
        After each epoch (of solvers other than "adam"): "constant" is the same; "invscaling" is learning_rate_init /
        (rows seen + 1)^power_t; "adaptive" divides by 5 whenever `n_iter_no_change` epochs passed without improvement,
        down to 1e-6, which takes the place of stopping. "cosine", "exponential", "one_cycle", "reduce_on_plateau" and
        "step" are schedules from learning_rate_init on, planned for `max_iter` epochs; an object has its own rate.
    power_t : float, default: 0.5
    shuffle : bool, default: True
        Whether every epoch has its own order of the rows.
    tol : float, default: 0.0001
        An epoch improves when its loss falls below the best so far by `tol`, or its validation score rises as much.
        "lbfgs" stops when no element of the gradient is larger.
    verbose : bool, default: False
        Print a line per epoch.
    warm_start : bool, default: False
        Whether `fit` goes on from the weights of the last one.
    momentum : float, default: 0.9
        Of "sgd": v = momentum v + eta g, w -= v; likewise of "momentum", "nesterov" and "heavy_ball".
    nesterovs_momentum : bool, default: True
        Of "sgd": w -= momentum v + eta g instead.
    validation_fraction : float, default: 0.1
        Share of the rows that `early_stopping` holds back, of two classes in proportion.
    beta_1, beta_2, epsilon : float, default: 0.9, 0.999, 1e-8
        Of "adam": w -= eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon); and of every other solver given
        by name that has them.
    n_iter_no_change : int or inf, default: 10
        Training stops after more than so many epochs in a row without improvement.
    max_fun : int, default: 15000
        Evaluations of the loss by "lbfgs" at most.
    l1 : float, default: 0.0
        As `alpha`, but l1 times the sum of the weights' magnitudes.
    weight_decay : float or None, default: None
        Each step shrinks the weights by this share of the learning rate; None leaves it to the optimizer.
    gradient_noise : float or None, default: None
        Variance of the noise that the first step adds to the gradient, 1 / (1 + t)^0.55 of it after t steps; None
        leaves it to the optimizer.
    average_decay : float or None, default: None
        Predict and validate with the moving average of the weights, a = d a + (1 - d) w after every update; None leaves
        it to the optimizer. For the mean over the last epochs see `callbacks.SWA`.
    accumulate : int, default: 1
        Add up the gradients of so many batches for an update: a larger batch in the memory of one.
    drop_connect : float, or a list of one per hidden layer, default: 0.0
        Share of the weights into each hidden layer left out in each step of training.
    label_noise : float, default: 0.0
        Probability with which a label is replaced in training by one drawn from all, new for every row and epoch; of
        several columns, in each on its own.
    input_noise : float, default: 0.0
        Standard deviation of the noise added to X in training, new for every row and epoch; in X's unit.
    scoring : str, callable or None, default: None
        What validation rows are scored by: the name of one of scikit-learn's scorers, a function of (estimator, X, y),
        or "loss" for minus the loss. None is the accuracy.
    callbacks : list of Callback, default: None
        See `descend.callbacks`; they find "loss", "val_loss" and "val_score" in their history.
    threads : int or None, default: None
        None leaves the number to the amount of work and to joblib. The numbers do not depend on it.
    categorical_features : "from_dtype", array-like of names, indices or a mask, or None, default: None
        Which columns are categories; anything but None also allows missing values. "from_dtype" takes those of a frame
        of pandas or polars that hold categories, enumerations, text or booleans. A category becomes an input of 0 and
        1 per level (of more than 100, the rarest share one). Missing numbers become the column's median; another input
        tells where training had some. A missing category is a level of its own; levels not seen in the first fit count
        as missing, or as no level where none was missing. None takes numbers only, as scikit-learn's does.
    time_budget : float or None, default: None
        Seconds after which training stops, within an epoch if need be.
    loss : str or Loss, default: "log_loss"
        "log_loss" is the cross-entropy that suits the target. "hinge", for two classes or labels, gives scores instead
        of probabilities (`decision_function`).
    label_smoothing : float, default: 0.0
        s replaces targets y of 0 and 1 by y (1 - s) + s / classes; for labels by y (1 - s) + s / 2.
    class_weight : dict, "balanced", list of dict or None, default: None
        Weights by class, multiplied with `sample_weight` in training: of the classes named, of all in inverse
        proportion to their rows ("balanced"), or for several labels (0 and 1) or columns one dict each.

    Attributes
    ----------
    classes_ : ndarray, or list of ndarray
        The labels, sorted; of several columns of classes a list of each one's.
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
    validation_loss_curve_ : list of float or None
        With validation rows: their loss after every epoch, without penalties.
    history_ : History
        Every epoch since the network was made; ``history_.diagnose()`` looks for what went wrong. Not with "lbfgs".
    stopped_ : bool
        Whether the last call ended because improvement was waited for in vain. Not with "lbfgs".
    validation_scores_, best_validation_score_ : list of float, float; or None
        With validation rows: the accuracy of the rows held back, after every epoch.
    n_layers_, n_outputs_ : int
        Layers including the input, and units of the last one.
    out_activation_ : str
        "softmax", or "logistic" for two classes and for labels.
    n_features_in_ : int
        Columns of X.
    encoded_features_ : list of str
        With `categorical_features`: the names of the network's inputs, such as "colour = red".
    feature_names_in_ : ndarray of str, where X had names

    Notes
    -----
    Numbers stay in X's dtype, float64 or float32, and the result does not depend on the number of threads. Sparse X
    stays sparse throughout, in any of SciPy's formats (CSR costs no conversion). scikit-learn's own
    callbacks (`set_callbacks`, from its release 1.9 on) are told of each epoch, of "lbfgs" each iteration.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from descend import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((20,), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {**CONSTRAINTS, **CLASSIFIER}

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: Any = 0.001,
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
        l1: float = 0.0,
        weight_decay: float | None = None,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        gradient_noise: float | None = None,
        average_decay: float | None = None,
        accumulate: int = 1,
        drop_connect: Any = 0.0,
        label_noise: float = 0.0,
        input_noise: float = 0.0,
        scoring: Any = None,
        callbacks: Any = None,
        threads: int | None = None,
        time_budget: float | None = None,
        categorical_features: Any = None,
        loss: Any = "log_loss",
        label_smoothing: float = 0.0,
        class_weight: Any = None,
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
        self.l1 = l1
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.gradient_noise = gradient_noise
        self.average_decay = average_decay
        self.accumulate = accumulate
        self.drop_connect = drop_connect
        self.label_noise = label_noise
        self.input_noise = input_noise
        self.scoring = scoring
        self.callbacks = callbacks
        self.threads = threads
        self.time_budget = time_budget
        self.categorical_features = categorical_features
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight

    def _head(self, y: Any, dtype: np.dtype) -> Head:
        return with_label_noise(super()._head(y, dtype), self.label_noise)
