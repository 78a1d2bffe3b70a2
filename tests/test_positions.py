"""Rows of several axes, such as images or sequences: the last axis holds features, the others are positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from descend import Network, layers, optimizers
from descend.engine.native import NativeEngine
from descend.plan import lower

RNG = np.random.default_rng(0)


def test_dense_on_positions_is_dense_on_rows() -> None:
    """The same weights at every position, whatever the shape around."""
    X = RNG.normal(size=(37, 4, 5, 3)).astype(np.float32)
    plan, flat_plan = lower([layers.Dense(18, "tanh")], (4, 5, 3)), lower([layers.Dense(18, "tanh")], (3,))
    weights = RNG.normal(size=plan.size)
    engine, flat = NativeEngine(plan), NativeEngine(flat_plan)
    engine.set_parameters(weights)
    flat.set_parameters(weights)
    out = engine.predict(X)
    assert out.shape == (37, 4, 5, 18)
    np.testing.assert_array_equal(out.reshape(-1, 18), flat.predict(X.reshape(-1, 3)))


def test_statistics_have_the_shape_of_the_features() -> None:
    network = Network([layers.BatchNorm(), layers.PReLU(), layers.LayerNorm()], (4, 5, 3))
    assert {array.shape for array in network.get_weights().values()} == {(3,)}


def test_a_few_large_rows_are_split_among_threads() -> None:
    """The bits do not depend on the split, which goes row by row where rows have many positions."""
    network = [layers.Dense(9), layers.BatchNorm(), layers.Tanh(), layers.LayerNorm(), layers.Dense(2)]
    plan = lower(network, (30, 31, 3))
    engine = NativeEngine(plan)
    engine.set_parameters(RNG.normal(size=plan.size))
    X = RNG.normal(size=(19, 30, 31, 3)).astype(np.float32)
    expected = engine.predict(X, threads=1)
    for threads in (2, 3):
        np.testing.assert_array_equal(engine.predict(X, threads=threads), expected)


def test_a_network_learns_a_class_for_every_position(tmp_path: Path) -> None:
    X = RNG.normal(size=(200, 6, 4)).astype(np.float32)
    y = X.argmax(axis=2)
    network = Network([layers.Dense(16, "relu"), layers.Dense(4)])
    network.fit(X, y, epochs=20, optimizer=optimizers.Adam(0.02), metrics=["accuracy"], validation_split=0.2, verbose=0)
    assert network.predict(X).shape == (200, 6, 4)
    assert network.evaluate(X, y, metrics=["accuracy"])["accuracy"] > 0.9
    one_hot = np.eye(4)[y]
    assert network.evaluate(X, one_hot) == network.evaluate(X, y)
    network.save(tmp_path / "positions.descend")
    np.testing.assert_array_equal(Network.load(tmp_path / "positions.descend").predict(X), network.predict(X))


def test_an_image_can_be_the_target() -> None:
    X = RNG.normal(size=(50, 3, 4, 2)).astype(np.float32)
    network = Network([layers.Dense(8, "tanh"), layers.Dense(2)])
    network.fit(X, X, epochs=30, optimizer=optimizers.Adam(0.02), verbose=0)
    assert network.evaluate(X, X, metrics=["rmse"])["rmse"] < 0.3
    expected = np.mean((network.predict(X) - X) ** 2)
    assert network.evaluate(X, X)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(50,), (50, 3), (50, 4, 3, 2), (50, 3, 4, 3)])
def test_targets_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = Network([layers.Dense(2)], (3, 4, 2))
    with pytest.raises(ValueError, match=r"y (must have shape \(rows, 3, 4\)|has 3 columns)"):
        network.fit(np.zeros((50, 3, 4, 2)), np.zeros(shape), loss="mse", verbose=0)


def test_targets_of_flat_networks_have_at_most_two_axes() -> None:
    with pytest.raises(ValueError, match=r"y must have shape \(rows,\) or \(rows, outputs\), got \(5, 2, 2\)"):
        Network([layers.Dense(2)], 3).fit(np.zeros((5, 3)), np.zeros((5, 2, 2)), verbose=0)


def test_class_weights_need_one_class_per_row() -> None:
    X, y = np.zeros((9, 4, 2)), np.tile([0, 1, 1, 0], (9, 1))
    with pytest.raises(ValueError, match="one class per row"):
        Network([layers.Dense(2)]).fit(X, y, class_weight="balanced", verbose=0)
