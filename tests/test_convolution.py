"""Convolutions, pools and flattening as layers of a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conv_cases
from descend import Network, layers, optimizers
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import attach_loss, initial_parameters, lower

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Conv2D(8, 3), (7, 6, 2), (5, 4, 8)),
        (layers.Conv2D(8, 3, padding="same", strides=2), (7, 6, 2), (4, 3, 8)),
        (layers.Conv2D(8, (3, 2), dilation_rate=(2, 1)), (7, 6, 2), (3, 5, 8)),
        (layers.Conv1D(8, 3, strides=2), (7, 2), (3, 8)),
        (layers.Conv2DTranspose(8, 3, strides=2), (3, 4, 2), (7, 9, 8)),
        (layers.Conv2DTranspose(8, 3, strides=2, padding="same"), (3, 4, 2), (6, 8, 8)),
        (layers.Conv1DTranspose(8, 1, strides=3), (3, 2), (9, 8)),
        (layers.DepthwiseConv2D(3, depth_multiplier=3), (7, 6, 2), (5, 4, 6)),
        (layers.SeparableConv2D(8, 3, padding="same"), (7, 6, 2), (7, 6, 8)),
        (layers.MaxPool2D(), (7, 6, 2), (3, 3, 2)),
        (layers.AveragePool1D(3, strides=1, padding="same"), (7, 2), (7, 2)),
        (layers.GlobalMaxPool2D(), (7, 6, 2), (2,)),
        (layers.GlobalAveragePool1D(), (7, 2), (2,)),
        (layers.Flatten(), (7, 6, 2), (84,)),
        (layers.Reshape((4, -1)), (7, 6, 2), (4, 21)),
    ],
    ids=repr,
)
def test_output_shapes(layer: layers.Layer, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert layer.output_shape(shape) == expected
    plan = lower([layer], shape)
    assert plan.values[plan.output].shape == expected


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Conv2D(0, 3), ValueError, "filters must be an integer from 1"),
        (lambda: layers.Conv2D(3, 0), ValueError, "kernel_size must be from 1"),
        (lambda: layers.Conv2D(3, (3, 3, 3)), ValueError, "kernel_size must be an integer or 2 integers"),
        (lambda: layers.Conv1D(3, (3, 3)), ValueError, "kernel_size must be an integer, got"),
        (lambda: layers.Conv2D(3, 2.5), TypeError, "kernel_size must be an integer or 2 integers"),
        (lambda: layers.Conv2D(3, 3, strides=True), TypeError, "strides"),
        (lambda: layers.Conv2D(3, 3, padding="full"), ValueError, "padding must be 'valid' or 'same', got 'full'"),
        (lambda: layers.Conv2D(3, 3, groups=2), ValueError, "filters must be a multiple of groups, got 3 and 2"),
        (lambda: layers.Conv2D(3, 3, max_norm=0), ValueError, "max_norm"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "depth_multiplier"),
        (lambda: layers.MaxPool2D(strides=0), ValueError, "strides"),
        (lambda: layers.Reshape((-1, -1)), ValueError, "one of them -1 at most"),
        (lambda: layers.Reshape("3"), TypeError, "target_shape must hold integers"),
        (lambda: layers.SpatialDropout2D(1.0), ValueError, "rate"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        ([layers.Conv2D(3, 3, name="c")], (2, 5, 1), "Conv2D 'c': a window of 3 x 3 does not fit into rows of 2 x 5"),
        ([layers.Conv2D(3, 2, dilation_rate=5)], (5, 5, 1), "6 pixels with its dilation"),
        ([layers.Conv1D(3, 4)], (3, 1), "Conv1D 'conv1d_1': a window of 4 does not fit into rows of 3"),
        (
            [layers.Conv2D(3, 3)],
            (28, 28),
            r"Conv2D 'conv2d_1': needs .* got rows of shape \(28, 28\); add the channels",
        ),
        ([layers.Conv2D(3, 3)], (28,), r"got rows of shape \(28,\); put a Reshape before it"),
        ([layers.Conv1D(3, 3)], (28, 28, 1), r"\(length, channels\), got rows of shape \(28, 28, 1\)"),
        ([layers.Conv2D(4, 3, groups=2)], (5, 5, 3), r"\(5, 5, 3\) have 3 channels, which 2 groups do not divide"),
        ([layers.MaxPool2D(3)], (2, 2, 1), "MaxPool2D 'max_pool2d_1': a window of 3 x 3 does not fit"),
        ([layers.GlobalMaxPool2D()], (3, 2), "needs rows of shape"),
        ([layers.SpatialDropout2D(0.1)], (3, 2), "needs rows of shape"),
        ([layers.Flatten(), layers.Reshape((5, 5))], (4, 6), "'reshape_1': rows of shape .* hold 24 numbers"),
    ],
)
def test_rows_that_do_not_fit_are_refused(network: list[layers.Layer], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lower(network, shape)


def _same(one: list[layers.Layer], other: list[layers.Layer], shape: tuple[int, ...]) -> None:
    """Two networks whose parameters are the same numbers in the same order."""
    plans = lower(one, shape), lower(other, shape)
    flat = RNG.normal(size=plans[0].size)
    X = RNG.normal(size=(7, *shape))
    outputs = []
    for plan in plans:
        engine = NativeEngine(plan, "float64")
        engine.set_parameters(flat)
        outputs.append(engine.predict(X).reshape(7, -1))
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-10, atol=1e-12)


def test_one_pixel_is_a_dense_layer() -> None:
    _same([layers.Conv2D(5, 1)], [layers.Dense(5)], (3, 4, 6))


def test_a_kernel_as_large_as_the_image_is_a_dense_layer() -> None:
    _same([layers.Conv2D(5, (3, 4))], [layers.Flatten(), layers.Dense(5)], (3, 4, 6))


def test_a_sequence_is_an_image_of_height_one() -> None:
    flat = [layers.Conv1D(5, 3, strides=2, padding="same"), layers.MaxPool1D(2)]
    image = [
        layers.Reshape((1, 11, 4)),
        layers.Conv2D(5, (1, 3), strides=(1, 2), padding="same"),
        layers.MaxPool2D((1, 2)),
    ]
    _same(flat, image, (11, 4))


def test_stride_two_from_a_grid_scatters_pixels() -> None:
    """A transposed convolution by hand: every pixel lays its kernel down, overlaps add up."""
    plan = lower([layers.Conv1DTranspose(1, 3, strides=2, use_bias=False)], (2, 1))
    engine = NativeEngine(plan, "float64")
    engine.set_parameters(np.array([1.0, 10.0, 100.0]))
    np.testing.assert_array_equal(engine.predict(np.array([[[1.0], [2.0]]]))[0, :, 0], [1, 10, 102, 20, 200])


def test_transposed_convolution_is_the_gradient_of_one() -> None:
    """<conv(x), y> = <x, conv transposed(y)> for the same kernel."""
    options = {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False}
    plan, back = (
        lower([layers.Conv2D(5, **options)], (6, 8, 3)),
        lower([layers.Conv2DTranspose(3, **options)], (3, 4, 5)),
    )
    kernel = RNG.normal(size=(3, 3, 3, 5))
    engine, other = NativeEngine(plan, "float64"), NativeEngine(back, "float64")
    engine.set_parameters(kernel.ravel())
    other.set_parameters(kernel.swapaxes(2, 3).ravel())
    x, y = RNG.normal(size=(1, 6, 8, 3)), RNG.normal(size=(1, 3, 4, 5))
    assert np.vdot(engine.predict(x), y) == pytest.approx(np.vdot(x, other.predict(y)), rel=1e-12)


def test_spatial_dropout_drops_whole_channels() -> None:
    plan = lower([layers.SpatialDropout2D(0.5)], (4, 5, 40))
    X = np.ones((30, 4, 5, 40))
    out = ReferenceEngine(plan).trace(Batch(X, np.empty(0)), training=True, seed=1)["spatial_dropout2d_1"]
    assert (out == out[:, :1, :1]).all()
    assert set(np.unique(out)) == {0.0, 2.0}
    assert 0.4 < (out[:, 0, 0] == 0).mean() < 0.6


def test_the_largest_of_equals_is_the_first() -> None:
    """All gradient goes to one pixel where several are the largest, in both engines (checked by the table), as here."""
    network = Network([layers.MaxPool2D(2), layers.Flatten(), layers.Dense(1)], (2, 2, 1), dtype="float64")
    trace = network.trace(np.ones((1, 2, 2, 1)), np.array([5.0]), loss="mse")
    assert np.count_nonzero(trace["gradient/input"]) == 1
    assert trace["gradient/input"][0, 0, 0, 0] != 0


def test_a_network_for_images_learns_and_is_saved(tmp_path: Path) -> None:
    """Where a bright square lies, which pixels alone do not say."""
    rows = 300
    X = RNG.normal(0, 0.1, (rows, 12, 11, 1)).astype(np.float32)
    y = RNG.integers(0, 4, rows)
    for image, corner in zip(X, y, strict=True):
        top, left = 6 * (corner // 2) + RNG.integers(0, 3), 5 * (corner % 2) + RNG.integers(0, 3)
        image[top : top + 3, left : left + 3] += 1.0
    network = Network(
        [
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPool2D(2),
            layers.SeparableConv2D(8, 3, activation="relu"),
            layers.BatchNorm(),
            layers.Flatten(),
            layers.Dense(4),
        ],
        seed=1,
    )
    network.fit(X, y, epochs=8, optimizer=optimizers.Adam(0.01), verbose=0)
    assert network.evaluate(X, y, metrics=["accuracy"])["accuracy"] > 0.95
    network.save(tmp_path / "images.descend")
    loaded = Network.load(tmp_path / "images.descend")
    assert loaded.layers == network.layers
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    text = str(network.summary())
    assert "Conv2D" in text and "(rows, 12, 11, 8)" in text
    # 9 * 8 weights and 8 biases at each of 12 * 11 positions; 9 * 8 and 8 * 8 weights and 8 biases at each of 4 * 3.
    assert f"convolutions: 224 weights, {132 * 80 + 12 * 72 + 12 * 72:,} if positions did not share them" in text
    trace = network.trace(X[:2], y[:2])
    assert trace["conv2d_1"].shape == (2, 12, 11, 8)
    assert trace["gradient/conv2d_1/weight"].shape == (3, 3, 1, 8)


def test_initial_weights_follow_the_window() -> None:
    plan = lower([layers.Conv2D(64, 3, activation="relu"), layers.Conv2D(64, 3)], (8, 8, 32))
    flat = initial_parameters(plan, 0)
    first, second = flat[plan.parameters[0].slice], flat[plan.parameters[2].slice]
    assert np.var(first) == pytest.approx(2 / (9 * 32), rel=0.05)  # He's
    assert np.var(second) == pytest.approx(2 / (9 * 64 + 9 * 64), rel=0.05)  # Glorot's


def test_max_norm_limits_whole_kernels() -> None:
    X = RNG.normal(size=(64, 6, 6, 3)).astype(np.float32)
    network = Network([layers.Conv2D(20, 3, max_norm=0.5), layers.Flatten(), layers.Dense(1)])
    network.fit(X, X[:, 0, 0, 0], epochs=2, optimizer=optimizers.Adam(0.05), verbose=0)
    kernel = network.get_weights()["conv2d_1/weight"].astype(np.float64)
    assert np.linalg.norm(kernel.reshape(-1, 20), axis=0).max() < 0.5 * (1 + 1e-6)


def test_a_row_has_the_same_bits_in_any_batch() -> None:
    plan = lower(conv_cases.network(), (10, 9, 2))
    engine = NativeEngine(plan)
    engine.set_parameters(initial_parameters(plan, 0))
    X = RNG.normal(size=(101, 10, 9, 2)).astype(np.float32)
    together = engine.predict(X)
    for rows in (1, 2, 50):
        apart = np.concatenate([engine.predict(X[i : i + rows]) for i in range(0, 101, rows)])
        np.testing.assert_array_equal(apart, together)


def test_gradient_noise_leaves_the_zeros_of_groups_alone() -> None:
    """Weights that do not exist get no noise, and those that do get the reference engine's."""
    plan = attach_loss(lower([layers.Conv2D(20, 2, groups=2), layers.Conv2D(6, 2)], (5, 4, 6)), "mse")
    X, y = RNG.normal(size=(9, 5, 4, 6)), RNG.normal(size=(9, 3, 2, 6))
    weights = []
    for engine in (NativeEngine(plan, "float64"), ReferenceEngine(plan)):
        engine.set_parameters(initial_parameters(plan, 0))
        engine.start(optimizers.SGD(0.1, gradient_noise=0.5), seed=2)
        rows = np.arange(9, dtype=np.uint32)
        for _ in range(3):
            engine.train(Batch(X, y), rows, batch_size=4, learning_rates=np.array([0.1]), threads=1)
        weights.append(engine.get_parameters())
    np.testing.assert_allclose(*weights, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("padding", [0, 2, (1, 0), ((1, 2), (0, 3))])
def test_zero_padding_of_images(padding) -> None:
    X = RNG.normal(size=(3, 4, 5, 2)).astype(np.float32)
    network = Network([layers.ZeroPadding2D(padding)], (4, 5, 2))
    sides = layers.ZeroPadding2D(padding).padding
    np.testing.assert_array_equal(network.predict(X), np.pad(X, ((0, 0), *sides, (0, 0))))


def test_a_causal_convolution_sees_nothing_later() -> None:
    network = Network([layers.ZeroPadding1D((2, 0)), layers.Conv1D(3, 3)], (6, 2))
    X = RNG.normal(size=(4, 6, 2)).astype(np.float32)
    changed = X.copy()
    changed[:, 4:] += 1.0
    assert network.output_shape == (6, 3)
    np.testing.assert_array_equal(network.predict(changed)[:, :4], network.predict(X)[:, :4])
    assert "pad(%0) before=0x2 after=0x0" in network.plan()


@pytest.mark.parametrize("padding", [-1, 1.5, (1,), (1, 2, 3), ((1, 2), (3, 4, 5)), "1", True, ((0, -1), (0, 0))])
def test_paddings_that_are_none(padding) -> None:
    with pytest.raises(ValueError, match="ZeroPadding2D: padding must be an integer from 0 to 65536 or"):
        layers.ZeroPadding2D(padding)
    if padding != (1, 2, 3) and not isinstance(padding, tuple):
        with pytest.raises(ValueError, match=r"ZeroPadding1D: padding must be .* or \(before, behind\)"):
            layers.ZeroPadding1D(padding)
