"""Layers that are not trained, and what batch normalization does with its statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from descend import Network, layers, optimizers, penalties
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch, Engine
from descend.engine.reference import ReferenceEngine
from descend.plan import attach_loss, initial_parameters, lower, named

RNG = np.random.default_rng(3)
X = RNG.normal(size=(50, 4)) * [1.0, 3.0, 0.5, 2.0] + 1.0
Y = np.sin(X[:, 0]) + X[:, 1]


@dataclass(frozen=True)
class Block(layers.Layer):
    """A layer made of others."""

    def expand(self) -> tuple[layers.Layer, ...]:
        return layers.Dense(6), layers.BatchNorm(), layers.PReLU()


def _engines(network: list[layers.Layer]) -> list[Engine]:
    plan = attach_loss(lower(network, 4), "mse")
    engines: list[Engine] = [NativeEngine(plan, "float64"), ReferenceEngine(plan)]
    for engine in engines:
        engine.set_parameters(initial_parameters(plan, 0))
        engine.start(optimizers.SGD(0.0), seed=0)
    return engines


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.AdamW(0.01, weight_decay=0.1),
        optimizers.Nesterov(0.01, clip_norm=0.5),
        optimizers.SGD(0.1, weight_decay=0.1),
        optimizers.LBFGS(),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_only_trainable_layers_move(optimizer: optimizers.Optimizer) -> None:
    net = Network(
        [
            layers.Dense(8, "relu", name="low", trainable=False, max_norm=0.1),
            layers.LayerNorm(name="norm", trainable=False),
            layers.Dense(5, "tanh", name="middle"),
            layers.PReLU(name="bend", trainable=False),
            layers.Dense(1, name="high"),
        ],
        input_shape=4,
        penalty=penalties.L1L2(0.01, 0.01),
    )
    before = net.get_weights()
    net.fit(X, Y, optimizer=optimizer, epochs=3, verbose=0)
    moved = {name.split("/")[0] for name, now in net.get_weights().items() if not np.array_equal(now, before[name])}
    assert moved == {"middle", "high"}
    assert set(net.gradients(X, Y)) == {"middle/weight", "middle/bias", "high/weight", "high/bias"}
    assert "51 trained weights, 61 not trained" in net.summary()


def test_a_frozen_block_freezes_its_parts(tmp_path) -> None:
    net = Network([Block(trainable=False), layers.Dense(1)], input_shape=4)
    assert [p.name for p in net._core.require_plan().parameters if p.trainable] == ["dense_2/weight", "dense_2/bias"]
    before = net.get_weights()
    net.fit(X, Y, epochs=2, verbose=0)
    for name, now in net.get_weights().items():
        assert np.array_equal(now, before[name]) != name.startswith("dense_2/")


def test_frozen_layers_are_saved_as_such(tmp_path) -> None:
    net = Network([layers.Dense(3, trainable=False), layers.BatchNorm(frozen=True), layers.Dense(1)], input_shape=4)
    net.save(tmp_path / "frozen.descend")
    loaded = Network.load(tmp_path / "frozen.descend")
    assert loaded.layers == net.layers
    assert loaded.plan() == net.plan()


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no weights to train.*trainable"):
        Network([layers.Dense(1, trainable=False)]).fit(X, Y, verbose=0)
    with pytest.raises(TypeError, match="trainable must be True or False"):
        layers.Dense(3, trainable="no")  # type: ignore[arg-type]


@pytest.mark.parametrize("layer", [layers.BatchNorm(frozen=True), layers.BatchNorm(trainable=False)], ids=repr)
def test_frozen_statistics_are_used_and_stay(layer: layers.BatchNorm) -> None:
    learned = layer.trainable
    net = Network([layer, layers.Dense(1)], input_shape=4, dtype="float64")
    weights = net.get_weights() | {
        "batch_norm_1/running_mean": X.mean(axis=0),
        "batch_norm_1/running_variance": X.var(axis=0),
    }
    net.set_weights(weights)
    trace = net.trace(X[:3], Y[:3])
    expected = (X[:3] - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-5)
    np.testing.assert_allclose(trace["batch_norm_1"], expected)
    net.fit(X, Y, epochs=2, batch_size=7, verbose=0)
    after = net.get_weights()
    for name in ("running_mean", "running_variance"):
        np.testing.assert_array_equal(after[f"batch_norm_1/{name}"], weights[f"batch_norm_1/{name}"])
    assert (after["batch_norm_1/gamma"] != 1).all() == learned
    assert (after["batch_norm_1/beta"] != 0).all() == learned


def test_running_statistics_are_exact_at_every_remainder() -> None:
    """Every batch moves them alike, the short last one too; one of a single row does not."""
    for rows in (24, 23, 20, 18, 17):  # in batches of 8: remainders 0, 7, 4, 2 and 1
        mean, variance = np.zeros(4), np.ones(4)
        for start in range(0, rows, 8):
            part = X[start : min(rows, start + 8)]
            if len(part) > 1:
                mean, variance = 0.7 * mean + 0.3 * part.mean(axis=0), 0.7 * variance + 0.3 * part.var(axis=0)
        for engine in _engines([layers.BatchNorm(momentum=0.7), layers.Dense(1)]):
            batch = Batch(X, Y[:, None], np.linspace(0.0, 2.0, 50))  # their weights do not matter
            engine.train(
                batch, np.arange(rows, dtype=np.uint32), batch_size=8, learning_rates=np.array([0.0]), threads=2
            )
            after = named(engine.plan, engine.get_parameters())
            np.testing.assert_allclose(after["batch_norm_1/running_mean"], mean, rtol=1e-12)
            np.testing.assert_allclose(after["batch_norm_1/running_variance"], variance, rtol=1e-12)


def test_one_row_is_normalized_by_the_running_statistics() -> None:
    for engine in _engines([layers.BatchNorm(), layers.Dense(1)]):
        flat = engine.get_parameters()
        by_name = named(engine.plan, flat)
        by_name["batch_norm_1/running_mean"][:] = [1.0, 2.0, -1.0, 0.5]
        by_name["batch_norm_1/running_variance"][:] = [4.0, 9.0, 1.0, 0.25]
        engine.set_parameters(flat)
        one = Batch(X[:1], Y[:1, None])
        assert engine.gradients(one)[0] == pytest.approx(engine.evaluate(one), rel=1e-12)
        row = np.zeros(1, dtype=np.uint32)
        engine.train(one, row, batch_size=1, learning_rates=np.array([0.0]), threads=1)
        np.testing.assert_array_equal(engine.get_parameters(), flat)


def test_batches_of_one_row_are_refused() -> None:
    net = Network([layers.Dense(3), layers.BatchNorm(), layers.Dense(1)], input_shape=4)
    with pytest.raises(ValueError, match=r"batch_size=1 .*'batch_norm_1'.*LayerNorm\(\)"):
        net.fit(X, Y, batch_size=1, verbose=0)
    with pytest.raises(ValueError, match="a single row to train on"):
        net.fit(X[:1], Y[:1], verbose=0)
    frozen = Network([layers.Dense(3), layers.BatchNorm(frozen=True), layers.Dense(1)], input_shape=4)
    frozen.fit(X, Y, batch_size=1, epochs=1, verbose=0)
