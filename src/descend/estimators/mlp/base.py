"""What the classifier and the regressor share: from data and parameters to a trained network and its attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from descend.engine.protocol import Batch
from descend.engine.rows import check_rows
from descend.estimators.mlp import lbfgs, threads
from descend.estimators.mlp.columns import ColumnEncoder
from descend.estimators.mlp.constraints import CONSTRAINTS
from descend.estimators.mlp.epochs import NOT_FINITE, Epochs, Rows
from descend.estimators.mlp.heads import THRESHOLDS, Head, build, build_again, complete
from descend.estimators.mlp.hooks import SupportsCallbacks, hooks_of
from descend.estimators.mlp.initial import draw
from descend.estimators.mlp.inputs import for_engine, new_rows, training_data
from descend.estimators.mlp.journal import Journal
from descend.estimators.mlp.nested import NestedParameters
from descend.estimators.mlp.recipe import Recipe, recipe_of
from descend.estimators.mlp.trained import TrainedNetwork
from descend.estimators.mlp.validation import Validation, scorer_of
from descend.layers import Layer
from descend.optimizers import LBFGS, Optimizer
from descend.plan import Plan, initial_parameters, ops
from descend.training import adapting
from descend.training import settings as training
from descend.training.averaging import averages_of
from descend.training.lbfgs import check_plan as check_fixed
from descend.training.setup import describe

_train_test_split: Any = train_test_split  # which names no types


class Given(NamedTuple):
    """The validation rows, targets and weights that a user gave, None where not."""

    X: Any = None
    y: Any = None
    weight: Any = None

    def __bool__(self) -> bool:
        return any(part is not None for part in self)


def goes_by_batches(estimator: Any) -> bool:
    """Whether the solver can go once over some rows.

    Raises
    ------
    AttributeError
        When it cannot.
    """
    solver = getattr(estimator, estimator._solver_name)
    if solver == "lbfgs" or isinstance(solver, LBFGS):
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class BaseMLP(SupportsCallbacks, NestedParameters, ABC):
    """An estimator around a `TrainedNetwork`; subclasses say what their targets are."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    _solver_name = "solver"  # the parameter that says how to train
    _numeric = False  # whether targets must be numbers

    warm_start: Any
    random_state: Any
    threads: Any
    categorical_features: Any
    _columns: ColumnEncoder
    history_: Any
    best_loss_: Any
    validation_loss_curve_: Any
    validation_scores_: Any
    best_validation_score_: Any

    @abstractmethod
    def _learn_targets(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        """Check the data and learn what the targets are; `first` when nothing learnt before counts."""

    @abstractmethod
    def _check_more_targets(self, y: Any) -> None:
        """Refuse checked targets that are not like those learnt from."""

    @abstractmethod
    def _head(self, y: Any, dtype: np.dtype) -> Head:
        """Return the end of the network."""

    @abstractmethod
    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        """Return the targets as the head takes them."""

    def _row_weights(self, y: Any, sample_weight: Any, *, incremental: bool) -> Any:
        """Return what each row counts in training (rows,), or None for ones."""
        return sample_weight

    def _told(self, y: Any) -> Any:
        """Return checked targets as the user gave them, for scorers."""
        return y

    def _all_layers(self, recipe: Recipe, head: Head) -> tuple[Layer, ...]:
        """Return the network's layers, the output included."""
        return complete(recipe.hidden, head)

    def _recipe(self) -> Recipe:
        """Return how this estimator's parameters want the network built and trained."""
        return recipe_of(self)

    def _filled(self) -> Sequence[int] | Literal["all"]:
        """Return the columns of X whose missing values a layer fills; none here."""
        return ()

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

    @property
    def encoded_features_(self) -> list[str]:
        """Names of the network's inputs, which `categorical_features` makes of X's columns."""
        if "_columns" not in vars(self):
            why = "without categorical_features" if "_network" in vars(self) else "before it is fitted"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'encoded_features_' {why}")
        return self._columns.features

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.categorical_features is None
        tags.input_tags.allow_nan = self.categorical_features is not None or len(self._filled()) > 0
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "_network" in vars(self)

    def _fit(self, X: Any, y: Any, sample_weight: Any, given: Given, *, incremental: bool) -> Any:
        recipe = self._recipe()
        if incremental and recipe.validation is not None and not given:
            raise ValueError("partial_fit does not support early_stopping=True; pass X_val and y_val to judge by them")
        if isinstance(recipe.optimizer, LBFGS) and given:
            raise ValueError(
                f"X_val does not go with {self._solver_name}='lbfgs', which has no epochs to judge; use another solver"
            )
        if recipe.scoring is not None and recipe.validation is None and not given:
            raise ValueError(
                f"scoring={recipe.scoring!r} scores validation rows, and there are none; pass X_val and y_val, or "
                "early_stopping=True"
            )
        task, most = ("partial_fit", 1) if incremental else ("fit", recipe.epochs)
        told = hooks_of(self, task, (X, y, sample_weight), most)
        if told is not None:
            recipe = replace(recipe, callbacks=(*recipe.callbacks, told))
        self._learn(recipe, X, y, sample_weight, given, incremental=incremental)
        if told is not None:
            told.end()
        return self

    def _learn(self, recipe: Recipe, X: Any, y: Any, sample_weight: Any, given: Given, *, incremental: bool) -> None:
        """Check the data, make what is to be trained, and train it."""
        first = "_network" not in vars(self) or (not self.warm_start and not incremental)
        X, y = self._learn_targets(X, y, first=first, incremental=incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        held = self._given(given)
        random_state = check_random_state(self.random_state)
        head = self._prepare(recipe, X, y, random_state, first=first, incremental=incremental)
        counts = self._row_weights(y, sample_weight, incremental=incremental)
        if isinstance(recipe.optimizer, LBFGS):
            batch = self._batch(X, y, counts)
            if first:
                self._adapt(batch, np.arange(X.shape[0]))
            loss, self.n_iter_ = lbfgs.train(self._network, head, batch, recipe)
            self.loss_ = np.float64(loss)
            if not np.isfinite(self._network.flat()).all():
                raise ValueError(NOT_FINITE)
            return
        everything = np.arange(X.shape[0], dtype=np.uint32)
        if held is None and recipe.validation is not None:
            everything, chosen = _split(recipe, head, self._encode(y, self._network.dtype), random_state)
            held = X[chosen], y[chosen], None if sample_weight is None else sample_weight[chosen]
        validation = None if held is None else self._validation(recipe, head, *held)
        rows = Rows(self._batch(X, y, counts), everything, validation)
        if first:
            self._adapt(rows.batch, everything)
        self._train(recipe, head, rows, random_state, incremental=incremental)

    def _batch(self, X: Any, y: Any, weight: Any) -> Batch:
        dtype = self._network.dtype
        weight = None if weight is None else np.ascontiguousarray(weight, dtype=dtype)
        return Batch(for_engine(X, dtype), self._encode(y, dtype), weight)

    def _validation(self, recipe: Recipe, head: Head, X: Any, y: Any, weight: Any) -> Validation:
        """Return what judges by these checked rows."""
        batch = self._batch(X, y, weight)
        check_rows(self._network.plan, batch.X, "X_val")
        by_loss = isinstance(recipe.scoring, str) and recipe.scoring == "loss"
        plain = recipe.scoring is None or by_loss
        scorer = None if plain else scorer_of(self, recipe.scoring, X, self._told(y), weight)
        return Validation(batch, head, scorer, by_loss, recipe.threads)

    def _given(self, given: Given) -> tuple[Any, Any, Any] | None:
        """Return the validation rows the user gave, checked, or None."""
        if not given:
            return None
        if given.X is None or given.y is None:
            raise ValueError("X_val and y_val belong together (and sample_weight_val to them); pass both")
        try:
            X, y = training_data(self, given.X, given.y, reset=False, numeric=self._numeric)
            self._check_more_targets(y)
            weight = None if given.weight is None else _check_sample_weight(given.weight, X)
        except ValueError as error:
            raise ValueError(f"X_val, y_val: {error}") from error
        return X, y, weight

    def _prepare(self, recipe: Recipe, X: Any, y: Any, random_state: Any, *, first: bool, incremental: bool) -> Head:
        """Have the network that is to be trained, new or as it was left; return its head."""
        wide = isinstance(recipe.optimizer, LBFGS)  # SciPy works in float64, and its weights stay so
        dtype = np.dtype(np.float64) if wide else X.dtype if first else self._network.dtype
        head = self._head(y, dtype)
        given = self._all_layers(recipe, head)
        self._layers = adapting.count_levels(given, X) if first else adapting.keep_levels(given, self._layers)
        made = build if recipe.gains is None else build_again
        plan = made(self._layers, head, X.shape[1], recipe.penalty)
        check_rows(plan, X)
        if wide:
            check_fixed(plan)
        if first:
            flat = self._first_weights(recipe, plan, random_state, X.dtype)
            self._network = TrainedNetwork(plan, dtype, flat)
            self._journal = Journal(best_weights=None if recipe.validation is None else self._network.flat())
            self.n_iter_ = self.t_ = 0
        else:
            # A fit that goes on and beats no earlier score ends with its last weights, or it would never get on.
            if not incremental:
                self._journal.best_weights = self._journal.latest_weights = None
            if plan != self._network.plan or dtype != self._network.dtype:
                self._network.change(plan, dtype)
        self.n_outputs_ = head.outputs
        self.n_layers_ = 1 + sum(isinstance(op, ops.Dense) for op in plan.ops)
        self.out_activation_ = head.name
        return head

    def _adapt(self, batch: Batch, rows: NDArray) -> None:
        """Let layers and first weights that ask for it see the rows to train on."""
        plan, flat = self._network.plan, self._network.flat()
        if not adapting.needs_data(plan):
            return
        X = batch.X[rows]
        flat = adapting.scale_weights(plan, adapting.take_statistics(plan, flat, X, batch.y[rows]), X, 0)
        self._network.set_flat(flat)
        if self._journal.best_weights is not None:
            self._journal.best_weights = flat

    def _first_weights(self, recipe: Recipe, plan: Plan, random_state: Any, dtype: np.dtype) -> NDArray:
        if recipe.gains is None:
            return initial_parameters(plan, _seed(random_state), dtype)
        return draw(plan, random_state, recipe.gains, dtype)

    def _train(self, recipe: Recipe, head: Head, rows: Rows, random_state: Any, *, incremental: bool) -> None:
        """Train by the optimizers that go batch by batch."""
        journal, network = self._journal, self._network
        if not incremental or network.optimizer is None:
            network.start(recipe.optimizer, _seed(random_state) if _draws(network.plan, recipe.optimizer) else 0)
            journal.averages = averages_of(recipe.optimizer, recipe.callbacks, network.seed)
            journal.initial_rate = journal.rate = recipe.rate
            journal.rule, journal.steps, journal.watched = recipe.rule, 0, []
        if journal.latest_weights is not None:
            network.set_flat(journal.latest_weights)
            journal.latest_weights = None
        if not incremental or journal.history.setup is None:
            data = training.Rows(rows.batch, rows.training, rows.batch.y)
            size = min(200 if recipe.batch_size is None else recipe.batch_size, data.count)
            rows_of_update = size * recipe.accumulate
            journal.history.setup = describe(network.plan, data, rows_of_update, recipe.optimizer, head.shown)
        epochs = Epochs(network, journal, recipe, head, rows, random_state, self)
        try:
            epochs.run(1 if incremental else recipe.epochs, warn=not incremental)
        finally:
            self._publish(recipe, rows.validation is not None)
            self.stopped_ = epochs.impatient

    def _publish(self, recipe: Recipe, held: bool) -> None:
        """Show the journal in scikit-learn's attributes."""
        journal = self._journal
        self.n_iter_, self.t_ = journal.epochs, journal.rows_seen
        self.loss_curve_ = journal.losses
        if journal.losses:
            self.loss_ = journal.losses[-1]
        self.best_loss_ = None if recipe.validation is not None else journal.best_loss
        self.history_ = journal.history
        self.validation_loss_curve_ = journal.validation_losses if held else None
        self.validation_scores_ = journal.scores if held else None
        self.best_validation_score_ = journal.best_score if held else None

    def _require_fitted(self) -> None:
        if "_network" not in vars(self):
            check_is_fitted(self)

    def _output(self, X: Any) -> NDArray:
        """Return the network's output for checked rows (rows, outputs)."""
        self._require_fitted()
        network = self._network
        rows, wanted = new_rows(self, X, network.dtype)
        check_rows(network.plan, rows)
        output = network.engine().predict(rows, threads.choose(network.plan, rows.shape[0], 1, self.threads))
        return output if wanted == network.dtype else output.astype(wanted)


def _draws(plan: Plan, optimizer: Optimizer) -> bool:
    """Whether training draws random numbers besides those of the shuffles."""
    noisy = plan.loss is not None and plan.loss.label_noise > 0
    return noisy or optimizer.gradient_noise > 0 or any(ops.streams_of(op) for op in plan.ops)


def _split(
    recipe: Recipe, head: Head, encoded: NDArray, random_state: Any
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the rows to train on and those to hold back.

    Two classes are held back in proportion; more, as in scikit-learn, at random.
    """
    one, pair = head.loss.kind in THRESHOLDS and head.outputs == 1, head.target == "index" and head.outputs == 2
    training, held = _train_test_split(
        np.arange(len(encoded), dtype=np.uint32),
        random_state=random_state,
        test_size=recipe.validation,
        stratify=encoded.ravel() if one or pair else None,
    )
    if len(held) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return np.ascontiguousarray(training), held


def _seed(random_state: np.random.RandomState) -> int:
    return int(random_state.randint(2**31 - 1))
