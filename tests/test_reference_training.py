"""The reference engine in training: every optimizer, exact resumption, statuses, reported losses."""

from __future__ import annotations

import time

import numpy as np
import pytest

from descend import layers, optimizers
from descend.engine.protocol import Batch, Engine
from descend.engine.reference import ReferenceEngine
from descend.plan import attach_loss, initial_parameters, lower

TRAINERS = [
    optimizers.SGD(0.1),
    optimizers.Momentum(0.3),
    optimizers.Nesterov(0.05),
    optimizers.AdaGrad(0.1),
    optimizers.RMSProp(0.01),
    optimizers.Adam(0.02),
    optimizers.AdamW(0.02),
    optimizers.AMSGrad(0.02),
    optimizers.Nadam(0.02, clip_norm=1.0),
]


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


@pytest.mark.parametrize("optimizer", TRAINERS, ids=lambda optimizer: type(optimizer).__name__)
def test_every_optimizer_learns(optimizer: optimizers.Optimizer) -> None:
    network = [layers.Dense(16), layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.1), layers.Dense(2, "softmax")]
    engine = _engine(network, 3, "cce", target="index")
    batch = _two_classes()
    before = engine.evaluate(batch)
    engine.start(optimizer, seed=0)
    assert isinstance(optimizer.learning_rate, float)
    progress = _train(engine, batch, epochs=40, rate=optimizer.learning_rate)
    assert progress.status == "done"
    assert engine.evaluate(batch) < 0.6 * before


def test_xor_needs_a_hidden_layer() -> None:
    batch = Batch(np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]]))
    found = []
    for hidden in ([layers.Dense(8, "relu")], [layers.Dense(8)]):
        engine = _engine([*hidden, layers.Dense(1, "sigmoid")], 2, "bce")
        engine.start(optimizers.Adam(), seed=0)
        _train(engine, batch, epochs=600, batch_size=4, rate=0.02)
        found.append(((engine.predict(batch.X) > 0.5) == batch.y).mean())
    assert found[0] == 1.0
    assert found[1] <= 0.75


def test_training_resumes_exactly() -> None:
    network = [layers.Dense(8, "relu"), layers.Dropout(0.3), layers.Dense(2, "softmax")]
    batch, optimizer = _two_classes(48), optimizers.Adam()
    whole = _engine(network, 3, "cce", target="index")
    whole.start(optimizer, seed=3)
    _train(whole, batch, epochs=4)
    first = _engine(network, 3, "cce", target="index")
    first.start(optimizer, seed=3)
    _train(first, batch, epochs=2)
    second = _engine(network, 3, "cce", target="index")
    second.set_parameters(first.get_parameters())
    second.start(optimizer, seed=3, state=first.get_state())
    _train(second, batch, epochs=2)
    np.testing.assert_array_equal(second.get_parameters(), whole.get_parameters())
    assert second.get_state().step == whole.get_state().step == 12


def test_gradients_equal_one_step_of_descent() -> None:
    network = [layers.Dense(8), layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.3), layers.Dense(2, "softmax")]
    engine, batch = _engine(network, 3, "cce", target="index"), _two_classes(20)
    loss, gradient = engine.gradients(batch, seed=4, step=0)
    before = engine.get_parameters()
    engine.start(optimizers.SGD(), seed=4)
    progress = _train(engine, batch, batch_size=20, rate=0.5)
    assert progress.loss == pytest.approx(loss)
    moved = engine.get_parameters() - before
    for parameter in engine.plan.parameters:
        if parameter.trainable:
            np.testing.assert_allclose(moved[parameter.slice], -0.5 * gradient[parameter.slice], atol=1e-15)


def test_reported_loss_is_weighted_by_the_rows() -> None:
    rng = np.random.default_rng(0)
    batch = Batch(rng.normal(size=(7, 2)), rng.normal(size=(7, 1)), np.array([1.0, 0, 2, 0, 0, 0.5, 1]))
    engine = _engine([layers.Dense(1)], 2, "mse")
    engine.start(optimizers.SGD(), seed=0)
    ticks: list[tuple[int, float, float]] = []
    progress = _train(engine, batch, batch_size=3, rate=0.0, tick=lambda *values: ticks.append(values) or True)
    assert progress.loss == pytest.approx(engine.evaluate(batch))
    assert [rows for rows, _, _ in ticks] == [3, 6, 7]
    assert ticks[-1][2] == pytest.approx(4.5)


def test_stopping_and_deadline() -> None:
    engine, batch = _engine([layers.Dense(2, "softmax")], 3, "cce", target="index"), _two_classes()
    engine.start(optimizers.SGD(), seed=0)
    progress = _train(engine, batch, tick=lambda rows, losses, weights: rows < 32)
    assert (progress.status, progress.rows, progress.steps) == ("stopped", 32, 2)
    progress = _train(engine, batch, deadline=time.monotonic() - 1)
    assert (progress.status, progress.rows) == ("deadline", 0)


def test_interruption_keeps_whole_steps() -> None:
    engine, batch = _engine([layers.Dense(2, "softmax")], 3, "cce", target="index"), _two_classes()
    engine.start(optimizers.SGD(), seed=0)

    def interrupt(rows: int, losses: float, weights: float) -> bool:
        raise KeyboardInterrupt

    progress = _train(engine, batch, tick=interrupt)
    assert (progress.status, progress.steps) == ("interrupted", 1)
    assert engine.get_state().step == 1


def test_divergence_is_reported_and_not_applied() -> None:
    engine = _engine([layers.Dense(1), layers.BatchNorm(), layers.Exponential()], 1, "poisson")
    engine.start(optimizers.SGD(), seed=0)
    batch = Batch(np.array([[1.0], [2.0]]), np.array([[1e3], [1.0]]))
    progress = _train(engine, batch, epochs=50, batch_size=2, rate=1e6)
    assert progress.status == "diverged"
    before, state = engine.get_parameters(), engine.get_state()
    progress = _train(engine, batch, batch_size=2, rate=1e6)
    assert (progress.status, progress.steps, progress.rows) == ("diverged", 0, 0)
    np.testing.assert_array_equal(engine.get_parameters(), before)
    assert engine.get_state().step == state.step


def test_one_rate_per_step() -> None:
    engine, batch = _engine([layers.Dense(1)], 1, "mse"), Batch(np.ones((2, 1)), np.ones((2, 1)))
    engine.set_parameters(np.zeros(2))
    engine.start(optimizers.SGD(), seed=0)
    rows = np.arange(2, dtype=np.uint32)
    engine.train(batch, rows, batch_size=1, learning_rates=np.array([0.0, 0.1]), threads=1)
    np.testing.assert_allclose(engine.get_parameters(), [0.2, 0.2])
