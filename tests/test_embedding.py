"""Categories as vectors: what is read, what is refused, and what learns."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from descend import Network, NetworkClassifier, layers, optimizers
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import PlanError, attach_loss, lower, validate
from descend.plan.ops import Embedding

RNG = np.random.default_rng(0)
#: Columns of 4 and 3 categories around one of numbers.
X = np.stack([RNG.integers(0, 4, 80), RNG.normal(size=80), RNG.integers(0, 3, 80)], axis=1)
Y = (X[:, 0] % 2) * X[:, 1] + (X[:, 2] == 1)


def table_network(**settings) -> Network:
    return Network([layers.Embedding([4, 3], 2, columns=[0, 2]), layers.Dense(1)], 3, dtype="float64", **settings)


def test_prediction_equals_the_formula() -> None:
    net = table_network()
    w = net.get_weights()
    table = w["embedding_1/weight"]
    assert table.shape == (7, 2)
    first, second = table[X[:, 0].astype(int)], table[4 + X[:, 2].astype(int)]
    joined = np.hstack([first, second, X[:, 1:2]])
    np.testing.assert_allclose(net.predict(X), joined @ w["dense_1/weight"] + w["dense_1/bias"], rtol=1e-12)
    np.testing.assert_array_equal(net.trace(X)["embedding_1"], joined)


def test_columns_of_one_kind_share_a_table_and_keep_their_positions() -> None:
    words = RNG.integers(0, 9, (20, 5)).astype(np.float64)
    net = Network([layers.Embedding(9, 4)], 5, dtype="float64")
    assert net.output_shape == (5, 4)
    np.testing.assert_array_equal(net.predict(words), net.get_weights()["embedding_1/weight"][words.astype(int)])
    flat = Network([layers.Embedding(9, 4, columns=range(5))], 5, dtype="float64")
    np.testing.assert_array_equal(flat.predict(words), net.predict(words).reshape(20, 20))


def test_learns_a_function_of_categories() -> None:
    net = Network([layers.Embedding([4, 3], 3, columns=[0, 2]), layers.Dense(16, "relu"), layers.Dense(1)], 3)
    history = net.fit(X, Y, epochs=150, optimizer=optimizers.Adam(0.01), verbose=0)
    assert history.loss[-1] < 0.02


def test_gradients_go_to_rows_that_occur() -> None:
    plan = attach_loss(lower([layers.Embedding(50, 3, columns=[0]), layers.Dense(1)], 2), "mse")
    rows = np.array([[7.0, 0.5], [7.0, -1.0], [31.0, 2.0]])
    batch = Batch(rows, np.ones((3, 1)))
    for engine in (NativeEngine(plan, "float64"), ReferenceEngine(plan)):
        engine.set_parameters(RNG.normal(size=plan.size))
        gradient = engine.gradients(batch)[1][plan.parameters[0].slice].reshape(50, 3)
        assert np.flatnonzero(gradient.any(axis=1)).tolist() == [7, 31]


def test_moments_move_rows_that_do_not_occur() -> None:
    """As of any other weight: Adam goes on with the mean of the gradients it has seen."""
    net = table_network()
    net.fit(X, Y, epochs=1, optimizer=optimizers.Adam(0.01), verbose=0)
    before = net.get_weights()["embedding_1/weight"]
    net.fit(X[X[:, 0] == 1], Y[X[:, 0] == 1], epochs=1, optimizer=optimizers.Adam(0.01), verbose=0)
    moved = net.get_weights()["embedding_1/weight"] - before
    assert np.abs(moved[:4]).max(axis=1).min() > 0


@pytest.mark.parametrize("value", [-1.0, 3.0, 0.5, 1e30, -1e-9])
def test_what_is_no_category_is_named(value: float) -> None:
    bad = X.copy()
    bad[17, 2] = value
    net = table_network()
    number = re.escape(f"{value:g}")
    message = rf"\[17, 2\] is {number}, but column 2 holds categories for the layer 'embedding_1': integers from 0 to 2"
    for call in (
        lambda: net.fit(bad, Y, verbose=0),
        lambda: net.evaluate(bad, Y),
        lambda: net.trace(bad, Y),
        lambda: net.gradients(bad, Y),
    ):
        with pytest.raises(ValueError, match="X" + message):
            call()
    with pytest.raises(ValueError, match=r"validation_data\[0\]" + message):
        net.fit(X, Y, validation_data=(bad, Y), verbose=0)
    assert len(net.history) == 0
    with pytest.raises(ValueError, match=r"X\[17, 2\] is .* column 2 holds categories.*: integers from 0 to 2"):
        net.predict(np.ascontiguousarray(bad))


def test_the_native_engine_trusts_nobody() -> None:
    engine = NativeEngine(attach_loss(lower([layers.Embedding(3, 2, columns=[0]), layers.Dense(1)], 1), "mse"))
    engine.start(optimizers.SGD(0.1), seed=0)
    for value in (3, -1, np.nan, np.inf, 1.5):
        batch = Batch(np.full((2, 1), value, np.float32), np.zeros((2, 1), np.float32))
        rows = np.zeros(1, np.uint32)
        for call in (
            lambda batch=batch: engine.predict(batch.X),
            lambda batch=batch: engine.evaluate(batch),
            lambda batch=batch: engine.gradients(batch),
            lambda batch=batch, rows=rows: engine.train(batch, rows, batch_size=1, learning_rates=np.ones(1)),
        ):
            with pytest.raises(ValueError, match="holds categories: integers from 0 to 2"):
                call()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Embedding(0, 3), ValueError, "levels must be an integer from 1"),
        (lambda: layers.Embedding([3, 2.5], 3), TypeError, "levels must hold integers, got 2.5"),
        (lambda: layers.Embedding("many", 3), TypeError, "levels must be integers"),
        (lambda: layers.Embedding([], 3), ValueError, "levels must not be empty"),
        (lambda: layers.Embedding(3, 3, columns=[1, 1]), ValueError, "columns must be different"),
        (lambda: layers.Embedding(3, 3, columns=[-1]), ValueError, "columns must hold integers from 0"),
        (lambda: layers.Embedding([3, 4], 3, columns=[1]), ValueError, r"one for each column \(1\), got 2"),
        (lambda: lower([layers.Embedding([3, 4], 3)], 3), ValueError, "levels holds 2 numbers, but the input has 3"),
        (lambda: lower([layers.Embedding(3, 3, columns=[5])], 3), ValueError, "columns names 5.*the columns 0 to 2"),
        (lambda: lower([layers.Embedding(3, 3)], (3, 2)), ValueError, r"rows of categories, got .*\(3, 2\)"),
        (lambda: lower([layers.Embedding(3, 3)], 10**9), ValueError, "at most 1048576 categories, got 1000000000"),
        (lambda: lower([layers.ReLU(), layers.Embedding(3, 3)], 3), ValueError, "let 'embedding_1' come first"),
    ],
)
def test_what_does_not_fit_is_refused(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_plans_are_checked() -> None:
    plan = lower([layers.Embedding([4, 3], 2, columns=[0, 2])], 3)
    (op,) = plan.ops
    assert isinstance(op, Embedding)
    for change, message in (
        ({"columns": (0, 3)}, "reads column 3 of 3"),
        ({"columns": (0, 0)}, "columns, each once"),
        ({"offsets": (0, 5)}, "has the rows 5 to 7 of 7"),
        ({"levels": (4, 0)}, "has the rows 4 to 3 of 7"),
        ({"levels": (4,)}, "with an offset and levels"),
    ):
        with pytest.raises(PlanError, match=message):
            validate(replace(plan, ops=(replace(op, **change),)))


def test_shown_and_saved(tmp_path) -> None:
    net = table_network()
    assert "embedding(%0, weight) columns=[0, 2] levels=[4, 3]" in net.plan()
    assert "columns=0..4 levels=9" in Network([layers.Embedding(9, 4)], 5).plan()
    net.fit(X, Y, epochs=2, verbose=0)
    net.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    assert again.layers == net.layers
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_tied_to_the_output_each_way() -> None:
    words = layers.Embedding(9, 4)
    net = Network(
        [words, layers.Dense(4, "tanh"), layers.Dense(9, tied_to=words), layers.Softmax()], 5, dtype="float64"
    )
    assert list(net.get_weights()) == ["embedding_1/weight", "dense_1/weight", "dense_1/bias", "dense_2/bias"]
    text = RNG.integers(0, 9, (40, 5)).astype(np.float64)
    history = net.fit(text, text.astype(int), epochs=60, optimizer=optimizers.Adam(0.03), verbose=0)
    assert history.loss[-1] < 0.1 * history.loss[0]
    w = net.get_weights()
    h = np.tanh(w["embedding_1/weight"][text.astype(int)] @ w["dense_1/weight"] + w["dense_1/bias"])
    logits = h @ w["embedding_1/weight"].T + w["dense_2/bias"]
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    np.testing.assert_allclose(net.predict(text), shifted / shifted.sum(axis=-1, keepdims=True), rtol=1e-9)


def test_sparse_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'embedding_1' \(Embedding\)"):
        table_network().predict(csr_array(X))


def test_as_an_estimator() -> None:
    labels = np.where(Y.mean() < Y, "high", "low")
    model = NetworkClassifier(
        [layers.Embedding([4, 3], 3, columns=[0, 2]), layers.Dense(16, "relu")],
        optimizer=optimizers.Adam(0.01),
        epochs=80,
        random_state=0,
    )
    assert model.fit(X, labels).score(X, labels) > 0.95
    bad = X.copy()
    bad[3, 0] = 9
    with pytest.raises(ValueError, match=r"X\[3, 0\] is 9"):
        model.fit(bad, labels)
    with pytest.raises(ValueError, match=r"X\[3, 0\] is 9"):
        model.predict(bad)
