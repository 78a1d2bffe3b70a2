"""Sequences of different lengths, and sequences that come piece by piece."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, Sequences, layers, losses, optimizers
from descend.engine.native import NativeEngine, shuffle
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import Plan, attach_loss, initial_parameters, lower, named

RNG = np.random.default_rng(4)
STEPS, FEATURES = 9, 3
NETWORKS: dict[str, list[layers.Layer]] = {
    "rnn": [layers.SimpleRNN(7), layers.Dense(2)],
    "lstm": [layers.LSTM(19, return_sequences=True, dropout=0.2), layers.LSTM(5), layers.Dense(2)],
    "gru": [layers.Dense(4, "tanh"), layers.GRU(7, recurrent_dropout=0.3), layers.Dense(2)],
    "reverse": [layers.GRU(5, reverse=True, return_sequences=True), layers.LSTM(4, reverse=True), layers.Dense(2)],
    "sequence": [layers.LSTM(17, return_sequences=True), layers.LayerNorm(), layers.Dense(2)],
    "batch-norm": [
        layers.Dense(17, "tanh"),
        layers.BatchNorm(),
        layers.GRU(5, return_sequences=True),
        layers.BatchNorm(scale=False),
        layers.Dense(2),
    ],
    "elementwise": [
        layers.Dense(17),
        layers.GaussianNoise(0.1),
        layers.Concatenate([[layers.PReLU()], [layers.SpatialDropout1D(0.2), layers.GELU()]]),
        layers.Residual([layers.LayerNorm(), layers.Dropout(0.2), layers.Softmax()]),
        layers.SimpleRNN(5, return_sequences=True),
        layers.BatchNorm(frozen=True),
        layers.GRU(3),
    ],
    "pool": [layers.Dense(17, "tanh"), layers.BatchNorm(), layers.GlobalMaxPool1D(), layers.Dense(2)],
    "pool-average": [layers.GRU(17, return_sequences=True), layers.GlobalAveragePool1D(), layers.Dense(2)],
    "normed": [
        layers.SimpleRNN(5, batch_norm=True, batch_norm_epsilon=0.1, return_sequences=True),
        layers.LSTM(19, batch_norm=True, batch_norm_epsilon=0.1, reverse=True, return_sequences=True),
        layers.GRU(5, batch_norm=True, batch_norm_epsilon=0.1, recurrent_dropout=0.3),
        layers.Dense(2),
    ],
    "augmented": [
        layers.Dense(4),
        layers.RandomTimeShift(0.4, fill_mode="reflect"),
        layers.RandomTimeWarp(0.5),
        layers.RandomScaling(0.3),
        layers.GRU(5),
        layers.Dense(2),
    ],
    "truncated": [layers.LSTM(6, truncate=2, return_sequences=True), layers.GRU(5, truncate=3), layers.Dense(2)],
}


def _plan(name: str, steps: int = STEPS) -> Plan:
    return attach_loss(lower(NETWORKS[name], (steps, FEATURES)), losses.MSE())


def _batch(plan: Plan, rows: int = 37, dtype: type = np.float64) -> Batch:
    rng = np.random.default_rng(rows)
    steps = plan.values[plan.input].shape[0]
    lengths = rng.integers(1, STEPS + 1, rows)
    values = rng.normal(size=(rows, steps, FEATURES)).astype(dtype)
    y = rng.normal(size=(rows, *plan.values[plan.output].shape)).astype(dtype)
    return Batch(Sequences(values, lengths), y, rng.choice([0.0, 0.5, 1.0, 3.0], rows).astype(dtype))


def _engines(plan: Plan, dtype: str = "float64") -> tuple[NativeEngine, ReferenceEngine]:
    engines = NativeEngine(plan, dtype), ReferenceEngine(plan)
    for engine in engines:
        engine.set_parameters(initial_parameters(plan, 6))
    return engines


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_equal_central_differences(name: str) -> None:
    plan = _plan(name)
    if name == "truncated":
        pytest.skip("a cut gradient is none of finite differences")
    engine, batch, start = ReferenceEngine(plan), _batch(plan, 12), initial_parameters(plan, 6)
    engine.set_parameters(start)
    _, gradient = engine.gradients(batch, seed=2, step=1)
    trained = np.concatenate([np.arange(p.offset, p.offset + p.size) for p in plan.parameters if p.trainable])
    for index in np.random.default_rng(0).permutation(trained)[:40]:
        found = []
        for sign in (-1.0, 1.0):
            moved = start.copy()
            moved[index] += sign * 1e-6
            engine.set_parameters(moved)
            found.append(engine.gradients(batch, seed=2, step=1)[0])
        np.testing.assert_allclose(gradient[index], (found[1] - found[0]) / 2e-6, rtol=1e-5, atol=2e-8)


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-11), ("float32", 2e-5)])
@pytest.mark.parametrize("name", NETWORKS)
def test_equals_reference(name: str, dtype: str, close: float) -> None:
    plan = _plan(name)
    native, reference = _engines(plan, dtype)
    for rows in (1, 7, 37):
        batch, exact = _batch(plan, rows, np.dtype(dtype).type), _batch(plan, rows)
        np.testing.assert_allclose(native.predict(batch.X), reference.predict(exact.X), rtol=close, atol=close)
        np.testing.assert_allclose(native.evaluate(batch), reference.evaluate(exact), rtol=close)
        loss, gradient = native.gradients(batch, seed=3, step=5)
        expected_loss, expected = reference.gradients(exact, seed=3, step=5)
        np.testing.assert_allclose(loss, expected_loss, rtol=close)
        np.testing.assert_allclose(gradient, expected, rtol=close * 10, atol=close * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("name", NETWORKS)
def test_threads_do_not_change_a_bit(name: str) -> None:
    plan = _plan(name)
    found = []
    for threads in (1, 2, 3):
        engine = _engines(plan, "float32")[0]
        engine.start(optimizers.Adam(), seed=4)
        batch, rows = _batch(plan, 100, np.float32), shuffle(100, 2, 0)
        engine.train(batch, rows, batch_size=43, learning_rates=np.array([0.01]), threads=threads, adapt=False)
        found.append(engine.get_parameters().tobytes())
    assert found[0] == found[1] == found[2]


#: Networks that more room changes by rounding: dense layers sum over all steps, blocks of rows depend on the room.
ROOMY = ("gru", "batch-norm", "elementwise", "pool", "augmented")


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "sequence"])
def test_what_stands_behind_a_sequence_changes_no_bit(name: str) -> None:
    """Neither other numbers there, nor, to recurrent layers, more room."""
    plan = _plan(name)
    batch = _batch(plan)
    engine = _engines(plan)[0]
    X = batch.X
    assert isinstance(X, Sequences)
    there = (np.arange(STEPS) < X.lengths[:, None])[:, :, None]

    def predict(rows: Sequences) -> np.ndarray:
        found = engine.predict(rows)
        return found * there if found.ndim == 3 else found

    expected, gradient = predict(X), engine.gradients(batch, seed=1)[1]
    other = np.where(there, X.values, 1e3)
    changed = Batch(Sequences(other, X.lengths), batch.y, batch.weight)
    np.testing.assert_array_equal(predict(Sequences(other, X.lengths)), expected)
    np.testing.assert_array_equal(engine.gradients(changed, seed=1)[1], gradient)
    if name in ROOMY or expected.ndim == 3:
        return
    more = _plan(name, STEPS + 8)
    roomy = _engines(more)[0]
    wide = Batch(Sequences(np.pad(X.values, ((0, 0), (0, 8), (0, 0))), X.lengths), batch.y, batch.weight)
    np.testing.assert_array_equal(roomy.predict(wide.X), expected)
    roomy_gradient = named(more, roomy.gradients(wide, seed=1)[1])
    for p in plan.parameters:  # statistics of steps need more room too
        if p.trainable:
            np.testing.assert_array_equal(roomy_gradient[p.name].ravel(), gradient[p.slice])


@pytest.mark.parametrize("name", NETWORKS)
def test_each_row_is_as_by_itself(name: str) -> None:
    plan = _plan(name)
    X = _batch(plan).X
    assert isinstance(X, Sequences)
    together = _engines(plan)[0].predict(X)
    for row in (0, 5, 36):
        length = int(X.lengths[row])
        alone = _engines(_plan(name, length))[0].predict(X.values[row : row + 1, :length].copy())
        np.testing.assert_array_equal(
            together[row : row + 1, :length] if together.ndim == 3 else together[row],
            alone if together.ndim == 3 else alone[0],
        )


def test_a_network_learns_from_lists_of_sequences() -> None:
    """The sum of a sequence's first feature: what comes after its end would disturb."""
    sequences = [RNG.normal(size=(n, 2)) for n in RNG.integers(2, 8, 300)]
    y = np.array([sequence[:, 0].sum() > 0 for sequence in sequences]).astype(int)
    network = Network([layers.GRU(12), layers.Dense(1)], seed=1)
    X = Sequences(sequences)
    network.fit(X, y, epochs=30, optimizer=optimizers.Adam(0.02), validation_split=0.2, metrics=["accuracy"], verbose=0)
    assert network.input_shape == (7, 2)
    assert network.evaluate(X, y, metrics=["accuracy"])["accuracy"] > 0.93
    np.testing.assert_array_equal(network.predict(Sequences(sequences[:3])), network.predict(X)[:3])
    assert network.trace(X, y)["gradient/input"][0, len(sequences[0]) :].any() == np.False_
    assert set(network.gradients(X, y)) == set(network.get_weights())


def test_every_row_counts_as_much_in_the_loss() -> None:
    X = Sequences(RNG.normal(size=(2, 4, 3)), [1, 4])
    network = Network([layers.LSTM(3, return_sequences=True), layers.Dense(2)], (4, 3), seed=2)
    y = RNG.normal(size=(2, 4, 2))
    errors = ((network.predict(X) - y) ** 2).mean(axis=2)
    expected = (errors[0, 0] + errors[1].mean()) / 2
    assert network.evaluate(X, y, loss="mse")["loss"] == pytest.approx(expected, rel=1e-5)


def test_metrics_leave_out_what_stands_behind_a_sequence() -> None:
    lengths = np.array([1, 4, 2] * 10)
    X = Sequences(RNG.normal(size=(30, 4, 2)), lengths)
    there = np.arange(4) < lengths[:, None]
    network = Network([layers.GRU(3, return_sequences=True), layers.Dense(1)], seed=2)
    y = RNG.normal(size=(30, 4, 1))
    history = network.fit(X, y, epochs=1, metrics=["mae"], validation_split=0.5, verbose=0)
    found = network.evaluate(X, y, metrics=["mae"])["mae"]
    assert found == pytest.approx(np.abs(network.predict(X) - y)[there].mean(), rel=1e-5)
    assert np.isfinite(history["val_mae"][0])


@pytest.mark.parametrize(
    ("values", "lengths", "error", "message"),
    [
        (np.zeros((2, 4, 3)), None, TypeError, "lengths is missing"),
        (np.zeros((2, 4, 3)), [4], ValueError, r"lengths must have shape \(2,\)"),
        (np.zeros((2, 4, 3)), [0, 4], ValueError, "at least 1, got 0 in row 0"),
        (np.zeros((2, 4, 3)), [1, 5], ValueError, "must not exceed the array's 4 steps, got 5 in row 1"),
        (np.zeros((2, 4, 3)), [1.0, 2.0], TypeError, "integers"),
        (np.zeros((2, 4, 3, 1)), [1, 2], ValueError, r"\(rows, steps, features\), or \(rows, steps\) of integers"),
        ([np.zeros((2, 3)), np.zeros((0, 3))], None, ValueError, r"values\[1\] has no steps"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], None, ValueError, r"values\[1\] must have shape \(steps, 3\)"),
        (
            [np.zeros(3)],
            None,
            ValueError,
            r"values\[0\] must have shape \(steps, features\), got \(3,\); only integers",
        ),
        ([[1, 2], [[1, 2]]], None, ValueError, r"values\[1\] must have shape \(steps,\), got \(1, 2\)"),
        ([[1], []], None, ValueError, r"values\[1\] has no steps"),
        ([3], None, ValueError, r"values\[0\] must have shape \(steps, features\), got \(\)"),
        ([], None, ValueError, "no sequence"),
        (None, None, TypeError, "values must be a list of arrays, one per row, got NoneType"),
        ([[[1, 2]], [[1, 2], [3]]], None, ValueError, r"values\[1\] must .* steps differ in length"),
    ],
)
def test_wrong_sequences_are_refused(values, lengths, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Sequences(values, lengths)


def test_one_row_number_is_refused() -> None:
    with pytest.raises(TypeError, match=r"rows must be a slice, .* got 1; pass \[1\]"):
        Sequences([[1], [2, 3]])[1]


def test_networks_that_cannot_read_lengths_say_so() -> None:
    X = Sequences([np.ones((2, 3)), np.ones((4, 3))])
    with pytest.raises(ValueError, match="no layer of the network is recurrent"):
        Network([layers.Dense(1)], (4, 3)).predict(X)
    with pytest.raises(ValueError, match=r"'conv1d_1' \(Convolution\) mixes steps"):
        Network([layers.Conv1D(2, 2), layers.LSTM(2), layers.Dense(1)], (4, 3)).predict(X)
    with pytest.raises(ValueError, match=r"'max_pool1d_1' \(Pool\) mixes steps"):
        Network([layers.MaxPool1D(), layers.LSTM(2), layers.Dense(1)], (4, 3)).predict(X)
    with pytest.raises(ValueError, match=r"'reshape_1' \(Reshape\) mixes steps"):
        Network([layers.LSTM(4), layers.Reshape((2, 2)), layers.BatchNorm()], (4, 3)).predict(X)
    with pytest.raises(ValueError, match="looks at all steps"):
        Network([layers.LSTM(2, return_sequences=True), layers.GlobalMaxPool1D()], (4, 3)).advance(X)
    with pytest.raises(ValueError, match=r"got up to 4 steps of 3 features"):
        Network([layers.LSTM(2)], (3, 3)).predict(X)
    with pytest.raises(ValueError, match="finite"):
        Network([layers.LSTM(2)], (4, 3)).predict(Sequences([np.full((2, 3), np.nan)]))


def test_statistics_are_those_of_the_steps_that_there_are() -> None:
    X = Sequences(RNG.normal(size=(20, 6, 3)), RNG.integers(1, 7, 20))
    network = Network([layers.BatchNorm(momentum=0.0), layers.GRU(2), layers.Dense(1)], dtype="float64")
    network.fit(X, RNG.normal(size=20), batch_size=None, epochs=1, verbose=0)
    steps = X.values[np.arange(6) < X.lengths[:, None]]
    weights = network.get_weights()
    np.testing.assert_allclose(weights["batch_norm_1/running_mean"], steps.mean(axis=0))
    np.testing.assert_allclose(weights["batch_norm_1/running_variance"], steps.var(axis=0))


def test_a_single_step_is_normalized_by_running_statistics() -> None:
    """The rule of a batch of one row: one step of one row has no variance, whatever stands behind it."""
    plan = attach_loss(lower([layers.BatchNorm(), layers.GRU(2), layers.Dense(1)], (4, 3)), losses.MSE())
    batch = Batch(Sequences(RNG.normal(size=(1, 4, 3)), [1]), np.ones((1, 1)))
    moved = []
    for engine in _engines(plan):
        before = engine.get_parameters()
        engine.start(optimizers.SGD(), seed=0)
        engine.train(batch, np.arange(1, dtype=np.uint32), batch_size=1, learning_rates=np.array([0.1]), threads=1)
        statistics = [p.slice for p in plan.parameters if not p.trainable]
        assert all((engine.get_parameters()[place] == before[place]).all() for place in statistics)
        moved.append(engine.get_parameters())
    np.testing.assert_allclose(moved[0], moved[1], rtol=1e-12, atol=1e-14)


TOKENS: list[list[layers.Layer]] = [
    [layers.Embedding(6, 4), layers.GRU(7), layers.Dense(2)],
    [layers.Embedding(6, 17), layers.BatchNorm(), layers.LSTM(5, reverse=True, return_sequences=True), layers.Dense(2)],
    [layers.Embedding(6, 4), layers.GlobalAveragePool1D(), layers.Dense(2)],
]


@pytest.mark.parametrize("stack", TOKENS, ids=["last", "sequence", "pool"])
def test_sequences_of_integers(stack: list[layers.Layer]) -> None:
    rng = np.random.default_rng(2)
    plan = attach_loss(lower(stack, (STEPS,)), losses.MSE())
    lengths = rng.integers(1, STEPS + 1, 37)
    tokens = rng.integers(0, 6, (37, STEPS)).astype(np.float64)
    there = np.arange(STEPS) < lengths[:, None]
    y = rng.normal(size=(37, *plan.values[plan.output].shape))
    found = []
    for behind in (0.0, 5.0):
        batch = Batch(Sequences(np.where(there, tokens, behind), lengths), y)
        native, reference = _engines(plan)
        out = native.predict(batch.X)
        np.testing.assert_allclose(out, reference.predict(batch.X), rtol=1e-11, atol=1e-12)
        (loss, gradient), (expected_loss, expected) = (one.gradients(batch, seed=1) for one in (native, reference))
        np.testing.assert_allclose(loss, expected_loss, rtol=1e-11)
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)
        native.start(optimizers.Adam(), seed=4)
        native.train(batch, shuffle(37, 2, 0), batch_size=10, learning_rates=np.array([0.01]), threads=3, adapt=False)
        seen = out * there[..., None] if out.ndim == 3 else out
        found.append(seen.tobytes() + gradient.tobytes() + native.get_parameters().tobytes())
    assert found[0] == found[1]


def test_a_network_learns_from_lists_of_words() -> None:
    """Whether word 3 comes anywhere."""
    words = [RNG.integers(0, 12, n).tolist() for n in RNG.integers(1, 9, 400)]
    y = np.array([int(3 in sentence) for sentence in words])
    network = Network([layers.Embedding(12, 6), layers.GRU(12), layers.Dense(1)], seed=1)
    X = Sequences(words)
    network.fit(X, y, epochs=30, optimizer=optimizers.Adam(0.02), validation_split=0.2, metrics=["accuracy"], verbose=0)
    assert network.input_shape == (8,)
    assert network.evaluate(X, y, metrics=["accuracy"])["accuracy"] > 0.97
    np.testing.assert_array_equal(network.predict(Sequences(words[:3])), network.predict(X)[:3])
    assert set(network.gradients(X, y)) == set(network.get_weights())
    first, state = network.advance(np.array([[3, 1, 4]]))
    np.testing.assert_array_equal(
        network.advance(np.array([[2]]), state)[0], network.predict(Sequences([[3, 1, 4, 2]]))
    )
    assert first.shape == (1, 1)


def test_words_that_no_network_can_read_are_refused() -> None:
    X = Sequences([[1, 2, 7], [0]])
    network = Network([layers.Embedding(5, 4), layers.GRU(3)], (3,))
    with pytest.raises(ValueError, match=r"X\[0, 2\] is 7, but column 2 holds categories"):
        network.predict(X)
    behind = Sequences(np.array([[1, 2, 4], [0, 9, -3]]), [3, 1])
    assert network.predict(behind).shape == (2, 3)
    with pytest.raises(ValueError, match=r"'dense_1' \(Dense\) cannot read; begin with layers.Embedding"):
        Network([layers.Dense(5), layers.Reshape((5, 1)), layers.GRU(3)], (3,)).predict(X)
    with pytest.raises(ValueError, match="cannot read"):
        Network([layers.Embedding(9, 4, columns=[0]), layers.Reshape((3, 2)), layers.GRU(3)], (3,)).predict(X)
    with pytest.raises(ValueError, match="got sequences of up to 3 integers; cut longer sequences"):
        Network([layers.Embedding(9, 4), layers.GRU(3)], (2,)).predict(X)
    with pytest.raises(ValueError, match=r"X must have rows of shape \(3, 2\)"):
        Network([layers.GRU(3)], (3, 2)).predict(X)
