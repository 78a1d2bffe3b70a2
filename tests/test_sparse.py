"""Sparse rows through `Network`: any SciPy format, kept sparse, and refused with a reason where they cannot be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from descend import Network, layers, optimizers
from descend.callbacks import Callback

FORMATS: list[Callable[[NDArray], object]] = [
    sparse.csr_matrix,
    sparse.csr_array,
    sparse.csc_matrix,
    sparse.csc_array,
    sparse.coo_array,
    sparse.lil_matrix,
    sparse.dok_array,
    sparse.bsr_array,
]


def _data(rows: int = 120, features: int = 70) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(3)
    X = np.where(rng.random((rows, features)) < 0.1, rng.normal(size=(rows, features)), 0.0)
    X[7] = 0
    return X, (X.sum(axis=1) > 0).astype(np.int64)


def _network(dtype: str = "float32", first: layers.Layer | None = None) -> Network:
    return Network([first or layers.Dense(20, "relu"), layers.Dense(2)], seed=5, dtype=dtype)


@pytest.mark.parametrize("make", FORMATS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_format_learns_what_dense_rows_teach(make: Callable[[NDArray], object], dtype: str) -> None:
    X, y = _data()
    S, a, b = make(X), _network(dtype), _network(dtype)
    settings = {"epochs": 3, "validation_split": 0.2, "metrics": ["accuracy"], "verbose": 0}
    found, expected = a.fit(S, y, **settings), b.fit(X, y, **settings)  # type: ignore[arg-type]
    close = {"rtol": 1e-4, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(found.loss, expected.loss, **close)
    np.testing.assert_allclose(found.val_loss, expected.val_loss, **close)
    assert found["val_accuracy"] == expected["val_accuracy"]
    np.testing.assert_allclose(a.predict(S), b.predict(X), **close)  # type: ignore[arg-type]
    gradients = b.gradients(X, y)
    for name, gradient in a.gradients(S, y).items():  # type: ignore[arg-type]
        np.testing.assert_allclose(gradient, gradients[name], **close)
    measured = a.evaluate(S, y, metrics=["accuracy"])  # type: ignore[arg-type]
    for name, value in b.evaluate(X, y, metrics=["accuracy"]).items():
        np.testing.assert_allclose(measured[name], value, **close)


@pytest.mark.parametrize("kind", [bool, np.int8, np.int64, np.float32, np.float64])
def test_every_dtype_is_converted(kind: type) -> None:
    X, y = _data()
    counts = (np.abs(X) * 3).astype(kind)
    np.testing.assert_allclose(
        _fitted(sparse.csr_matrix(counts), y).predict(sparse.csr_matrix(counts)),
        _fitted(counts, y).predict(counts),
        rtol=1e-4,
        atol=1e-6,
    )


def _fitted(X: object, y: NDArray, **settings: object) -> Network:
    net = _network()
    net.fit(X, y, epochs=2, verbose=0, **settings)  # type: ignore[arg-type]
    return net


def test_the_users_matrix_is_left_alone() -> None:
    """Unsorted columns, an entry in two parts, explicit zeros and 64-bit indices mean what they say."""
    X = sparse.csr_matrix(
        (np.array([3.0, 1.0, 0.0, 2.0, 2.0]), np.array([4, 1, 0, 2, 2], np.int64), np.array([0, 2, 3, 5], np.int64)),
        shape=(3, 5),
    )
    kept = X.data.copy(), X.indices.copy(), X.indptr.copy()
    y = np.array([0, 1, 1])
    net = _fitted(X, y)
    for now, before in zip((X.data, X.indices, X.indptr), kept, strict=True):
        np.testing.assert_array_equal(now, before)
    dense = np.array([[0, 1, 0, 0, 3], [0, 0, 0, 0, 0], [0, 0, 4, 0, 0]], float)
    np.testing.assert_allclose(net.predict(X), net.predict(dense), rtol=1e-6)
    np.testing.assert_allclose(net.predict(X), _fitted(dense, y).predict(dense), rtol=1e-5)


def test_64_bit_indices() -> None:
    X, y = _data()
    S = sparse.csr_array(X)
    S.indices, S.indptr = S.indices.astype(np.int64), S.indptr.astype(np.int64)
    np.testing.assert_array_equal(
        _fitted(S, y).predict(S), _fitted(sparse.csr_array(X), y).predict(sparse.csr_array(X))
    )


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows: int) -> None:
    X, y = _data()
    net = _fitted(sparse.csr_array(X), y)
    S = sparse.csr_array(X[:rows])
    np.testing.assert_allclose(net.predict(S), net.predict(X[:rows]), rtol=1e-5)
    if rows:
        assert np.isfinite(net.evaluate(S, y[:rows])["loss"])
    else:
        with pytest.raises(ValueError, match="X has no rows"):
            net.fit(S, y[:0], verbose=0)


def test_nothing_but_zeros_trains_the_bias() -> None:
    net = _fitted(sparse.csr_array((6, 9)), np.array([0, 0, 0, 0, 1, 1]))
    assert net.get_weights()["dense_1/weight"].any() and np.isfinite(net.predict(sparse.csr_array((1, 9)))).all()


@pytest.mark.parametrize(("sparse_rows", "sparse_validation"), [(True, True), (True, False), (False, True)])
def test_validation_rows_may_be_sparse_or_dense(sparse_rows: bool, sparse_validation: bool) -> None:
    X, y = _data()
    V, v = _data(30)
    expected = _network().fit(X, y, epochs=3, validation_data=(V, v), verbose=0)
    found = _network().fit(
        sparse.csr_matrix(X) if sparse_rows else X,
        y,
        epochs=3,
        validation_data=(sparse.csr_matrix(V) if sparse_validation else V, v),
        verbose=0,
    )
    np.testing.assert_allclose(found.val_loss, expected.val_loss, rtol=1e-5)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-5)


@pytest.mark.parametrize(
    "optimizer",
    ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "nadam", "amsgrad", "lbfgs"],
)
def test_every_optimizer(optimizer: str) -> None:
    X, y = _data()
    weight = np.linspace(0.1, 1, len(y))
    a, b = _network("float64"), _network("float64")
    settings = {"epochs": 4, "optimizer": optimizer, "sample_weight": weight, "validation_split": 0.25, "verbose": 0}
    a.fit(sparse.csr_array(X), y, **settings)  # type: ignore[arg-type]
    b.fit(X, y, **settings)  # type: ignore[arg-type]
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-7)


def test_threads_step_callbacks_and_resuming_keep_the_bits() -> None:
    class Looking(Callback):
        def on_step_end(self, run: object) -> None:
            pass

    X, y = _data()
    S = sparse.csr_array(X)
    expected = _fitted(S, y, threads=1).predict(S)
    np.testing.assert_array_equal(_fitted(S, y, threads=3).predict(S), expected)
    np.testing.assert_array_equal(_fitted(S, y, callbacks=[Looking()]).predict(S), expected)
    net = _network()
    for _ in range(2):
        net.fit(S, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(net.predict(S), expected)


def test_trace_keeps_the_rows_sparse() -> None:
    X, y = _data()
    net = _fitted(sparse.csr_array(X), y)
    found, expected = net.trace(sparse.csr_matrix(X[:4]), y[:4]), net.trace(X[:4], y[:4])
    assert list(found) == list(expected)
    assert sparse.issparse(found["input"])
    np.testing.assert_array_equal(found.pop("input").toarray(), expected["input"])  # type: ignore[attr-defined]
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("first", "named"),
    [
        (layers.Dropout(0.1), r"'dropout_1' \(Dropout\)"),
        (layers.GaussianNoise(0.1), r"'gaussian_noise_1' \(GaussianNoise\)"),
        (layers.BatchNorm(), r"'batch_norm_1' \(BatchNorm\)"),
        (layers.ReLU(), r"'relu_1' \(Activation\)"),
        (layers.PReLU(), r"'prelu_1' \(PReLU\)"),
        (layers.Softmax(), r"'softmax_1' \(Softmax\)"),
    ],
)
def test_layers_that_need_every_number_are_named(first: layers.Layer, named: str) -> None:
    X, y = _data()
    S, net = sparse.csr_array(X), _network(first=first)
    with pytest.raises(ValueError, match=rf"X is sparse, but the layer {named}.*Dense.*X\.toarray\(\)"):
        net.fit(S, y, verbose=0)
    assert net.input_shape is None
    net.fit(X, y, epochs=1, verbose=0)
    for call in (net.predict, net.trace, lambda S: net.evaluate(S, y), lambda S: net.gradients(S, y)):
        with pytest.raises(ValueError, match=f"X is sparse, but the layer {named}"):
            call(S)
    with pytest.raises(ValueError, match=r"validation_data\[0\] is sparse"):
        net.fit(X, y, epochs=1, verbose=0, validation_data=(S, y))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"X must hold finite numbers, got nan at X\[2, 4\]; impute"),
        (-np.inf, r"got -inf at X\[2, 4\]; clip"),
        (1e300, r"X\[2, 4\] is too large; 1e\+300 does not fit float32"),
    ],
)
def test_numbers_that_are_not_finite_are_found(value: float, message: str) -> None:
    X, y = np.zeros((5, 6)), np.array([0, 1, 0, 1, 0])
    X[1, 3] = 1
    X[2, 4] = value
    for make in (sparse.csr_matrix, sparse.csc_array):
        with pytest.raises(ValueError, match=message):
            _network().fit(make(X), y, verbose=0)
    big = np.zeros((2, 3))
    big[1, 0] = 1e30  # its square does not fit float32
    assert np.isfinite(_network().fit(sparse.csr_array(big / 1e10), y[:2], epochs=1, verbose=0).loss[0])


def test_other_refusals() -> None:
    X, y = _data()
    net = _fitted(sparse.csr_array(X), y)
    with pytest.raises(ValueError, match=r"X must have shape \(rows, 70\).*got \(120, 69\)"):
        net.predict(sparse.csr_array(X[:, :69]))
    with pytest.raises(ValueError, match="same number of rows, got 120 and 119"):
        net.fit(sparse.csr_array(X), y[:-1], verbose=0)
    with pytest.raises(TypeError, match="real numbers, got a sparse csr_array of dtype complex128"):
        net.predict(sparse.csr_array(X * 1j))
    with pytest.raises(TypeError, match="y must be a dense array, got a sparse"):
        net.fit(X, sparse.csr_array(y[:, None]), verbose=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="X has no features"):
        net = _network()
        net.fit(sparse.csr_array((3, 0)), y[:3], verbose=0)
    broken = sparse.csr_array(X)
    broken.indices[0] = 700
    with pytest.raises(ValueError, match="X is not a valid sparse matrix"):
        _network().fit(broken, y, verbose=0)


def test_penalties_decay_and_clipping() -> None:
    X, y = _data()
    stack = lambda: [layers.Dense(20, "relu", penalty="l1"), layers.Dense(2, penalty="l2")]  # noqa: E731
    a, b = (Network(stack(), seed=5, dtype="float64") for _ in range(2))
    settings = {"epochs": 3, "optimizer": optimizers.AdamW(0.01, clip_norm=0.5), "verbose": 0}
    found = a.fit(sparse.csr_array(X), y, **settings)  # type: ignore[arg-type]
    expected = b.fit(X, y, **settings)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-10)
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-8)


#: Trains on what would be 4 GB of dense numbers, and prints how much more memory that took at most, in megabytes.
PROGRAM = """
import resource
import numpy as np
from scipy.sparse import csr_array
from descend import Network, layers
rows, features, entries = 20_000, 50_000, 100
rng = np.random.default_rng(0)
columns = np.sort(rng.integers(0, features // entries, (rows, entries)) + np.arange(entries) * (features // entries))
X = csr_array(
    (rng.random(rows * entries, dtype=np.float32), columns.astype(np.int32).ravel(),
     np.arange(0, rows * entries + 1, entries, dtype=np.int32)), (rows, features))
y = (X.sum(axis=1) > entries / 2).astype(np.int64)
net = Network([layers.Dense(16, "relu"), layers.Dense(1)], seed=0)
net.fit(X[:200], y[:200], epochs=1, batch_size=200, verbose=0)
scale = 1 if __import__("sys").platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
net.fit(X, y, epochs=1, batch_size=200, validation_split=0.1, metrics=["accuracy"], verbose=0)
net.evaluate(X, y)
net.gradients(X, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale - before) / 1e6)
"""


def test_memory_does_not_grow_with_rows_times_features() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (
        float(done.stdout) < 100
    )  # the dense rows would take 4000, a dense batch 40 and all at once for a gradient 4000
