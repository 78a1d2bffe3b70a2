"""Callbacks: when they are called, what they see, what they can do."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, callbacks, layers, optimizers

RNG = np.random.default_rng(2)
X = RNG.normal(size=(64, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
OPTIONS = {"epochs": 3, "batch_size": 16, "verbose": 0}


def network() -> Network:
    return Network([layers.Dense(8, activation="tanh"), layers.Dropout(0.3), layers.Dense(1)])


class Log(callbacks.Callback):
    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def on_train_begin(self, run):
        self.calls.append(("train_begin",))

    def on_epoch_begin(self, run):
        self.calls.append(("epoch_begin", run.epoch))

    def on_epoch_end(self, run):
        self.calls.append(("epoch_end", run.epoch, run.step, run.history.loss[-1] == run.loss))

    def on_train_end(self, run):
        self.calls.append(("train_end", run.history.stop_reason))


class LogSteps(Log):
    def on_step_end(self, run):
        self.calls.append(("step_end", run.step))


def test_the_moments_come_in_order():
    log = Log()
    network().fit(X, Y, callbacks=[log], **{**OPTIONS, "epochs": 2})
    assert log.calls == [
        ("train_begin",),
        ("epoch_begin", 1),
        ("epoch_end", 1, 4, True),
        ("epoch_begin", 2),
        ("epoch_end", 2, 8, True),
        ("train_end", "epochs"),
    ]


def test_looking_at_every_step_changes_no_bit():
    silent, watched, log = network(), network(), LogSteps()
    silent.fit(X, Y, sample_weight=np.arange(64), **OPTIONS)
    watched.fit(X, Y, sample_weight=np.arange(64), callbacks=log, **OPTIONS)
    assert [call[1] for call in log.calls if call[0] == "step_end"] == list(range(1, 13))
    np.testing.assert_array_equal(silent.predict(X), watched.predict(X))
    np.testing.assert_allclose(silent.history.loss, watched.history.loss, rtol=1e-6)


def test_an_epoch_is_one_native_call_unless_steps_are_watched(monkeypatch):
    from descend.engine.native import NativeEngine

    calls = []
    train = NativeEngine.train
    monkeypatch.setattr(NativeEngine, "train", lambda self, *a, **k: calls.append(k["tick"]) or train(self, *a, **k))
    network().fit(X, Y, callbacks=[Log(), callbacks.EarlyStopping("loss")], **OPTIONS)
    assert calls == [None] * 3


def test_a_callback_can_stop_the_training():
    def at_step(run):
        if run.step == 6:
            run.stop()

    history = network().fit(X, Y, callbacks=callbacks.Function(on_step_end=at_step), **OPTIONS)
    assert history.stop_reason == "callback" and len(history) == 2
    history = network().fit(X, Y, callbacks=callbacks.Function(lambda run: run.stop()), **OPTIONS)
    assert history.stop_reason == "callback" and len(history) == 1


def test_a_failing_callback_ends_the_training_and_leaves_a_usable_network():
    def fail(run):
        raise RuntimeError("mine")

    net = network()
    with pytest.raises(RuntimeError, match="mine"):
        net.fit(X, Y, callbacks=callbacks.Function(fail), **OPTIONS)
    assert np.isfinite(net.predict(X)).all() and net.history.epoch == [1]


def test_early_stopping_waits_and_returns_to_the_best():
    net = network()
    rest = X[32:], Y[32:]
    stopping = callbacks.EarlyStopping(patience=4)
    history = net.fit(
        X[:32], RNG.permutation(Y[:32]), validation_data=rest, epochs=500, callbacks=stopping, verbose=0,
        optimizer=optimizers.Adam(0.05),
    )  # fmt: skip
    assert history.stop_reason == "early_stopping"
    assert len(history) == history.best_epoch + 4
    assert net.evaluate(*rest)["loss"] == min(history.val_loss)


def test_early_stopping_on_a_metric_knows_its_direction():
    net = network()
    history = net.fit(
        X, Y, validation_split=0.3, metrics=["accuracy"], epochs=300, verbose=0, optimizer=optimizers.Adam(0.05),
        callbacks=callbacks.EarlyStopping("val_accuracy", patience=3),
    )  # fmt: skip
    values = history["val_accuracy"]
    assert history.best_epoch == 1 + int(np.argmax(values))
    assert max(values) > values[0]


def test_early_stopping_on_the_training_loss_needs_no_validation():
    history = network().fit(
        X, Y, callbacks=callbacks.EarlyStopping("loss", patience=2), optimizer=optimizers.SGD(0.0), verbose=0
    )
    assert history.stop_reason == "early_stopping"


def test_min_delta_and_mode_and_restore():
    history = network().fit(
        X, Y, callbacks=callbacks.EarlyStopping("loss", patience=2, min_delta=10.0), verbose=0, epochs=50
    )
    assert len(history) == 3
    worst = network().fit(
        X, Y, callbacks=callbacks.EarlyStopping("loss", patience=2, mode="max", restore_best=False), verbose=0
    )
    assert worst.best_epoch is None and len(worst) < 100


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (callbacks.EarlyStopping(), "pass validation_data or validation_split"),
        (callbacks.EarlyStopping("val_accuracy"), "validation"),
        (callbacks.EarlyStopping("accuracy"), "add it to metrics"),
        (callbacks.Checkpoint("x", only_best=True), "pass validation_data"),
    ],
)
def test_watching_what_is_not_recorded_is_refused(callback, message):
    with pytest.raises(ValueError, match=message):
        network().fit(X, Y, callbacks=callback, **OPTIONS)


def test_a_metric_of_the_users_own_needs_a_mode():
    def mine(true, predicted, weight=None):
        return 0.5

    with pytest.raises(ValueError, match="mode='min' or mode='max'"):
        network().fit(X, Y, metrics=[mine], callbacks=callbacks.EarlyStopping("mine"), **OPTIONS)
    history = network().fit(X, Y, metrics=[mine], callbacks=callbacks.EarlyStopping("mine", mode="max"), **OPTIONS)
    assert history["mine"] == [0.5] * 3


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: callbacks.EarlyStopping(patience=-1), ValueError),
        (lambda: callbacks.EarlyStopping(patience=1.5), ValueError),  # type: ignore[arg-type]
        (lambda: callbacks.EarlyStopping(min_delta=-1), ValueError),
        (lambda: callbacks.EarlyStopping(mode="up"), ValueError),  # type: ignore[arg-type]
        (lambda: callbacks.Checkpoint("x", every=0), ValueError),
        (lambda: callbacks.Function(on_epoch_end=3), TypeError),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_refused(make, error):
    with pytest.raises(error):
        make()


def test_a_class_instead_of_an_object_is_explained():
    with pytest.raises(TypeError, match=r"EarlyStopping\(\)"):
        network().fit(X, Y, callbacks=[callbacks.EarlyStopping], **OPTIONS)  # type: ignore[list-item]


def test_a_checkpoint_can_be_resumed(tmp_path):
    path = tmp_path / "c.descend"
    net = network()
    net.fit(X, Y, callbacks=callbacks.Checkpoint(path, every=2), **OPTIONS)
    half = Network.load(path)
    assert half.history.epoch == [1, 2]
    half.fit(X, Y, **{**OPTIONS, "epochs": 1})
    np.testing.assert_array_equal(half.predict(X), net.predict(X))


def test_a_checkpoint_fills_in_the_epoch_and_its_numbers(tmp_path):
    path = tmp_path / "c_{epoch:03d}_{val_loss:.3f}_{val_r2:+.2f}_{{x}}.descend"
    history = network().fit(
        X, Y, callbacks=callbacks.Checkpoint(str(path), every=2), validation_split=0.4, epochs=4, verbose=0,
        metrics=["r2"],
    )  # fmt: skip
    wanted = [f"c_{i + 1:03d}_{history.val_loss[i]:.3f}_{history['val_r2'][i]:+.2f}_{{x}}.descend" for i in (1, 3)]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(wanted)
    assert Network.load(tmp_path / wanted[0]).history.epoch == [1, 2]


def test_checkpoints_count_epochs_over_all_fits(tmp_path):
    net = network()
    for _ in range(2):
        net.fit(X, Y, callbacks=callbacks.Checkpoint(tmp_path / "c{epoch}"), **{**OPTIONS, "epochs": 2})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c1", "c2", "c3", "c4"]


@pytest.mark.parametrize("path", ["c_{epoch", "c_epoch}", "c_{}", "c_{0}", "c_{epoch:.q}", "{loss.real}", "{loss:d}"])
def test_a_path_that_cannot_be_filled_in_is_refused(path):
    with pytest.raises(ValueError, match=r"path .* does not say what to fill in \(.+\); write columns of the history"):
        callbacks.Checkpoint(path)


def test_a_number_that_is_not_recorded_is_refused_before_training(tmp_path):
    net = network()
    for name in ("val_loss", "accuracy"):
        with pytest.raises(
            ValueError, match=rf"Checkpoint writes '{name}' into its path .* write one of epoch, loss, l"
        ):
            net.fit(X, Y, callbacks=callbacks.Checkpoint(tmp_path / f"c_{{{name}}}"), **OPTIONS)
    assert not net.history.epoch and not list(tmp_path.iterdir())


def test_a_checkpoint_of_the_best_is_the_best(tmp_path):
    path = tmp_path / "best.descend"
    net = network()
    history = net.fit(
        X, Y, callbacks=callbacks.Checkpoint(path, only_best=True), validation_split=0.4, epochs=60, verbose=0,
        optimizer=optimizers.Adam(0.1),
    )  # fmt: skip
    np.testing.assert_array_equal(Network.load(path).predict(X), net.predict(X))
    assert history.best_epoch is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: callbacks.EarlyStopping(restore_best="no"), "restore_best must be True or False, got 'no'"),
        (lambda: callbacks.EarlyStopping(3), "monitor must be the name of a column of the history"),
        (lambda: callbacks.Checkpoint("file", only_best="val_loss"), "only_best must be True or False"),
        (lambda: Network([layers.Dense(1)]).fit(np.eye(2), [0, 1], callbacks=3), "callbacks must be .*Callback.*got 3"),
    ],
)
def test_what_no_callback_can_use_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()
