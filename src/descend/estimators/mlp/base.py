"""What the classifier and the regressor share: from data and parameters to a trained network and its attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from descend.engine.protocol import Batch
from descend.estimators.mlp import lbfgs, threads
from descend.estimators.mlp.constraints import CONSTRAINTS
from descend.estimators.mlp.epochs import NOT_FINITE, Epochs, Rows
from descend.estimators.mlp.heads import Head, build
from descend.estimators.mlp.initial import draw
from descend.estimators.mlp.inputs import for_engine, new_rows
from descend.estimators.mlp.journal import Journal
from descend.estimators.mlp.recipe import Recipe, recipe_of
from descend.estimators.mlp.trained import TrainedNetwork
from descend.optimizers import LBFGS
from descend.plan import ops


def goes_by_batches(estimator: Any) -> bool:
    """Whether the solver can go once over some rows.

    Raises
    ------
    AttributeError
        When it cannot.
    """
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class BaseMLP(BaseEstimator, ABC):
    """An estimator around a `TrainedNetwork`; subclasses say what their targets are."""

    _parameter_constraints = CONSTRAINTS

    solver: Any
    warm_start: Any
    random_state: Any

    @abstractmethod
    def _learn_targets(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        """Check the data and learn what the targets are; `first` when nothing learnt before counts."""

    @abstractmethod
    def _head(self, y: Any, dtype: np.dtype) -> Head:
        """Return the end of the network."""

    @abstractmethod
    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        """Return the targets as the head takes them."""

    def _recipe(self) -> Recipe:
        """Return how this estimator's parameters want the network built and trained."""
        return recipe_of(self)

    @property
    def coefs_(self) -> list[NDArray]:
        """Weight matrices (inputs, outputs), layer by layer. What is written into them counts."""
        return self._trained("coefs_").coefs

    @coefs_.setter
    def coefs_(self, arrays: Sequence[ArrayLike]) -> None:
        self._trained("coefs_").replace(coefs=arrays)

    @property
    def intercepts_(self) -> list[NDArray]:
        """Biases (outputs,), layer by layer. What is written into them counts."""
        return self._trained("intercepts_").intercepts

    @intercepts_.setter
    def intercepts_(self, arrays: Sequence[ArrayLike]) -> None:
        self._trained("intercepts_").replace(intercepts=arrays)

    def _trained(self, name: str) -> TrainedNetwork:
        network = vars(self).get("_network")
        if network is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r} before it is fitted")
        return network

    def __sklearn_is_fitted__(self) -> bool:
        return "_network" in vars(self)

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Any:
        recipe = self._recipe()
        if incremental and recipe.validation is not None:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = "_network" not in vars(self) or (not self.warm_start and not incremental)
        X, y = self._learn_targets(X, y, first=first, incremental=incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        random_state = check_random_state(self.random_state)
        head = self._prepare(recipe, X, y, random_state, first=first)
        dtype = self._network.dtype
        weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, dtype=dtype)
        batch = Batch(for_engine(X, dtype), self._encode(y, dtype), weight)
        if isinstance(recipe.optimizer, LBFGS):
            self.loss_, self.n_iter_ = lbfgs.train(self._network, head, batch, recipe.optimizer, verbose=recipe.verbose)
            if not np.isfinite(self._network.flat()).all():
                raise ValueError(NOT_FINITE)
            return self
        self._train(recipe, head, batch, random_state, incremental=incremental)
        return self

    def _prepare(self, recipe: Recipe, X: Any, y: Any, random_state: Any, *, first: bool) -> Head:
        """Have the network that is to be trained, new or as it was left; return its head."""
        wide = isinstance(recipe.optimizer, LBFGS)  # SciPy works in float64, and its weights stay so
        dtype = np.dtype(np.float64) if wide else X.dtype if first else self._network.dtype
        head = self._head(y, dtype)
        plan = build(recipe.hidden, head, X.shape[1], recipe.penalty)
        if first:
            flat = draw(plan, random_state, recipe.gain, X.dtype)
            self._network = TrainedNetwork(plan, dtype, flat)
            self._journal = Journal(best_weights=None if recipe.validation is None else self._network.flat())
            self.n_iter_ = self.t_ = 0
        else:
            # A fit that goes on and beats no earlier score ends with its last weights, or it would never get on.
            self._journal.best_weights = None
            if plan != self._network.plan or dtype != self._network.dtype:
                self._network.change(plan, dtype)
        self.n_outputs_ = head.outputs
        self.n_layers_ = 1 + sum(isinstance(op, ops.Dense) for op in plan.ops)
        self.out_activation_ = head.name
        return head

    def _train(self, recipe: Recipe, head: Head, batch: Batch, random_state: Any, *, incremental: bool) -> None:
        """Train by the optimizers that go batch by batch."""
        journal = self._journal
        if not incremental or self._network.optimizer is None:
            self._network.start(recipe.optimizer)
            journal.initial_rate = journal.rate = recipe.rate
            journal.rule = recipe.rule
        rows = _split(recipe, head, batch, random_state)
        epochs = Epochs(self._network, journal, recipe, head, rows, random_state)
        try:
            epochs.run(1 if incremental else recipe.epochs, warn=not incremental)
        finally:
            self._publish(recipe)

    def _publish(self, recipe: Recipe) -> None:
        """Show the journal in scikit-learn's attributes."""
        journal, held = self._journal, recipe.validation is not None
        self.n_iter_, self.t_ = journal.epochs, journal.rows_seen
        self.loss_curve_ = journal.losses
        if journal.losses:
            self.loss_ = journal.losses[-1]
        self.best_loss_ = None if held else journal.best_loss
        self.validation_scores_ = journal.scores if held else None
        self.best_validation_score_ = journal.best_score if held else None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _require_fitted(self) -> None:
        if "_network" not in vars(self):
            check_is_fitted(self)

    def _output(self, X: Any) -> NDArray:
        """Return the network's output for checked rows (rows, outputs)."""
        self._require_fitted()
        network = self._network
        rows, wanted = new_rows(self, X, network.dtype)
        output = network.engine().predict(rows, threads.choose(network.plan, rows.shape[0], passes=1))
        return output if wanted == network.dtype else output.astype(wanted)


def _split(recipe: Recipe, head: Head, batch: Batch, random_state: Any) -> Rows:
    """Hold rows back for validation where the recipe says so.

    Two classes are held back in proportion; more, as in scikit-learn, at random.
    """
    everything = np.arange(batch.X.shape[0], dtype=np.uint32)
    if recipe.validation is None:
        return Rows(batch, everything)
    two = head.loss.kind == "bce" and head.outputs == 1
    training, held = train_test_split(
        everything,
        random_state=random_state,
        test_size=recipe.validation,
        stratify=batch.y[:, 0] if two else None,
    )
    if len(held) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    weight = None if batch.weight is None else batch.weight[held]
    return Rows(batch, np.ascontiguousarray(training), Batch(batch.X[held], batch.y[held], weight))
