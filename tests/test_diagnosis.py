"""The diagnosis: each illness is found in a real run built to have it, and in no healthy one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_moons
from sklearn.preprocessing import StandardScaler

from descend import DivergenceError, History, Network, callbacks, initializers, layers, losses, optimizers
from descend.training.diagnosis import CHECKS, SEVERITIES
from descend.training.setup import Setup

D = layers.Dense
MOONS = make_moons(200, noise=0.2, random_state=0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def run(stack: list, X: NDArray, y: NDArray, *, monitor: bool = True, **options) -> History:
    options = {"epochs": 10, "verbose": 0, **options}
    watching = [callbacks.Monitor(per_epoch=1)] if monitor else []
    try:
        return Network(stack, seed=0).fit(X, y, callbacks=watching, **options)
    except DivergenceError as error:
        return error.history


def scaled(load) -> tuple[NDArray, NDArray]:
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std() if len(np.unique(y)) > 20 else y


def normal(deviation: float) -> initializers.Normal:
    return initializers.Normal(deviation)


def vanishing() -> History:
    return run([*(D(16, "sigmoid") for _ in range(8)), D(1)], *MOONS, optimizer=optimizers.SGD(0.1))


def exploding(clip_norm: float | None = None) -> History:
    X = rng().normal(size=(64, 4))
    optimizer = optimizers.SGD(0.9, clip_norm=clip_norm)
    return run([D(4), D(1)], X, X[:, 0], optimizer=optimizer, batch_size=None, epochs=9)


def dead() -> History:
    return run([D(64, "relu"), D(64, "relu"), D(1)], *MOONS, optimizer=optimizers.SGD(20.0))


def saturated() -> History:
    return run([D(32, "tanh", weight_initializer=normal(8)), D(1)], *MOONS)


def too_high() -> History:
    X, y = scaled(load_diabetes)
    return run([D(32, "relu"), D(1)], X, y, optimizer=optimizers.SGD(30.0))


def too_low() -> History:
    return run([D(32, "relu"), D(1)], *MOONS, optimizer=optimizers.SGD(1e-5), epochs=20)


def overfitted() -> History:
    X, y = rng().normal(size=(80, 20)), np.arange(80) // 3 % 2
    return run([D(128, "relu"), D(1)], X, y, validation_split=0.4, epochs=60, restore_best=False)


def underfitted() -> History:
    X = rng().uniform(-1, 1, (400, 2))
    return run([D(1)], X, (X[:, 0] * X[:, 1] > 0).astype(int), epochs=30, optimizer=optimizers.Adam(0.02))


def unscaled_features() -> History:
    X, y = load_breast_cancer(return_X_y=True)
    return run([D(32, "relu"), D(1)], X, y)


def unscaled_numbers() -> History:
    X, y = load_diabetes(return_X_y=True)
    return run([D(32, "relu"), D(1)], StandardScaler().fit_transform(X), y)


def imbalanced() -> History:
    X = rng().normal(size=(600, 3))
    return run([D(16, "relu"), D(1)], X, (X[:, 0] > 2.2).astype(int))


def small_batches() -> History:
    return run([D(16), layers.BatchNorm(), layers.ReLU(), D(1)], *MOONS, batch_size=4)


def stalled() -> History:
    X, y = rng().normal(size=(3000, 3)), np.arange(3000) % 2  # that have nothing to do with each other
    return run([D(1, weight_initializer=normal(0.01))], X, y, optimizer=optimizers.SGD(0.01), batch_size=8)


def noisy() -> History:
    X, y = scaled(load_diabetes)
    return run([D(16, "tanh"), D(1)], X, y, optimizer=optimizers.Adam(0.1), batch_size=4, epochs=30)


def images(scale: float = 1.0) -> tuple[NDArray, NDArray]:
    X, y = load_digits(return_X_y=True)
    return (X[:600].reshape(-1, 8, 8, 1) * (scale / 16)).astype(np.float32), y[:600]


def convolutions(activation: str, *, depth: int = 2, norm: bool = False) -> list:
    stack: list = []
    for _ in range(depth):
        stack += [layers.Conv2D(16, 3, padding="same"), *([layers.BatchNorm()] if norm else [])]
        stack.append(layers.resolve_activation(activation))
    return [*stack, layers.MaxPool2D(2), layers.Flatten(), D(10)]


def sequences(steps: int, features: int, where: int) -> tuple[NDArray, NDArray]:
    """Noise, and whether the first feature at one step is positive."""
    X = rng().normal(size=(400, steps, features)).astype(np.float32)
    return X, (X[:, where, 0] > 0).astype(int)


def forgetful() -> History:
    return run([layers.SimpleRNN(16), D(1)], *sequences(150, 1, 0), epochs=20)


ILL = {
    "vanishing_through_time": forgetful,
    "vanishing_gradients": vanishing,
    "exploding_gradients": exploding,
    "dead_units": dead,
    "saturated_units": saturated,
    "learning_rate_too_high": too_high,
    "learning_rate_too_low": too_low,
    "overfitting": overfitted,
    "underfitting": underfitted,
    "unscaled_inputs": unscaled_features,
    "unscaled_target": unscaled_numbers,
    "label_imbalance": imbalanced,
    "small_batches_for_batch_norm": small_batches,
    "stalled_loss": stalled,
    "noisy_loss": noisy,
}


def test_every_check_has_a_run_that_is_ill() -> None:
    assert set(ILL) == {check.name for check in CHECKS}


@pytest.mark.parametrize("name", ILL)
def test_found_where_it_is(name: str) -> None:
    diagnosis = ILL[name]().diagnose()
    assert name in diagnosis, str(diagnosis)
    finding = next(one for one in diagnosis if one.name == name)
    assert finding.severity in SEVERITIES
    assert finding.message and finding.remedy and finding.evidence
    assert all(isinstance(value, float) for value in finding.evidence.values())
    assert "nan" not in str(finding) and not str(finding).endswith(".")
    assert str(finding) in str(diagnosis)


def healthy_data() -> dict[str, tuple[NDArray, NDArray]]:
    X, y = load_digits(return_X_y=True)
    return {
        "breast cancer": scaled(load_breast_cancer),
        "digits": (X[:900] / 16, y[:900]),
        "diabetes": scaled(load_diabetes),
        "moons": make_moons(400, noise=0.2, random_state=0),
    }


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "normalized"])
@pytest.mark.parametrize("name", healthy_data())
def test_silent_where_all_is_well(name: str, activation: str) -> None:
    X, y = healthy_data()[name]

    def hidden() -> list:
        return [D(32), layers.BatchNorm(), layers.ReLU()] if activation == "normalized" else [D(32, activation)]

    history = run([*hidden(), *hidden(), D(10 if name == "digits" else 1)], X, y, epochs=40, validation_split=0.2)
    diagnosis = history.diagnose()
    assert not len(diagnosis), str(diagnosis)
    assert not diagnosis.unchecked and len(diagnosis.checked) == len(CHECKS)
    assert str(diagnosis) == f"Nothing found in {len(CHECKS)} checks."


@pytest.mark.parametrize(
    "stack",
    [
        lambda: convolutions("relu"),
        lambda: convolutions("tanh"),
        lambda: convolutions("relu", norm=True),
        lambda: [layers.Conv2D(32, 3, activation="relu"), layers.GlobalMaxPool2D(), D(10)],
        lambda: [layers.Reshape((8, 8)), layers.SimpleRNN(32), D(10)],
        lambda: [layers.Reshape((8, 8)), layers.LSTM(32, return_sequences=True), layers.LSTM(32), D(10)],
        lambda: [layers.Reshape((8, 8)), layers.Bidirectional(layers.GRU(16)), D(10)],
    ],
)
def test_silent_where_convolutions_and_recurrent_layers_are_well(stack: Callable[[], list]) -> None:
    diagnosis = run(stack(), *images(), epochs=25, validation_split=0.2).diagnose()
    assert not len(diagnosis), str(diagnosis)


def test_silent_where_a_plain_recurrent_layer_needs_only_the_end_of_long_sequences() -> None:
    diagnosis = run([layers.SimpleRNN(16), D(1)], *sequences(150, 1, -1), epochs=30).diagnose()
    assert not len(diagnosis), str(diagnosis)


def test_what_ails_convolutions_is_named() -> None:
    dead = run(convolutions("relu"), *images(), optimizer=optimizers.SGD(3.0)).diagnose()
    finding = next(one for one in dead if one.name == "dead_units")
    assert finding.layer is not None and finding.layer.startswith("conv2d_")
    assert "of the 16 units of conv2d_" in finding.message
    unscaled = run([layers.MaxPool2D(2), *convolutions("relu")], *images(255.0)).diagnose()
    assert "divide pixels from 0 to 255 by 255" in str(unscaled)
    normalized = [layers.SpatialDropout2D(0.1), layers.BatchNorm(), *convolutions("relu")]
    assert "unscaled_inputs" not in run(normalized, *images(255.0)).diagnose()
    deep = run(convolutions("sigmoid", depth=8), *images(), optimizer=optimizers.SGD(0.1)).diagnose()
    assert next(one for one in deep if one.name == "vanishing_gradients").layer == "conv2d_1"


def test_a_plain_recurrent_layer_over_many_steps_is_told_of_gates() -> None:
    finding = next(one for one in forgetful().diagnose() if one.name == "vanishing_through_time")
    assert "150 steps" in finding.message and "layers.LSTM" in finding.remedy
    assert "vanishing_through_time" not in run([layers.LSTM(8), D(1)], *sequences(150, 1, 0), epochs=6).diagnose()


def test_without_a_monitor_and_validation_rows_it_says_what_it_could_not_check() -> None:
    diagnosis = run([D(8, "relu"), D(1)], *MOONS, monitor=False).diagnose()
    needs_monitor = {check.name for check in CHECKS if check.needs == "monitor"}
    assert set(diagnosis.unchecked) == {*needs_monitor, "overfitting"}
    assert "callbacks.Monitor()" in str(diagnosis) and "no validation rows" in str(diagnosis)
    assert set(diagnosis.checked).isdisjoint(diagnosis.unchecked)


def test_an_empty_history_checks_nothing() -> None:
    diagnosis = History().diagnose()
    assert not len(diagnosis) and len(diagnosis.unchecked) == len(CHECKS)


def test_dead_units_name_the_layer_with_the_weights_and_the_rate() -> None:
    finding = next(one for one in dead().diagnose() if one.name == "dead_units")
    assert finding.layer in ("dense_1", "dense_2")
    assert finding.layer in finding.message and "% of the 64 units" in finding.message
    assert "from 20" in finding.remedy and "LeakyReLU" in finding.remedy
    assert finding.evidence["share"] >= finding.evidence["threshold"]


def test_exploding_gradients_are_clipped_or_clipped_more() -> None:
    for clip_norm, remedy in (
        (None, "clip the gradient with clip_norm=1.0"),
        (1e3, "lower clip_norm from 1000 to 100"),
    ):
        finding = next(one for one in exploding(clip_norm).diagnose() if one.name == "exploding_gradients")
        assert finding.remedy == (
            f"lower the learning rate from 0.9, {remedy} in the optimizer, or start from smaller weights"
        )


def test_a_diverged_run_is_the_fault_of_the_rate() -> None:
    X, y = scaled(load_diabetes)
    history = run([D(1)], X, y, optimizer=optimizers.SGD(1e6), monitor=False)
    assert history.stop_reason == "diverged"
    assert [one.name for one in history.diagnose()] == ["learning_rate_too_high"]


def test_what_follows_from_another_finding_is_not_said_as_well() -> None:
    diagnosis = too_low().diagnose()
    assert "underfitting" not in diagnosis and "stalled_loss" not in diagnosis


def test_overfitting_is_seen_through_best_weights() -> None:
    X, y = rng().normal(size=(80, 20)), np.arange(80) // 3 % 2
    history = run([D(128, "relu"), D(1)], X, y, validation_split=0.4, epochs=60)
    assert history.best_epoch is not None and history.best_epoch < 30
    assert "overfitting" in history.diagnose()


@pytest.mark.parametrize(("size", "severity"), [(4, "warning"), (16, None)])
def test_batches_for_batch_norm(size: int, severity: str | None) -> None:
    stack = [D(16), layers.BatchNorm(), layers.ReLU(), D(1)]
    found = [one for one in run(stack, *MOONS, batch_size=size).diagnose() if one.name.startswith("small_batches")]
    assert [one.severity for one in found] == ([severity] if severity else [])
    frozen = [D(16), layers.BatchNorm(frozen=True), layers.ReLU(), D(1)]
    assert "small_batches_for_batch_norm" not in run(frozen, *MOONS, batch_size=size).diagnose()


def test_weights_and_normalization_are_remedies() -> None:
    X = rng().normal(size=(600, 3))
    y = (X[:, 0] > 2.2).astype(int)
    assert "label_imbalance" not in run([D(8, "relu"), D(1)], X, y, class_weight="balanced").diagnose()
    raw, target = load_breast_cancer(return_X_y=True)
    assert "unscaled_inputs" not in run([layers.BatchNorm(), D(8, "relu"), D(1)], raw, target).diagnose()


@pytest.mark.parametrize(
    ("loss", "y", "weight", "expected"),
    [
        (losses.MSE(), np.array([0.0, 2.0, 4.0]), None, 8 / 3),
        (losses.MSE(), np.array([0.0, 2.0, 4.0]), [1, 1, 0], 1.0),
        (losses.RMSE(), np.array([0.0, 2.0]), None, 1.0),
        (losses.MAE(), np.array([0.0, 1.0, 5.0]), None, 5 / 3),
        (losses.BinaryCrossentropy(), np.array([0, 1, 1, 1]), None, 0.5623351446188083),
        (losses.BinaryCrossentropy(), np.array([0, 1, 1, 1]), [3, 1, 1, 1], 0.6931471805599453),
        (losses.CategoricalCrossentropy(), np.array([0, 1, 2, 2]), None, 1.0397207708399179),
        (losses.CategoricalCrossentropy(), np.eye(3)[[0, 1, 2, 2]], None, 1.0397207708399179),
        (losses.Huber(), np.array([0.0, 1.0]), None, None),
    ],
)
def test_the_baseline_is_the_loss_of_the_best_constant(loss, y, weight, expected) -> None:
    units = 3 if isinstance(loss, losses.CategoricalCrossentropy) else 1
    X = np.zeros((len(y), 2))
    history = Network([D(units)]).fit(X, y, loss=loss, epochs=1, verbose=0, sample_weight=weight)
    assert history.setup is not None
    assert history.setup.baseline == (None if expected is None else pytest.approx(expected, rel=1e-6))


def test_the_setup_says_what_was_trained() -> None:
    X = np.tile([[1.0, 10.0]], (50, 1))
    history = run([D(4), layers.BatchNorm(), layers.LeakyReLU(), D(1)], X, np.arange(50) % 2, batch_size=16)
    setup = history.setup
    assert setup is not None
    assert (setup.rows, setup.features, setup.batch_size, setup.loss, setup.optimizer) == (50, 2, 16, "bce", "Adam")
    assert [kind for _, kind, _ in setup.layers] == ["Dense", "BatchNorm", "leaky_relu", "Dense", "sigmoid"]
    assert setup.class_rows == (25, 25) and not setup.weighted and setup.learning_rate == 1e-3
    assert setup.input_rms == (pytest.approx(np.sqrt(50.5)), pytest.approx(10.0), 1)
    plain = json.loads(json.dumps(setup.to_plain()))
    assert Setup.from_plain(plain) == setup
    clipped = dataclasses.replace(setup, clip_norm=2.5)
    assert Setup.from_plain(json.loads(json.dumps(clipped.to_plain()))) == clipped
    del plain["clip_norm"]  # files of before
    assert Setup.from_plain(plain) == setup
    assert dataclasses.replace(setup, rows=51) != setup


def test_findings_survive_saving(tmp_path) -> None:
    net = Network([D(32, "tanh", weight_initializer=normal(8)), D(1)], seed=0)
    net.fit(*MOONS, epochs=3, verbose=0, callbacks=callbacks.Monitor(per_epoch=1))
    net.save(tmp_path / "m.descend")
    again = Network.load(tmp_path / "m.descend").history
    assert again.monitor == net.history.monitor and again.setup == net.history.setup
    assert again.diagnose() == net.history.diagnose()
    assert "saturated_units" in again.diagnose()
