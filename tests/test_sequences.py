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
    for index in np.random.default_rng(0).permutation(plan.size)[:40]:
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


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "reverse", "truncated"])
def test_what_stands_behind_a_sequence_changes_no_bit(name: str) -> None:
    """Neither other numbers there, nor, to recurrent layers, more room."""
    plan = _plan(name)
    batch = _batch(plan)
    engine = _engines(plan)[0]
    expected, gradient = engine.predict(batch.X), engine.gradients(batch, seed=1)[1]
    X = batch.X
    assert isinstance(X, Sequences)
    other = np.where((np.arange(STEPS) < X.lengths[:, None])[:, :, None], X.values, 1e3)
    changed = Batch(Sequences(other, X.lengths), batch.y, batch.weight)
    np.testing.assert_array_equal(engine.predict(changed.X), expected)
    np.testing.assert_array_equal(engine.gradients(changed, seed=1)[1], gradient)
    if name == "gru":  # its dense layer sums over all steps
        return
    more = _plan(name, STEPS + 8)
    roomy = _engines(more)[0]
    wide = Batch(Sequences(np.pad(X.values, ((0, 0), (0, 8), (0, 0))), X.lengths), batch.y, batch.weight)
    np.testing.assert_array_equal(roomy.predict(wide.X), expected)
    np.testing.assert_array_equal(roomy.gradients(wide, seed=1)[1], gradient)


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
            together[row : row + 1, :length] if name == "sequence" else together[row],
            alone if name == "sequence" else alone[0],
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
        (np.zeros((2, 4)), [1, 2], ValueError, r"\(rows, steps, features\)"),
        ([np.zeros((2, 3)), np.zeros((0, 3))], None, ValueError, r"values\[1\] has no steps"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], None, ValueError, r"values\[1\] must have shape \(steps, 3\)"),
        ([np.zeros(3)], None, ValueError, r"values\[0\] must have shape \(steps, features\)"),
        ([], None, ValueError, "no sequence"),
    ],
)
def test_wrong_sequences_are_refused(values, lengths, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Sequences(values, lengths)


def test_networks_that_cannot_read_lengths_say_so() -> None:
    X, y = Sequences([np.ones((2, 3)), np.ones((4, 3))]), np.zeros(2)
    with pytest.raises(ValueError, match="no layer of the network is recurrent"):
        Network([layers.Dense(1)], (4, 3)).predict(X)
    with pytest.raises(ValueError, match=r"'batch_norm_1' \(BatchNorm\) mixes steps"):
        Network([layers.BatchNorm(), layers.LSTM(2), layers.Dense(1)]).fit(X, y, verbose=0)
    with pytest.raises(ValueError, match=r"got up to 4 steps of 3 features"):
        Network([layers.LSTM(2)], (3, 3)).predict(X)
    with pytest.raises(ValueError, match="finite"):
        Network([layers.LSTM(2)], (4, 3)).predict(Sequences([np.full((2, 3), np.nan)]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pieces_give_what_the_whole_gives(dtype: str) -> None:
    network = Network(
        [layers.LSTM(17, return_sequences=True), layers.GRU(5, return_sequences=True), layers.SimpleRNN(3)],
        (8, 3),
        dtype=dtype,
    )
    X = RNG.normal(size=(11, 8, 3))
    state, outputs = None, None
    for piece in (X[:, :1], X[:, 1:6], X[:, 6:]):
        outputs, state = network.advance(piece, state)
    assert state is not None
    assert {name: array.shape for name, array in state.items()} == {
        "lstm_1/h": (11, 17), "lstm_1/c": (11, 17), "gru_1/h": (11, 5), "simple_rnn_1/h": (11, 3),
    }  # fmt: skip
    np.testing.assert_array_equal(outputs, network.predict(X))
    np.testing.assert_array_equal(network.advance(X)[0], network.predict(X))


def test_outputs_for_every_step_come_for_the_steps_given() -> None:
    network = Network([layers.GRU(4, return_sequences=True), layers.Dense(2)], (6, 3))
    X = RNG.normal(size=(5, 6, 3))
    first, state = network.advance(X[:, :2])
    second, _ = network.advance(X[:, 2:], state)
    assert first.shape == (5, 2, 2)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), network.predict(X))


def test_the_reference_goes_on_from_states_too() -> None:
    plan = lower([layers.LSTM(5, return_sequences=True), layers.GRU(4)], (6, 3))
    native, reference = (kind(plan) for kind in (lambda p: NativeEngine(p, "float64"), ReferenceEngine))
    X, state = RNG.normal(size=(9, 6, 3)), RNG.normal(size=(9, 14))
    for engine in (native, reference):
        engine.set_parameters(initial_parameters(plan, 1))
    for found, expected in zip(native.predict_from(X, state), reference.predict_from(X, state), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_states_that_do_not_fit_are_refused() -> None:
    network = Network([layers.LSTM(4)], (6, 3))
    X = np.zeros((2, 6, 3))
    _, state = network.advance(X)
    with pytest.raises(TypeError, match="the dict that advance returned"):
        network.advance(X, [1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lacks 'lstm_1/c'"):
        network.advance(X, {"lstm_1/h": state["lstm_1/h"]})
    with pytest.raises(ValueError, match="unknown name 'other'"):
        network.advance(X, {"other": 1})
    with pytest.raises(ValueError, match=r"must have shape \(1, 4\)"):
        network.advance(X[:1], state)
    with pytest.raises(ValueError, match="got up to 7 steps"):
        network.advance(np.zeros((2, 7, 3)))
    with pytest.raises(ValueError, match="no recurrent layer"):
        Network([layers.Dense(2)], (6, 3)).advance(X)
    with pytest.raises(ValueError, match="reads sequences from their end"):
        Network([layers.GRU(2, reverse=True)], (6, 3)).advance(X)


def test_names_of_states() -> None:
    plan = lower([layers.LSTM(2, name="a")], (3, 1))
    network = Network([layers.LSTM(2, name="a")], (3, 1))
    assert set(network.advance(np.zeros((1, 3, 1)))[1]) == {"a/h", "a/c"}
    assert set(named(plan, initial_parameters(plan, 0))) == {"a/weight", "a/recurrent_weight", "a/bias"}
