"""Batch normalization inside recurrent cells: what it computes, what it keeps, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, Sequences, callbacks, layers, losses, optimizers
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import Plan, PlanError, attach_loss, format_plan, initial_parameters, lower, named

RNG = np.random.default_rng(8)
STEPS, FEATURES = 4, 3
KINDS = [layers.SimpleRNN, layers.LSTM, layers.GRU]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def _normalized(x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon)


def test_an_lstm_by_hand() -> None:
    plan = attach_loss(lower([layers.LSTM(2, batch_norm=True, return_sequences=True)], (STEPS, FEATURES)), "mse")
    flat = initial_parameters(plan, 3)
    flat += RNG.normal(scale=0.1, size=flat.size)
    w = named(plan, flat)
    w["lstm_1/steps_seen"][:] = 0
    X = RNG.normal(size=(6, STEPS, FEATURES))
    h, c, outputs = np.zeros((6, 2)), np.zeros((6, 2)), []
    for s in range(STEPS):
        a = _normalized(X[:, s] @ w["lstm_1/weight"], w["lstm_1/input_gamma"]) + w["lstm_1/bias"]
        q = _normalized(h @ w["lstm_1/recurrent_weight"], w["lstm_1/recurrent_gamma"])
        i, f, g, o = np.split(a + q, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(_normalized(c, w["lstm_1/cell_gamma"]) + w["lstm_1/cell_beta"])
        outputs.append(h)
    engine = ReferenceEngine(plan)
    engine.set_parameters(flat)
    found = engine.trace(Batch(X, np.zeros((6, STEPS, 2))))["lstm_1"]
    np.testing.assert_allclose(found, np.stack(outputs, axis=1), rtol=1e-12, atol=1e-14)


def test_first_values() -> None:
    weights = Network([layers.LSTM(3, batch_norm=True)], (STEPS, FEATURES)).get_weights()
    for part, columns in (("input", 12), ("recurrent", 12), ("cell", 3)):
        assert (weights[f"lstm_1/{part}_gamma"] == np.float32(0.1)).all()
        assert weights[f"lstm_1/{part}_running_mean"].shape == (STEPS, columns)
        assert (weights[f"lstm_1/{part}_running_variance"] == 1).all()
    assert "gru_1/cell_gamma" not in Network([layers.GRU(3, batch_norm=True)], (STEPS, FEATURES)).get_weights()


def _train(plan: Plan, X: np.ndarray | Sequences, engine: NativeEngine | ReferenceEngine, steps: int = 1) -> dict:
    rows = np.arange(len(X), dtype=np.uint32)
    for _ in range(steps):
        batch = Batch(X, np.zeros((len(X), *plan.values[plan.output].shape)))
        engine.train(batch, rows, batch_size=len(X), learning_rates=np.array([0.0]), threads=2)
    return named(plan, engine.get_parameters())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", [ReferenceEngine, lambda plan: NativeEngine(plan, "float64")])
def test_running_statistics_step_by_step(kind: type[layers.Recurrent], engine) -> None:
    """Short sequences first: later steps start from the last one seen, and use it until then."""
    plan = attach_loss(lower([kind(2, batch_norm=True, batch_norm_momentum=0.75)], (STEPS, FEATURES)), "mse")
    engine, name = engine(plan), f"{kind.kind}_1"
    engine.set_parameters(initial_parameters(plan, 3))
    engine.start(optimizers.SGD(), seed=0)
    X = RNG.normal(size=(6, STEPS, FEATURES)) + 2.0
    short = _train(plan, Sequences(X, [2, 2, 2, 1, 1, 3]), engine)
    terms = X[:, 0] @ short[f"{name}/weight"]
    mean = short[f"{name}/input_running_mean"]
    np.testing.assert_allclose(mean[0], 0.25 * terms.mean(axis=0))
    np.testing.assert_allclose(short[f"{name}/input_running_variance"][0], 0.75 + 0.25 * terms.var(axis=0))
    terms = X[[0, 1, 2, 5], 1] @ short[f"{name}/weight"]
    np.testing.assert_allclose(mean[1], 0.25 * terms.mean(axis=0))
    assert (mean[2:] == 0).all()  # one row alone has a third step
    assert short[f"{name}/steps_seen"] == 2
    expected = engine.predict(X)
    flat = engine.get_parameters()
    for parameter in plan.parameters:  # what stands there now for steps that were not seen has no effect
        if "running" in parameter.name:
            flat[parameter.slice].reshape(parameter.shape)[2:] = 7.0
    engine.set_parameters(flat)
    np.testing.assert_array_equal(engine.predict(X), expected)
    whole = _train(plan, X, engine)
    terms = X[:, 3] @ whole[f"{name}/weight"]
    np.testing.assert_allclose(whole[f"{name}/input_running_mean"][3], 0.75 * mean[1] + 0.25 * terms.mean(axis=0))
    assert whole[f"{name}/steps_seen"] == STEPS


def test_training_and_inference_agree_once_statistics_have_settled() -> None:
    X = RNG.normal(size=(50, STEPS, FEATURES))
    network = Network([layers.LSTM(5, batch_norm=True, batch_norm_momentum=0.0), layers.Dense(1)], dtype="float64")
    y = RNG.normal(size=(50, 1))
    network.fit(X, y, batch_size=None, epochs=1, optimizer=optimizers.SGD(1e-300), verbose=0)
    np.testing.assert_allclose(network.predict(X), network.trace(X, y, loss="mse", training=True)["dense_1"], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_and_survives_a_file(kind: type[layers.Recurrent], tmp_path) -> None:
    sequences = [RNG.normal(size=(n, 2)) for n in RNG.integers(2, 8, 300)]
    y = np.array([sequence[:, 0].sum() > 0 for sequence in sequences]).astype(int)
    X = Sequences(sequences)
    stack = [kind(12, batch_norm=True, recurrent_dropout=0.1), layers.Dense(1)]
    network, again = (Network(stack, seed=1) for _ in range(2))
    settings = {"optimizer": optimizers.Adam(0.02), "batch_size": 50, "verbose": 0}
    network.fit(X, y, epochs=20, **settings)
    assert network.evaluate(X, y, metrics=["accuracy"])["accuracy"] > 0.9
    again.fit(X, y, epochs=10, **settings)
    again.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    again.fit(X, y, epochs=10, **settings)
    np.testing.assert_array_equal(again.predict(X), network.predict(X))


def test_frozen_layers_keep_their_statistics() -> None:
    X, y = RNG.normal(size=(30, STEPS, FEATURES)), RNG.normal(size=(30, 1))
    network = Network([layers.GRU(5, batch_norm=True, trainable=False), layers.Dense(1)], seed=2)
    network.fit(X, y, epochs=1, verbose=0)
    before = network.get_weights()
    network.fit(X, y, epochs=2, verbose=0)
    for name, array in network.get_weights().items():
        assert name.startswith("dense") or (array == before[name]).all()
    assert (before["gru_1/steps_seen"] == 0).all()


def test_averaged_weights_have_statistics_of_their_own() -> None:
    lengths = RNG.integers(1, STEPS + 1, 60)
    lengths[:2] = STEPS
    X, y = Sequences(RNG.normal(size=(60, STEPS, FEATURES)), lengths), RNG.normal(size=(60, 1))
    network = Network(
        [layers.LSTM(5, batch_norm=True, batch_norm_momentum=0.5), layers.Dense(1)], seed=2, dtype="float64"
    )
    network.fit(X, y, epochs=4, batch_size=60, callbacks=[callbacks.SWA(start=1)], verbose=0)
    weights = network.get_weights()
    for s in range(STEPS):
        terms = X.values[lengths > s, s] @ weights["lstm_1/weight"]
        np.testing.assert_allclose(weights["lstm_1/input_running_mean"][s], terms.mean(axis=0))
    assert weights["lstm_1/steps_seen"] == STEPS


def test_the_plan_shows_it() -> None:
    text = format_plan(lower([layers.SimpleRNN(2, batch_norm=True)], (STEPS, FEATURES)))
    assert "tanh batch_norm momentum=0.9 epsilon=1e-05" in text
    assert "simple_rnn_1/recurrent_running_mean" in text
    frozen = format_plan(lower([layers.SimpleRNN(2, batch_norm=True, trainable=False)], (STEPS, FEATURES)))
    assert "batch_norm frozen" in frozen


def test_what_it_cannot_do_is_refused() -> None:
    X, y = RNG.normal(size=(8, STEPS, FEATURES)), RNG.normal(size=(8, 1))
    network = Network([layers.LSTM(2, batch_norm=True), layers.Dense(1)], (STEPS, FEATURES))
    with pytest.raises(ValueError, match="'lstm_1' normalizes each step by statistics of its own"):
        network.advance(X)
    with pytest.raises(ValueError, match=r"'lstm_1' \(Recurrent\) without a variance in every batch.*batch_norm=False"):
        network.fit(X, y, batch_size=1, verbose=0)
    with pytest.raises(ValueError, match="'lstm_1'"):
        network.fit(X, y, optimizer="lbfgs", verbose=0)
    shared = layers.GRU(3, return_sequences=True, batch_norm=True)
    with pytest.raises(PlanError, match="cannot share"):
        lower([shared, shared], (STEPS, 3))
    with pytest.raises(TypeError, match="batch_norm"):
        layers.GRU(3, batch_norm=0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_norm_momentum"):
        layers.GRU(3, batch_norm=True, batch_norm_momentum=1.0)
    with pytest.raises(ValueError, match="batch_norm_epsilon"):
        layers.GRU(3, batch_norm=True, batch_norm_epsilon=0.0)


def test_a_deep_one_takes_loss_on_every_step() -> None:
    plan = attach_loss(
        lower(
            [
                layers.Bidirectional(layers.LSTM(5, batch_norm=True, return_sequences=True)),
                layers.GRU(4, batch_norm=True, return_sequences=True, truncate=2),
                layers.Dense(2),
            ],
            (STEPS, FEATURES),
        ),
        losses.MSE(),
    )
    batch = Batch(RNG.normal(size=(33, STEPS, FEATURES)), RNG.normal(size=(33, STEPS, 2)))
    found = []
    for engine in (ReferenceEngine(plan), NativeEngine(plan, "float64")):
        engine.set_parameters(initial_parameters(plan, 1))
        found.append(engine.gradients(batch)[1])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-12)
