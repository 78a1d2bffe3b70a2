"""First weights that suit the data: when they are scaled, and to what."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from descend import Network, initializers, layers, optimizers

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 4)) * [1.0, 50.0, 0.01, 1.0] + [0.0, 1000.0, 5.0, 0.0]
Y = np.sin(X[:, 0]) + X[:, 1] / 100


def _deep(initializer: initializers.Initializer | str | None, *more: layers.Layer) -> Network:
    hidden = [layer for _ in range(6) for layer in (layers.Dense(30), *more, layers.ReLU())]
    return Network([*hidden, layers.Dense(1)], initializer=initializer, dtype="float64", input_shape=4)


@pytest.mark.parametrize("per_unit", [False, True])
def test_products_have_unit_variance(per_unit: bool) -> None:
    net = _deep(initializers.DataDependent(per_unit=per_unit, base="he_normal"))
    net.fit(X, Y, epochs=1, optimizer=optimizers.SGD(1e-300), verbose=0)
    trace = net.trace(X)
    for i in range(1, 7):
        z = trace[f"dense_{i}"]
        if per_unit:
            np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=1e-9)
            np.testing.assert_allclose(z.std(axis=0), 1.0)
        else:
            np.testing.assert_allclose(z.std(), 1.0)


def test_only_the_first_fit_scales_and_only_what_asks_for_it() -> None:
    still = optimizers.SGD(1e-300)
    net = Network(
        [layers.Dense(9, "tanh", weight_initializer="lsuv"), layers.Dropout(0.3), layers.Dense(1)], input_shape=4
    )
    before = net.get_weights()
    net.fit(X, Y, epochs=1, optimizer=still, verbose=0)
    after = net.get_weights()
    assert not np.array_equal(after["dense_1/weight"], before["dense_1/weight"])
    np.testing.assert_array_equal(after["dense_2/weight"], before["dense_2/weight"])
    net.fit(X * 7, Y, epochs=1, optimizer=still, verbose=0)
    np.testing.assert_array_equal(net.get_weights()["dense_1/weight"], after["dense_1/weight"])
    given = Network(net.layers, input_shape=4)
    given.set_weights(before)
    given.fit(X, Y, epochs=1, optimizer=still, verbose=0)
    np.testing.assert_array_equal(given.get_weights()["dense_1/weight"], before["dense_1/weight"])


def test_dead_products_stay_as_drawn() -> None:
    rows = np.ones((50, 3))
    rows[:, 2] = np.arange(50)
    net = Network(
        [layers.Dense(4, weight_initializer=initializers.DataDependent("ones", per_unit=True)), layers.Dense(1)],
        input_shape=3,
    )
    weights = net.get_weights()
    net.fit(rows, rows[:, 2], epochs=1, optimizer=optimizers.SGD(1e-300), verbose=0)
    np.testing.assert_allclose(net.get_weights()["dense_1/weight"], 1 / rows[:, 2].std(), rtol=1e-6)
    constant = Network(net.layers, input_shape=3)
    constant.fit(np.ones((50, 3)), rows[:, 2], epochs=1, optimizer=optimizers.SGD(1e-300), verbose=0)
    np.testing.assert_array_equal(constant.get_weights()["dense_1/weight"], weights["dense_1/weight"])
    np.testing.assert_array_equal(constant.get_weights()["dense_1/bias"], weights["dense_1/bias"])


def test_deep_networks_learn_from_badly_scaled_first_weights() -> None:
    tiny = initializers.Normal(0.0, 1e-4)
    plain, scaled = (
        _deep(spec).fit(X / X.std(axis=0), Y, epochs=20, verbose=0) for spec in (tiny, initializers.DataDependent(tiny))
    )
    assert scaled.loss[-1] < 0.5 * plain.loss[-1]


def test_data_dependent_takes_sparse_rows_and_is_saved(tmp_path) -> None:
    dense, sparse = (Network([layers.Dense(5, "relu"), layers.Dense(1)], initializer="lsuv") for _ in range(2))
    dense.fit(X, Y, epochs=1, verbose=0)
    sparse.fit(csr_array(X), Y, epochs=1, verbose=0)
    np.testing.assert_allclose(dense.get_weights()["dense_1/weight"], sparse.get_weights()["dense_1/weight"], rtol=1e-3)
    fresh = Network([layers.Dense(5), layers.Dense(1)], 4, initializer=initializers.DataDependent("he_normal"))
    fresh.save(tmp_path / "fresh.descend")
    loaded = Network.load(tmp_path / "fresh.descend")
    fresh.fit(X, Y, epochs=1, verbose=0)
    loaded.fit(X, Y, epochs=1, verbose=0)
    np.testing.assert_array_equal(loaded.predict(X), fresh.predict(X))
    with pytest.raises(ValueError, match="base must draw weights without data"):
        initializers.DataDependent("lsuv")
