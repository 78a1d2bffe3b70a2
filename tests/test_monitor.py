"""The monitor: what it measures is exact, training does not notice it, and the record is plain."""

from __future__ import annotations

import json
import math
import signal
import threading
import time

import numpy as np
import pytest
import scipy.sparse

from descend import (
    InterruptedWarning,
    MLPClassifier,
    Network,
    NetworkRegressor,
    Sequences,
    callbacks,
    layers,
    optimizers,
)
from descend.callbacks import Measurements, Monitor
from descend.training.monitor import automatic_interval

RNG = np.random.default_rng(3)
X = RNG.normal(size=(100, 6)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
WEIGHT = RNG.uniform(0, 2, 100)


def network(**options) -> Network:
    stack = [
        layers.Dense(13),
        layers.BatchNorm(),
        layers.ReLU(),
        layers.Dropout(0.2),
        layers.Dense(9, activation="tanh", penalty="l2"),
        layers.Dense(2),
        layers.Softmax(),
    ]
    return Network(stack, input_shape=6, seed=1, **options)


def fit(net: Network, *watching: callbacks.Callback, **options):
    return net.fit(X, Y, **{"epochs": 3, "batch_size": 16, "verbose": 0, **options}, callbacks=list(watching))


MONITORS = [{}, {"every": 1}, {"every": 3}, {"per_epoch": 2}, {"per_epoch": 1}, {"per_epoch": 999}, {"rows": 7}]


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("how", MONITORS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_does_not_notice(how: dict, weight, dtype: str) -> None:
    options = {"sample_weight": weight, "validation_split": 0.2, "metrics": ["accuracy"]}
    alone, watched = network(dtype=dtype), network(dtype=dtype)
    expected, history = fit(alone, **options), fit(watched, Monitor(**how), **options)
    assert history.loss == expected.loss and history.val_loss == expected.val_loss
    assert history.metrics == expected.metrics and expected.monitor is None
    for name, array in alone.get_weights().items():
        assert array.tobytes() == watched.get_weights()[name].tobytes()
    assert fit(watched, **options).loss == fit(alone, **options).loss


def test_step_callbacks_leave_the_loss_alone() -> None:
    alone, watched = network(), network()
    expected = fit(alone, sample_weight=WEIGHT)
    history = fit(watched, callbacks.Function(on_step_end=lambda run: None), sample_weight=WEIGHT)
    assert history.loss == expected.loss


@pytest.mark.parametrize(
    ("how", "steps"),
    [
        ({"every": 5}, [1, 5, 10, 15, 20, 21]),
        ({"per_epoch": 1}, [1, 7, 14, 21]),
        ({"per_epoch": 3}, [1, 2, 4, 7, 9, 11, 14, 16, 18, 21]),
        ({}, [1, 21]),
    ],
    ids=str,
)
def test_measures_at_the_chosen_updates(how: dict, steps: list[int]) -> None:
    record = fit(network(), Monitor(**how)).monitor
    assert record is not None
    assert record.step == steps
    assert record.epoch == [(step - 1) // 7 + 1 for step in steps]
    assert all(len(column) == len(steps) for column in record.gradient_norm.values())


def test_what_concerns_weights_is_that_of_the_update_itself() -> None:
    class Weights(callbacks.Callback):
        def __init__(self) -> None:
            self.seen: list[dict] = []

        def on_epoch_begin(self, run) -> None:
            self.seen.append(run.network.get_weights())

        def on_step_end(self, run) -> None:
            self.seen.append(run.network.get_weights())

    seen = Weights()
    stack = [layers.Dense(5, activation="tanh"), layers.Dense(1)]
    net = Network(stack, input_shape=6, dtype="float64")
    options = {"batch_size": 50, "shuffle": False, "optimizer": optimizers.SGD(0.1), "epochs": 1}
    record = fit(net, seen, Monitor(every=1), **options).monitor
    assert record is not None and record.step == [1, 2]
    for i, (before, after) in enumerate([seen.seen[:2], seen.seen[1:3]]):
        net.set_weights(before)
        rows = slice(50 * i, 50 * (i + 1))
        gradients = net.gradients(X[rows], Y[rows])
        for name in ("dense_1", "dense_2"):
            parts = [f"{name}/weight", f"{name}/bias"]
            norms = [
                math.sqrt(sum(np.square(array[part]).sum() for part in parts))
                for array in (gradients, before, {part: after[part] - before[part] for part in parts})
            ]
            assert record.gradient_norm[name][i] == pytest.approx(norms[0], rel=1e-10)
            assert record.weight_norm[name][i] == pytest.approx(norms[1], rel=1e-10)
            assert record.update_ratio[name][i] == pytest.approx(norms[2] / norms[1], rel=1e-8)


def test_what_concerns_outputs_is_that_of_the_rows_afterwards() -> None:
    net = network(dtype="float64")
    record = fit(net, Monitor(per_epoch=1, rows=10)).monitor
    assert record is not None
    trace = net.trace(X[::10])
    for name in (
        "input",
        "dense_1",
        "batch_norm_1",
        "relu_1",
        "dropout_1",
        "dense_2",
        "tanh_1",
        "dense_3",
        "softmax_1",
    ):
        assert record.mean[name][-1] == pytest.approx(trace[name].mean(), rel=1e-5, abs=1e-8)
        assert record.std[name][-1] == pytest.approx(trace[name].std(), rel=1e-5)
        assert record.zeros[name][-1] == (trace[name] == 0).mean()
    assert record.dead == {"relu_1": record.dead["relu_1"]}
    assert record.dead["relu_1"][-1] == (trace["relu_1"].max(axis=0) == 0).mean()
    assert record.saturated["tanh_1"][-1] == (1 - trace["tanh_1"] ** 2 < 0.05).mean()
    slope = trace["softmax_1"] * (1 - trace["softmax_1"])
    assert record.saturated["softmax_1"][-1] == (slope < 0.05 / 4).mean()


def test_dead_units_are_counted() -> None:
    net = Network([layers.Dense(8, activation="relu"), layers.Dense(1)], input_shape=6)
    weights = net.get_weights()
    weights["dense_1/bias"][:3] = -100
    net.set_weights(weights)
    record = net.fit(X, Y, epochs=1, verbose=0, callbacks=Monitor()).monitor
    assert record is not None and record.dead["relu_1"] == [3 / 8, 3 / 8]
    assert record.zeros["relu_1"][-1] >= 3 / 8


def test_other_callbacks_see_it_while_training_goes_on() -> None:
    seen: list[int] = []
    look = callbacks.Function(on_epoch_end=lambda run: seen.append(len(run.history.monitor)))
    monitor = Monitor(per_epoch=1)
    history = fit(network(), monitor, look)
    assert seen == [2, 3, 4]
    assert monitor.measurements is history.monitor


def test_a_second_fit_goes_on_and_the_total_has_both() -> None:
    net = network()
    fit(net, Monitor(per_epoch=1))
    second = fit(net, Monitor(per_epoch=1)).monitor
    assert second is not None and net.history.monitor is not None
    assert second.step == [22, 28, 35, 42] and second.epoch == [4, 4, 5, 6]
    assert net.history.monitor.step == [1, 7, 14, 21, *second.step]


def test_with_lbfgs_every_iteration_is_an_update() -> None:
    net = Network([layers.Dense(5, activation="tanh"), layers.Dense(1)], input_shape=6, dtype="float64")
    before = net.get_weights()
    gradients = net.gradients(X, Y, loss="binary_crossentropy")
    record = net.fit(
        X, Y, loss="binary_crossentropy", optimizer="lbfgs", epochs=6, verbose=0, callbacks=Monitor(per_epoch=1)
    ).monitor
    assert record is not None and record.step == [1, 2, 3, 4, 5, 6]
    both = [gradients["dense_1/weight"], gradients["dense_1/bias"]]
    assert record.gradient_norm["dense_1"][0] == pytest.approx(math.sqrt(sum(np.square(g).sum() for g in both)))
    assert record.weight_norm["dense_1"][0] == pytest.approx(np.linalg.norm(before["dense_1/weight"]))


def test_sparse_rows_have_no_input_to_look_at() -> None:
    net = Network([layers.Dense(5, activation="relu"), layers.Dense(1)])
    record = net.fit(scipy.sparse.csr_matrix(X), Y, epochs=2, verbose=0, callbacks=Monitor()).monitor
    assert record is not None
    assert "input" not in record.mean and "relu_1" in record.mean and "dense_1" in record.gradient_norm


def test_sequences_are_looked_at_where_all_rows_have_numbers() -> None:
    rows = Sequences(RNG.normal(size=(60, 5, 3)).astype(np.float32), RNG.integers(1, 6, 60))
    stack = [layers.LSTM(7), layers.Dense(4, activation="relu"), layers.Dense(1)]
    history = Network(stack).fit(rows, Y[:60], epochs=2, verbose=0, callbacks=Monitor())
    record = history.monitor
    assert record is not None and set(record.dead) == {"relu_1"}
    assert "lstm_1" in record.mean and "lstm_1" in record.gradient_norm and "input" not in record.mean
    whole = Network(stack).fit(rows.values, Y[:60], epochs=2, verbose=0, callbacks=Monitor()).monitor
    assert whole is not None and "input" in whole.mean
    assert history.diagnose().checked


@pytest.mark.parametrize("how", [{}, {"every": 2}, {"per_epoch": 1}], ids=str)
def test_estimators_take_it_among_their_callbacks(how: dict) -> None:
    monitor = Monitor(**how)
    options = {"max_iter": 3, "tol": 0, "random_state": 0, "n_iter_no_change": 99}
    with pytest.warns(UserWarning, match="converged"):
        alone = MLPClassifier((8,), **options).fit(X, Y)
    with pytest.warns(UserWarning, match="converged"):
        watched = MLPClassifier((8,), callbacks=[monitor], **options).fit(X, Y)
    assert watched.loss_curve_ == alone.loss_curve_
    assert (watched.coefs_[0] == alone.coefs_[0]).all()
    assert len(monitor.measurements) >= 2 and "dense_1" in monitor.measurements.gradient_norm
    regressor = NetworkRegressor([layers.Dense(4, activation="tanh")], epochs=2, callbacks=[monitor]).fit(X, X[:, 0])
    assert regressor.n_iter_ == 2 and set(monitor.measurements.saturated) == {"tanh_1"}


def test_a_time_budget_ends_the_run_with_what_was_measured() -> None:
    history = fit(network(), Monitor(every=1), epochs=10**6, time_budget=0.1)
    assert history.stop_reason == "time_budget" and history.monitor is not None
    assert len(history.monitor) == history.monitor.step[-1]


def test_ctrl_c_ends_the_run_with_what_was_measured() -> None:
    timer = threading.Thread(target=lambda: (time.sleep(0.2), signal.raise_signal(signal.SIGINT)))
    timer.start()
    with pytest.warns(InterruptedWarning):
        history = fit(network(), Monitor(every=1), epochs=10**6)
    timer.join()
    assert history.stop_reason == "interrupted" and history.monitor is not None and len(history.monitor) > 1


def test_wrong_arguments_are_refused() -> None:
    for bad in ({"every": 0}, {"every": 1.5}, {"per_epoch": True}, {"rows": None}, {"rows": 0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            Monitor(**bad)
    with pytest.raises(ValueError, match="not both"):
        Monitor(every=2, per_epoch=1)
    with pytest.raises(ValueError, match="2 monitors"):
        fit(network(), Monitor(), Monitor())
    assert repr(Monitor(every=5)) == "Monitor(every=5, rows=256)"


def test_the_automatic_interval_grows_where_updates_are_cheap() -> None:
    def interval(units: int, batch: int) -> int:
        plan = Network([layers.Dense(units, activation="relu"), layers.Dense(2)], input_shape=units)._core.plan
        assert plan is not None
        return automatic_interval(plan, 256, batch)

    assert 500 < interval(32, 16) < 10_000
    assert 20 < interval(1024, 256) < 200
    assert interval(64, 16) > interval(64, 128) > interval(64, 1024)


def test_the_record_is_plain_and_fits_a_frame_and_json() -> None:
    record = fit(network(), Monitor(per_epoch=1)).monitor
    assert record is not None
    frame = record.to_frame()
    assert frame.columns[:4] == ["step", "epoch", "layer", "gradient_norm"]
    assert frame.height == 4 * 9 and frame["dead"].drop_nulls().len() == 4
    assert Measurements.from_plain(json.loads(json.dumps(record.to_plain()))) == record
    assert "updates 1 to 21" in repr(record) and len(Measurements().to_frame()) == 0
    broken = record.to_plain()
    broken["mean"]["relu_1"].append(0.0)
    with pytest.raises(ValueError, match="more entries"):
        Measurements.from_plain(broken)


def test_late_layers_are_filled_with_nan() -> None:
    record = Measurements()
    record.append(1, 1, {"mean": {"a": 1.0}})
    record.append(2, 1, {"mean": {"a": 2.0, "b": 3.0}})
    assert record.mean["a"] == [1.0, 2.0] and math.isnan(record.mean["b"][0]) and record.mean["b"][1] == 3.0


def test_the_picture_has_four_panels() -> None:
    record = fit(network(), Monitor(per_epoch=1)).monitor
    assert record is not None
    figure = record.plot()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert len(titles) == 4 and "gradient norm" in titles[0] and "dead" in titles[3]
    assert [text.get_text() for text in figure.axes[3].get_legend().get_texts()] == [
        "relu_1, dead",
        "tanh_1, saturated",
    ]
    linear = Network([layers.Dense(1)], seed=0).fit(X, X[:, 0], epochs=2, verbose=0, callbacks=Monitor()).monitor
    assert linear is not None and "no hidden layer" in linear.plot().axes[3].texts[0].get_text()
    with pytest.raises(ValueError, match="measured nothing"):
        Measurements().plot()


def test_parameters_belong_to_their_layers() -> None:
    net = network()
    record = fit(net, Monitor()).monitor
    assert record is not None
    trained = {name.split("/")[0] for name in net.gradients(X, Y)}
    assert set(record.gradient_norm) == trained


@pytest.mark.parametrize("values", [[0.09, 0.8], [0.11, 0.14], [2.0, 50.0], [1e-6, 1.0], [3e-9, 4e-9]])
def test_logarithmic_axes_have_numbers(values):
    record = Measurements()
    for step, value in enumerate(values, 1):
        record.append(step, step, {"gradient_norm": {"dense_1": value}, "update_ratio": {"dense_1": value}})
    axis = record.plot().axes[0]
    low, high = axis.get_ylim()
    shown = [
        label.get_text()
        for label, at in zip(axis.get_yticklabels(), axis.get_yticks(), strict=True)
        if low <= at <= high and label.get_text()
    ]
    assert len(set(shown)) >= 2, shown
