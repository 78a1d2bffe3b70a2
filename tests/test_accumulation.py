"""Gradient accumulation: batches whose gradients make one update, in both engines and through `fit`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from descend import Network, callbacks, layers, optimizers, penalties
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import attach_loss, lower

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 21))
Y = RNG.normal(size=(70, 2))
W = RNG.choice([0.0, 0.5, 2.0], size=70)
ORDER = RNG.permutation(70).astype(np.uint32)
RATE = np.array([0.05])

OPTIMIZERS = [
    optimizers.Adam(0.05),
    optimizers.Nesterov(0.05, clip_norm=0.3),
    optimizers.SGD(0.05, clip_value=0.02, gradient_noise=0.01, average_decay=0.5),
]


def _plan(*between: layers.Layer, **settings: object):
    stack = [layers.Dense(35, "tanh", max_norm=1.0), *between, layers.Dense(2)]
    return attach_loss(lower(stack, 21, penalty=penalties.L1L2(0.1, 0.2, **settings)), "huber")  # type: ignore[arg-type]


def _end(engine, optimizer, batch: Batch, size: int, accumulate: int, **settings):
    engine.set_parameters(np.random.default_rng(1).normal(size=engine.plan.size) * 0.1)
    engine.start(optimizer, seed=3)
    done = [
        engine.train(batch, ORDER, batch_size=size, learning_rates=RATE, accumulate=accumulate, threads=2, **settings)
        for _ in range(2)
    ]
    return done[-1], engine.get_parameters(), engine.get_state()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("kind", [NativeEngine, ReferenceEngine])
def test_equals_one_batch_of_all_the_rows(kind, spread: bool, optimizer: optimizers.Optimizer) -> None:
    plan = _plan(spread=spread)
    make = (lambda: NativeEngine(plan, "float64")) if kind is NativeEngine else (lambda: ReferenceEngine(plan))
    batch = Batch(X, Y, W)
    whole, weights, state = _end(make(), optimizer, batch, 24, 1)  # 24, 24, 22
    parts, found, other = _end(make(), optimizer, batch, 8, 3)  # 8 8 8, 8 8 8, 8 8 6
    assert (parts.steps, parts.rows, other.step) == (whole.steps, whole.rows, state.step) == (3, 70, 6)
    np.testing.assert_allclose(parts.loss, whole.loss)
    np.testing.assert_allclose(parts.losses, whole.losses)
    np.testing.assert_allclose(parts.penalties, whole.penalties)
    np.testing.assert_allclose(found, weights, rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(other.slots, state.slots, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("sparse", [False, True])
def test_engines_agree_where_batches_matter(sparse: bool) -> None:
    """Batch statistics, masks and noise are each batch's own."""
    plan = _plan(layers.BatchNorm(), layers.Dropout(0.3), layers.GaussianNoise(0.1), layers.Dense(4, drop_connect=0.2))
    batch = Batch(csr_array(X) if sparse else X, Y, W)
    ends = [
        _end(engine, optimizers.Adam(0.05, clip_norm=0.5), batch, 8, 4)
        for engine in (NativeEngine(plan, "float64"), ReferenceEngine(plan))
    ]
    np.testing.assert_allclose(ends[0][0].losses, ends[1][0].losses)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_do_not_change_a_bit(dtype: str) -> None:
    plan = _plan(layers.BatchNorm(), layers.Dropout(0.3))
    batch = Batch(X.astype(dtype), Y.astype(dtype), W.astype(dtype))
    ends = []
    for threads in (1, 2, 3):
        engine = NativeEngine(plan, dtype)
        engine.start(optimizers.Adam(clip_norm=0.5), seed=1)
        engine.train(batch, ORDER, batch_size=17, learning_rates=RATE, accumulate=2, threads=threads, adapt=False)
        ends.append(engine.get_parameters().tobytes())
    assert ends[0] == ends[1] == ends[2]


def test_fit_counts_updates_and_calls_back_after_each() -> None:
    seen: list[int] = []
    nets = [Network([layers.Dense(9, "tanh"), layers.Dense(2)], seed=1) for _ in range(3)]
    nets[0].fit(X, Y, epochs=3, batch_size=10, accumulate=3, verbose=0)
    watch = callbacks.Function(on_step_end=lambda run: seen.append(run.step))
    nets[1].fit(X, Y, epochs=3, batch_size=10, accumulate=3, callbacks=watch, verbose=0)
    nets[2].fit(X, Y, epochs=3, batch_size=30, verbose=0)
    assert seen == list(range(1, 10))
    np.testing.assert_array_equal(nets[0].predict(X), nets[1].predict(X))
    np.testing.assert_allclose(nets[0].predict(X), nets[2].predict(X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accumulate": 0}, "accumulate must be >= 1"),
        ({"accumulate": 1.5}, "accumulate must be an integer"),
        ({"accumulate": 2, "batch_size": None}, "batch_size=None takes all rows at once"),
        ({"accumulate": 2, "loss": "rmse"}, "accumulate adds up gradients of batches, which for the loss 'rmse'"),
        ({"accumulate": 2, "optimizer": "lbfgs"}, "accumulate=2 adds up batches, and LBFGS has none"),
    ],
)
def test_refusals_name_the_argument(settings: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        Network([layers.Dense(2)]).fit(X, Y, verbose=0, **settings)
