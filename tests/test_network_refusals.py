"""What `fit` and the constructor of `Network` refuse, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, layers, optimizers
from network_data import BINARY, CLASSES, LABELS, NUMBERS, X, network


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
        (X.astype(object), NUMBERS, TypeError, r"X must hold numbers, got dtype object; .* pass X\.astype\(float\)"),
        (X, (NUMBERS > 0).astype(object), TypeError, r"its entries are True or False, so pass y\.astype\(bool\)"),
        (X, np.where(NUMBERS > 0, "a", None), TypeError, "turn every column into numbers"),
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
        ({"batch_size": 0}, ValueError, "batch_size must be >= 1, got 0; None takes all rows"),
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


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("sigmoid", r"ends in sigmoid, which lies between 0 and 1, but \d+% of y lies beyond, from -"),
        ("tanh", "ends in tanh, which lies between -1 and 1"),
        ("relu", "ends in relu, which is never below 0, but .* end it with Dense alone, or scale y"),
    ],
)
def test_numbers_beyond_the_output_activation_are_refused(function, message):
    net = Network([layers.Dense(1, activation=function)])
    with pytest.raises(ValueError, match=message):
        net.fit(X, 10 * NUMBERS, loss="mse", verbose=0)
    assert net.input_shape is None
    few = np.where(np.arange(len(X)) == 3, -0.5, np.linspace(0, 1, len(X)))
    assert len(net.fit(X, few, loss="mse", epochs=1, verbose=0)) == 1, "a few may be noise"
    assert len(net.fit(X, 10 * NUMBERS, epochs=1, verbose=0)) == 1, "only the first fit looks"


@pytest.mark.parametrize("array", [["a"] * 4, [[1.0], [2.0, 3.0]], [None] * 4])
def test_weights_that_are_no_numbers_are_named(array):
    net = network(input_shape=3)
    weights = net.get_weights()
    with pytest.raises((TypeError, ValueError), match=r"weights\['dense_1/bias'\] must be"):
        net.set_weights({**weights, "dense_1/bias": array})
