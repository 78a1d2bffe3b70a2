"""Augmentation: what happens to images and sequences in training, and only there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from descend import Network, Sequences, layers, losses, optimizers
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.engine.rows import check_rows
from descend.plan import PlanError, attach_loss, format_plan, lower, validate

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(300, 6, 8, 2))
SERIES = np.sin(np.linspace(0, 6, 40)[None, :, None] + RNG.uniform(0, 6, (300, 1, 3)))


def _seen(layer: layers.Layer, X: np.ndarray, step: int = 0, lengths: np.ndarray | None = None) -> dict:
    """A trace of training rows through one layer."""
    end = [layers.GRU(2)] if X.ndim == 3 else [layers.Flatten()]
    plan = attach_loss(lower([layer, *end, layers.Dense(1)], X.shape[1:]), losses.MSE())
    engine = ReferenceEngine(plan)
    engine.set_parameters(np.linspace(-1, 1, plan.size))
    rows = X if lengths is None else Sequences(X, lengths)
    found = engine.trace(Batch(rows, np.zeros((len(X), 1))), seed=4, step=step)
    name = f"{layer.kind}_1"
    return {key.removeprefix(name).lstrip("/") or "out": value for key, value in found.items() if key.startswith(name)}


def test_flips_mirror_half_of_the_images() -> None:
    out = _seen(layers.RandomFlip("horizontal"), IMAGES)["out"]
    same = (out == IMAGES).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(out[~same], IMAGES[~same][:, :, ::-1])
    assert 110 < same.sum() < 190
    both = _seen(layers.RandomFlip(), IMAGES)["out"]
    kinds = [(both == IMAGES[:, ::i, ::j]).all(axis=(1, 2, 3)) for i in (1, -1) for j in (1, -1)]
    assert (np.sum(kinds, axis=0) == 1).all() and np.min(np.sum(kinds, axis=1)) > 40


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.RandomTranslation((0.5, 0.5), (0, 0), fill_mode="constant"), lambda x: np.pad(x, ((3, 0), (0, 0)))[:6]),
        (layers.RandomTranslation(0, (-0.25, -0.25), fill_mode="wrap"), lambda x: np.roll(x, -2, axis=1)),
        (layers.RandomTranslation(0, (0.25, 0.25), fill_mode="nearest"), lambda x: np.pad(x, ((0, 0), (2, 0)), "edge")),
        (
            layers.RandomTranslation((0.5, 0.5), 0, fill_mode="reflect"),
            lambda x: np.pad(x, ((3, 0), (0, 0)), "symmetric")[:6],
        ),
        (layers.RandomRotation((0.5, 0.5)), lambda x: np.rot90(x, 2)),
        (layers.RandomRotation((0.25, 0.25), fill_mode="constant"), lambda x: np.rot90(x[:, 1:7])),
        (layers.RandomZoom((0.5, 0.5), fill_mode="nearest"), None),
        (layers.RandomZoom((-0.5, -0.5), (0.25, 0.25), fill_mode="wrap"), None),
        (layers.RandomShear((0.3, 0.3), (-0.2, -0.2), fill_mode="reflect"), None),
        (layers.RandomRotation((0.07, 0.07), fill_mode="constant", fill_value=0.4), None),
    ],
    ids=repr,
)
def test_moves_are_those_of_numpy_and_scipy(layer, expected) -> None:
    found = _seen(layer, IMAGES[:4])["out"]
    for row, image in zip(found, IMAGES, strict=False):
        for channel in (0, 1):
            x, y = image[..., channel], row[..., channel]
            if expected is None:
                np.testing.assert_allclose(y, _by_scipy(layer, x), atol=1e-12)
                continue
            wanted = expected(x)
            height, width = min(6, wanted.shape[0]), min(8, wanted.shape[1])
            left = (8 - width) // 2
            np.testing.assert_allclose(y[:height, left : left + width], wanted[:height, :width], atol=1e-12)


def _by_scipy(layer, x: np.ndarray) -> np.ndarray:
    matrix = np.eye(2)
    if isinstance(layer, layers.RandomZoom):
        width = layer.width_factor or layer.height_factor
        matrix = np.diag([1 + layer.height_factor[0], 1 + width[0]])
    elif isinstance(layer, layers.RandomShear):
        matrix = np.array([[1, layer.y_factor[0]], [layer.x_factor[0], 1]])
    else:
        angle = 2 * np.pi * layer.factor[0]
        matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = (np.array(x.shape) - 1) / 2
    modes = {"constant": "grid-constant", "wrap": "grid-wrap"}
    mode = modes.get(layer.fill_mode, layer.fill_mode)
    return ndimage.affine_transform(x, matrix, centre - matrix @ centre, order=1, mode=mode, cval=layer.fill_value)


def test_factors_are_drawn_evenly() -> None:
    found = _seen(layers.RandomTranslation(0.25, (0.0, 0.5)), IMAGES)
    down = -(found["place_y"][:, 0, 0] - 0) / 6
    right = -(found["place_x"][:, 0, 0] - 0) / 8
    for drawn, (low, high) in ((down, (-0.25, 0.25)), (right, (0.0, 0.5))):
        assert low <= drawn.min() < low + 0.02 and high - 0.02 < drawn.max() <= high
        assert drawn.mean() == pytest.approx((low + high) / 2, abs=0.03)
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.2


def test_affine_moves_are_those_of_single_layers_in_one() -> None:
    one = _seen(layers.RandomAffine(height_shift=(0.5, 0.5), flip="vertical", fill_mode="constant"), IMAGES)["out"]
    moved = np.pad(IMAGES, ((0, 0), (3, 0), (0, 0), (0, 0)))[:, :6]
    mirrored = np.pad(IMAGES[:, ::-1], ((0, 0), (3, 0), (0, 0), (0, 0)))[:, :6]
    which = np.isclose(one, moved).all(axis=(1, 2, 3)), np.isclose(one, mirrored).all(axis=(1, 2, 3))
    assert (which[0] ^ which[1]).all() and min(which[0].sum(), which[1].sum()) > 100


def test_crops_lie_inside_in_training_and_in_the_middle_afterwards() -> None:
    found = _seen(layers.RandomCrop(4, 5), IMAGES)
    top, left = (found[f"place_{axis}"][:, 0, 0].astype(int) for axis in "yx")
    assert set(top) == {0, 1, 2} and set(left) == {0, 1, 2, 3}
    for row, image, t, c in zip(found["out"], IMAGES, top, left, strict=True):
        np.testing.assert_array_equal(row, image[t : t + 4, c : c + 5])
    net = Network([layers.RandomCrop(4, 5), layers.Flatten(), layers.Dense(1)], input_shape=IMAGES.shape[1:])
    np.testing.assert_allclose(net.trace(IMAGES[:3])["random_crop_1"], IMAGES[:3, 1:5, 1:6], rtol=1e-6)
    padded = Network([layers.RandomCrop(6, 8, padding=2), layers.Flatten(), layers.Dense(1)], input_shape=(6, 8, 2))
    np.testing.assert_allclose(padded.trace(IMAGES[:3])["random_crop_1"], IMAGES[:3], rtol=1e-6)
    starts = _seen(layers.RandomTimeCrop(30), SERIES)["place_x"][:, 0, 0]
    assert set(starts) == set(range(11))


def test_brightness_and_contrast_change_all_pixels_alike() -> None:
    out = _seen(layers.RandomBrightness((0.1, 0.3)), IMAGES)["out"]
    added = (out - IMAGES).reshape(300, -1)
    np.testing.assert_allclose(added.std(axis=1), 0, atol=1e-12)
    assert 0.1 <= added.min() < 0.11 and 0.29 < added.max() <= 0.3
    out = _seen(layers.RandomContrast(0.5), IMAGES)["out"]
    np.testing.assert_allclose(out.mean(axis=(1, 2)), IMAGES.mean(axis=(1, 2)))
    ratio = out.std(axis=(1, 2)) / IMAGES.std(axis=(1, 2))
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 1])
    assert 0.5 <= ratio.min() < 0.52 and 1.48 < ratio.max() <= 1.5
    out = _seen(layers.RandomBrightness(0.5, value_range=(0, 2)), IMAGES)["out"]
    assert out.min() == 0 and 1.7 < out.max() <= 2


def test_erased_rectangles_have_the_size_they_say() -> None:
    stays = _seen(layers.RandomErasing(0.5, (0.2, 0.3), ratio=(0.5, 2.0)), IMAGES)["stays"][..., 0]
    gone = 1 - stays.reshape(300, -1).mean(axis=1)
    assert 110 < (gone == 0).sum() < 190
    assert gone[gone > 0].min() > 0.12 and gone.max() < 0.42
    out = _seen(layers.Cutout(2, fill_value=7.0), IMAGES)["out"]
    filled = (out == 7).all(axis=3).sum(axis=(1, 2))
    assert set(filled) == {1, 2, 4}


def test_cutmix_pastes_a_rectangle_of_images_and_a_stretch_of_sequences() -> None:
    for X in (IMAGES, SERIES):
        found = _seen(layers.CutMix(), X)
        other = X[found["partner"].astype(int)]
        own = found["own"][..., 0].astype(bool)
        np.testing.assert_array_equal(found["out"], np.where(own[..., None], X, other))
        np.testing.assert_allclose(found["share"], own.reshape(300, -1).mean(axis=1))
        for pasted in ~own:
            box = tuple(slice(at.min(), at.max() + 1) if at.size else slice(0) for at in np.nonzero(pasted))
            assert pasted[box].all() and pasted.sum() == pasted[box].size
        assert 0.5 < own.mean() < 0.8


def test_sequences_are_moved_within_their_lengths() -> None:
    lengths = RNG.integers(1, 41, 300).astype(np.int32)
    for layer in (layers.RandomTimeShift(0.5, fill_mode="wrap"), layers.RandomTimeWarp(0.6), layers.RandomScaling(0.5)):
        found = _seen(layer, SERIES, lengths=lengths)["out"]
        for row, x, n in zip(found, SERIES, lengths, strict=True):
            if isinstance(layer, layers.RandomTimeShift):
                assert sorted(row[:n, 0]) == sorted(x[:n, 0])
            elif isinstance(layer, layers.RandomTimeWarp):
                np.testing.assert_allclose(row[[0, n - 1]], x[[0, n - 1]], atol=1e-12)
                np.testing.assert_array_equal(row[n:], x[n:])
    places = _seen(layers.RandomTimeWarp(0.9, 5), SERIES)["place_x"][:, 0]
    assert (np.diff(places, axis=1) > 0).all()
    np.testing.assert_allclose(places[:, [0, -1]], [[0, 39]] * 300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sequences_of_different_lengths_train_alike_everywhere(dtype: str) -> None:
    lengths = RNG.integers(1, 41, 300)
    y = SERIES[:, 0, 0]

    def train(values: np.ndarray, threads: int) -> dict:
        stack = [layers.RandomTimeShift(0.3), layers.RandomTimeWarp(), layers.RandomScaling(0.1), layers.GRU(5)]
        net = Network([layers.Dense(4), *stack, layers.Dense(1)], seed=1, dtype=dtype)
        net.fit(Sequences(values, lengths), y, epochs=2, threads=threads, verbose=0)
        return net.get_weights()

    first = train(SERIES, 1)
    spoiled = np.where((np.arange(40) < lengths[:, None])[..., None], SERIES, 1e3)
    for other in (train(SERIES, 3), train(spoiled, 1)):
        for name, weight in first.items():
            np.testing.assert_array_equal(other[name], weight)


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomFlip(),
        layers.RandomAffine(0.1, 0.1, 0.1, 0.1, 0.1),
        layers.RandomBrightness(0.1),
        layers.RandomContrast(0.2),
        layers.RandomErasing(),
        layers.Cutout(2),
    ],
    ids=repr,
)
def test_images_change_in_training_only_and_anew_in_every_step(layer: layers.Layer, tmp_path) -> None:
    name = f"{layer.kind}_1"
    assert (_seen(layer, IMAGES)["out"] != _seen(layer, IMAGES, step=1)["out"]).any()
    net = Network([layer, layers.Conv2D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(2)], seed=2)
    net.fit(IMAGES, RNG.integers(0, 2, 300), epochs=2, verbose=0)
    np.testing.assert_allclose(net.trace(IMAGES[:5])[name], IMAGES[:5], rtol=1e-6)
    np.testing.assert_allclose(net.predict(IMAGES[:5]), net.predict(IMAGES)[:5], rtol=1e-5)
    net.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    np.testing.assert_array_equal(again.predict(IMAGES), net.predict(IMAGES))
    assert again.plan() == net.plan() and again.layers[0] == layer
    assert type(layer).__name__ in str(net.summary())


def test_training_resumes_exactly() -> None:
    def net() -> Network:
        stack = [layers.RandomAffine(0.1, 0.2), layers.RandomContrast(0.3), layers.Cutout(2), layers.Flatten()]
        return Network([*stack, layers.Dense(1)], seed=3)

    y = IMAGES.mean(axis=(1, 2, 3))
    whole, parts = net(), net()
    whole.fit(IMAGES, y, epochs=4, optimizer=optimizers.Adam(), verbose=0)
    for _ in range(2):
        parts.fit(IMAGES, y, epochs=2, optimizer=optimizers.Adam(), verbose=0)
    for name, weight in whole.get_weights().items():
        np.testing.assert_array_equal(parts.get_weights()[name], weight)


def test_plans_show_them() -> None:
    stack = [layers.RandomFlip("vertical"), layers.RandomAffine(0.1, zoom=0.2), layers.CutMix()]
    text = format_plan(lower([*stack[:2], layers.RandomContrast(0.2, value_range=(0, 1)), layers.Cutout(3)], (5, 6, 1)))
    assert "warp(%0) flip=vertical nearest stream=0" in text
    assert "turn=-0.1..0.1 zoom=-0.2..0.2 fill=reflect stream=1" in text
    assert "scale=0.8..1.2 about_mean limits=0..1 stream=2" in text
    assert "erase(%3) rate=1 size=3x3 fill=0 stream=3" in text
    assert "cutmix(%0) alpha=1 stream=0 of 5x6" in format_plan(lower([stack[2]], (5, 6, 1)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomFlip("sideways"), "RandomFlip: mode must be 'horizontal', 'vertical' or 'both', got"),
        (lambda: layers.RandomRotation(-0.1), r"RandomRotation: factor must be >= 0, .*\(-f, f\), got -0.1"),
        (lambda: layers.RandomRotation("much"), r"factor must be a number or a pair \(lowest, highest\), got 'much'"),
        (lambda: layers.RandomRotation((0.2, 0.1)), "the lower number first"),
        (lambda: layers.RandomRotation(float("nan")), "factor"),
        (lambda: layers.RandomTranslation(1.5, 0), r"height_factor must lie in \[-1, 1\]"),
        (lambda: layers.RandomZoom(1.0), "height_factor must be below 1 as a single number"),
        (lambda: layers.RandomZoom((-1.0, 0.0)), r"height_factor must lie in \(-1, 10\]"),
        (
            lambda: layers.RandomShear(fill_mode="mirror"),
            "fill_mode must be 'constant', 'nearest', 'reflect' or 'wrap'",
        ),
        (
            lambda: layers.RandomAffine(interpolation="cubic"),
            "interpolation must be 'bilinear' or 'nearest', got 'cubic'",
        ),
        (lambda: layers.RandomAffine(flip="no"), "flip must be"),
        (lambda: layers.RandomCrop(0, 3), "height must be an integer from 1"),
        (lambda: layers.RandomCrop(3, 3, padding=-1), "padding must be an integer from 0"),
        (
            lambda: layers.RandomBrightness(0.1, value_range=(1, 0)),
            r"value_range must lie in .*, the lower number first",
        ),
        (lambda: layers.RandomBrightness(0.1, value_range=(1, 1)), "value_range must be two different numbers"),
        (lambda: layers.RandomErasing(1.5), "factor must be a finite number in"),
        (lambda: layers.RandomErasing(scale=(0.5, 2.0)), r"scale must lie in \[0, 1\]"),
        (lambda: layers.RandomErasing(ratio=0.5), r"ratio must be a pair \(lowest, highest\), got 0.5"),
        (lambda: layers.Cutout(0), "size must be from 1"),
        (lambda: layers.RandomTimeWarp(1.0), r"factor must be a finite number in \[0, 1\)"),
        (lambda: layers.RandomTimeWarp(0.2, knots=1), "knots must be an integer from 2"),
        (
            lambda: lower([layers.RandomCrop(7, 3)], (6, 8, 2)),
            r"RandomCrop 'random_crop_1': height is 7, but rows of shape \(6, 8, 2\) have only 6; use a smaller crop",
        ),
        (lambda: lower([layers.RandomTimeCrop(9, padding=1)], (6, 2)), "length is 9, .* only 6 with 1 of padding"),
        (
            lambda: lower([layers.RandomFlip()], (6, 8)),
            r"RandomFlip 'random_flip_1': needs rows of shape \(height, width, channels\), got rows of shape \(6, 8\)",
        ),
        (lambda: lower([layers.RandomContrast(0.1)], 64), r"RandomContrast 'random_contrast_1': needs rows of shape"),
        (lambda: lower([layers.Cutout(3)], 64), "Cutout 'cutout_1': needs rows of shape"),
        (
            lambda: lower([layers.RandomTimeShift(0.1)], (6, 8, 2)),
            r"RandomTimeShift 'random_time_shift_1': needs rows of shape \(length, channels\), got rows of shape",
        ),
        (lambda: lower([layers.RandomScaling(0.1)], 5), "RandomScaling 'random_scaling_1': needs rows of shape"),
    ],
)
def test_refusals_say_what_to_do(make, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_what_cannot_be_augmented_is_refused() -> None:
    sequences = Sequences(SERIES, RNG.integers(1, 41, 300))
    plan = lower([layers.RandomTimeCrop(9), layers.GRU(2)], (40, 3))
    with pytest.raises(ValueError, match=r"'random_time_crop_1' \(Warp\) mixes steps"):
        check_rows(plan, sequences)
    with pytest.raises(ValueError, match=r"LBFGS.*'random_flip_1'"):
        net = Network([layers.RandomFlip(), layers.Flatten(), layers.Dense(1)])
        net.fit(IMAGES, IMAGES[:, 0, 0, 0], optimizer="lbfgs", verbose=0)


@pytest.mark.parametrize(
    ("layer", "field", "value", "message"),
    [
        (layers.RandomZoom(0.1), "grid", (3, 3), "which no warp does"),
        (layers.RandomZoom(0.1), "fill_mode", "mirror", "fills with the unknown mode"),
        (layers.RandomZoom(0.1), "knots", 3, "has 3 knots, but warps no sequence"),
        (layers.RandomZoom(0.1), "speed", 1.0, "changes the pace by 1.0"),
        (layers.RandomZoom(0.1), "fill_value", float("nan"), "fills with nan"),
        (layers.RandomContrast(0.1), "limits", (1.0, 1.0), r"cuts to \(1.0, 1.0\)"),
        (layers.RandomContrast(0.1), "scale", (1.0, 0.0), "draws from"),
        (layers.Cutout(2), "rate", 1.5, "has rate 1.5"),
        (layers.Cutout(2), "image", (3, 3), "erases"),
        (layers.Cutout(2), "size", (0, 2), "erases rectangles of"),
        (layers.CutMix(), "image", (3, 3), "cuts images of"),
    ],
)
def test_plans_of_nonsense_are_refused(layer: layers.Layer, field: str, value: object, message: str) -> None:
    plan = lower([layer], (6, 8, 2))
    spoiled = dataclasses.replace(plan.ops[0], **{field: value})
    with pytest.raises(PlanError, match=message):
        validate(dataclasses.replace(plan, ops=(spoiled,)))


def test_augment_shows_what_the_network_sees() -> None:
    stack = [layers.Reshape((6, 8, 2)), layers.RandomFlip("horizontal"), layers.Flatten(), layers.Dense(1)]
    net = Network(stack, input_shape=(96,), seed=5)
    flat = IMAGES.reshape(300, -1)
    np.testing.assert_array_equal(net.augment(flat, seed=None), IMAGES)
    drawn = net.augment(flat, seed=1)
    mirrored = (drawn == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 110 < mirrored.sum() < 190 and ((drawn == IMAGES).all(axis=(1, 2, 3)) | mirrored).all()
    np.testing.assert_array_equal(drawn, net.augment(flat, seed=1))
    assert (drawn != net.augment(flat, seed=2)).any()
    adapting = Network([layers.Standardize(), layers.GaussianNoise(0.1), layers.Dropout(0.1), layers.Dense(1)])
    adapting.fit(flat, flat[:, 0], epochs=1, verbose=0)
    noisy = adapting.augment(flat) - adapting.augment(flat, seed=None)
    assert noisy.shape == (300, 96) and noisy.std() == pytest.approx(0.1, rel=0.05)
    for other in ([layers.Dense(1)], [layers.Dense(2), layers.GaussianNoise(0.1)]):
        with pytest.raises(ValueError, match="does not begin with a layer that augments"):
            Network(other, input_shape=(96,)).augment(flat)
    open_net = Network([layers.GaussianNoise(0.1), layers.Dense(2)], seed=5)
    before = open_net.augment(flat)
    assert before.shape == flat.shape and 0.05 < (before - flat).std() < 0.2
    with pytest.raises(ValueError, match="input shape"):
        open_net.predict(flat)
    open_net.fit(flat[:, :9], flat[:, :2], epochs=1, verbose=0)  # nothing was settled


def test_augment_takes_sequences_of_different_lengths() -> None:
    lengths = RNG.integers(1, 41, 300)
    net = Network([layers.RandomScaling(0.5), layers.GRU(2)], input_shape=(40, 3))
    assert net.augment(Sequences(SERIES, lengths)).shape == (300, 40, 3)
