"""Learning rates far too high: named whatever becomes of the run, and not where something else made the loss large."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from descend import (
    DivergenceError,
    History,
    MLPClassifier,
    MLPRegressor,
    Network,
    callbacks,
    initializers,
    layers,
    losses,
    optimizers,
    penalties,
)

D = layers.Dense


def numbers() -> tuple[NDArray, NDArray]:
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


def two_classes() -> tuple[NDArray, NDArray]:
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def ten_classes() -> tuple[NDArray, NDArray]:
    X, y = load_digits(return_X_y=True)
    return X[:900] / 16, y[:900]


DATA = {"numbers": numbers(), "two classes": two_classes(), "ten classes": ten_classes()}


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def run(stack: list, X: NDArray, y: NDArray, **options) -> History:
    try:
        return Network(stack, seed=0).fit(X, y, **{"epochs": 20, "verbose": 0, **options})
    except DivergenceError as error:
        return error.history


def hidden(activation: str) -> list[layers.Layer]:
    return [D(32, activation), D(32, activation)] if activation != "linear" else []


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(
    "optimizer",
    [*map(optimizers.SGD, (1e6, 1e2)), *map(optimizers.Adam, (1e3, 1e2, 10.0)), optimizers.Momentum(100.0)],
    ids=lambda one: f"{type(one).__name__}-{one.learning_rate:g}",
)
@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
@pytest.mark.parametrize("name", DATA)
def test_rates_far_too_high_are_named(name: str, activation: str, optimizer, watched: bool) -> None:
    if name != "numbers" and activation == "linear" and optimizer.learning_rate == 100 and optimizer.kind != "adam":
        pytest.skip("logistic regression learns even so")
    X, y = DATA[name]
    stack = [*hidden(activation), D(10 if name == "ten classes" else 1)]
    watching = [callbacks.Monitor(per_epoch=1)] if watched else []
    diagnosis = run(stack, X, y, optimizer=optimizer, callbacks=watching).diagnose()
    finding = next((one for one in diagnosis if one.name == "learning_rate_too_high"), None)
    assert finding is not None, str(diagnosis)
    assert f"from {optimizer.learning_rate:g}" in finding.remedy and "nan" not in str(finding)
    assert not {"learning_rate_too_low", "underfitting", "stalled_loss", "noisy_loss"} & {one.name for one in diagnosis}


@pytest.mark.parametrize("rate", [10.0, 3.0, 1.0])
def test_regressions_do_not_survive_rates_from_one_on(rate: float) -> None:
    X, y = DATA["numbers"]
    for stack in ([D(32, "relu"), D(1)], [D(32, "tanh"), D(1)], [D(1)]):
        found = run(stack, X, y, optimizer=optimizers.SGD(rate)).diagnose()
        assert [one.name for one in found] == ["learning_rate_too_high"]


def test_a_network_that_explains_nothing_does_not_overfit() -> None:
    history = run([D(32, "relu"), D(1)], *DATA["numbers"], optimizer=optimizers.Adam(10.0), validation_split=0.2)
    assert [one.name for one in history.diagnose()] == ["learning_rate_too_high"]


def test_what_is_said() -> None:
    X, y = DATA["numbers"]
    diverged = run([D(32, "relu"), D(1)], X, y, optimizer=optimizers.SGD(10.0)).diagnose()[0]
    assert diverged.message == "the loss became infinite or NaN in epoch 1" and diverged.severity == "critical"
    thrown = run([D(32, "relu"), D(32, "relu"), D(1)], X, y, optimizer=optimizers.Adam(10.0))
    dead = thrown.diagnose()[0]
    assert "the training loss went up from " in dead.message and "before the first update to" in dead.message
    assert dead.severity == "critical" and dead.evidence["highest"] > 1e6 and dead.evidence["explained"] < 0
    older = replace(thrown, initial_loss=None, loss=[4.0, 1e9, *[4.0] * (len(thrown.loss) - 2)])
    assert "went up from 4 in the first epoch to 1e+09" in older.diagnose()[0].message
    some = run([D(32, "relu"), D(32, "relu"), D(1)], *DATA["two classes"], optimizer=optimizers.Adam(3.0)).diagnose()[0]
    assert "and the network explains" in some.message and some.severity == "warning"
    X, y = make_moons(400, noise=0.2, random_state=0)
    jumping = run([D(1)], X, y, optimizer=optimizers.SGD(100.0)).diagnose()[0]
    assert "jumps up and down around" in jumping.message
    assert jumping.message.endswith("was never below a constant prediction's of 0.693")
    wild = initializers.Normal(3.0)
    large = run([D(32, "relu", weight_initializer=wild), D(1, weight_initializer=wild)], *DATA["numbers"],
                optimizer=optimizers.SGD(0.01)).diagnose()  # fmt: skip
    finding = next(one for one in large if one.name == "learning_rate_too_high")
    assert "before the first update, over a million times" in finding.message
    assert finding.remedy.endswith("or begin with smaller weights")


@pytest.mark.parametrize(("clip_norm", "remedy"), [(None, "clip the gradient with clip_norm=1.0"),
                                                    (100.0, "lower clip_norm from 100 to 10")])  # fmt: skip
def test_who_clips_is_told_to_clip_more(clip_norm: float | None, remedy: str) -> None:
    history = run([D(32, "relu"), D(1)], *DATA["numbers"], optimizer=optimizers.SGD(30.0, clip_norm=clip_norm))
    assert history.setup is not None and history.setup.clip_norm == clip_norm
    finding = next(one for one in history.diagnose() if one.name == "learning_rate_too_high")
    assert finding.remedy.startswith(f"lower the learning rate from 30, or {remedy} in the optimizer")
    assert ("clip_norm=" in finding.remedy) == (clip_norm is None)


def test_lbfgs_has_neither_a_rate_to_lower_nor_a_norm_to_clip() -> None:
    history = run([D(1)], *DATA["numbers"], optimizer=optimizers.LBFGS())
    diverged = replace(history, stop_reason="diverged").diagnose()[0]
    assert diverged.remedy == "standardize the features (and the target of a regression)"


UNRELATED = np.random.default_rng(0)
WELL = {
    "weights far too large": [D(32, "relu", weight_initializer=initializers.Normal(3.0)), D(1)],
    "strong penalty": [D(32, "relu", penalty=penalties.L2(1.0)), D(1, penalty=penalties.L2(1.0))],
    "dropout": [D(32, "relu"), layers.Dropout(0.5), D(1)],
    "mixup": [layers.Mixup(1.0), D(32, "relu"), D(1)],
    "noise": [layers.GaussianNoise(1.0), D(32, "relu"), D(1)],
    "deep": [*(D(16, "tanh") for _ in range(10)), D(1)],
    "residual": [D(16), *(layers.Residual([D(16, "relu"), D(16)]) for _ in range(8)), D(1)],
    "no bias": [D(1, use_bias=False)],
    "plain": [D(32, "relu"), D(1)],
}
TARGETS = {
    "learnable": DATA["numbers"],
    "far from 0": (DATA["numbers"][0], DATA["numbers"][1] * 0.5 + 9),
    "heavy tails": (UNRELATED.normal(size=(400, 8)), UNRELATED.standard_t(2, size=400)),
    "unrelated": (UNRELATED.normal(size=(400, 8)), UNRELATED.normal(size=400)),
    "unrelated classes": (UNRELATED.normal(size=(400, 8)), UNRELATED.integers(0, 2, 400)),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", WELL)
def test_silent_where_the_rate_is_not_to_blame(name: str, target: str) -> None:
    for optimizer in (optimizers.Adam(), optimizers.Adam(0.01), optimizers.SGD(1e-4)):
        for size in (8, 32):
            watching = callbacks.Monitor(per_epoch=1)
            options = {"optimizer": optimizer, "batch_size": size, "epochs": 12, "callbacks": watching}
            history = run(WELL[name], *TARGETS[target], **options)
            assert "learning_rate_too_high" not in history.diagnose(), str(history.diagnose())
            history.monitor = None
            assert "learning_rate_too_high" not in history.diagnose(), str(history.diagnose())


@pytest.mark.parametrize("loss", [losses.Huber(), losses.Pinball(0.9), losses.MAE(), losses.RMSE()])
def test_other_losses(loss: losses.Loss) -> None:
    X, y = DATA["numbers"]
    stack = [D(32, "relu"), D(32, "relu"), D(1)]
    for size in (1, 32):
        healthy = run(stack, X, y, loss=loss, optimizer=optimizers.Adam(), batch_size=size, epochs=8)
        assert "learning_rate_too_high" not in healthy.diagnose()
    ill = run(stack, X, y, loss=loss, optimizer=optimizers.Adam(100.0))
    assert "learning_rate_too_high" in ill.diagnose()


def test_the_loss_before_the_first_update_is_kept(tmp_path) -> None:
    X, y = DATA["ten classes"]
    net = Network([D(16, "relu"), D(10)], input_shape=(64,), seed=0)
    first = Network([D(16, "relu"), D(10)], input_shape=(64,), seed=0)
    expected = first.evaluate(X[:32], y[:32], loss="categorical_crossentropy")["loss"]
    net.fit(X, y, epochs=2, batch_size=32, shuffle=False, verbose=0)
    assert net.history.initial_loss == pytest.approx(expected, rel=1e-5)
    again = net.fit(X, y, epochs=1, batch_size=32, shuffle=False, verbose=0)
    assert again.initial_loss is not None and again.initial_loss < expected
    assert net.history.initial_loss == pytest.approx(expected, rel=1e-5)
    net.save(tmp_path / "m.descend")
    assert Network.load(tmp_path / "m.descend").history.initial_loss == net.history.initial_loss
    assert run([D(10)], X, y, optimizer="lbfgs", epochs=3).initial_loss is None


def test_estimators_measure_against_the_losses_they_show() -> None:
    X, y = DATA["numbers"]
    Y = np.column_stack([y, y[::-1], -y])
    model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=3, random_state=0).fit(X, Y)
    assert model.history_.setup is not None
    assert model.history_.setup.baseline == pytest.approx(Y.var(axis=0).mean() / 2, rel=1e-6)
    assert model.history_.initial_loss == pytest.approx(model.loss_curve_[0], rel=0.5)
    for estimator, target in ((MLPRegressor, Y), (MLPClassifier, Y > 0), (MLPClassifier, y > 0)):
        ill = estimator(hidden_layer_sizes=(8,), max_iter=20, random_state=0, learning_rate_init=100.0).fit(X, target)
        assert "learning_rate_too_high" in ill.history_.diagnose()


@pytest.mark.parametrize(
    ("loss", "y", "expected"),
    [
        (losses.MSE(label_noise=0.5), [0.0, 2.0, 4.0], 8 / 3 + 0.25),
        (losses.RMSE(label_noise=1.0), [0.0, 2.0, 4.0], (8 / 3 + 1) ** 0.5),
        (losses.MAE(label_noise=1.0), [0.0, 2.0, 4.0], None),
        (losses.BinaryCrossentropy(label_noise=0.5), [0, 0, 0, 1], 0.6615632381579821),  # of 5/8 and 3/8
        (losses.BinaryCrossentropy(0.5), [0, 0, 0, 1], 0.6615632381579821),
        (losses.CategoricalCrossentropy(0.5), [0, 0, 0, 1], 0.6615632381579821),
        (losses.CategoricalCrossentropy(label_noise=0.5), [0, 0, 0, 1], 0.6615632381579821),
    ],
)
def test_the_constant_sees_noisy_and_smoothed_targets(loss: losses.Loss, y: list, expected: float | None) -> None:
    net = Network([D(2 if loss.kind == "cce" else 1)])
    setup = net.fit(np.zeros((len(y), 2)), np.array(y), loss=loss, epochs=1, verbose=0).setup
    assert setup is not None
    assert setup.baseline == (None if expected is None else pytest.approx(expected, rel=1e-6))
