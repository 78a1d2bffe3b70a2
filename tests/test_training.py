"""Training: what ends it, what it keeps, and that it goes on exactly where it stopped."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from descend import DivergenceError, InterruptedWarning, Network, callbacks, layers, optimizers, schedules

RNG = np.random.default_rng(1)
X = RNG.normal(size=(150, 4))
NUMBERS = X[:, 0] * X[:, 1] + 0.1 * RNG.normal(size=150)
CLASSES = np.digitize(X[:, 0] + X[:, 1] ** 2, [0.0, 1.5])


def regression(**options) -> Network:
    return Network([layers.Dense(16, activation="relu"), layers.Dense(1)], **options)


def rich_network(**options) -> Network:
    return Network(
        [layers.Dense(13), layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.2), layers.Dense(3)], **options
    )


def same_weights(first: Network, second: Network) -> bool:
    a, b = first.get_weights(), second.get_weights()
    return all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.05, clip_norm=1.0),
        optimizers.Momentum(0.05),
        optimizers.Nesterov(0.01),
        optimizers.AdaGrad(0.05),
        optimizers.RMSProp(0.01),
        optimizers.AdamW(0.01),
        optimizers.AMSGrad(0.01),
        optimizers.Nadam(schedules.Exponential(0.02, 0.9)),
        optimizers.Adam(schedules.ReduceOnPlateau(0.05, patience=1, min_delta=0.05)),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_two_fits_equal_one(optimizer, dtype, tmp_path):
    options = {"optimizer": optimizer, "batch_size": 32, "verbose": 0, "class_weight": "balanced"}
    whole, parts = rich_network(dtype=dtype), rich_network(dtype=dtype)
    whole.fit(X, CLASSES, epochs=7, **options)
    parts.fit(X, CLASSES, epochs=3, **options)
    parts.save(tmp_path / "half.descend")
    loaded = Network.load(tmp_path / "half.descend")
    for second in (parts, loaded):
        second.fit(X, CLASSES, epochs=4, **options)
        assert same_weights(whole, second)
        assert second.history.epoch == list(range(1, 8))
        assert second.history.loss == whole.history.loss
        assert second.history.learning_rate == whole.history.learning_rate


def test_the_second_fit_remembers_loss_and_optimizer():
    net = regression()
    net.fit(X, NUMBERS, loss="mae", optimizer=optimizers.SGD(0.125), epochs=1, verbose=0)
    history = net.fit(X, NUMBERS, epochs=1, verbose=0)
    assert history.learning_rate == [0.125] and net.loss is not None and net.loss.kind == "mae"
    assert net.fit(X, NUMBERS, loss="mse", epochs=1, verbose=0).epoch == [3]
    assert net.loss.kind == "mse"


def test_another_optimizer_starts_with_an_empty_state():
    net, twin = regression(), regression()
    net.fit(X, NUMBERS, optimizer="adam", epochs=3, verbose=0)
    twin.set_weights(net.get_weights()) if twin.input_shape else twin.fit(X, NUMBERS, epochs=3, verbose=0)
    assert same_weights(net, twin)
    losses = [one.fit(X, NUMBERS, optimizer="rmsprop", epochs=2, verbose=0).loss for one in (net, twin)]
    assert losses[0] == losses[1]


def test_runs_repeat_and_depend_on_the_seed_alone():
    def run(seed: int, **options) -> Network:
        net = rich_network(seed=seed)
        net.fit(X, CLASSES, epochs=3, verbose=0, **options)
        return net

    assert same_weights(run(3), run(3))
    assert same_weights(run(3, threads=1), run(3, threads=2))
    assert not same_weights(run(3), run(4))
    assert not same_weights(run(3), run(3, shuffle=False))


def test_batch_sizes_count_their_updates():
    for batch_size, steps in ((None, 1), (1, 150), (64, 3), (1000, 1)):
        seen = []
        net = regression()
        net.fit(
            X, NUMBERS, batch_size=batch_size, epochs=2, verbose=0,
            callbacks=[callbacks.Function(on_step_end=lambda run, seen=seen: seen.append(run.step))],
        )  # fmt: skip
        assert seen == list(range(1, 2 * steps + 1))


def test_batch_gradient_descent_is_the_formula():
    net = Network([layers.Dense(1)], input_shape=4, dtype="float64")
    before = net.get_weights()
    gradient = net.gradients(X, NUMBERS, loss="mse")
    net.fit(X, NUMBERS, batch_size=None, epochs=1, optimizer=optimizers.SGD(0.1), verbose=0)
    for name, array in net.get_weights().items():
        np.testing.assert_allclose(array, before[name] - 0.1 * gradient[name], rtol=1e-12, atol=1e-15)


def test_the_best_weights_are_kept():
    net = regression(seed=2)
    history = net.fit(
        X[:40], NUMBERS[:40], validation_data=(X[40:], NUMBERS[40:]), epochs=150, verbose=0,
        optimizer=optimizers.Adam(0.05),
    )  # fmt: skip
    assert history.best_epoch == 1 + int(np.argmin(history.val_loss)) < 150
    assert net.evaluate(X[40:], NUMBERS[40:])["loss"] == min(history.val_loss)


def test_the_last_weights_are_kept_when_asked_for():
    net = regression(seed=2)
    history = net.fit(
        X[:40], NUMBERS[:40], validation_data=(X[40:], NUMBERS[40:]), epochs=150, verbose=0,
        optimizer=optimizers.Adam(0.05), restore_best=False,
    )  # fmt: skip
    assert net.evaluate(X[40:], NUMBERS[40:])["loss"] == history.val_loss[-1]
    assert history.best_epoch is None


def test_a_validation_split_keeps_classes_in_proportion_and_is_not_trained_on():
    net = rich_network()
    labels = np.r_[np.zeros(90, int), np.ones(40, int), np.full(20, 2)]
    seen = []

    class Look(callbacks.Callback):
        def on_train_begin(self, run):
            seen.append(run)

    net.fit(X, labels, validation_split=0.2, epochs=1, verbose=0, callbacks=Look())
    rows = seen[0].rows
    assert np.bincount(rows.validation_labels).tolist() == [18, 8, 4]
    assert np.bincount(rows.labels).tolist() == [72, 32, 16]
    held = np.setdiff1d(np.arange(150), rows.subset)
    np.testing.assert_array_equal(rows.batch.X[held], rows.validation.X)
    with pytest.raises(ValueError, match="leaves nothing"):
        regression().fit(X[:1], NUMBERS[:1], validation_split=0.5, verbose=0)


def test_tol_stops_when_the_loss_stays_the_same():
    history = regression().fit(
        X, NUMBERS, optimizer=optimizers.SGD(0.0), shuffle=False, tol=1e-4, n_iter_no_change=5, verbose=0
    )
    assert history.stop_reason == "tol" and len(history) == 6


def test_a_time_budget_is_kept_within_an_epoch():
    big = np.tile(X, (4000, 1))
    net = Network([layers.Dense(256, activation="relu"), layers.Dense(256, activation="relu"), layers.Dense(1)])
    start = time.perf_counter()
    history = net.fit(big, np.tile(NUMBERS, 4000), time_budget=0.3, batch_size=256, verbose=0)
    assert time.perf_counter() - start < 5
    assert history.stop_reason == "time_budget" and len(history) >= 1 and math.isfinite(history.loss[-1])


def test_a_diverging_run_names_epoch_and_remedy_and_keeps_the_best_weights():
    net = regression(seed=1)
    history = net.fit(X, NUMBERS, epochs=5, validation_data=(X, NUMBERS), optimizer=optimizers.SGD(0.05), verbose=0)
    good = net.get_weights()
    with pytest.raises(
        DivergenceError, match=r"diverged in epoch \d+: .*learning rate from 1e\+06 to 100000"
    ) as caught:
        net.fit(X, NUMBERS, optimizer=optimizers.SGD(1e6), epochs=50, verbose=0)
    assert caught.value.epoch >= 6 and caught.value.history.stop_reason == "diverged"
    for name, array in net.get_weights().items():
        np.testing.assert_array_equal(array, good[name])
    assert len(history) == 5
    after = net.fit(X, NUMBERS, optimizer=optimizers.SGD(0.01), epochs=20, verbose=0)
    assert math.isfinite(after.loss[-1])


@pytest.mark.parametrize("held", [None, (X[100:], NUMBERS[100:])])
@pytest.mark.parametrize("trained", [False, True])
def test_a_diverging_run_returns_to_its_start_where_no_epoch_was_better(held, trained):
    """The loss of an epoch tells of the weights before its updates: the first may be low and what it leaves far off."""
    net = regression(seed=1)
    if trained:
        net.fit(X, NUMBERS, epochs=20, optimizer=optimizers.Adam(0.01), verbose=0)
    else:
        net.fit(X, NUMBERS, epochs=1, optimizer=optimizers.SGD(0.0), verbose=0)
    start = net.get_weights()
    options = {"epochs": 60, "batch_size": None, "validation_data": held, "verbose": 0}
    with pytest.raises(DivergenceError, match="weights before that, those it started with") as caught:
        net.fit(X, NUMBERS, optimizer=optimizers.SGD(10.0), **options)
    history = caught.value.history
    assert len(history) > 1 and history.best_epoch is None, "epochs were completed before"
    for name, array in net.get_weights().items():
        np.testing.assert_array_equal(array, start[name])


def test_a_diverging_run_that_clips_is_told_to_clip_more():
    for optimizer, remedy in (
        (optimizers.SGD(1e6), r", or clip the gradient with clip_norm=1\.0 in the optimizer$"),
        (optimizers.SGD(1e6, clip_norm=1e6), r", or lower clip_norm from 1e\+06 to 100000 in the optimizer$"),
    ):
        with pytest.raises(DivergenceError, match=r"1e\+06 to 100000, standardize .*" + remedy):
            regression(seed=1).fit(X, NUMBERS, optimizer=optimizer, epochs=50, verbose=0)


def test_divergence_with_validation_returns_to_the_best_epoch():
    class Break(callbacks.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 4:
                weights = run.network.get_weights()
                run.network.set_weights({name: np.full_like(array, 1e30) for name, array in weights.items()})

    net = regression()
    with pytest.raises(DivergenceError, match="those of epoch") as caught:
        net.fit(X, NUMBERS, validation_split=0.3, epochs=9, callbacks=Break(), verbose=0)
    history = caught.value.history
    assert caught.value.epoch == 5 and len(history) == 4
    assert history.best_epoch == 1 + int(np.argmin(history.val_loss))


INTERRUPTED = """
import os, signal, sys, threading, time, warnings
import numpy as np
from descend import Network, layers, InterruptedWarning
warnings.simplefilter("always")
rng = np.random.default_rng(0)
X = rng.normal(size=(20000, 20)).astype(np.float32); y = X[:, 0] * X[:, 1]
net = Network([layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu"), layers.Dense(1)])
threading.Timer(0.8, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
with warnings.catch_warnings(record=True) as caught:
    held = (X[16000:], y[16000:])
    history = net.fit(X[:16000], y[:16000], validation_data=held, epochs=100000, time_budget=15, verbose=0)
assert history.stop_reason == "interrupted", history.stop_reason
assert any(w.category is InterruptedWarning for w in caught)
assert len(history) > 0 and history.best_epoch == history.epoch[int(np.argmin(history.val_loss))]
assert net.evaluate(X[16000:], y[16000:])["loss"] == min(history.val_loss)
more = net.fit(X, y, epochs=1, verbose=0)
assert more.stop_reason == "epochs"
print("usable")
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_leaves_the_best_model():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "usable"


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_within_a_callback_is_the_same():
    net = regression()
    raise_signal = callbacks.Function(on_epoch_end=lambda run: signal.raise_signal(signal.SIGINT))
    with pytest.warns(InterruptedWarning, match="interrupted in epoch 1") as caught:
        history = net.fit(X, NUMBERS, callbacks=raise_signal, validation_split=0.2, verbose=0)
    assert caught[0].filename == __file__, "the warning points at the user's line"
    assert history.stop_reason == "interrupted" and history.best_epoch == 1


def test_integer_weights_equal_repetition():
    weight = RNG.integers(0, 3, 150)
    options = {"batch_size": None, "epochs": 5, "shuffle": False, "verbose": 0, "optimizer": optimizers.Adam(0.01)}
    weighted, repeated = regression(dtype="float64"), regression(dtype="float64")
    weighted.fit(X, NUMBERS, sample_weight=weight, **options)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(NUMBERS, weight), **options)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-8)
    np.testing.assert_allclose(weighted.history.loss, repeated.history.loss, rtol=1e-10)


def test_class_weights_are_sample_weights():
    counts = np.bincount(CLASSES)
    by_hand = 150 / (3 * counts)
    nets = []
    for options in (
        {"class_weight": "balanced"},
        {"class_weight": dict(enumerate(by_hand))},
        {"sample_weight": by_hand[CLASSES]},
        {"sample_weight": by_hand[CLASSES] / 2, "class_weight": {0: 2.0, 1: 2.0, 2: 2.0}},
    ):
        nets.append(rich_network(dtype="float64"))
        nets[-1].fit(X, CLASSES, epochs=3, verbose=0, **options)
    assert same_weights(nets[0], nets[1]) and same_weights(nets[0], nets[2])
    np.testing.assert_allclose(nets[0].predict(X), nets[3].predict(X), rtol=1e-9)


def test_class_weights_do_not_weigh_the_validation_rows():
    net = rich_network()
    history = net.fit(
        X, CLASSES, class_weight={0: 5.0}, validation_split=0.3, epochs=1, verbose=0, metrics=["accuracy"]
    )
    assert 0 <= history["val_accuracy"][0] <= 1
    plain = rich_network()
    other = plain.fit(X, CLASSES, validation_split=0.3, epochs=1, verbose=0, optimizer=optimizers.SGD(0.0))
    weighted = rich_network().fit(
        X, CLASSES, class_weight={0: 5.0}, validation_split=0.3, epochs=1, verbose=0, optimizer=optimizers.SGD(0.0)
    )
    # Batch normalization's running statistics are the same too, so only the weights of the rows could differ.
    assert other.val_loss == weighted.val_loss and other.loss != weighted.loss


def test_schedules_drive_the_rates():
    rates = regression().fit(
        X, NUMBERS, epochs=4, optimizer=optimizers.SGD(schedules.Step(0.1, factor=0.5, every=2)), verbose=0
    ).learning_rate  # fmt: skip
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.05, 0.05])
    cosine = regression().fit(X, NUMBERS, epochs=10, optimizer=optimizers.SGD(schedules.Cosine(0.1)), verbose=0)
    assert cosine.learning_rate[0] > cosine.learning_rate[-1] > 0


def test_reduce_on_plateau_follows_the_loss():
    schedule = schedules.ReduceOnPlateau(1e-9, factor=0.5, patience=2)
    history = regression().fit(X, NUMBERS, epochs=7, optimizer=optimizers.SGD(schedule), shuffle=False, verbose=0)
    np.testing.assert_allclose(history.learning_rate, [1e-9] * 3 + [5e-10] * 2 + [2.5e-10] * 2)


def test_adaptive_ends_when_the_rate_is_used_up():
    schedule = schedules.Adaptive(1e-5, n_iter_no_change=1, tol=1e-2)
    history = regression().fit(X, NUMBERS, epochs=100, optimizer=optimizers.SGD(schedule), verbose=0)
    assert history.stop_reason == "learning_rate"
    assert history.learning_rate[-1] <= 1e-6 < history.learning_rate[0]


def test_lbfgs_reaches_the_least_squares_optimum():
    net = Network([layers.Dense(1)], dtype="float32")
    history = net.fit(X, X @ [1.0, 2.0, 3.0, 4.0] + 5, optimizer=optimizers.LBFGS(tol=1e-8), verbose=0)
    np.testing.assert_allclose(net.get_weights()["dense_1/weight"][:, 0], [1, 2, 3, 4], rtol=1e-5)
    assert history.stop_reason == "tol" and len(history) < 50
    assert np.isnan(history.learning_rate).all()


def test_lbfgs_stops_and_keeps_the_best_like_the_others():
    net = Network([layers.Dense(32, activation="tanh"), layers.Dense(1)])
    history = net.fit(
        X[:50], NUMBERS[:50], optimizer="lbfgs", validation_data=(X[50:], NUMBERS[50:]), verbose=0,
        callbacks=callbacks.EarlyStopping(patience=5), metrics=["r2"],
    )  # fmt: skip
    assert history.stop_reason == "early_stopping"
    assert net.evaluate(X[50:], NUMBERS[50:])["loss"] == min(history.val_loss)
    short = Network([layers.Dense(8, activation="tanh"), layers.Dense(1)])
    assert len(short.fit(X, NUMBERS, optimizer="lbfgs", epochs=3, validation_split=0.1, verbose=0)) == 3


def test_lbfgs_refuses_layers_that_change_from_step_to_step():
    with pytest.raises(ValueError, match=r"batch_norm_1.*Adam"):
        rich_network().fit(X, CLASSES, optimizer="lbfgs", verbose=0)
    with pytest.raises(ValueError, match=r"gaussian_noise_1.*Adam"):
        Network([layers.GaussianNoise(0.1), layers.Dense(1)]).fit(X, NUMBERS, optimizer="lbfgs", verbose=0)
    with pytest.raises(ValueError, match=r"dense_1/weight within its max_norm of 2.*Adam"):
        Network([layers.Dense(1, max_norm=2.0)]).fit(X, NUMBERS, optimizer="lbfgs", verbose=0)


def test_metrics_are_recorded_for_both_parts():
    history = rich_network().fit(
        X, CLASSES, epochs=2, validation_split=0.2, metrics=["accuracy", "log_loss"], verbose=0
    )
    assert list(history.metrics) == ["accuracy", "log_loss", "val_accuracy", "val_log_loss"]
    assert all(len(values) == 2 for values in history.metrics.values())


def test_no_warning_escapes_a_normal_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regression().fit(X, NUMBERS, epochs=2, verbose=0)
