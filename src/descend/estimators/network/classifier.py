"""Any network for classes as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from descend import losses
from descend.estimators.mlp.classifying import BaseClassifier
from descend.estimators.mlp.constraints import CLASSIFIER
from descend.estimators.mlp.heads import Head, plain
from descend.estimators.mlp.labels import Labels
from descend.estimators.network.base import CONSTRAINTS, BaseNetwork, ends_in_pair
from descend.layers import Layer


class NetworkClassifier(BaseClassifier, BaseNetwork):
    """A network of any layers for one class out of several, several labels at once, or several columns of classes.

    Parameters
    ----------
    layers : list of Layer, default: ()
        From the input on, such as ``[layers.Dense(64, activation="relu"), layers.Dropout(0.1)]``. The output layer that
        the target calls for is added, unless the list ends in it; two classes may have one unit and a sigmoid, which
        is what is added, or two and a softmax. Empty for a linear model.
    optimizer : str or Optimizer, default: "adam"
        Its learning rate may be a schedule.
    loss : str or Loss, default: "log_loss"
        "log_loss" is the cross-entropy that suits the target; "hinge" for two classes or labels gives scores.
    epochs : int, default: 100
        Passes over the rows at most; for "lbfgs" iterations.
    batch_size : int or None, default: 32
        Rows per update; None for all, as "lbfgs" always takes.
    accumulate : int, default: 1
        Add up the gradients of so many batches for an update: a larger batch in the memory of one.
    early_stopping : bool, default: False
        Whether to hold rows back (or take X_val of `fit`), and to stop when their score has not improved. The weights
        with the best score are kept whenever there are such rows.
    patience : int, default: 10
        Epochs without improvement that `early_stopping` accepts.
    penalty : Penalty or str, default: None
        Added to the loss for every weight matrix whose layer has no penalty of its own.
    class_weight : dict, "balanced", list of dict or None, default: None
        Weights by class, multiplied with `sample_weight` in training; for several labels (0 and 1)
        or columns a list of dicts.
    random_state : int, RandomState or None, default: None
        Of initial weights, validation rows, shuffles and dropout.
    min_delta : float, default: 0.0
        The least rise of the score that counts as an improvement.
    validation_fraction : float, default: 0.1
    scoring : str, callable or None, default: None
        What validation rows are scored by: the name of one of scikit-learn's scorers, a function of (estimator, X, y),
        or "loss" for minus the loss. None is the accuracy.
    label_smoothing : float, default: 0.0
    callbacks : list of Callback, default: None
        See `descend.callbacks`; they find "loss", "val_loss" and "val_score" in their history.
    shuffle : bool, default: True
    threads : int or None, default: None
        The numbers do not depend on it.
    categorical_features : "from_dtype", array-like of names, indices or a mask, or None, default: None
        Which columns are categories; anything but None also allows missing values. "from_dtype" takes those of a frame
        of pandas or polars that hold categories, enumerations, text or booleans. A category becomes an input of 0 and
        1 per level (of more than 100, the rarest share one). Missing numbers become the column's median; another input
        tells where training had some. A missing category is a level of its own; levels not seen in the first fit count
        as missing, or as no level where none was missing. None takes numbers only, as scikit-learn's does.
    time_budget : float or None, default: None
        Seconds after which training stops.
    warm_start : bool, default: False
        Whether `fit` goes on from the weights of the last one.
    verbose : bool, default: False
        Print a line per epoch.

    Attributes
    ----------
    network_ : Network
        A copy of the trained network.
    loss_curve_ : list of float
        Of every epoch, penalties included.
    validation_loss_curve_, validation_scores_ : list of float or None
        With validation rows.
    best_validation_score_ : float or None
    n_iter_ : int
    history_ : History
        Every epoch since the network was made; ``history_.diagnose()`` looks for what went wrong.
    stopped_ : bool
        Whether the last call ended because improvement was waited for in vain.
    coefs_, intercepts_ : list of ndarray
        Of the dense layers; what is written into them counts.
    n_features_in_ : int
        Columns of X.
    encoded_features_ : list of str
        With `categorical_features`: the names of the network's inputs, such as "colour = red".
    feature_names_in_ : ndarray of str, where X had names

    Notes
    -----
    Numbers inside layers and optimizer are parameters, too: ``set_params(optimizer__learning_rate=0.1)``,
    ``layers__0__units``; so searches reach them. Numbers stay in X's dtype, and sparse X stays sparse.
    scikit-learn's own callbacks (`set_callbacks`, from its release 1.9 on) are told of each epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from descend import NetworkClassifier, layers
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NetworkClassifier([layers.BatchNorm(), layers.Dense(16, activation="gelu")], random_state=0)
    >>> bool(model.set_params(optimizer__learning_rate=0.01).fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {**CONSTRAINTS, **CLASSIFIER}

    def __init__(
        self,
        layers: Sequence[Layer] = (),
        *,
        optimizer: Any = "adam",
        loss: Any = "log_loss",
        epochs: int = 100,
        batch_size: int | None = 32,
        accumulate: int = 1,
        early_stopping: bool = False,
        patience: int = 10,
        penalty: Any = None,
        class_weight: Any = None,
        random_state: Any = None,
        min_delta: float = 0.0,
        validation_fraction: float = 0.1,
        scoring: Any = None,
        label_smoothing: float = 0.0,
        callbacks: Any = None,
        shuffle: bool = True,
        threads: int | None = None,
        time_budget: float | None = None,
        categorical_features: Any = None,
        warm_start: bool = False,
        verbose: bool = False,
    ) -> None:
        self.layers = layers
        self.optimizer = optimizer
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.early_stopping = early_stopping
        self.patience = patience
        self.penalty = penalty
        self.class_weight = class_weight
        self.random_state = random_state
        self.min_delta = min_delta
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.label_smoothing = label_smoothing
        self.callbacks = callbacks
        self.shuffle = shuffle
        self.threads = threads
        self.time_budget = time_budget
        self.categorical_features = categorical_features
        self.warm_start = warm_start
        self.verbose = verbose

    def _learn_targets(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, np.ndarray]:
        X, y = super()._learn_targets(X, y, first=first, incremental=incremental)
        if isinstance(self._labels, Labels):
            cross_entropy = self.loss == "log_loss" or losses.resolve(self.loss).kind == "cce"
            self._labels.pair(cross_entropy and ends_in_pair(self.layers))
        return X, y

    def _head(self, y: Any, dtype: np.dtype) -> Head:
        return plain(super()._head(y, dtype))
