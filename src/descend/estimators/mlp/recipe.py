"""How a network is built and trained, as one small value: the keywords of an estimator end here.

Whatever estimator a keyword belongs to, below this file only the recipe is passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from descend import layers, optimizers, penalties
from descend.estimators.mlp import rates
from descend.estimators.mlp.hidden import hidden_layers
from descend.estimators.mlp.solvers import optimizer_of, rule_of
from descend.training.callbacks import Callback, Checkpoint, check_callbacks


@dataclass(frozen=True)
class Recipe:
    """A network without its head, and how it is trained.

    Attributes
    ----------
    hidden : the layers before the output layer
    gains : of each dense layer, whose first weights are uniform within +-sqrt(gain / (inputs + outputs)); None leaves
        the first weights to the layers' initializers
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
    scoring : of validation rows: a scorer's name or function, "loss", or None for accuracy or R^2
    callbacks : the user's
    threads : or None to let the surroundings decide
    time_budget : seconds, or None
    warns : of a batch larger than the data, and when the last epoch is reached
    accumulate : batches whose gradients are added up for an update
    """

    hidden: tuple[layers.Layer, ...]
    gains: tuple[float, ...] | None
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
    scoring: Any = None
    callbacks: tuple[Callback, ...] = ()
    threads: int | None = None
    time_budget: float | None = None
    warns: bool = True
    accumulate: int = 1


def recipe_of(estimator: Any) -> Recipe:
    """Gather the parameters of an `MLPClassifier` or `MLPRegressor`.

    Raises
    ------
    TypeError, ValueError
        When one is not what it should be, or two contradict each other.
    """
    p = estimator
    hidden, gains = hidden_layers(p.hidden_layer_sizes, p.activation, p.dropout, bool(p.batch_norm), p.drop_connect)
    if p.input_noise:
        hidden = (layers.GaussianNoise(float(p.input_noise)), *hidden)
    optimizer = optimizer_of(p)
    rate, rule = rule_of(p, optimizer)
    batches = not isinstance(optimizer, optimizers.LBFGS)
    return Recipe(
        hidden=hidden,
        gains=gains,
        penalty=_penalty(float(p.l1), float(p.alpha) / 2),
        optimizer=optimizer,
        rate=rate,
        rule=rule,
        batch_size=None if p.batch_size == "auto" else int(p.batch_size),
        epochs=int(p.max_iter),
        tol=float(p.tol),
        patience=p.n_iter_no_change,
        validation=float(p.validation_fraction) if p.early_stopping and batches else None,
        shuffle=bool(p.shuffle),
        verbose=bool(p.verbose),
        scoring=p.scoring,
        callbacks=callbacks_of(p),
        threads=p.threads,
        time_budget=p.time_budget,
        accumulate=int(p.accumulate),
    )


def callbacks_of(estimator: Any) -> tuple[Callback, ...]:
    """Return an estimator's callbacks.

    Raises
    ------
    TypeError, ValueError
        For what is no callback, and for `Checkpoint`, which only a `Network` can serve.
    """
    found = check_callbacks(estimator.callbacks)
    for callback in found:
        if isinstance(callback, Checkpoint):
            raise ValueError(
                f"callbacks: Checkpoint saves a Network, not a {type(estimator).__name__}; pickle the estimator in "
                "callbacks.Function(on_epoch_end=...), or train a Network"
            )
    return found


def _penalty(l1: float, l2: float) -> penalties.Penalty | None:
    if l1:
        return penalties.L1L2(l1, l2, spread=True)
    return penalties.L2(l2, spread=True) if l2 else None
