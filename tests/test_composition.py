"""Layers compose: whatever networks chance makes of them run alike in both engines with right gradients, or are refused
by name.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from descend import Sequences, layers
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.engine.reference.adapting import adapt
from descend.engine.rows import check_rows
from descend.plan import Plan, attach_loss, initial_parameters, lower

FEATURES, ROWS, OUTPUTS = 5, 12, 2
FROZEN = st.sampled_from([True, True, True, False])
UNITS = st.sampled_from([1, 4, 17])
#: Where a layer of columns works: everywhere, or where every input has a column.
COLUMNS = st.sampled_from([None, None, 0, (-1,)])

FUNCTIONS = st.sampled_from(sorted(set(layers.activation_names()) - {"exponential", "softmax", "prelu"}))

PLAIN = [
    st.builds(layers.Dense, UNITS, trainable=FROZEN, use_bias=st.booleans()),
    st.builds(layers.Dense, UNITS, FUNCTIONS),
    FUNCTIONS.map(layers.resolve_activation),
    st.builds(layers.BatchNorm, epsilon=st.just(0.1), frozen=st.booleans(), scale=st.booleans(), trainable=FROZEN),
    st.builds(layers.LayerNorm, epsilon=st.just(0.1), center=st.booleans(), trainable=FROZEN),
    st.builds(layers.PReLU, trainable=FROZEN),
    st.builds(layers.Softmax),
    st.builds(layers.Dropout, st.sampled_from([0.0, 0.3])),
    st.builds(layers.GaussianNoise, st.sampled_from([0.0, 0.2])),
    st.builds(layers.PeriodicEmbedding, st.sampled_from([1, 3]), sigma=st.just(0.3), columns=COLUMNS, trainable=FROZEN),
    st.builds(layers.Impute, st.just("constant"), columns=COLUMNS, indicator=st.booleans()),
]
ADAPTING = [
    st.builds(layers.Standardize, columns=COLUMNS),
    st.builds(layers.RobustScale, st.sampled_from([None, 1.5]), columns=COLUMNS),
    st.builds(layers.QuantileTransform, st.just(7), output=st.sampled_from(["uniform", "normal"]), columns=COLUMNS),
    st.builds(layers.Impute, st.sampled_from(["mean", "median"]), columns=COLUMNS, indicator=st.booleans()),
    st.builds(layers.OneHot, st.just(ROWS), columns=COLUMNS),
    st.builds(
        layers.PiecewiseLinearEmbedding, st.just(4), split=st.sampled_from(["quantiles", "tree"]), columns=COLUMNS
    ),
]
ONE = st.one_of(*PLAIN)
STACKS = st.lists(ONE, max_size=3)
GRAPHS = [
    st.lists(ONE, min_size=1, max_size=3).map(layers.Residual),
    STACKS.map(lambda inner: layers.Residual([*inner, layers.Dense(4)], [layers.Dense(4)])),
    st.lists(STACKS, min_size=2, max_size=3).map(layers.Concatenate),
]
PIECES = st.one_of(*PLAIN, *PLAIN, *GRAPHS)
NETWORKS = st.tuples(st.lists(st.one_of(*ADAPTING), max_size=2), st.lists(PIECES, max_size=4)).map(
    lambda parts: [*parts[0], *parts[1], layers.Dense(OUTPUTS)]
)
MIXED = st.tuples(
    st.sampled_from([layers.Mixup(0.7), layers.CutMix(0.6), layers.SwapNoise(0.3)]),
    st.lists(PIECES, max_size=3),
).map(lambda parts: [parts[0], *parts[1], layers.Dense(OUTPUTS)])
ANYWHERE = st.lists(st.one_of(*PLAIN, *ADAPTING), min_size=1, max_size=5).map(
    lambda some: [*some, layers.Dense(OUTPUTS)]
)

STEPS, LEVELS = 6, 4
SIZES, DROPPED, PADDINGS = (
    st.sampled_from([1, 2, 3]),
    st.sampled_from([0.0, 0.0, 0.3]),
    st.sampled_from(["same", "valid"]),
)


def _convolution(kind: type[layers.Sliding], *first: st.SearchStrategy) -> st.SearchStrategy[layers.Layer]:
    return st.builds(
        kind,
        *first,
        SIZES,
        strides=st.sampled_from([1, 1, 2]),
        padding=PADDINGS,
        drop_connect=DROPPED,
        trainable=FROZEN,
    )


def _recurrent(sequences: bool) -> st.SearchStrategy[layers.Recurrent]:
    return st.one_of(
        *(
            st.builds(
                kind,
                UNITS,
                return_sequences=st.just(sequences),
                reverse=st.booleans(),
                dropout=DROPPED,
                recurrent_dropout=DROPPED,
                recurrent_drop_connect=DROPPED,
                batch_norm=st.booleans(),
                batch_norm_epsilon=st.just(0.1),
                use_bias=st.booleans(),
                trainable=FROZEN,
            )
            for kind in (layers.SimpleRNN, layers.LSTM, layers.GRU)
        )
    )


ON_STEPS = [
    *(one for one in PLAIN[:9]),
    st.builds(layers.SpatialDropout1D, DROPPED),
    _convolution(layers.Conv1D, UNITS),
    _convolution(layers.Conv1DTranspose, UNITS),
    _convolution(layers.SeparableConv1D, UNITS),
    _convolution(layers.DepthwiseConv1D),
    st.builds(layers.MaxPool1D, SIZES, padding=PADDINGS),
    st.builds(layers.AveragePool1D, SIZES, padding=PADDINGS),
    st.builds(layers.ZeroPadding1D, st.sampled_from([1, (2, 0)])),
    st.builds(layers.RandomTimeShift, st.just(0.4), fill_mode=st.sampled_from(["nearest", "constant", "wrap"])),
    st.builds(layers.RandomTimeWarp, st.sampled_from([0.0, 0.5]), SIZES.map(lambda n: n + 1)),
    st.builds(layers.RandomScaling, st.just(0.3), st.booleans()),
    st.builds(layers.RandomTimeCrop, st.just(4), padding=st.sampled_from([0, 2])),
    _recurrent(True),
    _recurrent(True).filter(lambda layer: not layer.reverse).map(layers.Bidirectional),
]
OVER_STEPS = st.one_of(
    _recurrent(False),
    st.sampled_from([layers.GlobalMaxPool1D(), layers.GlobalAveragePool1D(), layers.Flatten()]),
)
STEP = st.one_of(*ON_STEPS)
STEP_GRAPHS = [
    st.lists(STEP, min_size=1, max_size=2).map(layers.Residual),
    st.lists(st.lists(STEP, max_size=2), min_size=2, max_size=2).map(layers.Concatenate),
    STEP.map(lambda layer: layers.Residual([layer, layers.Dense(4)], [layers.Dense(4)])),
]
#: Some layers stand in several places.
STEP_PIECES = st.lists(st.one_of(STEP, STEP, *STEP_GRAPHS), max_size=3).flatmap(
    lambda some: st.lists(st.sampled_from(some), max_size=2).map(lambda more: some + more) if some else st.just(some)
)
SEQUENTIAL = st.tuples(STEP_PIECES, OVER_STEPS).map(lambda parts: [*parts[0], parts[1], layers.Dense(OUTPUTS)])
WORDS = st.tuples(UNITS, SEQUENTIAL).map(lambda parts: [layers.Embedding(LEVELS, parts[0]), *parts[1]])
TABLES = st.tuples(UNITS, st.lists(PIECES, max_size=3)).map(
    lambda parts: [layers.Embedding([LEVELS, 3], parts[0], columns=[0, 2]), *parts[1], layers.Dense(OUTPUTS)]
)

IMAGE = (3, 4, 2)
ON_IMAGES = [
    st.builds(layers.RandomFlip, st.sampled_from(["horizontal", "vertical", "both"])),
    st.builds(
        layers.RandomAffine,
        *[st.sampled_from([0.0, 0.1])] * 5,
        fill_mode=st.sampled_from(["constant", "nearest", "reflect", "wrap"]),
        fill_value=st.sampled_from([0.0, 0.3]),
    ),
    st.builds(layers.RandomCrop, st.just(3), st.just(4), padding=st.sampled_from([0, 2])),
    st.builds(layers.RandomBrightness, st.just(0.2), value_range=st.sampled_from([None, (-3.0, 3.0)])),
    st.builds(layers.RandomContrast, st.just(0.2)),
    st.builds(layers.RandomErasing, st.just(0.5)),
    st.builds(layers.Cutout, st.sampled_from([1, 3])),
    st.builds(layers.Dense, st.sampled_from([2, 17]), st.just("tanh")),
    st.builds(layers.BatchNorm, epsilon=st.just(0.1)),
    st.builds(layers.Conv2D, st.sampled_from([2, 3]), st.just(3), padding=st.just("same")),
    st.builds(layers.Dropout, st.just(0.3)),
]
IMAGE_NETWORKS = st.tuples(
    st.sampled_from([[], [layers.CutMix()], [layers.Mixup()]]), st.lists(st.one_of(*ON_IMAGES), max_size=5)
).map(
    lambda parts: [
        *parts[0],
        *parts[1],
        layers.Residual([layers.RandomRotation(0.1)]),
        layers.Flatten(),
        layers.Dense(OUTPUTS),
    ]
)

#: What a refusal says; anything else is a fault.
REFUSALS = (
    "prepares data before training",
    "only equal shapes can be added",
    "has room for",
    "is in the network twice",
    "does not fit into rows",
    "use a smaller crop",
    "not alike in",
    "all places of a layer object need inputs of one shape",
    "cannot share",
    "mixes steps",
    "no layer of the network is recurrent",
)


def _batch(X: np.ndarray | Sequences) -> Batch:
    rng = np.random.default_rng(3)
    return Batch(X, rng.normal(size=(ROWS, OUTPUTS)), rng.uniform(0.0, 2.0, ROWS))


def _rows(*shape: int) -> Batch:
    return _batch(np.random.default_rng(6).normal(size=(ROWS, *(shape or (FEATURES,)))))


def _words() -> Batch:
    return _batch(np.random.default_rng(6).integers(0, 3, (ROWS, FEATURES)).astype(np.float64))


def _with_lengths(batch: Batch) -> Batch:
    X = np.asarray(batch.X)
    return Batch(Sequences(X, np.random.default_rng(7).integers(1, X.shape[1] + 1, ROWS)), batch.y, batch.weight)


def _built(network: list[layers.Layer], batch: Batch | None = None) -> tuple[Plan, np.ndarray] | str:
    """The plan with parameters that leave nothing at 0, or why there is none."""
    batch = batch or _rows()
    try:
        plan = attach_loss(lower(network, batch.X.shape[1:]), "mse")
        check_rows(plan, batch.X)
        flat = initial_parameters(plan, 1)
        rng = np.random.default_rng(4)
        for p in plan.parameters:
            if p.trainable:
                flat[p.slice] += rng.uniform(-0.2, 0.2, p.size)
        return plan, adapt(plan, flat, np.asarray(batch.X), batch.y) if isinstance(batch.X, np.ndarray) else flat
    except ValueError as error:
        assert any(reason in str(error) for reason in REFUSALS), error
        return str(error)


def _check(network: list[layers.Layer], batch: Batch | None = None) -> None:
    batch = batch or _rows()
    built = _built(network, batch)
    if isinstance(built, str):
        return
    plan, flat = built
    native, reference = NativeEngine(plan, "float64"), ReferenceEngine(plan)
    for engine in (native, reference):
        engine.set_parameters(flat)
    np.testing.assert_allclose(native.predict(batch.X), reference.predict(batch.X), rtol=1e-8, atol=1e-9)
    loss, gradient = native.gradients(batch, seed=1, step=2)
    expected_loss, expected = reference.gradients(batch, seed=1, step=2)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-8)
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(gradient / scale, expected / scale, rtol=1e-7, atol=1e-9)
    _check_direction(plan, flat, batch, expected)


def _check_direction(plan: Plan, flat: np.ndarray, batch: Batch, gradient: np.ndarray) -> None:
    """The gradient along one direction of all trained parameters, against a central difference."""
    direction = np.zeros(plan.size)
    rng = np.random.default_rng(5)
    for p in plan.parameters:
        if p.trainable:
            direction[p.slice] = rng.normal(size=p.size)
    direction /= np.linalg.norm(direction)
    engine, losses, step = ReferenceEngine(plan), [], 1e-6
    for sign in (1.0, -1.0):
        engine.set_parameters(flat + sign * step * direction)
        losses.append(engine.gradients(batch, seed=1, step=2)[0])
    found = (losses[0] - losses[1]) / (2.0 * step)
    np.testing.assert_allclose(found, gradient @ direction, rtol=1e-4, atol=1e-6 * max(1.0, np.abs(gradient).max()))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(NETWORKS)
def test_any_layers_one_after_the_other(network: list[layers.Layer]) -> None:
    _check(network)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(MIXED)
def test_any_layers_behind_one_that_mixes_rows(network: list[layers.Layer]) -> None:
    _check(network)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SEQUENTIAL)
def test_any_layers_on_steps(network: list[layers.Layer]) -> None:
    _check(network, _rows(STEPS, FEATURES))
    _check(network, _with_lengths(_rows(STEPS, FEATURES)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(IMAGE_NETWORKS)
def test_images_augmented_between_any_layers(network: list[layers.Layer]) -> None:
    _check(network, _rows(*IMAGE))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(WORDS)
def test_any_layers_on_words(network: list[layers.Layer]) -> None:
    _check(network, _words())
    _check(network, _with_lengths(_words()))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(TABLES)
def test_any_layers_on_tables_with_categories(network: list[layers.Layer]) -> None:
    _check(network, _words())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(ANYWHERE)
def test_layers_that_adapt_stand_before_what_is_trained_or_are_refused(network: list[layers.Layer]) -> None:
    built = _built(network)
    assert isinstance(built, str) == _is_late(network), built
    if not isinstance(built, str):
        _check(network)


def _is_late(network: list[layers.Layer]) -> bool:
    """Whether a layer that adapts stands behind one that is trained."""
    moving = False
    late = False
    for layer in network:
        late |= moving and isinstance(layer, layers.ColumnLayer) and not isinstance(layer, layers.PeriodicEmbedding)
        trains = isinstance(layer, layers.Dense | layers.PReLU | layers.LayerNorm | layers.PeriodicEmbedding)
        moving |= layer.trainable and (trains or (isinstance(layer, layers.BatchNorm)))
    return late
