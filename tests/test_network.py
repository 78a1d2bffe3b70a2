"""Network: what it accepts and refuses, how it ends itself, and what it shows."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

from descend import Network, layers, losses, optimizers, penalties
from network_data import BINARY, CLASSES, LABELS, NUMBERS, ONE_HOT, RNG, X, network


@pytest.mark.parametrize(
    ("units", "y", "loss", "last", "expected"),
    [
        (1, NUMBERS, None, layers.Dense, losses.MSE),
        (1, NUMBERS, "mae", layers.Dense, losses.MAE),
        (2, np.stack([NUMBERS, NUMBERS], axis=1), None, layers.Dense, losses.MSE),
        (1, BINARY, None, layers.Sigmoid, losses.BinaryCrossentropy),
        (1, BINARY.astype(bool), None, layers.Sigmoid, losses.BinaryCrossentropy),
        (1, BINARY[:, None].astype(float), None, layers.Sigmoid, losses.BinaryCrossentropy),
        (1, BINARY, "hinge", layers.Dense, losses.Hinge),
        (1, CLASSES, "poisson", layers.Exponential, losses.Poisson),
        (2, BINARY, None, layers.Softmax, losses.CategoricalCrossentropy),
        (3, CLASSES, None, layers.Softmax, losses.CategoricalCrossentropy),
        (3, CLASSES.astype(np.float32)[:, None], None, layers.Softmax, losses.CategoricalCrossentropy),
        (3, ONE_HOT, None, layers.Softmax, losses.CategoricalCrossentropy),
        (3, 0.9 * ONE_HOT + 0.1 / 3, "cce", layers.Softmax, losses.CategoricalCrossentropy),
        (3, LABELS, None, layers.Sigmoid, losses.BinaryCrossentropy),
    ],
)
def test_the_ending_follows_from_the_target(units, y, loss, last, expected):
    net = network(units)
    net.fit(X, y, loss=loss, epochs=2, verbose=0)
    assert isinstance(net.layers[-1], last)
    assert isinstance(net.loss, expected)
    assert net.predict(X).shape == (40, units)


@pytest.mark.parametrize(
    ("net", "y", "loss", "message"),
    [
        (network(3, layers.Softmax()), ONE_HOT, "mse", "categorical_crossentropy"),
        (network(3, layers.Softmax()), NUMBERS, None, "Dense\\(1\\)"),
        (network(3, layers.Sigmoid()), CLASSES, None, "Softmax"),
        (network(3, layers.Sigmoid()), ONE_HOT, None, "Softmax"),
        (network(1, layers.Sigmoid()), NUMBERS, None, "Linear"),
        (network(3, layers.Sigmoid()), CLASSES, "cce", "Softmax"),
        (network(1, layers.Linear()), BINARY, "bce", "Sigmoid"),
        (network(1, layers.ReLU()), BINARY, "hinge", "Dense alone"),
        (network(1, layers.Softmax()), BINARY, None, "Sigmoid"),
        (network(1, layers.Linear()), -CLASSES, "poisson", "Exponential"),
    ],
)
def test_a_wrong_pairing_names_the_right_one(net, y, loss, message):
    with pytest.raises(ValueError, match=message):
        net.fit(X, y, loss=loss, verbose=0)


def test_predict_before_the_input_shape_is_known_says_what_to_do():
    with pytest.raises(ValueError, match="input_shape"):
        network().predict(X)


def test_predict_works_before_fit_when_the_shape_is_known():
    first, second = network(input_shape=3, seed=5), network(input_shape=(3,), seed=5)
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert not np.array_equal(first.predict(X), network(input_shape=3, seed=6).predict(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_path_of_predict_gives_the_same_numbers(dtype):
    net = network(2, input_shape=3, dtype=dtype)
    rows = X.astype(dtype)
    expected = net.predict(rows)
    assert expected.dtype == dtype
    for same in (X if dtype == "float64" else rows.tolist(), np.asfortranarray(rows), rows[::1]):
        np.testing.assert_array_equal(net.predict(same), expected)
    np.testing.assert_array_equal(net.predict(np.repeat(rows, 2, axis=0)[::2]), expected)
    np.testing.assert_allclose(net.predict(rows[:1]), expected[:1], rtol=1e-6)
    assert net.predict(rows[:0]).shape == (0, 2)


def test_predict_accepts_large_numbers_and_refuses_nan_on_the_short_path():
    net = network(input_shape=3)
    assert np.isfinite(net.predict(np.full((1, 3), 1e30, dtype=np.float32))).all()
    bad = np.ones((1, 3), dtype=np.float32)
    net.predict(bad)
    bad[0, 1] = np.nan
    with pytest.raises(ValueError, match=r"X\[0, 1\]"):
        net.predict(bad)
    with pytest.raises(ValueError, match=r"\(rows, 3\)"):
        net.predict(np.ones((1, 4), dtype=np.float32))


def test_no_overflow_at_large_inputs():
    for end in (layers.Sigmoid(), layers.Softmax(), layers.Tanh(), layers.Softplus(), layers.Mish()):
        net = Network([layers.Dense(2, weight_initializer="ones"), end], input_shape=1)
        for value in (1e4, -1e4):
            assert np.isfinite(net.predict([[value]])).all(), end


def test_weights_go_out_and_in():
    net = network(2, input_shape=3)
    weights = net.get_weights()
    assert {name: array.shape for name, array in weights.items()} == {
        "dense_1/weight": (3, 4),
        "dense_1/bias": (4,),
        "dense_2/weight": (4, 2),
        "dense_2/bias": (2,),
    }
    weights["dense_1/weight"][:] = 1
    assert not (net.get_weights()["dense_1/weight"] == 1).all(), "copies"
    net.set_weights(weights)
    assert (net.get_weights()["dense_1/weight"] == 1).all()
    for wrong, message in (
        ({**weights, "other": 1}, "unknown name 'other'"),
        ({"dense_1/bias": np.zeros(4)}, "lacks"),
        ({**weights, "dense_1/bias": np.zeros(3)}, "shape"),
        ({**weights, "dense_1/bias": np.full(4, np.nan)}, "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            net.set_weights(wrong)


def test_appending_the_output_activation_keeps_the_weights():
    net = network(3, input_shape=3)
    before = net.get_weights()
    net.gradients(X, CLASSES)
    assert len(net.layers) == 2, "looking does not change the network"
    net.fit(X, CLASSES, epochs=1, optimizer=optimizers.SGD(0.0), verbose=0)
    for name, array in net.get_weights().items():
        np.testing.assert_array_equal(array, before[name])


def test_gradients_match_differences():
    net = network(3, layers.BatchNorm(), layers.Softmax(), dtype="float64", penalty=penalties.L2(0.01), input_shape=3)
    weight = RNG.uniform(0.5, 2, 40)
    gradient = net.gradients(X, CLASSES, sample_weight=weight)
    assert "batch_norm_1/running_mean" not in gradient
    trace = net.trace(X, CLASSES, sample_weight=weight)
    weights = net.get_weights()
    for name, array in gradient.items():
        np.testing.assert_allclose(array, trace[f"gradient/{name}"], rtol=1e-9, atol=1e-12)
        index = tuple(0 for _ in array.shape)
        values = []
        for step in (1e-6, -1e-6):
            moved = {key: value.copy() for key, value in weights.items()}
            moved[name][index] += step
            net.set_weights(moved)
            values.append(float(net.trace(X, CLASSES, sample_weight=weight)["loss"]))
        net.set_weights(weights)
        assert array[index] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4, abs=1e-7)


def test_trace_is_forward_propagation_by_hand():
    net = Network([layers.Dense(2, activation="sigmoid"), layers.Dense(1)], input_shape=2, dtype="float64")
    w1, w2 = np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([[1.0], [-2.0]])
    net.set_weights({"dense_1/weight": w1, "dense_1/bias": [0.1, 0.2], "dense_2/weight": w2, "dense_2/bias": [0.3]})
    x, y = np.array([[1.0, 2.0]]), np.array([1.5])
    trace = net.trace(x, y, loss="mse")
    hidden = 1 / (1 + np.exp(-(x @ w1 + [0.1, 0.2])))
    output = hidden @ w2 + 0.3
    np.testing.assert_allclose(trace["sigmoid_1"], hidden, rtol=1e-14)
    np.testing.assert_allclose(trace["dense_2"], output, rtol=1e-14)
    np.testing.assert_allclose(trace["loss"], (1.5 - output[0, 0]) ** 2)
    d_output = 2 * (output - 1.5)
    np.testing.assert_allclose(trace["gradient/dense_2/weight"], hidden.T @ d_output)
    d_hidden = d_output @ w2.T * hidden * (1 - hidden)
    np.testing.assert_allclose(trace["gradient/dense_1/weight"], x.T @ d_hidden)
    names = list(trace)
    assert names.index("dense_1") < names.index("loss") < names.index("gradient/dense_2/weight")
    assert "loss" not in net.trace(x)


def test_evaluate_gives_loss_and_metrics():
    net = network(3)
    net.fit(X, CLASSES, epochs=100, optimizer=optimizers.Adam(0.05), verbose=0)
    values = net.evaluate(X, CLASSES, metrics=["accuracy", lambda true, p, weight: 7.0])
    assert values["accuracy"] == np.mean(net.predict(X).argmax(axis=1) == CLASSES) > 0.9
    assert values["loss"] == pytest.approx(-np.log(net.predict(X)[np.arange(40), CLASSES]).mean(), rel=1e-4)
    assert values["<lambda>"] == 7.0
    by_one_hot = net.evaluate(X, ONE_HOT)
    assert by_one_hot["loss"] == values["loss"]
    half = np.r_[np.ones(20), np.zeros(20)]
    assert net.evaluate(X, CLASSES, sample_weight=half)["loss"] == pytest.approx(
        net.evaluate(X[:20], CLASSES[:20])["loss"], rel=1e-5
    )


def test_summary_and_plan_show_the_network():
    net = network(2)
    assert "?" in net.summary()
    with pytest.raises(ValueError, match="input shape"):
        net.plan()
    net = network(2, layers.BatchNorm(), layers.Dropout(0.5), input_shape=3)
    assert repr(net.summary()) == net.summary()
    assert "(rows, 4)" in net.summary() and "30 trained weights, 4 not trained" in net.summary()
    assert "batch_norm_1/running_mean" in net.plan()


def test_repr_is_a_line_of_layers_sizes_and_weights():
    net = Network([layers.Dense(4, "relu"), layers.Dropout(0.5), layers.Dense(2)])
    assert repr(net) == "Network(Dense(4, activation=ReLU()), Dropout(0.5), Dense(2); input shape not known yet)"
    net = Network(net.layers, input_shape=3)
    assert repr(net) == "Network(input (3), dense_1 (4), relu_1, dropout_1, dense_2 (2); 26 weights)"
    deep = repr(Network([layers.Dense(3, "relu")] * 50, input_shape=3))
    assert deep.startswith("Network(input (3), dense_1, relu_1,") and deep.endswith("; 12 weights)")
    assert "... 89 more ..." in deep and len(deep) < 200


def test_networks_copy_and_pickle_with_their_training():
    net = network(3)
    net.fit(X, CLASSES, epochs=3, verbose=0)
    net.extra["note"] = [1, "a"]
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(twin.predict(X), net.predict(X))
        assert twin.extra == net.extra and twin.history.loss == net.history.loss
        one, other = copy.deepcopy(net), twin
        assert one.fit(X, CLASSES, epochs=3, verbose=0).loss == other.fit(X, CLASSES, epochs=3, verbose=0).loss


def test_a_network_that_is_dropped_leaves_no_engine():
    net = Network([layers.Dense(3, activation="relu"), layers.Dense(1)], input_shape=(2,), seed=0)
    net.fit(np.ones((4, 2)), np.arange(4.0), epochs=2, verbose=0)
    engine = weakref.ref(net._core.engine)
    assert engine() is not None
    del net
    gc.collect()
    assert engine() is None


def test_softmax_over_two_classes_equals_sigmoid_of_the_difference():
    two = Network([layers.Dense(2), layers.Softmax()], input_shape=3, dtype="float64")
    weights = two.get_weights()
    one = Network([layers.Dense(1), layers.Sigmoid()], input_shape=3, dtype="float64")
    one.set_weights({"dense_1/weight": weights["dense_1/weight"] @ [[-1.0], [1.0]], "dense_1/bias": np.zeros(1)})
    np.testing.assert_allclose(two.predict(X)[:, 1], one.predict(X)[:, 0], rtol=1e-12)
    assert two.evaluate(X, BINARY)["loss"] == pytest.approx(one.evaluate(X, BINARY)["loss"], rel=1e-10)


XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
XOR_Y = np.array([0, 1, 1, 0])


def accuracy_on_xor(*hidden: layers.Layer, seed: int) -> float:
    net = Network([*hidden, layers.Dense(1)], seed=seed)
    net.fit(XOR_X, XOR_Y, epochs=1000, batch_size=None, optimizer=optimizers.Adam(0.05), verbose=0)
    return net.evaluate(XOR_X, XOR_Y, metrics=["accuracy"])["accuracy"]


def test_one_hidden_relu_layer_learns_xor_and_stacked_linear_layers_cannot():
    for seed in range(3):
        assert accuracy_on_xor(layers.Dense(16, activation="relu"), seed=seed) == 1.0
        assert accuracy_on_xor(layers.Dense(16), layers.Dense(16), seed=seed) <= 0.75


def test_stacked_linear_layers_are_one_linear_layer():
    net = Network([layers.Dense(5), layers.Dense(4), layers.Dense(1, activation="linear")], 3, dtype="float64")
    w = net.get_weights()
    product = w["dense_1/weight"] @ w["dense_2/weight"] @ w["dense_3/weight"]
    np.testing.assert_allclose(net.predict(X), X @ product, rtol=1e-10)
