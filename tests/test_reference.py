"""The reference engine: hand-computed passes, random numbers, odd shapes, trace, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from descend import layers, optimizers
from descend.engine.protocol import Batch, Engine, OptimizerState
from descend.engine.reference import ReferenceEngine
from descend.engine.reference.activation import FUNCTIONS
from descend.engine.reference.gaussian_noise import normal_pair, standard_normal
from descend.engine.reference.random_numbers import element_bits, splitmix64, stream_key
from descend.engine.sequences import Sequences
from descend.plan import attach_loss, initial_parameters, lower, named
from descend.plan.ops import ACTIVATIONS
from op_case import OpCase
from ops_cases import CASES


def _engine(network: list[layers.Layer], features: int, loss: str, *, target: str = "dense") -> ReferenceEngine:
    plan = attach_loss(lower(network, features), loss, target=target)  # type: ignore[arg-type]
    engine = ReferenceEngine(plan)
    engine.set_parameters(initial_parameters(plan, 0))
    return engine


def _train(engine: Engine, batch: Batch, *, epochs: int = 1, batch_size: int = 16, rate: float = 0.1, **settings):
    rows = np.tile(np.arange(len(batch.X), dtype=np.uint32), epochs)
    return engine.train(batch, rows, batch_size=batch_size, learning_rates=np.array([rate]), threads=1, **settings)


def _two_classes(rows: int = 90) -> Batch:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3))
    return Batch(X, (X[:, 0] * X[:, 1] > 0).astype(np.int32))


# --- values -----------------------------------------------------------------------------------------------------


def test_forward_and_backward_by_hand() -> None:
    """Two inputs, two sigmoid hidden units, one linear output, half a squared error in all but the factor."""
    engine = _engine([layers.Dense(2, "sigmoid"), layers.Dense(1)], 2, "mse")
    engine.set_parameters(np.array([0.5, -1.0, 0.25, 2.0, 0.0, 0.5, 2.0, -1.0, 0.25]))
    batch = Batch(np.array([[2.0, -4.0]]), np.array([[1.0]]))
    trace = engine.trace(batch)
    z = np.array([2 * 0.5 - 4 * 0.25, 2 * -1.0 - 4 * 2.0 + 0.5])
    h = 1 / (1 + np.exp(-z))
    p = 2 * h[0] - h[1] + 0.25
    np.testing.assert_allclose(trace["dense_1"][0], z)
    np.testing.assert_allclose(trace["sigmoid_1"][0], h)
    np.testing.assert_allclose(trace["dense_2"][0], [p])
    np.testing.assert_allclose(trace["loss"], (p - 1) ** 2)
    dp = 2 * (p - 1)
    dz = dp * np.array([2.0, -1.0]) * h * (1 - h)
    np.testing.assert_allclose(trace["gradient/dense_2"][0], [dp])
    np.testing.assert_allclose(trace["gradient/dense_2/weight"][:, 0], dp * h)
    np.testing.assert_allclose(trace["gradient/dense_2/bias"], [dp])
    np.testing.assert_allclose(trace["gradient/dense_1"][0], dz)
    np.testing.assert_allclose(trace["gradient/dense_1/weight"], np.outer([2.0, -4.0], dz))


def test_batch_norm_by_hand() -> None:
    engine = _engine([layers.BatchNorm(momentum=0.75, epsilon=1e-3)], 1, "mse")
    start = {"gamma": 2.0, "beta": -1.0, "running_mean": 0.5, "running_variance": 4.0}
    engine.set_parameters(np.array(list(start.values())))
    batch = Batch(np.array([[1.0], [2.0], [6.0]]), np.zeros((3, 1)))
    normalized = (batch.X - 3.0) / np.sqrt(14 / 3 + 1e-3)
    trace = engine.trace(batch)
    np.testing.assert_allclose(trace["batch_norm_1/normalized"], normalized)
    np.testing.assert_allclose(trace["batch_norm_1"], 2 * normalized - 1)
    np.testing.assert_allclose(engine.predict(batch.X), 2 * (batch.X - 0.5) / np.sqrt(4 + 1e-3) - 1)
    engine.start(optimizers.SGD(), seed=0)
    _train(engine, batch, rate=0.0)
    after = named(engine.plan, engine.get_parameters())
    np.testing.assert_allclose(after["batch_norm_1/running_mean"], 0.75 * 0.5 + 0.25 * 3.0)
    np.testing.assert_allclose(after["batch_norm_1/running_variance"], 0.75 * 4.0 + 0.25 * 14 / 3)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "exponential"])
@pytest.mark.parametrize("far", [1e4, -1e4])
def test_no_overflow_far_out(name: str, far: float) -> None:
    x = np.array([[far, 0.0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value, slope = FUNCTIONS[name].value(x, 0.1), FUNCTIONS[name].derivative(x, 0.1)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


def test_softmax_far_out_and_for_two_classes() -> None:
    engine = _engine([layers.Softmax()], 2, "cce")
    np.testing.assert_array_equal(engine.predict(np.array([[1e4, -1e4], [-1e4, -1e4]])), [[1, 0], [0.5, 0.5]])
    z = np.linspace(-30, 30, 61)
    p = engine.predict(np.column_stack([np.zeros_like(z), z]))
    np.testing.assert_allclose(p[:, 1], FUNCTIONS["sigmoid"].value(z, 0.0), rtol=1e-12)


def test_activations_at_kinks() -> None:
    zero = np.zeros(1)
    slopes = {name: FUNCTIONS[name].derivative(zero, 0.25)[0] for name in ("relu", "leaky_relu", "elu", "hard_sigmoid")}
    assert slopes == {"relu": 0.0, "leaky_relu": 0.25, "elu": 0.25, "hard_sigmoid": 1 / 6}


def test_stacked_linear_layers_collapse() -> None:
    engine = _engine([layers.Dense(9), layers.Dense(7), layers.Dense(2)], 4, "mse")
    weights = named(engine.plan, engine.get_parameters())
    product = weights["dense_1/weight"] @ weights["dense_2/weight"] @ weights["dense_3/weight"]
    X = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_allclose(engine.predict(X), X @ product, atol=1e-12)


# --- random numbers ---------------------------------------------------------------------------------------------


def test_random_numbers_are_pinned() -> None:
    assert splitmix64(0) == 0xE220A8397B1DCDAF
    assert splitmix64(0xE220A8397B1DCDAF) < 2**64
    bits = element_bits(stream_key(0, 0, 0), 4)
    assert bits.dtype == np.uint32
    np.testing.assert_array_equal(bits, _bits_in_plain_python(stream_key(0, 0, 0), 4))
    np.testing.assert_array_equal(
        element_bits(stream_key(2**63, 9, 1), 6), _bits_in_plain_python(stream_key(2**63, 9, 1), 6)
    )


def _bits_in_plain_python(key: int, count: int) -> list[int]:
    found = []
    for element in range(count):
        x = (element + (key & 0xFFFFFFFF)) & 0xFFFFFFFF
        x ^= x >> 16
        x = x * 0x7FEB352D & 0xFFFFFFFF
        x ^= x >> 15
        x = (x + (key >> 32)) & 0xFFFFFFFF
        x = x * 0x846CA68B & 0xFFFFFFFF
        found.append(x ^ (x >> 16))
    return found


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_share_it_says(rate: float) -> None:
    engine = _engine([layers.Dropout(rate), layers.Dropout(rate)], 100, "mse")
    batch = Batch(np.ones((400, 100)), np.zeros((400, 100)))
    trace = engine.trace(batch, seed=1, step=2)
    first, second = trace["dropout_1/mask"], trace["dropout_2/mask"]
    for mask in (first, second):
        assert (mask > 0).mean() == pytest.approx(1 - rate, abs=0.01)
        assert mask.mean() == pytest.approx(1.0, abs=0.05)
        np.testing.assert_allclose((mask > 0).mean(axis=0), 1 - rate, atol=0.12)
    assert np.corrcoef(first.ravel() > 0, second.ravel() > 0)[0, 1] == pytest.approx(0, abs=0.02)
    for other in (engine.trace(batch, seed=2, step=2), engine.trace(batch, seed=1, step=3)):
        assert np.corrcoef(first.ravel() > 0, other["dropout_1/mask"].ravel() > 0)[0, 1] == pytest.approx(0, abs=0.02)
    np.testing.assert_array_equal(engine.trace(batch, seed=1, step=2)["dropout_1/mask"], first)
    np.testing.assert_array_equal(engine.predict(batch.X), batch.X)


def test_layer_norm_by_hand() -> None:
    engine = _engine([layers.LayerNorm(epsilon=1e-3)], 3, "mse")
    engine.set_parameters(np.array([2.0, 1.0, -1.0, 0.5, 0.0, 1.0]))
    batch = Batch(np.array([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]]), np.zeros((2, 3)))
    normalized = (batch.X - [[3.0], [5.0]]) / np.sqrt(np.array([[14 / 3], [0.0]]) + 1e-3)
    trace = engine.trace(batch)
    np.testing.assert_allclose(trace["layer_norm_1/mean"], [[3.0], [5.0]])
    np.testing.assert_allclose(trace["layer_norm_1/normalized"], normalized)
    expected = normalized * [2.0, 1.0, -1.0] + [0.5, 0.0, 1.0]
    np.testing.assert_allclose(trace["layer_norm_1"], expected)
    np.testing.assert_allclose(engine.predict(batch.X), expected)
    dy = 2 * expected / 6
    np.testing.assert_allclose(trace["gradient/layer_norm_1/beta"], dy.sum(axis=0))
    np.testing.assert_allclose(trace["gradient/layer_norm_1/gamma"], (dy * normalized).sum(axis=0))


def test_max_norm_by_hand() -> None:
    engine = _engine([layers.Dense(3, use_bias=False, max_norm=2.0)], 2, "mse")
    engine.set_parameters(np.array([[3.0, 0.6, -1.2], [4.0, 0.8, 1.6]]).ravel())
    engine.start(optimizers.SGD(), seed=0)
    batch = Batch(np.zeros((1, 2)), np.zeros((1, 3)))  # no gradient, so only the limit changes the weights
    _train(engine, batch, rate=0.1)
    expected = [[1.2, 0.6, -1.2], [1.6, 0.8, 1.6]]
    np.testing.assert_allclose(engine.get_parameters().reshape(2, 3), expected)


def test_gaussian_noise_is_normal_and_new_everywhere() -> None:
    engine = _engine([layers.GaussianNoise(0.5), layers.GaussianNoise(2.0)], 100, "mse")
    batch = Batch(np.ones((400, 100)), np.zeros((400, 100)))
    trace = engine.trace(batch, seed=1, step=2)
    first, second = trace["gaussian_noise_1/noise"], trace["gaussian_noise_2/noise"]
    for noise, stddev in ((first, 0.5), (second, 2.0)):
        z = np.sort(noise.ravel()) / stddev
        # Kolmogorov and Smirnov's distance stays below this in all but one case of a thousand.
        distance = np.abs(ndtr(z) - (np.arange(z.size) + 0.5) / z.size).max()
        assert distance < 1.95 / np.sqrt(z.size)
        assert abs(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]) < 0.02
        assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.02
    np.testing.assert_allclose(trace["gaussian_noise_2"], 1.0 + first + second)
    np.testing.assert_array_equal(trace["gradient/gaussian_noise_1"], trace["gradient/gaussian_noise_2"])
    others = (
        second,
        engine.trace(batch, seed=2, step=2)["gaussian_noise_1/noise"],
        engine.trace(batch, seed=1, step=3)["gaussian_noise_1/noise"],
    )
    for other in others:
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(engine.trace(batch, seed=1, step=2)["gaussian_noise_1/noise"], first)
    np.testing.assert_array_equal(engine.predict(batch.X), batch.X)


def test_normal_numbers_are_alike_on_both_sides() -> None:
    bits = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1], np.uint32)
    z = standard_normal(bits)
    np.testing.assert_array_equal(z, -z[::-1])
    np.testing.assert_allclose(ndtr(z[:3]), (bits[:3] + 0.5) / 2**32, rtol=1e-12)


def test_pairs_of_normal_numbers_are_independent_and_normal() -> None:
    """As far as close to two million of them, evenly taken from all that there are, can tell."""
    bits = np.arange(0, 2**32, 4985, dtype=np.uint64).astype(np.uint32)
    first, second = normal_pair(bits)
    for z in (first, second, (first + second) / np.sqrt(2), (first - second) / np.sqrt(2)):
        ordered = np.sort(z)
        distance = np.abs(ndtr(ordered) - (np.arange(z.size) + 0.5) / z.size).max()
        assert distance < 0.2 / np.sqrt(z.size)  # a tenth of what numbers drawn by chance reach
        np.testing.assert_allclose([(z**k).mean() for k in range(1, 5)], [0, 1, 0, 3], atol=5e-3)
    assert abs(np.corrcoef(first, second)[0, 1]) < 1e-3
    assert abs(np.corrcoef(first**2, second**2)[0, 1]) < 1e-3
    ends = np.concatenate(normal_pair(np.array([0, 511, 2**31, 2**32 - 1], np.uint32)))
    assert np.isfinite(ends).all()
    assert np.abs(ends).max() < 5.77


# --- odd shapes -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    case=st.sampled_from(CASES),
    rows=st.integers(0, 9),
    training=st.booleans(),
)
def test_any_number_of_rows(case: OpCase, rows: int, training: bool) -> None:
    plan = case.plan()
    engine = ReferenceEngine(plan)
    engine.set_parameters(case.parameters(plan))
    batch = case.batch(rows)
    assert engine.predict(batch.X).shape == (rows, *plan.values[plan.output].shape)
    assert np.isfinite(engine.evaluate(batch))
    loss, gradient = engine.gradients(batch)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    trace = engine.trace(batch, training=training)
    X = batch.X.values if isinstance(batch.X, Sequences) else batch.X
    assert np.array_equal(trace.pop("input"), X, equal_nan=True)  # which may have gaps
    assert all(np.isfinite(array).all() for array in trace.values())
    engine.start(optimizers.Adam(), seed=0)
    progress = _train(engine, batch, batch_size=4)
    assert (progress.status, progress.rows, progress.steps) == ("done", rows, -(-rows // 4))
    assert np.isfinite(engine.get_parameters()).all()


@settings(max_examples=40, deadline=None)
@given(features=st.integers(1, 70), units=st.integers(1, 70), rows=st.sampled_from([0, 1, 3]))
def test_any_width(features: int, units: int, rows: int) -> None:
    engine = _engine([layers.Dense(units), layers.BatchNorm(), layers.Mish(), layers.Dense(1)], features, "huber")
    rng = np.random.default_rng(units)
    batch = Batch(rng.normal(size=(rows, features)), rng.normal(size=(rows, 1)))
    _, gradient = engine.gradients(batch)
    assert np.isfinite(gradient).all()


def test_no_rows_leave_running_statistics_alone() -> None:
    engine = _engine([layers.BatchNorm()], 3, "mse")
    before = engine.get_parameters()
    engine.gradients(Batch(np.zeros((0, 3)), np.zeros((0, 3))))
    np.testing.assert_array_equal(engine.get_parameters(), before)


# --- trace ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_trace_agrees_with_the_rest(case: OpCase) -> None:
    plan = case.plan()
    engine = ReferenceEngine(plan)
    engine.set_parameters(case.parameters(plan))
    batch = case.batch(case.batch_sizes[-1])
    trace = engine.trace(batch, seed=1, step=1)
    loss, gradient = engine.gradients(batch, seed=1, step=1)
    assert trace["loss"] == loss
    for parameter in plan.parameters:
        if parameter.trainable:
            found = trace[f"gradient/{parameter.name}"]
            assert found.shape == parameter.shape
            np.testing.assert_array_equal(found.ravel(), gradient[parameter.slice])
    inference = engine.trace(batch, training=False)
    np.testing.assert_array_equal(inference[plan.values[plan.output].name], engine.predict(batch.X))
    assert inference["loss"] == engine.evaluate(batch)


def test_trace_is_in_order() -> None:
    network = [layers.Dense(4), layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.5), layers.Dense(2, "softmax")]
    engine = _engine(network, 3, "cce", target="index")
    assert list(engine.trace(_two_classes(5))) == [
        "input",
        "dense_1",
        "batch_norm_1/mean",
        "batch_norm_1/variance",
        "batch_norm_1/inverse_deviation",
        "batch_norm_1/normalized",
        "batch_norm_1",
        "relu_1",
        "dropout_1/mask",
        "dropout_1",
        "dense_2",
        "softmax_1",
        "loss",
        "gradient/dense_2",
        "gradient/dense_2/weight",
        "gradient/dense_2/bias",
        "gradient/dropout_1",
        "gradient/relu_1",
        "gradient/batch_norm_1",
        "gradient/batch_norm_1/gamma",
        "gradient/batch_norm_1/beta",
        "gradient/dense_1",
        "gradient/dense_1/weight",
        "gradient/dense_1/bias",
        "gradient/input",
    ]


def test_trace_without_a_loss_goes_forward_only() -> None:
    plan = lower([layers.Dense(2), layers.Tanh()], 3)
    trace = ReferenceEngine(plan).trace(Batch(np.zeros((1, 3)), np.zeros(1)))
    assert list(trace) == ["input", "dense_1", "tanh_1"]


# --- errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.predict(np.zeros((2, 4))), r"X must have shape \(rows, 3\), got \(2, 4\)"),
        (lambda e: e.predict(np.zeros(3)), "X must have shape"),
        (lambda e: e.evaluate(Batch(np.zeros((2, 3)), np.zeros((2, 2)))), r"y must have shape \(2,\)"),
        (lambda e: e.evaluate(Batch(np.zeros((2, 3)), np.array([0, 2]))), "classes from 0 to 1, got 0 to 2"),
        (lambda e: e.gradients(Batch(np.zeros((2, 3)), np.array([0, 1]), np.ones(3))), "weight must have shape"),
        (lambda e: e.set_parameters(np.zeros(3)), "flat must have shape"),
        (lambda e: e.start(optimizers.Adam(), seed=0, state=OptimizerState(0, np.zeros((1, 8)))), "state.slots"),
        (lambda e: _train(e, _two_classes()), r"call start\(optimizer"),
        (lambda e: _train(e, _two_classes(), batch_size=0), "batch_size must be at least 1"),
        (
            lambda e: e.train(_two_classes(), np.arange(9), batch_size=3, learning_rates=np.zeros(2), threads=1),
            "learning_rates must hold 1 or 3 numbers",
        ),
        (
            lambda e: ReferenceEngine(lower([layers.Dense(1)], 3)).evaluate(Batch(np.zeros((1, 3)), np.zeros(1))),
            "no loss",
        ),
    ],
)
def test_bad_arguments_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(_engine([layers.Dense(2, "softmax")], 3, "cce", target="index"))
