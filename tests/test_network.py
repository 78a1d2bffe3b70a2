"""Network: what it accepts and refuses, how it ends itself, and what it shows."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

from descend import Network, layers, losses, optimizers, penalties

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
NUMBERS = X @ [1.0, -2.0, 0.5]
BINARY = (NUMBERS > 0).astype(int)
CLASSES = np.digitize(NUMBERS, [-1.0, 1.0])
ONE_HOT = np.eye(3)[CLASSES]
LABELS = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0], axis=1).astype(int)


def network(units: int = 1, *end: layers.Layer, **options) -> Network:
    return Network([layers.Dense(4, activation="tanh"), layers.Dense(units), *end], **options)


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


def spoilt(value: float) -> np.ndarray:
    array = X.copy()
    array[7, 2] = value
    return array


@pytest.mark.parametrize(
    ("bad_X", "y", "error", "message"),
    [
        (spoilt(np.nan), NUMBERS, ValueError, r"X must hold finite numbers, got nan at X\[7, 2\]; impute"),
        (spoilt(np.inf), NUMBERS, ValueError, r"got inf at X\[7, 2\]; clip"),
        (spoilt(1e300), NUMBERS, ValueError, r"X\[7, 2\] is too large; .*float64"),
        (X[:0], NUMBERS[:0], ValueError, "X has no rows"),
        (X[:, :0], NUMBERS, ValueError, "X has no features"),
        (X[:, 0], NUMBERS, ValueError, r"reshape\(1, -1\)"),
        (X.astype(object), NUMBERS, TypeError, "X must hold numbers, got dtype object"),
        (X.astype(str), NUMBERS, TypeError, "encode text"),
        (X.astype(complex), NUMBERS, TypeError, "complex"),
        (np.ma.masked_less(X, 0), NUMBERS, TypeError, "masked"),
        (
            [[1.0, 2.0], [3.0]],
            NUMBERS,
            ValueError,
            r"rows all have one shape, but item 0 has shape \(2,\) and item 1 has \(1,\); .*descend.Sequences\(X\)",
        ),
        (None, NUMBERS, TypeError, "X must be an array of numbers, got NoneType"),
        ({"a": X}, NUMBERS, TypeError, "X must be an array of numbers, got dict"),
        (X, "yes", TypeError, "y must be an array of numbers, got str"),
        (X, NUMBERS[:-1], ValueError, "same number of rows, got 40 and 39"),
        (X, np.where(BINARY, np.nan, NUMBERS), ValueError, r"y must hold finite numbers.*\]; fill them in, or"),
        (X, np.array(["a", "b"])[BINARY], TypeError, "return_inverse"),
        (X, np.zeros((40, 2, 2)), ValueError, r"\(rows,\) or \(rows, outputs\)"),
        (X, np.zeros(40, dtype=int), ValueError, "only class 0"),
        (X, np.where(BINARY, 1, -1), ValueError, "-1 and 1"),
        (X, np.stack([NUMBERS, NUMBERS], axis=1), ValueError, "2 columns but the network has 1 output"),
    ],
)
def test_bad_data_is_refused_with_the_reason(bad_X, y, error, message):
    net = network()
    with pytest.raises(error, match=message):
        net.fit(bad_X, y, verbose=0)
    assert net.input_shape is None and net.loss is None, "a refused fit changes nothing"


class PandasLike:
    """A frame as pandas has them: columns of several dtypes become an array of objects unless one asks for floats."""

    iloc = None

    def __init__(self, *columns: list, dtypes: tuple[str, ...]) -> None:
        self.columns = columns
        self.dtypes = [np.dtype(name) for name in dtypes]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.columns, dtype=object).T

    def to_numpy(self, dtype, na_value) -> np.ndarray:
        return np.array([[na_value if v is None else v for v in column] for column in self.columns], dtype=dtype).T


def test_frames_that_mix_numbers_and_booleans_are_numbers():
    frame = PandasLike([1, 2], [0.5, 1.5], [True, False], dtypes=("int64", "float64", "bool"))
    net = network(input_shape=3)
    np.testing.assert_array_equal(net.predict(frame), net.predict([[1, 0.5, 1], [2, 1.5, 0]]))
    missing = PandasLike([1, None], [0.5, 1.5], [True, False], dtypes=("int64", "float64", "bool"))
    with pytest.raises(ValueError, match=r"got nan at X\[1, 0\]"):
        net.predict(missing)
    with pytest.raises(TypeError, match="got dtype object"):
        net.predict(PandasLike([1, 2], [0.5, 1.5], ["a", "b"], dtypes=("int64", "float64", "O")))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (CLASSES + 1, "from 0"),
        (CLASSES - 1, "from -1 to 1"),
        (CLASSES + 0.5, "fractions"),
        (LABELS, "one-hot"),
        (np.eye(4)[CLASSES], "4 columns but the network has 3 outputs"),
    ],
)
def test_class_labels_out_of_range_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        network(3).fit(X, y, loss="categorical_crossentropy", verbose=0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be >= 1"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be >= 1; None takes all rows"),
        ({"tol": -1.0}, ValueError, "tol must be >= 0"),
        ({"tol": "x"}, TypeError, "tol must be a finite number"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change"),
        ({"time_budget": 0}, ValueError, "time_budget must be > 0"),
        ({"threads": 0}, ValueError, "threads must be >= 1"),
        ({"threads": 100_000}, ValueError, "threads must be <= 1024"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
        ({"verbose": 3}, ValueError, "verbose must be 0"),
        ({"loss": "nonsense"}, ValueError, "unknown loss"),
        ({"optimizer": "nonsense"}, ValueError, "unknown optimizer"),
        ({"optimizer": optimizers.Adam}, TypeError, r"write Adam\("),
        ({"metrics": "accuracy"}, TypeError, "must be a list"),
        ({"metrics": ["nonsense"]}, ValueError, "unknown metric"),
        ({"metrics": ["r2", "r2"]}, ValueError, "twice"),
        ({"sample_weight": np.ones(3)}, ValueError, r"sample_weight must have shape \(40,\)"),
        ({"sample_weight": np.full(40, -1.0)}, ValueError, "sample_weight must be >= 0"),
        ({"sample_weight": np.zeros(40)}, ValueError, "zero for every row"),
        ({"class_weight": "balanced"}, ValueError, "class_weight needs a target with one class per row"),
        ({"validation_split": 1.0}, ValueError, "validation_split must be between 0 and 1"),
        ({"validation_split": "a"}, TypeError, "validation_split must be a number"),
        ({"validation_split": 0.2, "validation_data": (X, NUMBERS)}, ValueError, "not both"),
        ({"validation_data": X}, TypeError, r"tuple \(X, y\)"),
        ({"validation_data": (X[:, :2], NUMBERS)}, ValueError, r"validation_data\[0\] must have shape \(rows, 3\)"),
        ({"validation_data": (X, NUMBERS[:3])}, ValueError, r"validation_data\[0\] and validation_data\[1\]"),
        ({"callbacks": [print]}, TypeError, "callbacks.Function"),
    ],
)
def test_bad_arguments_of_fit_are_refused_with_the_reason(options, error, message):
    net = network()
    with pytest.raises(error, match=message):
        net.fit(X, NUMBERS, **{"verbose": 0, **options})
    assert net.loss is None


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ({2: 1.0}, ValueError, "names class 2"),
        ({0: -1.0}, ValueError, r"class_weight\[0\]"),
        ({"a": 1.0}, TypeError, "class numbers"),
        ([1, 2], TypeError, "dict"),
    ],
)
def test_bad_class_weights_are_refused(class_weight, error, message):
    with pytest.raises(error, match=message):
        network().fit(X, BINARY, class_weight=class_weight, verbose=0)


def test_the_constructor_refuses_what_is_no_network():
    with pytest.raises(ValueError, match="at least one layer"):
        Network([])
    with pytest.raises(TypeError, match=r"layers\[1\] must be a layer"):
        Network([layers.Dense(1), "relu"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="dtype"):
        network(dtype="float16")
    with pytest.raises(TypeError, match="seed"):
        network(seed=1.5)
    with pytest.raises(ValueError, match="seed"):
        network(seed=-1)
    with pytest.raises(ValueError, match="twice"):
        Network([layers.Dense(1, name="a"), layers.Dense(1, name="a")])
    with pytest.raises(ValueError, match="no weights to train"):
        Network([layers.ReLU()]).fit(X, X, verbose=0)


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
    assert "Network([Dense(" in repr(net)


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
