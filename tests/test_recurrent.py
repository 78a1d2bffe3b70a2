"""Recurrent layers: what they refuse, how they take their steps, and that networks with them learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from descend import Network, layers, losses, optimizers
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import Plan, attach_loss, initial_parameters, lower, named

RNG = np.random.default_rng(3)
LAYERS = [layers.SimpleRNN, layers.LSTM, layers.GRU]


def _plan(network: list[layers.Layer], shape: tuple[int, ...] = (6, 3)) -> Plan:
    return attach_loss(lower([*network, layers.Dense(2)], shape), losses.MSE())


def _batch(rows: int = 21, steps: int = 6) -> Batch:
    rng = np.random.default_rng(rows)
    return Batch(rng.normal(size=(rows, steps, 3)), rng.normal(size=(rows, 2)))


def _engine(plan: Plan, kind: type = NativeEngine) -> Any:
    engine = NativeEngine(plan, "float64") if kind is NativeEngine else kind(plan)
    engine.set_parameters(initial_parameters(plan, 5))
    return engine


@pytest.mark.parametrize("make", LAYERS)
def test_shapes_and_names(make: type[layers.Recurrent]) -> None:
    network = Network([make(5, return_sequences=True, name="first"), make(4)], (6, 3))
    assert network.output_shape == (4,)
    gates = make.gates
    shapes = {name: array.shape for name, array in network.get_weights().items() if name.startswith("first/")}
    expected = {"first/weight": (3, gates * 5), "first/recurrent_weight": (5, gates * 5), "first/bias": (gates * 5,)}
    if make is layers.GRU:
        expected["first/recurrent_bias"] = (5,)
    assert shapes == expected
    assert "(rows, 6, 5)" in network.summary()
    assert "sequences" in network.plan()


def test_an_lstm_remembers_at_first() -> None:
    bias = named(plan := lower([layers.LSTM(3)], (4, 2)), initial_parameters(plan, 0))["lstm_1/bias"]
    np.testing.assert_array_equal(bias, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    plain = lower([layers.LSTM(3, unit_forget_bias=False)], (4, 2))
    assert not named(plain, initial_parameters(plain, 0))["lstm_1/bias"].any()


def test_every_gate_has_an_orthogonal_matrix_of_its_own() -> None:
    plan = lower([layers.GRU(5)], (4, 2))
    for part in np.split(named(plan, initial_parameters(plan, 0))["gru_1/recurrent_weight"], 3, axis=1):
        np.testing.assert_allclose(part @ part.T, np.eye(5), atol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.LSTM(0), ValueError, "units"),
        (lambda: layers.GRU(4, truncate=0), ValueError, "truncate"),
        (lambda: layers.GRU(4, dropout=1.0), ValueError, "dropout"),
        (lambda: layers.GRU(4, recurrent_dropout=-0.1), ValueError, "recurrent_dropout"),
        (lambda: layers.LSTM(4, return_sequences=1), TypeError, "return_sequences"),  # type: ignore[arg-type]
        (lambda: layers.SimpleRNN(4, "gelu"), ValueError, "activation must be one of tanh, relu"),
        (lambda: lower([layers.LSTM(4)], (5,)), ValueError, r"rows of shape \(steps, features\)"),
        (lambda: lower([layers.LSTM(4), layers.LSTM(4)], (5, 2)), ValueError, "return_sequences=True"),
        (lambda: lower([layers.LSTM(4)], (5, 2, 2)), ValueError, r"got rows of shape \(5, 2, 2\)"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("make", LAYERS)
def test_the_last_of_the_sequence_is_the_state(make: type[layers.Recurrent]) -> None:
    X, flat = RNG.normal(size=(11, 6, 3)), None
    found = []
    for sequences in (False, True):
        plan = lower([make(19, return_sequences=sequences)], (6, 3))
        flat = initial_parameters(plan, 2) if flat is None else flat
        engine = NativeEngine(plan, "float64")
        engine.set_parameters(flat)
        found.append(engine.predict(X))
    np.testing.assert_array_equal(found[1][:, -1], found[0])


@pytest.mark.parametrize("make", LAYERS)
def test_reversed_layers_read_the_sequence_from_its_end(make: type[layers.Recurrent]) -> None:
    X = RNG.normal(size=(11, 6, 3))
    ahead, back = (_engine(lower([make(7, return_sequences=True, reverse=on)], (6, 3))) for on in (False, True))
    np.testing.assert_array_equal(back.predict(X), ahead.predict(X[:, ::-1].copy())[:, ::-1])


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("kind", [NativeEngine, ReferenceEngine])
def test_truncation_cuts_where_steps_are_multiples(make: type[layers.Recurrent], kind: type) -> None:
    """After every step, no gradient of the state's weights but through the last step; beyond the end, all of it."""
    batch = _batch()

    def gradient(truncate: int | None, steps: int = 6) -> dict[str, np.ndarray]:
        plan = _plan([make(5, truncate=truncate)], (steps, 3))
        return named(plan, _engine(plan, kind).gradients(batch)[1])

    whole, same, one = gradient(None), gradient(6), gradient(1)
    for name, array in whole.items():
        np.testing.assert_array_equal(same[name], array)
    prefix = next(iter(whole)).split("/")[0]
    assert np.abs(one[f"{prefix}/weight"] - whole[f"{prefix}/weight"]).max() > 1e-4
    trace = _engine(_plan([make(5, truncate=1)]), ReferenceEngine).trace(batch)
    assert not trace["gradient/input"][:, :-1].any()
    assert trace["gradient/input"][:, -1].any()
    # Cut every fourth step, the gradient of the input comes from steps 4 and 5 alone, whole.
    four = _engine(_plan([make(5, truncate=4)]), ReferenceEngine).trace(batch)["gradient/input"]
    assert not four[:, :4].any()
    full = _engine(_plan([make(5)]), ReferenceEngine).trace(batch)["gradient/input"]
    np.testing.assert_allclose(four[:, 4:], full[:, 4:], rtol=1e-12)


@pytest.mark.parametrize("sequences", [True, False])
def test_both_directions_side_by_side(sequences: bool) -> None:
    """The two layers alone, with the same weights."""
    X = RNG.normal(size=(7, 6, 3))
    ahead = layers.LSTM(5, return_sequences=sequences)
    both = Network([layers.Bidirectional(ahead)], (6, 3), dtype="float64")
    weights = both.get_weights()
    parts = []
    for number, layer in ((1, ahead), (2, layers.LSTM(5, return_sequences=sequences, reverse=True))):
        alone = Network([layer], (6, 3), dtype="float64")
        alone.set_weights({name: weights[name.replace("lstm_1", f"lstm_{number}")] for name in alone.get_weights()})
        parts.append(alone.predict(X))
    np.testing.assert_array_equal(both.predict(X), np.concatenate(parts, axis=-1))
    added = Network([layers.Bidirectional(ahead, merge="sum")], (6, 3), dtype="float64")
    added.set_weights(weights)
    np.testing.assert_array_equal(added.predict(X), parts[0] + parts[1])


def test_directions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TypeError, match="layer must be a recurrent layer"):
        layers.Bidirectional(layers.Dense(3))  # type: ignore[arg-type]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"layer": layers.GRU(3, reverse=True)}, "read from the beginning"),
        ({"layer": layers.GRU(3), "backward": layers.GRU(3)}, "read from the end"),
        ({"layer": layers.GRU(3), "backward": layers.GRU(3, reverse=True, return_sequences=True)}, "return_sequences"),
        ({"layer": layers.GRU(3), "backward": layers.LSTM(4, reverse=True), "merge": "sum"}, "got 3 and 4"),
        ({"layer": layers.GRU(3), "merge": "mean"}, "merge must be one of concatenate, sum"),
    ]
    for settings, message in cases:
        with pytest.raises(ValueError, match=message):
            layers.Bidirectional(**settings)


def test_masks_are_the_same_for_all_steps() -> None:
    plan = _plan([layers.LSTM(5, dropout=0.4, recurrent_dropout=0.5)])
    trace = _engine(plan, ReferenceEngine).trace(_batch(), seed=3)
    assert trace["lstm_1/mask"].shape == (21, 3)
    assert set(np.unique(trace["lstm_1/recurrent_mask"])) == {0.0, 2.0}
    away = trace["lstm_1/mask"] == 0
    assert not np.moveaxis(trace["gradient/input"], 1, 2)[away].any()


def test_trace_shows_the_gates() -> None:
    network = Network([layers.LSTM(5), layers.Dense(1)], (6, 3))
    trace = network.trace(RNG.normal(size=(4, 6, 3)), RNG.normal(size=4))
    for name in ("i", "f", "g", "o", "c", "h"):
        assert trace[f"lstm_1/{name}"].shape == (4, 6, 5)
    np.testing.assert_array_equal(trace["lstm_1/h"][:, -1], trace["lstm_1"])
    np.testing.assert_allclose(trace["lstm_1/o"] * np.tanh(trace["lstm_1/c"]), trace["lstm_1/h"])
    assert trace["gradient/lstm_1/recurrent_weight"].shape == (5, 20)


def test_summary_counts_the_weights_that_steps_share() -> None:
    network = Network([layers.Bidirectional(layers.LSTM(5)), layers.Dense(1)], input_shape=(6, 3))
    # Four gates of 5 units with 3 inputs, 5 states and a bias, in both directions.
    assert f"recurrent layers: 360 weights, {6 * 360:,} if steps did not share them" in network.summary()


@pytest.mark.parametrize("make", LAYERS)
def test_row_by_row_prediction_has_the_same_bits(make: type[layers.Recurrent]) -> None:
    plan = lower([make(37, return_sequences=True), make(5)], (9, 3))
    engine = NativeEngine(plan)
    engine.set_parameters(initial_parameters(plan, 1))
    X = RNG.normal(size=(45, 9, 3)).astype(np.float32)
    together = engine.predict(X)
    for rows in (1, 3, 20):
        apart = np.concatenate([engine.predict(X[i : i + rows]) for i in range(0, 45, rows)])
        np.testing.assert_array_equal(apart, together)


@pytest.mark.parametrize("make", LAYERS)
def test_networks_learn_what_only_the_past_tells(make: type[layers.Recurrent], tmp_path: Path) -> None:
    """The class is that of the first step; files and a second fit keep it."""
    X = RNG.normal(size=(400, 8, 2)).astype(np.float32)
    y = (X[:, 0, 0] > 0).astype(int)
    network = Network([make(16), layers.Dense(1)], seed=1)
    network.fit(X, y, epochs=25, optimizer=optimizers.Adam(0.02, clip_norm=1.0), verbose=0)
    assert network.evaluate(X, y, metrics=["accuracy"])["accuracy"] > 0.95
    network.save(tmp_path / "recurrent.descend")
    loaded = Network.load(tmp_path / "recurrent.descend")
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    for each in (network, loaded):
        each.fit(X, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))


@pytest.mark.parametrize(("layer", "name"), [(layers.GRU(3), "GRU 'gru_1'"), (layers.LSTM(3, name="a"), "LSTM 'a'")])
def test_rows_without_steps_name_the_layer(layer: layers.Layer, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: needs rows of shape \(steps, features\), got rows of shape \(4,\)"):
        Network([layer], (4,))
