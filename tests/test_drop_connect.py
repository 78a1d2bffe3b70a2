"""DropConnect: its mask, its two ways to predict, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit

from descend import Network, layers, optimizers
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.engine.reference.random_numbers import element_bits, stream_key
from descend.plan import attach_loss, format_plan, lower

X = np.random.default_rng(0).normal(size=(40, 21)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def _stack(**settings: object) -> list[layers.Layer]:
    return [layers.Dense(33, "tanh", drop_connect=0.4, **settings), layers.Dense(1, "sigmoid")]  # type: ignore[arg-type]


def test_training_by_hand() -> None:
    plan = attach_loss(lower([layers.Dense(2, drop_connect=0.25)], 3), "mse")
    w, b = np.arange(1.0, 7.0).reshape(3, 2), np.array([0.5, -0.5])
    engine = ReferenceEngine(plan)
    engine.set_parameters(np.concatenate([w.ravel(), b]))
    x = np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]])
    mask = np.where(element_bits(stream_key(7, 2, 0), 6) >= 2**30, 4 / 3, 0.0).reshape(3, 2)
    assert 0 < np.count_nonzero(mask) < 6
    trace = engine.trace(Batch(x, np.zeros((2, 2))), seed=7, step=2)
    np.testing.assert_array_equal(trace["dense_1/mask"], mask)
    np.testing.assert_allclose(trace["dense_1"], x @ (w * mask) + b)
    dz = 2 * trace["dense_1"] / 4
    np.testing.assert_allclose(trace["gradient/dense_1/weight"], (x.T @ dz) * mask)
    np.testing.assert_allclose(trace["gradient/input"], dz @ (w * mask).T)
    np.testing.assert_allclose(engine.predict(x), x @ w + b)


def test_the_mask_leaves_out_its_share_and_is_new_in_every_step() -> None:
    plan = attach_loss(lower([layers.Dense(150, drop_connect=0.3)], 100), "mse")
    engine = ReferenceEngine(plan)
    batch = Batch(np.ones((1, 100)), np.zeros((1, 150)))
    masks = [engine.trace(batch, seed=1, step=step)["dense_1/mask"] for step in (0, 1)]
    for mask in masks:
        assert abs((mask == 0).mean() - 0.3) < 0.02
        assert mask.mean() == pytest.approx(1, abs=0.02)
    assert 0.3 < (masks[0] != masks[1]).mean() < 0.55


def test_gaussian_inference_is_what_random_weights_give_on_average() -> None:
    mean, gaussian = (Network(_stack(**how), 21, dtype="float64") for how in ({}, {"inference": "gaussian"}))
    found = gaussian.trace(X)["dense_1"]
    w = mean.get_weights()["dense_1/weight"]
    rng = np.random.default_rng(1)
    drawn = [np.tanh(X @ (w * (rng.random(w.shape) >= 0.4) / 0.6)) for _ in range(4000)]
    off = np.abs(found - np.mean(drawn, axis=0))
    assert off.mean() < 0.01
    assert np.abs(mean.trace(X)["tanh_1"] - found).mean() > 3 * off.mean()
    assert gaussian.trace(X)["tanh_1"] is not None
    np.testing.assert_allclose(
        gaussian.predict(X)[:, 0],
        expit(found @ gaussian.get_weights()["dense_2/weight"])[:, 0],
    )


@pytest.mark.parametrize("how", [{}, {"inference": "gaussian"}])
def test_sparse_rows_and_single_rows_agree(how: dict) -> None:
    net = Network(_stack(**how), 21, seed=3)
    net.fit(csr_array(X), Y, epochs=3, verbose=0)
    np.testing.assert_allclose(net.predict(csr_array(X)), net.predict(X), rtol=1e-4)
    np.testing.assert_array_equal(net.predict(X[5:6]), net.predict(X)[5:6])


def test_training_resumes_and_survives_a_file(tmp_path) -> None:
    whole, parts = (Network(_stack(inference="gaussian", samples=5), seed=3) for _ in range(2))
    for net, epochs in ((whole, 4), (parts, 2)):
        net.fit(X, Y, epochs=epochs, verbose=0)
    parts.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    again.fit(X, Y, epochs=2, verbose=0)
    np.testing.assert_array_equal(whole.predict(X), again.predict(X))
    assert again.layers[0] == layers.Dense(33, "tanh", drop_connect=0.4, inference="gaussian", samples=5)


def test_one_call_per_step_has_the_same_masks() -> None:
    plan = attach_loss(lower(_stack(), 21), "binary_crossentropy")
    batch = Batch(X, Y[:, None].astype(np.float32))
    ends = []
    for pieces in (1, 4):
        engine = NativeEngine(plan)
        engine.set_parameters(np.linspace(-0.1, 0.1, plan.size))
        engine.start(optimizers.Adam(clip_norm=0.1), seed=2)
        for rows in np.split(np.arange(40, dtype=np.uint32), pieces):
            engine.train(batch, rows, batch_size=10, learning_rates=np.array([0.01]))
        ends.append(engine.get_parameters())
    np.testing.assert_array_equal(*ends)


def test_the_plan_shows_it() -> None:
    text = format_plan(lower(_stack(inference="gaussian", samples=5), 21))
    assert "drop_connect=0.4 stream=0 samples=5 of tanh" in text
    assert "tanh(%1) training_only" in text


@pytest.mark.parametrize("after", [[], [layers.BatchNorm()], [layers.Softmax()], [layers.Dense(2)]])
def test_gaussian_inference_needs_an_activation(after: list[layers.Layer]) -> None:
    with pytest.raises(ValueError, match="'dense_1': inference='gaussian' is the mean over an elementwise activation"):
        lower([layers.Dense(3, drop_connect=0.5, inference="gaussian"), *after], 2)


def test_lbfgs_refuses_it() -> None:
    with pytest.raises(ValueError, match=r"'dense_1'.*DropConnect"):
        Network(_stack()).fit(X, Y, optimizer="lbfgs", verbose=0)


def test_weights_that_several_layers_use_are_not_left_out() -> None:
    shared = layers.Dense(2, drop_connect=0.5)
    with pytest.raises(ValueError, match=r"'?dense_1.*cannot share"):
        lower([shared, shared], 2)
    first = layers.Dense(3, drop_connect=0.5)
    with pytest.raises(ValueError, match="cannot share"):
        lower([first, layers.Dense(2, tied_to=first)], 2)
    with pytest.raises(ValueError, match="drop_connect leaves out weights of its own"):
        layers.Dense(2, tied_to="dense_1", drop_connect=0.5)


@pytest.mark.parametrize("layer", [layers.Conv1D(5, 2, drop_connect=0.3), layers.GRU(4, recurrent_drop_connect=0.3)])
def test_convolutions_and_recurrent_layers_mask_by_the_place_of_the_weight(layer: layers.Layer) -> None:
    plan = attach_loss(lower([layer, layers.Flatten(), layers.Dense(1)], (6, 4)), "mse")
    engine = ReferenceEngine(plan)
    engine.set_parameters(np.linspace(-0.5, 0.5, plan.size))
    dropped = "weight" if isinstance(layer, layers.Conv1D) else "recurrent_weight"
    parameter = next(p for p in plan.parameters if p.name.endswith(f"_1/{dropped}"))
    batch = Batch(np.random.default_rng(0).normal(size=(3, 6, 4)), np.zeros((3, 1)))
    saved = engine.trace(batch, seed=7, step=2)
    mask = saved["conv1d_1/mask" if dropped == "weight" else "gru_1/recurrent_weight_mask"]
    kept = element_bits(stream_key(7, 2, 0), parameter.size).reshape(parameter.shape) >= np.uint32(0.3 * 2**32)
    np.testing.assert_array_equal(mask, kept / 0.7)
    assert not saved[f"gradient/{parameter.name}"][mask == 0].any()
    assert saved[f"gradient/{parameter.name}"][mask > 0].all()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: [layers.SeparableConv1D(6, 3, drop_connect=p), layers.Flatten()],
        lambda p: [layers.LSTM(6, recurrent_drop_connect=p)],
    ],
)
def test_other_layers_predict_by_the_mean_network_and_resume(make, tmp_path) -> None:
    rows = X.reshape(40, 7, 3)
    whole, parts, plain = (Network([*make(p), layers.Dense(1, "sigmoid")], seed=3) for p in (0.4, 0.4, 0.0))
    for net, epochs in ((whole, 4), (parts, 2), (plain, 4)):
        net.fit(rows, Y, epochs=epochs, verbose=0)
    parts.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    again.fit(rows, Y, epochs=2, verbose=0)
    np.testing.assert_array_equal(whole.predict(rows), again.predict(rows))
    assert np.abs(whole.predict(rows) - plain.predict(rows)).max() > 1e-4
    plain.set_weights(whole.get_weights())
    np.testing.assert_array_equal(whole.predict(rows), plain.predict(rows))


def test_what_is_said_of_other_layers() -> None:
    assert "conv2d_1" in format_plan(lower([layers.Conv2D(2, 3, drop_connect=0.25)], (5, 5, 1)))
    assert "size=3x3 drop_connect=0.25 stream=0" in format_plan(
        lower([layers.Conv2D(2, 3, drop_connect=0.25)], (5, 5, 1))
    )
    plan = format_plan(lower([layers.SimpleRNN(2, recurrent_drop_connect=0.25)], (5, 1)))
    assert "tanh recurrent_drop_connect=0.25 stream=0" in plan
    with pytest.raises(ValueError, match=r"LSTM: recurrent_drop_connect must be .*1"):
        layers.LSTM(2, recurrent_drop_connect=1.0)
    with pytest.raises(ValueError, match=r"Conv1D: drop_connect must be .*1"):
        layers.Conv1D(2, 2, drop_connect=-0.1)
    with pytest.raises(TypeError, match="inference"):
        layers.Conv1D(2, 2, drop_connect=0.1, inference="gaussian")  # type: ignore[call-arg]
    shared = layers.GRU(3, return_sequences=True, recurrent_drop_connect=0.5)
    with pytest.raises(ValueError, match="cannot share"):
        lower([shared, shared], (4, 3))
    with pytest.raises(ValueError, match=r"'lstm_1'.*Recurrent"):
        Network([layers.LSTM(2, dropout=0.2), layers.Dense(1)]).fit(
            X.reshape(40, 7, 3), Y, optimizer="lbfgs", verbose=0
        )
