"""What each parameter may be; scikit-learn's machinery checks it and words the errors."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import Interval, Options, StrOptions

from descend import layers, optimizers, schedules
from descend.estimators.mlp.objectives import CLASSIFYING, CLASSIFYING_TYPES, REGRESSION, REGRESSION_TYPES
from descend.estimators.mlp.solvers import RULES, SCHEDULES
from descend.training.callbacks import Callback
from descend.training.settings import MAX_THREADS

_POSITIVE = Interval(Integral, 1, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_ABOVE_ZERO = Interval(Real, 0, None, closed="neither")

#: What `MLPClassifier`, `MLPRegressor`, `NetworkClassifier` and `NetworkRegressor` have in common.
COMMON: dict[str, list[Any]] = {
    "scoring": [StrOptions({*get_scorer_names(), "loss"}), callable, None],
    "callbacks": [list, tuple, Callback, None],
    "threads": [None, Interval(Integral, 1, MAX_THREADS, closed="both")],
    "time_budget": [None, _ABOVE_ZERO],
    "accumulate": [_POSITIVE],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
}

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _POSITIVE],
    "activation": [StrOptions(set(layers.activation_names())), layers.Layer, list, tuple],
    "solver": [StrOptions(set(optimizers.registry.names())), optimizers.Optimizer],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), _POSITIVE],
    "learning_rate": [StrOptions({*RULES, *SCHEDULES}), schedules.Schedule],
    "learning_rate_init": [_ABOVE_ZERO, schedules.Schedule],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [_POSITIVE],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_SHARE],
    "beta_1": [_SHARE],
    "beta_2": [_SHARE],
    "epsilon": [_ABOVE_ZERO],
    "n_iter_no_change": [_POSITIVE, Options(Real, {np.inf})],
    "max_fun": [_POSITIVE],
    "l1": [_NOT_NEGATIVE],
    "weight_decay": [None, _NOT_NEGATIVE],
    "label_noise": [_NOT_NEGATIVE],
    "gradient_noise": [None, _NOT_NEGATIVE],
    "average_decay": [None, _SHARE],
    "dropout": [_SHARE, list, tuple],
    "batch_norm": ["boolean"],
    "drop_connect": [_SHARE, list, tuple],
    "input_noise": [_NOT_NEGATIVE],
    **COMMON,
}

#: Of classifiers alone.
CLASSIFIER: dict[str, list[Any]] = {
    "loss": [StrOptions({"log_loss", *CLASSIFYING}), *CLASSIFYING_TYPES],
    "label_smoothing": [_SHARE],
    "class_weight": [StrOptions({"balanced"}), dict, list, None],
}

#: Of regressors alone.
REGRESSOR: dict[str, list[Any]] = {"loss": [StrOptions({*REGRESSION}), *REGRESSION_TYPES]}
