"""What each parameter may be; scikit-learn's machinery checks it and words the errors."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

_POSITIVE = Interval(Integral, 1, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_ABOVE_ZERO = Interval(Real, 0, None, closed="neither")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _POSITIVE],
    "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), _POSITIVE],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [_ABOVE_ZERO],
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
}
