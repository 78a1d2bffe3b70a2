"""Averages of the weights: the optimizers' moving average and `callbacks.SWA`."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 6)).astype(np.float32)
Y = X[:, 0] * X[:, 1] + 0.1 * RNG.normal(size=90)


def _net(*between: layers.Layer) -> Network:
    return Network([layers.Dense(16), *between, layers.Tanh(), layers.Dense(1)], input_shape=6, seed=1, dtype="float64")


def _record(weights: list[dict]) -> callbacks.Callback:
    return callbacks.Function(on_step_end=lambda run: weights.append(run.network.get_weights()))


def test_moving_average_by_hand() -> None:
    path: list[dict] = []
    net = _net()
    net.fit(X, Y, epochs=2, optimizer=optimizers.Adam(0.01, average_decay=0.8), callbacks=_record(path), verbose=0)
    for name, found in net.get_weights().items():
        a = np.zeros_like(found)
        for weights in path:
            a = 0.8 * a + 0.2 * weights[name]
        np.testing.assert_allclose(found, a / (1 - 0.8 ** len(path)), rtol=1e-10)


def test_swa_by_hand_with_statistics_measured_anew() -> None:
    path: list[dict] = []
    net = _net(layers.BatchNorm(momentum=0.5))
    each = callbacks.Function(on_epoch_end=lambda run: path.append(run.network.get_weights()))
    swa = callbacks.SWA(start=2, every=2)
    net.fit(X, Y, epochs=7, batch_size=30, shuffle=False, callbacks=[swa, each], verbose=0)
    final = net.get_weights()
    for name, found in final.items():
        if "running" not in name:
            np.testing.assert_allclose(found, np.mean([path[i][name] for i in (1, 3, 5)], axis=0), rtol=1e-10)
    z = X.astype(np.float64) @ final["dense_1/weight"] + final["dense_1/bias"]
    shares = np.array([0.125, 0.25, 0.5]) / 0.875
    for name, measure in (("running_mean", np.mean), ("running_variance", np.var)):
        batches = [measure(z[i : i + 30], axis=0) for i in (0, 30, 60)]
        np.testing.assert_allclose(final[f"batch_norm_1/{name}"], shares @ batches, rtol=1e-8)


@pytest.mark.parametrize("how", ["swa", "ema"])
def test_the_average_is_what_is_validated_and_kept(how: str, tmp_path) -> None:
    swa = callbacks.SWA(2)
    settings: dict = {"callbacks": swa} if how == "swa" else {"optimizer": optimizers.Adam(average_decay=0.9)}
    net = _net(layers.BatchNorm())
    history = net.fit(X, Y, validation_data=(X, Y), metrics=["r2"], epochs=5, restore_best=False, verbose=0, **settings)
    assert net.evaluate(X, Y)["loss"] == pytest.approx(history.val_loss[-1], rel=1e-12)
    assert net.evaluate(X, Y, metrics=["r2"])["r2"] == pytest.approx(history["val_r2"][-1], rel=1e-12)
    net.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    again.fit(X, Y, epochs=1, verbose=0)  # goes on with the average's slot, too
    best = _net(layers.BatchNorm())
    history = best.fit(X, Y, validation_data=(X, Y), epochs=8, verbose=0, **settings)
    assert best.evaluate(X, Y)["loss"] == pytest.approx(min(history.val_loss), rel=1e-12)


def test_before_its_start_swa_changes_nothing() -> None:
    nets = [_net(), _net()]
    nets[0].fit(X, Y, epochs=3, verbose=0)
    late = r"SWA\(start=4\) takes no weights, as this training ends with epoch 3; pass a start of at most 3, or "
    with pytest.warns(UserWarning, match=late) as warned:
        nets[1].fit(X, Y, epochs=3, callbacks=callbacks.SWA(4), verbose=0)
    assert warned[0].filename == __file__, "it points at the call of fit"
    np.testing.assert_array_equal(nets[0].predict(X), nets[1].predict(X))


def test_an_end_before_the_start_of_swa_is_said() -> None:
    stop = callbacks.Function(on_epoch_end=lambda run: run.stop() if run.epoch == 2 else None)
    with pytest.warns(
        UserWarning, match=r"SWA\(start=3\) took no weights, as the training ended in epoch 2 \(callback\)"
    ):
        _net().fit(X, Y, epochs=3, callbacks=[callbacks.SWA(3), stop], verbose=0)
    net = _net()
    net.fit(X, Y, epochs=2, callbacks=callbacks.SWA(2), verbose=0)
    net.fit(X, Y, epochs=2, callbacks=callbacks.SWA(4), verbose=0)  # the start counts over all calls
    with pytest.warns(UserWarning, match="ends with epoch 6; pass a start of at most 6, or train for 7 epochs"):
        net.fit(X, Y, epochs=2, callbacks=callbacks.SWA(7), verbose=0)


def test_averages_lie_lower_than_the_end_of_a_noisy_path() -> None:
    lower = []
    for seed in range(5):
        ends = []
        for settings in ({}, {"callbacks": callbacks.SWA(20)}, {"optimizer": optimizers.SGD(0.2, average_decay=0.98)}):
            net = Network([layers.Dense(1)], seed=seed)
            arguments = {"optimizer": optimizers.SGD(0.2), **settings}
            net.fit(X, Y + X[:, 0], epochs=60, batch_size=2, verbose=0, **arguments)
            ends.append(net.evaluate(X, Y + X[:, 0])["loss"])
        lower.append([ends[1] < ends[0], ends[2] < ends[0]])
    assert np.sum(lower, axis=0).min() >= 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: callbacks.SWA(0), "start must be an integer >= 1"),
        (lambda: callbacks.SWA(1, every=0.5), "every must be an integer >= 1"),  # type: ignore[arg-type]
        (lambda: optimizers.Adam(average_decay=1.0), r"average_decay must be a finite number in \[0, 1\)"),
        (lambda: _net().fit(X, Y, callbacks=[callbacks.SWA(1), callbacks.SWA(2)]), "keep one of them"),
        (
            lambda: _net().fit(X, Y, callbacks=callbacks.SWA(1), optimizer=optimizers.SGD(average_decay=0.9)),
            "keep one of them",
        ),
    ],
)
def test_refusals_name_the_argument(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
