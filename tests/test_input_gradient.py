"""Gradients with respect to rows: against finite differences of the scores, for every kind of row and output."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, Sequences, layers, networks
from descend.model.sensitivity import _before_probabilities

RNG = np.random.default_rng(0)

CASES = {
    "residual": (networks.small_resnet((8, 8, 1), 3), RNG.standard_normal((3, 8, 8, 1)), None),
    "two classes": (networks.lenet((14, 14, 2), 2, kernel_size=3), RNG.standard_normal((3, 14, 14, 2)), 0),
    "steps": (networks.sequence_cnn((9, 2), 4, filters=(3,), kernel_sizes=(4,)), RNG.standard_normal((3, 9, 2)), None),
    "numbers": (Network([layers.Dense(6, "tanh"), layers.Dense(3)], input_shape=(5,)), RNG.standard_normal((3, 5)), 2),
    "named activation": (
        Network([layers.Dense(4, activation="softmax")], input_shape=(5,)),
        RNG.standard_normal((3, 5)),
        [3, 0, 1],
    ),
    "not in inference": (
        Network([layers.GaussianNoise(1.0), layers.Dropout(0.5), layers.Dense(2)], input_shape=(5,)),
        RNG.standard_normal((3, 5)),
        1,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_finite_differences(name):
    net, X, output = CASES[name]
    gradient = net.input_gradient(X, output)
    assert gradient.shape == X.shape and gradient.dtype == np.float64
    scores = _before_probabilities(net)
    chosen = scores.predict(X).argmax(axis=1) if output is None else np.broadcast_to(output, len(X))
    for place in RNG.integers(0, X[0].size, 12):
        step = np.zeros(X[0].size)
        step[place] = 1e-5
        step = step.reshape(X[0].shape)
        change = (scores.predict(X + step) - scores.predict(X - step)) / 2e-5
        np.testing.assert_allclose(
            gradient.reshape(len(X), -1)[:, place], change[np.arange(len(X)), chosen], rtol=1e-4, atol=1e-7
        )


def test_nothing_behind_the_end_of_a_sequence():
    net = networks.sequence_lstm((7, 2), 3, units=(4,))
    gradient = net.input_gradient(Sequences(RNG.standard_normal((2, 7, 2)), [4, 7]))
    assert (gradient[0, :4] != 0).all() and not gradient[0, 4:].any()


def test_the_network_stays_as_it_was():
    net, X, _ = CASES["residual"]
    before = net.get_weights()
    net.input_gradient(X)
    assert all((before[name] == array).all() for name, array in net.get_weights().items())


@pytest.mark.parametrize(
    ("net", "X", "output", "words"),
    [
        (networks.text_rnn(5, 9, 3), np.zeros((2, 5), int), None, "an Embedding reads categories"),
        (Network([layers.Dense(3)]), np.zeros((2, 5)), None, "does not know its input shape"),
        (Network([layers.Dense(3)], input_shape=(4, 5)), np.zeros((2, 4, 5)), None, "one for every position"),
        (Network([layers.Dense(3)], input_shape=5), np.zeros((2, 5)), 3, "output must be from 0 to 2"),
        (Network([layers.Dense(3)], input_shape=5), np.zeros((2, 5)), [0, 1, 1], "one for each of 2 rows"),
        (Network([layers.Dense(3)], input_shape=5), np.zeros((2, 5)), 0.5, "output must be None"),
    ],
)
def test_refusals(net, X, output, words):
    with pytest.raises(ValueError, match=words):
        net.input_gradient(X, output)
