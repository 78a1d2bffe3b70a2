"""Cases of augmentation for the table in `ops_cases`: name, layers, shape of a row."""

from __future__ import annotations

from collections.abc import Callable

from descend import layers


def _between(*inner: layers.Layer) -> Callable[[], list[layers.Layer]]:
    """Behind trained weights, so that the gradient of what it reads counts, and before others."""
    return lambda: [layers.Dense(5, "tanh"), *inner, layers.Dense(2)]


def _wide(*inner: layers.Layer) -> Callable[[], list[layers.Layer]]:
    """With more channels than a panel of any instruction set has."""
    return lambda: [layers.Dense(19, "tanh"), *inner, layers.Dense(2)]


#: (name, builds the layers anew, shape of one row)
AUGMENTATIONS: list[tuple[str, Callable[[], list[layers.Layer]], tuple[int, ...]]] = [
    ("flip", _between(layers.RandomFlip()), (5, 4, 2)),
    ("flip-horizontal", _wide(layers.RandomFlip("horizontal")), (3, 5, 2)),
    ("flip-vertical", _between(layers.RandomFlip("vertical")), (4, 3, 2)),
    ("translation", _between(layers.RandomTranslation(0.4, 0.3)), (5, 7, 2)),
    (
        "translation-constant",
        _wide(layers.RandomTranslation((-0.1, 0.9), 0.8, fill_mode="constant", fill_value=0.7)),
        (5, 7, 2),
    ),
    ("translation-wrap", _between(layers.RandomTranslation(1.0, (0.2, 1.0), fill_mode="wrap")), (5, 7, 2)),
    ("translation-nearest", _between(layers.RandomTranslation(1.0, 0.5, fill_mode="nearest")), (4, 7, 2)),
    ("translation-whole", _between(layers.RandomTranslation(0.5, 0.5, interpolation="nearest")), (4, 7, 2)),
    ("rotation", _between(layers.RandomRotation(0.3)), (6, 5, 2)),
    (
        "rotation-constant",
        _between(layers.RandomRotation((0.1, 0.2), fill_mode="constant", fill_value=-1, interpolation="nearest")),
        (6, 5, 2),
    ),
    ("zoom", _between(layers.RandomZoom(0.4)), (6, 5, 2)),
    ("zoom-apart", _wide(layers.RandomZoom((0.5, 3.0), (-0.5, 0.1), fill_mode="wrap")), (6, 5, 2)),
    ("shear", _between(layers.RandomShear(0.4, (0.0, 0.3), fill_mode="nearest")), (5, 6, 2)),
    (
        "affine",
        _wide(layers.RandomAffine(0.1, 0.2, 0.2, 0.1, 0.1, "both", fill_mode="constant", fill_value=0.3)),
        (6, 5, 2),
    ),
    ("affine-large", lambda: [layers.RandomAffine(0.1, 0.2, 0.1, 0.1, 0.1), layers.Conv2D(3, 3)], (23, 70, 1)),
    ("affine-twice", _between(layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1)), (4, 5, 2)),
    ("one-pixel", _between(layers.RandomAffine(0.1, 0.2, 0.1, 0.5, 0.5)), (1, 1, 2)),
    ("crop", _between(layers.RandomCrop(3, 4)), (5, 7, 2)),
    ("crop-padding", _wide(layers.RandomCrop(5, 7, padding=2, fill_value=0.4)), (5, 7, 2)),
    ("crop-beyond", _between(layers.RandomCrop(8, 5, padding=2)), (5, 4, 2)),
    ("brightness", _between(layers.RandomBrightness(0.3)), (4, 3, 2)),
    ("brightness-cut", _wide(layers.RandomBrightness(0.3, value_range=(-0.5, 0.5))), (4, 3, 2)),
    ("contrast", _wide(layers.RandomContrast(0.6)), (4, 3, 2)),
    ("contrast-cut", _between(layers.RandomContrast((0.1, 0.9), value_range=(-0.4, 0.5))), (4, 3, 2)),
    ("erasing", _wide(layers.RandomErasing(0.8, (0.1, 0.5), fill_value=0.2)), (6, 5, 2)),
    ("cutout", _between(layers.Cutout((3, 2))), (6, 5, 2)),
    ("cutmix", lambda: [layers.CutMix(), layers.Flatten(), layers.Dense(5, "tanh"), layers.Dense(2)], (6, 5, 2)),
    ("cutmix-flipped", lambda: [layers.RandomFlip(), layers.CutMix(), layers.Conv2D(3, 3)], (6, 5, 19)),
    ("mixup-moved", lambda: [layers.RandomTranslation(0.2, 0.2), layers.Mixup(), layers.Conv2D(3, 3)], (6, 5, 2)),
    ("swap-reshaped", lambda: [layers.Reshape((6, 10)), layers.SwapNoise(0.3), layers.Dense(3)], (6, 5, 2)),
    ("cutmix-wide", lambda: [layers.CutMix(0.5), layers.Conv2D(3, 3)], (4, 5, 19)),
    ("cutmix-sequence", lambda: [layers.CutMix(), layers.Flatten(), layers.Dense(2)], (9, 3)),
    ("mixup", lambda: [layers.Mixup(), layers.GaussianNoise(0.1), layers.Conv2D(3, 3)], (4, 5, 2)),
    ("time-shift", _between(layers.RandomTimeShift(0.4)), (9, 2)),
    ("time-shift-between", _wide(layers.RandomTimeShift(0.4, interpolation="bilinear", fill_mode="wrap")), (9, 2)),
    ("time-warp", _between(layers.RandomTimeWarp(0.7, 4)), (11, 2)),
    ("time-warp-long", lambda: [layers.RandomTimeWarp(knots=2), layers.Conv1D(3, 3)], (131, 1)),
    ("time-warp-nearest", _wide(layers.RandomTimeWarp(0.5, 30, interpolation="nearest")), (7, 2)),
    ("time-warp-step", _between(layers.RandomTimeWarp()), (1, 2)),
    ("time-crop", _between(layers.RandomTimeCrop(4)), (9, 2)),
    ("time-crop-padding", _wide(layers.RandomTimeCrop(9, padding=3, fill_value=-0.3)), (9, 2)),
    ("scaling", _wide(layers.RandomScaling(0.5)), (7, 2)),
    ("scaling-together", _between(layers.RandomScaling((0.1, 2.0), by_channel=False)), (7, 2)),
]
