"""What `NetworkClassifier` and `NetworkRegressor` share: layers completed for the target, and their recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from descend import layers, optimizers, penalties
from descend.estimators.mlp import rates
from descend.estimators.mlp.base import BaseMLP
from descend.estimators.mlp.constraints import COMMON
from descend.estimators.mlp.heads import Head, complete
from descend.estimators.mlp.recipe import Recipe, callbacks_of
from descend.model import Network
from descend.plan import expand
from descend.wording import counted

_POSITIVE = Interval(Integral, 1, None, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "layers": [list, tuple],
    "optimizer": [StrOptions(set(optimizers.registry.names())), optimizers.Optimizer],
    "epochs": [_POSITIVE],
    "batch_size": [_POSITIVE, None],
    "early_stopping": ["boolean"],
    "patience": [_POSITIVE],
    "min_delta": [Interval(Real, 0, None, closed="left")],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "penalty": [StrOptions(set(penalties.registry.names())), penalties.Penalty, None],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "warm_start": ["boolean"],
    "verbose": ["verbose"],
    **COMMON,
}


class BaseNetwork(BaseMLP):
    """An estimator of the layers it is given."""

    _solver_name = "optimizer"
    _named: ClassVar[dict[str, Callable[[Any], Any]]] = {
        "optimizer": optimizers.resolve,
        "penalty": penalties.resolve,
    }

    @property
    def network_(self) -> Network:
        """A `Network` of the same layers and weights, to be looked into, drawn or saved; a copy at every call."""
        trained = self._trained("network_")
        network = Network(self._layers, trained.plan.values[trained.plan.input].shape, dtype=trained.dtype)
        flat = trained.flat()
        network.set_weights({p.name: flat[p.slice].reshape(p.shape) for p in trained.plan.parameters})
        return network

    def _filled(self) -> Sequence[int] | Literal["all"]:
        p: Any = self
        given = list(p.layers) if isinstance(p.layers, (list, tuple)) else []
        # Tags are asked for before parameters were checked.
        proper = bool(given) and all(isinstance(layer, layers.Layer) for layer in given)
        return layers.missing_columns(expand(given)) if proper else ()

    def _all_layers(self, recipe: Recipe, head: Head) -> tuple[layers.Layer, ...]:
        return with_output(recipe.hidden, head)

    def _recipe(self) -> Recipe:
        p: Any = self
        optimizer = optimizers.resolve(p.optimizer)
        if p.batch_size is None and p.accumulate > 1:
            raise ValueError(
                f"accumulate={p.accumulate} adds up the gradients of batches, but batch_size=None takes all rows at "
                "once; pass a batch_size, or accumulate=1"
            )
        if isinstance(optimizer, optimizers.LBFGS):
            _refuse_for_lbfgs(p)
            limit = p.epochs if isinstance(p.optimizer, str) else min(p.epochs, optimizer.max_iter)
            optimizer = replace(optimizer, max_iter=int(limit))
            rate, rule = 0.0, rates.Constant()
        else:
            rate, rule = rates.first(optimizer.schedule), rates.of_schedule(optimizer.schedule)
        return Recipe(
            hidden=tuple(p.layers),
            gains=None,
            penalty=penalties.resolve(p.penalty),
            optimizer=optimizer,
            rate=rate,
            rule=rule,
            batch_size=2**62 if p.batch_size is None else int(p.batch_size),
            epochs=int(p.epochs),
            tol=float(p.min_delta),
            patience=int(p.patience) if p.early_stopping else np.inf,
            validation=float(p.validation_fraction) if p.early_stopping else None,
            shuffle=bool(p.shuffle),
            verbose=bool(p.verbose),
            scoring=p.scoring,
            callbacks=callbacks_of(self),
            threads=p.threads,
            time_budget=p.time_budget,
            warns=False,
            accumulate=int(p.accumulate),
        )


def ends_in_pair(given: Any) -> bool:
    """Whether layers end in two outputs of which a softmax makes probabilities, or may make them."""
    proper = isinstance(given, (list, tuple)) and all(isinstance(layer, layers.Layer) for layer in given)
    flat = expand(list(given)) if proper and given else []
    if flat and flat[-1] == layers.Softmax(name=flat[-1].name):
        flat = flat[:-1]
    return bool(flat) and isinstance(flat[-1], layers.Dense) and flat[-1].units == 2


def with_output(given: tuple[layers.Layer, ...], head: Head) -> tuple[layers.Layer, ...]:
    """Complete layers by the output layer and activation that the target calls for, unless they have it.

    Raises
    ------
    TypeError
        When something is no layer.
    ValueError
        When the layers end in another output.
    """
    flat = expand(given) if given else []
    last = flat[-1] if flat else None
    if isinstance(last, layers.Dense):
        if last.units != head.outputs:
            raise ValueError(
                f"layers end in Dense({last.units}) without an activation, which is an output layer, but y calls for "
                f"{counted(head.outputs, 'output')}; leave the output layer out, it is added, or give a hidden layer "
                f"its activation, as in Dense({last.units}, activation='relu')"
            )
        return (*given, *head.ending)
    before = flat[-2] if len(flat) > 1 else None
    fits = isinstance(before, layers.Dense) and before.units == head.outputs
    if head.ending and fits and last is not None and replace(last, name=None) == head.ending[0]:
        return tuple(given)
    if isinstance(last, layers.Softmax):
        raise ValueError(
            f"layers end in Softmax, but y calls for {counted(head.outputs, 'output')}"
            + (f" and {head.ending[0]!r}" if head.ending else " without activation")
            + "; leave the output layer out, it is added"
        )
    return complete(tuple(given), head)


def _refuse_for_lbfgs(p: Any) -> None:
    for name, given in (
        ("early_stopping", p.early_stopping),
        ("callbacks", bool(p.callbacks)),
        ("time_budget", p.time_budget is not None),
        ("accumulate", p.accumulate > 1),
    ):
        if given:
            raise ValueError(
                f"{name}={getattr(p, name)!r} does not go with optimizer='lbfgs', which takes all rows at once; choose "
                "an optimizer that goes batch by batch, such as 'adam'"
            )
