"""How a network is built and trained, as one small value: the keywords of an estimator end here.

Whatever estimator a keyword belongs to, below this file only the recipe is passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from descend import layers, optimizers, penalties
from descend.estimators.mlp import rates

#: What scikit-learn calls the activations of hidden layers.
ACTIVATIONS = {"identity": None, "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}


@dataclass(frozen=True)
class Recipe:
    """A network without its head, and how it is trained.

    Attributes
    ----------
    hidden : the layers before the output layer
    gain : the first weights are uniform within +-sqrt(gain / (inputs + outputs))
    penalty : of every weight matrix
    optimizer : the update; `optimizers.LBFGS` for SciPy's
    rate, rule : the first learning rate, and how it goes on from there
    batch_size : rows per update; None for at most 200
    epochs : at most, in one call of fit
    tol : the least change that counts as an improvement
    patience : epochs without one that are accepted
    validation : share of the rows held back to judge improvement by; None judges by the training loss
    shuffle : present the rows of each epoch in a new order
    verbose : print a line per epoch
    """

    hidden: tuple[layers.Layer, ...]
    gain: float
    penalty: penalties.Penalty | None
    optimizer: optimizers.Optimizer
    rate: float
    rule: rates.Rule
    batch_size: int | None
    epochs: int
    tol: float
    patience: float
    validation: float | None
    shuffle: bool
    verbose: bool


def recipe_of(estimator: Any) -> Recipe:
    """Gather the parameters of an `MLPClassifier` or `MLPRegressor`.

    Raises
    ------
    ValueError
        When a hidden layer has no units.
    """
    p = estimator
    return Recipe(
        hidden=hidden_layers(p.hidden_layer_sizes, p.activation),
        gain=2.0 if p.activation == "logistic" else 6.0,
        penalty=penalties.L2(p.alpha / 2, spread=True) if p.alpha else None,
        optimizer=_optimizer(p),
        rate=float(p.learning_rate_init),
        rule=rates.rule(p.learning_rate, float(p.power_t)) if p.solver == "sgd" else rates.Constant(),
        batch_size=None if p.batch_size == "auto" else int(p.batch_size),
        epochs=int(p.max_iter),
        tol=float(p.tol),
        patience=p.n_iter_no_change,
        validation=float(p.validation_fraction) if p.early_stopping and p.solver != "lbfgs" else None,
        shuffle=bool(p.shuffle),
        verbose=bool(p.verbose),
    )


def hidden_layers(sizes: Any, activation: str) -> tuple[layers.Layer, ...]:
    """Make a dense layer of each size (one may be given as a number), each followed by the activation.

    Raises
    ------
    ValueError
        When a size is not positive.
    """
    units = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if np.any(np.array(units) <= 0):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {units}.")
    name = ACTIVATIONS[activation]
    built: list[layers.Layer] = []
    for size in units:
        built.append(layers.Dense(size))
        if name is not None:
            built.append(layers.resolve_activation(name))
    return tuple(built)


def _optimizer(p: Any) -> optimizers.Optimizer:
    if p.solver == "lbfgs":
        return optimizers.LBFGS(max_iter=int(p.max_iter), max_fun=int(p.max_fun), tol=float(p.tol))
    rate = float(p.learning_rate_init)
    if p.solver == "sgd":
        return optimizers.HeavyBall(rate, momentum=float(p.momentum), nesterov=bool(p.nesterovs_momentum))
    return optimizers.Adam(
        rate, beta_1=float(p.beta_1), beta_2=float(p.beta_2), epsilon=float(p.epsilon), epsilon_hat=True
    )
