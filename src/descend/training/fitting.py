"""A call of `fit` from its arguments to its history: check everything, then change the network, then train."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import losses, optimizers
from descend.engine.protocol import Batch, check_accumulation
from descend.engine.rows import check_rows
from descend.engine.sequences import Sequences
from descend.engine.sparse import Features
from descend.plan import Plan, final_function, initial_parameters, ops
from descend.training import adapting, arrays, engines, groups, lbfgs, targets
from descend.training.averaging import averages_of
from descend.training.callbacks import Callback, check_callbacks
from descend.training.core import Candidate, Core
from descend.training.data import Encoded, Encoding, encode, with_validation
from descend.training.history import History
from descend.training.loop import Epochs
from descend.training.metric_functions import resolve_metrics
from descend.training.progress import reporter
from descend.training.run import TrainingRun
from descend.training.settings import Rows, Settings
from descend.training.setup import describe
from descend.training.weighting import ClassWeight

_DEFAULT_EPOCHS = 100


@dataclass(frozen=True)
class FitRequest:
    """The arguments of `Network.fit`, as documented there."""

    X: Features
    y: ArrayLike
    loss: losses.Loss | None
    optimizer: optimizers.Optimizer | None
    settings: Settings
    validation_data: Any
    validation_split: float | None
    callbacks: Callback | Iterable[Callback] | None
    metrics: Sequence[str | Callable[..., float]]
    sample_weight: ArrayLike | None
    class_weight: ClassWeight | None
    verbose: int


@dataclass(frozen=True)
class Prepared:
    """A network completed for a target, and the rows encoded for it."""

    candidate: Candidate
    encoded: Encoded
    encoding: Encoding


def prepare(
    core: Core,
    X: Features,
    y: ArrayLike,
    loss: losses.Loss | None,
    *,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    dtype: np.dtype | None = None,
    adapts: bool = False,
) -> Prepared:
    """Check rows and targets against a network, completing it for the target without changing it.

    `dtype` is that of the batch when it is not the network's; with `adapts` layers may still lack their statistics.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was expected, what came and what to do.
    """
    dtype = dtype or core.dtype
    if not adapts:
        core.require_adapted()
    rows = arrays.features(X, core.input_shape, dtype, missing=core.missing)
    if not rows.shape[0]:
        raise ValueError(f"X has no rows, its shape is {rows.shape}; pass at least one")
    target = targets.as_target(y)
    arrays.same_rows(rows, target, "y")
    layers = adapting.count_levels(core.layers, rows) if core.plan is None else core.layers
    candidate = core.complete(rows.shape[1:], target, loss, layers)
    ends = candidate.output_shape, candidate.loss, candidate.kind
    encoding = Encoding(candidate.input_shape, *ends, dtype, candidate.groups, core.missing)
    check_rows(candidate.plan, rows)
    encoded = encode(rows, target, encoding, sample_weight=sample_weight, class_weight=class_weight)
    return Prepared(candidate, encoded, encoding)


def fit(network: Any, core: Core, request: FitRequest) -> History:
    """Train; see `Network.fit`."""
    callbacks, told = check_callbacks(request.callbacks), reporter(request.verbose)
    metrics = resolve_metrics(request.metrics)
    prepared = prepare(
        core,
        request.X,
        request.y,
        request.loss,
        sample_weight=request.sample_weight,
        class_weight=request.class_weight,
        adapts=True,
    )
    metrics = groups.for_metrics(metrics, prepared.candidate.groups)
    if core.state is None:
        targets.refuse_one_class(prepared.encoded.classes)
    rows = with_validation(
        prepared.encoded, prepared.encoding, request.validation_data, request.validation_split, core.seed
    )
    if rows.validation is not None:
        check_rows(
            prepared.candidate.plan,
            rows.validation.X,
            "validation_data[0]" if request.validation_data is not None else "X",
        )
    previous = None if core.state is None else core.state.optimizer
    optimizer = request.optimizer or previous or optimizers.Adam()
    if isinstance(optimizer, optimizers.LBFGS):
        lbfgs.check_plan(prepared.candidate.plan)
        if request.settings.accumulate > 1:
            raise ValueError(
                f"accumulate={request.settings.accumulate} adds up batches, and LBFGS has none; leave it out"
            )
    check_accumulation(prepared.candidate.plan, request.settings.accumulate)
    _check_trainable(prepared.candidate)
    if core.state is None:
        function = final_function(prepared.candidate.plan)
        targets.refuse_beyond_reach(function, prepared.candidate.loss, prepared.encoded.labels)
    _check_batches(prepared.candidate, request.settings.batch_size, rows)
    _adopt(core, prepared.candidate, rows)
    core.start(optimizer)
    assert core.state is not None
    averages = averages_of(optimizer, callbacks, core.seed)
    run = TrainingRun(
        network,
        core.require_engine(),
        rows,
        request.settings,
        core.state,
        core.history,
        callbacks=callbacks,
        metrics=metrics,
        epochs=request.settings.epochs or _epochs(optimizer),
        reporter=told,
        averages=averages,
    )
    size = None if isinstance(optimizer, optimizers.LBFGS) else request.settings.batch_size
    setup = describe(core.require_plan(), rows, rows.count if size is None else min(size, rows.count), optimizer)
    run.history.setup = core.history.setup = setup
    return _train(core, run, optimizer)


def adapt(core: Core, X: Features, y: ArrayLike | None) -> None:
    """Take the statistics of layers from rows; see `Network.adapt`."""
    if adapting.adaptive_layer(core.layers) is None:
        raise ValueError("this network has no layer that takes statistics from data, such as layers.Standardize()")
    rows = arrays.features(X, core.input_shape, core.dtype, missing=core.missing)
    if not rows.shape[0]:
        raise ValueError(f"X has no rows, its shape is {rows.shape}; pass at least one")
    target = None if y is None else prepare(core, X, y, None, adapts=True).encoded.batch.y
    layers, plan = core.layers, core.plan
    if plan is None:
        layers = adapting.count_levels(layers, rows)
        plan = core.lower(layers, rows.shape[1:])
    check_rows(plan, rows)
    flat = adapting.take_statistics(plan, _weights(core, plan), rows, target)
    core.layers, core.plan, core.input_shape = layers, plan, plan.values[plan.input].shape
    core.set_parameters(flat)
    core.adapted = True


def _weights(core: Core, plan: Plan) -> NDArray:
    """Return the network's weights, or those it will start with."""
    return initial_parameters(plan, core.seed, core.dtype) if core.engine is None else core.engine.get_parameters()


def _first_weights(core: Core, plan: Plan, rows: Rows) -> NDArray | None:
    """Return the weights with what they take from the training rows before the first step, or None for no change."""
    if core.adapted and core.scaled:
        return None
    X, y, subset = rows.batch.X, rows.batch.y, rows.subset
    if subset is not None:
        X, y = X[subset], y[subset]
    flat = _weights(core, plan)
    if not core.adapted:
        flat = adapting.take_statistics(plan, flat, X, y)
    return flat if core.scaled else adapting.scale_weights(plan, flat, X, core.seed)


def _adopt(core: Core, candidate: Candidate, rows: Rows) -> None:
    """Make the network what it was completed to, with the weights that it starts from."""
    first = _first_weights(core, candidate.plan, rows)
    core.adopt(candidate)
    if first is not None:
        core.set_parameters(first)
    core.adapted = core.scaled = True


def _train(core: Core, run: TrainingRun, optimizer: optimizers.Optimizer) -> History:
    """Let the optimizer's driver train, and end the run whatever happens."""
    run.begin()
    try:
        if isinstance(optimizer, optimizers.LBFGS):
            _train_lbfgs(core, run, optimizer)
        else:
            Epochs(run, optimizer, core.seed).train()
    except ArithmeticError:
        core.forget_optimizer()
        raise
    finally:
        run.end()
    return run.history


def _train_lbfgs(core: Core, run: TrainingRun, optimizer: optimizers.LBFGS) -> None:
    double = np.dtype(np.float64)
    engine = engines.make_engine(core.require_plan(), double)
    lbfgs.train(run, engine, _training_batch(run.rows, double), optimizer)


def _training_batch(rows: Rows, dtype: np.dtype) -> Batch:
    """Return the rows to train on as a batch of their own, in `dtype`."""
    batch, subset = rows.batch, rows.subset

    def part(array: NDArray) -> NDArray:
        chosen = array if subset is None else array[subset]
        return np.ascontiguousarray(chosen, dtype=dtype if array.dtype.kind == "f" else array.dtype)

    if isinstance(batch.X, np.ndarray):
        X = part(batch.X)
    elif isinstance(batch.X, Sequences):
        X = (batch.X if subset is None else batch.X[subset]).padded_to(batch.X.shape[1], dtype)
    else:
        X = (batch.X if subset is None else batch.X[subset]).astype(dtype, copy=False)
    return Batch(X, part(batch.y), None if batch.weight is None else part(batch.weight))


def _epochs(optimizer: optimizers.Optimizer) -> int:
    return optimizer.max_iter if isinstance(optimizer, optimizers.LBFGS) else _DEFAULT_EPOCHS


def _check_trainable(candidate: Candidate) -> None:
    if not any(parameter.trainable for parameter in candidate.plan.parameters):
        raise ValueError(
            "this network has no weights to train; add a layer that has some, such as Dense, or leave one trainable"
        )


def _check_batches(candidate: Candidate, batch_size: int | None, rows: Rows) -> None:
    """Refuse batches of one row where all of them are and a layer needs the statistics of several."""
    count = rows.batch.X.shape[0] if rows.subset is None else len(rows.subset)
    if min(batch_size or count, count) > 1:
        return
    for op in candidate.plan.ops:
        if ops.uses_batch(op):
            given = "batch_size=1" if count > 1 else "a single row to train on"
            raise ValueError(
                f"{given} leaves the layer {op.name!r} ({type(op).__name__}) without a variance in every batch; use "
                "batches of 2 rows or more, "
                + ("or batch_norm=False" if isinstance(op, ops.Recurrent) else "LayerNorm(), or BatchNorm(frozen=True)")
            )
