"""What augmentation costs: the time of a step of the network for images with it, in plain steps of the same network.

The layers stand before the convolutions of the part `conv`, on the same images. All take turns in one run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

import convolution
from descend import layers
from timing import alternate, medians

#: The most that a step with any of them should take, in plain steps.
GOAL = 1.15
BATCH, ROWS = 128, 1024

_SIZE = convolution.SIZE

#: What stands before the network.
AUGMENTATIONS: dict[str, list[layers.Layer]] = {
    "plain": [],
    "flip": [layers.RandomFlip("horizontal")],
    "translation": [layers.RandomTranslation(0.1, 0.1)],
    "rotation": [layers.RandomRotation(0.05)],
    "affine: turn, shear, zoom, shift, flip": [layers.RandomAffine(0.05, 0.1, 0.1, 0.1, 0.1, "horizontal")],
    "affine, with a constant outside": [layers.RandomAffine(0.05, 0.1, 0.1, 0.1, 0.1, fill_mode="constant")],
    "crop with padding": [layers.RandomCrop(_SIZE, _SIZE, padding=2)],
    "brightness and contrast": [layers.RandomBrightness(0.2), layers.RandomContrast(0.2)],
    "erasing": [layers.RandomErasing()],
    "noise": [layers.GaussianNoise(0.1)],
    "CutMix": [layers.CutMix()],
    "flip, rotation, zoom, crop, erasing": [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.05),
        layers.RandomZoom(0.1),
        layers.RandomCrop(_SIZE, _SIZE, padding=2),
        layers.RandomErasing(),
    ],
}


def measure(rounds: int, note: Callable[[str], None]) -> dict[str, float]:
    """Seconds per step of the network with each augmentation before it."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, _SIZE, _SIZE, 1)).astype(np.float32)
    y = rng.integers(0, convolution.CLASSES, ROWS)
    calls = {name: convolution.train(before)(X, y, BATCH) for name, before in AUGMENTATIONS.items()}
    middle = medians(alternate(calls, rounds=rounds))
    found = {name: seconds * BATCH / ROWS for name, seconds in middle.items()}
    for name, seconds in found.items():
        note(f"  {name:40s} {seconds * 1e3:8.2f} ms per step, {seconds / found['plain']:.3f} of the plain one")
    return found


def markdown(found: Mapping[str, float]) -> list[str]:
    """The table of the report."""
    plain = found["plain"]
    return [
        f"Network of the convolutions, {_SIZE} x {_SIZE} x 1, batch {BATCH}: a plain step takes {plain * 1e3:.2f} ms. "
        f"Goal for each: at most {GOAL:.2f} plain steps.",
        "",
        "| before it | plain steps |",
        "|---|---:|",
        *(f"| {name} | {seconds / plain:.2f} |" for name, seconds in found.items() if name != "plain"),
    ]
