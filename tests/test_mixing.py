"""Mixup, CutMix, swap noise and label noise: what happens to rows and targets in training, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from descend import Network, layers, losses
from descend.engine.mixing import shares
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import PlanError, attach_loss, format_plan, lower, validate
from descend.plan.ops import Mix

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 24))
CLASSES = RNG.integers(0, 3, 400)


def _trace(first: layers.Layer, loss: losses.Loss | str = "categorical_crossentropy", step: int = 0) -> dict:
    target, y = ("index", CLASSES) if loss == "categorical_crossentropy" else ("dense", X[:, :3])
    end = layers.Dense(3, "softmax" if target == "index" else None)
    plan = attach_loss(lower([first, end], 24), loss, target=target)  # type: ignore[arg-type]
    engine = ReferenceEngine(plan)
    engine.set_parameters(np.linspace(-1, 1, plan.size))
    return engine.trace(Batch(X, y), seed=4, step=step)


def test_mixup_mixes_rows_and_targets_alike() -> None:
    found = _trace(layers.Mixup(1.0))
    s, q = found["mixup_1/share"][:, None], found["mixup_1/partner"].astype(int)
    np.testing.assert_allclose(found["mixup_1"], s * X + (1 - s) * X[q])
    one_hot = np.eye(3)[CLASSES]
    z = found["dense_1"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["gradient/dense_1"], (p - s * one_hot - (1 - s) * one_hot[q]) / 400, atol=1e-12)
    assert abs(s.mean() - 0.5) < 0.05 and s.std() == pytest.approx(12**-0.5, abs=0.03)
    assert len(np.unique(q)) > 200


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_shares_have_the_moments_of_beta(alpha: float) -> None:
    s = shares(alpha)
    assert s.mean() == pytest.approx(0.5)
    assert s.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=1e-3)


def test_cutmix_takes_features_and_counts_them() -> None:
    found = _trace(layers.CutMix())
    q = found["cutmix_1/partner"].astype(int)
    own = found["cutmix_1"] == X
    assert (own | (found["cutmix_1"] == X[q])).all()
    np.testing.assert_allclose(found["cutmix_1/share"], found["cutmix_1/own"].mean(axis=1))
    assert 0.4 < own.mean() < 0.6


def test_swap_noise_takes_elements_of_the_same_feature() -> None:
    found = _trace(layers.SwapNoise(0.3), "mse")
    mixed, source = found["swap_noise_1"], found["swap_noise_1/source"].astype(int)
    np.testing.assert_array_equal(mixed, np.take_along_axis(X, source, axis=0))
    assert abs((mixed != X).mean() - 0.3) < 0.02


@pytest.mark.parametrize("make", [layers.Mixup, layers.CutMix, layers.SwapNoise])
def test_they_work_in_training_only_and_anew_in_every_step(make) -> None:
    first = make()
    name = first.kind + "_1"
    assert (_trace(first, "mse")[name] != _trace(first, "mse", step=1)[name]).any()
    net = Network([first, layers.Dense(9, "tanh"), layers.Dense(3)], seed=2)
    net.fit(X, CLASSES, epochs=2, verbose=0)
    np.testing.assert_array_equal(net.trace(X[:5])[name], X[:5])
    np.testing.assert_allclose(net.predict(X[:5]), net.predict(X)[:5], rtol=1e-6)
    assert f"{first.kind}(%0)" in net.plan()


def test_label_noise_is_no_part_of_validation_losses() -> None:
    nets = [Network([layers.Dense(3, "softmax")], seed=1) for _ in range(2)]
    for net, noise in zip(nets, (0.0, 0.5), strict=True):
        loss = losses.CategoricalCrossentropy(label_noise=noise)
        history = net.fit(X, CLASSES, loss=loss, epochs=1, validation_data=(X, CLASSES), verbose=0)
        assert history.val_loss[-1] == pytest.approx(net.evaluate(X, CLASSES)["loss"], rel=1e-6)
    plain = nets[0].evaluate(X, CLASSES, loss=losses.CategoricalCrossentropy())["loss"]
    noisy = nets[0].evaluate(X, CLASSES, loss=losses.CategoricalCrossentropy(label_noise=0.5))["loss"]
    assert plain == noisy


@pytest.mark.parametrize("loss", [losses.CategoricalCrossentropy(label_noise=0.3), losses.MSE(label_noise=0.7)])
def test_label_noise_has_the_size_it_says(loss: losses.Loss) -> None:
    rows, classes = 4000, loss.kind == "cce"
    y = np.ones(rows, np.int32) if classes else np.ones((rows, 4))
    end = [layers.Dense(4, use_bias=False), layers.Softmax()] if classes else [layers.Dense(4, use_bias=False)]
    plan = attach_loss(lower(end, 1), loss, target="index" if classes else "dense")
    found = ReferenceEngine(plan).trace(Batch(np.zeros((rows, 1)), y))
    # With weights of 0 the gradient of the logits is 1/4 - y, that of the outputs -2 y / 4.
    seen = 0.25 - rows * found["gradient/dense_1"] if classes else -2 * rows * found["gradient/dense_1"]
    if classes:
        np.testing.assert_allclose(seen.mean(axis=0), [0.075, 0.775, 0.075, 0.075], atol=0.02)
    else:
        assert seen.mean() == pytest.approx(1, abs=0.03) and seen.std() == pytest.approx(0.7, abs=0.02)


def _slope_of_groups(first: list[layers.Layer], loss: losses.Loss, y: np.ndarray, rows: int) -> dict:
    """The trace of three groups of classes whose logits are all 0: the slope of the logits is (1/n - y) / 3 rows."""
    plan = attach_loss(lower([*first, layers.Dense(7), layers.Softmax(GROUPS)], 3), loss, target="index")
    return ReferenceEngine(plan).trace(Batch(np.zeros((rows, 3)), y), seed=1)


GROUPS = (2, 4, 1)
EVEN = np.repeat([1 / 2, 1 / 4, 1.0], GROUPS)


def test_groups_of_classes_are_replaced_each_on_its_own() -> None:
    rows, y = 4000, np.tile(np.array([1, 2, 0], np.int32), (4000, 1))
    found = _slope_of_groups([], losses.CategoricalCrossentropy(label_noise=0.4), y, rows)
    seen = EVEN - 3 * rows * found["gradient/dense_1"]
    assert np.isclose(seen, np.round(seen)).all() and (seen >= -1e-9).all()
    np.testing.assert_allclose(seen.mean(axis=0), [0.2, 0.8, 0.1, 0.1, 0.7, 0.1, 1.0], atol=0.02)
    first, second = seen[:, 1] < 0.5, seen[:, 4] < 0.5
    assert (first & second).mean() == pytest.approx(0.2 * 0.3, abs=0.01)  # one does not follow from the other


def test_groups_of_classes_are_mixed_like_their_rows() -> None:
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, size, 50) for size in GROUPS]).astype(np.int32)
    found = _slope_of_groups([layers.Mixup(1.0)], losses.CategoricalCrossentropy(), y, 50)
    s, q = found["mixup_1/share"][:, None], found["mixup_1/partner"].astype(int)
    rows = np.hstack([np.eye(size)[y[:, group]] for group, size in enumerate(GROUPS)])
    np.testing.assert_allclose(EVEN - 150 * found["gradient/dense_1"], s * rows + (1 - s) * rows[q], atol=1e-12)


def test_plans_show_them() -> None:
    plan = lower([layers.CutMix(0.5), layers.Dense(3)], 2)
    text = format_plan(attach_loss(plan, losses.MSE(label_noise=0.25)))
    assert "cutmix(%0) alpha=0.5 stream=0" in text and "label_noise=0.25" in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Mixup(0.0), r"alpha must be a finite number in \[0.001, 1000\]"),
        (lambda: layers.CutMix("much"), "alpha must be a number"),  # type: ignore[arg-type]
        (lambda: layers.SwapNoise(1.0), "rate"),
        (
            lambda: lower([layers.Dense(3), layers.Mixup()], 2),
            "'mixup_1' mixes rows of a batch, but its input depends on 'dense_1/weight', which training changes",
        ),
        (
            lambda: lower([layers.PeriodicEmbedding(), layers.SwapNoise(), layers.Dense(1)], 2),
            "'swap_noise_1' mixes rows of a batch, but its input depends on 'periodic_embedding_1/frequency'",
        ),
        (
            lambda: lower([layers.Mixup(), layers.CutMix(), layers.Dense(3)], 2),
            "the layers 'mixup_1' and 'cutmix_1' would both mix rows and targets",
        ),
        (
            lambda: lower([layers.Residual([layers.Mixup()]), layers.Dense(3)], 2),
            "'mixup_1' mixes rows and targets, but the layer 'residual_1' reads the rows unmixed",
        ),
        (
            lambda: lower([layers.Mixup(), layers.OneHot(3, columns=(1,)), layers.Dense(3)], 2),
            "'one_hot_1' reads categories in column 1 of its input, but the layer 'mixup_1' changes their numbers at "
            "random; put it behind 'one_hot_1'",
        ),
        (
            lambda: lower([layers.Mixup(), layers.Embedding(3, 2, columns=(1,)), layers.Dense(3)], 2),
            "'embedding_1' reads categories in column 1 of its input, but the layer 'mixup_1' changes their numbers; ",
        ),
        (
            lambda: lower([layers.Standardize(), layers.Embedding(3, 2), layers.Flatten(), layers.Dense(3)], 2),
            "'standardize_1' changes their numbers; leave that column out of its columns=",
        ),
        (
            lambda: lower([layers.Dense(3), layers.Embedding(3, 2, columns=(0,)), layers.Dense(3)], 2),
            "what comes before it depends on 'dense_1/weight', which training changes; let the embedding come first",
        ),
        (lambda: losses.CategoricalCrossentropy(label_noise=1.0), r"label_noise must be a finite number in \[0, 1\)"),
        (lambda: losses.MAE(label_noise=-0.1), "label_noise"),
        (lambda: losses.Poisson(label_noise=0.1), "Poisson: label_noise"),
    ],
)
def test_refusals_say_what_to_do(make, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_what_cannot_mix_is_refused() -> None:
    net = Network([layers.Mixup(), layers.Dense(3)])
    with pytest.raises(ValueError, match="'mixup_1'"):
        net.fit(csr_array(X), CLASSES, verbose=0)
    with pytest.raises(ValueError, match=r"LBFGS.*'mixup_1'"):
        net.fit(X, CLASSES, optimizer="lbfgs", verbose=0)
    with pytest.raises(ValueError, match="label_noise"):
        Network([layers.Dense(1)]).fit(X, X[:, 0], loss=losses.MSE(label_noise=0.1), optimizer="lbfgs", verbose=0)
    plan = lower([layers.Dense(2), layers.Dense(2)], 2)
    (first, second) = plan.ops
    spoiled = [
        Mix("a", first.inputs, first.output, 1.0, False, 0),
        Mix("b", second.inputs, second.output, 1.0, False, 1),
    ]
    with pytest.raises(PlanError, match="'a' and 'b' would both mix"):
        validate(type(plan)(plan.values, tuple(spoiled), (), plan.input, plan.output))


def test_rows_are_mixed_as_the_layers_before_make_them() -> None:
    X_mixed = np.column_stack([RNG.integers(0, 3, 60), RNG.normal(3.0, 9.0, (60, 2))])
    prepared = [layers.OneHot(3, columns=(0,)), layers.Standardize(columns=(3, 4))]
    net = Network([*prepared, layers.Mixup(1.0), layers.Dense(1)], input_shape=(3,), seed=0, dtype="float64")
    net.adapt(X_mixed)
    found = net.trace(X_mixed, X_mixed[:, 1], loss="mse")
    before, s, q = (found[name] for name in ("standardize_1", "mixup_1/share", "mixup_1/partner"))
    np.testing.assert_allclose(found["mixup_1"], s[:, None] * before + (1 - s[:, None]) * before[q.astype(int)])
    np.testing.assert_allclose(found["mixup_1"][:, :3].sum(axis=1), 1.0)


def test_categories_may_be_swapped_before_they_are_read() -> None:
    X_codes = np.column_stack([RNG.normal(5.0, 2.0, 80), RNG.integers(0, 4, 80)])
    for mixing in (layers.SwapNoise(0.3), layers.CutMix()):
        stack = [layers.Standardize(columns=(0,)), mixing, layers.Embedding(4, 2, columns=(1,)), layers.Dense(1)]
        net = Network(stack, seed=0)
        net.fit(X_codes, X_codes[:, 1], loss="mse", epochs=30, optimizer="adam", verbose=0)
        assert net.predict(X_codes).shape == (80, 1)
        with pytest.raises(
            ValueError, match=r"X\[0, 1\] is 7, but column 1 holds categories for the layer 'embedding_1'"
        ):
            net.predict(np.array([[1.0, 7.0]]))
