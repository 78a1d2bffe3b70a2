"""Sequences read piece by piece: `Network.advance` and the states it hands on."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, layers
from descend.engine.native import NativeEngine
from descend.engine.reference import ReferenceEngine
from descend.plan import initial_parameters, lower, named

RNG = np.random.default_rng(4)


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
