"""Data augmentation on images of fashion_mnist: what stands before which network, for the table of effects."""

from __future__ import annotations

from collections.abc import Callable

from descend import layers, optimizers
from descend.experiments.augmenting import NETWORKS
from descend.experiments.setups import BATCH, RATE, Setup
from descend.experiments.training import Recipe

#: The lines' sets: the images with each of these networks.
SETS = {f"fashion_mnist, {network}": network for network in NETWORKS}


def _moved() -> layers.Layer:
    return layers.RandomTranslation(0.1, 0.1, fill_mode="constant")


def _mirrored() -> layers.Layer:
    return layers.RandomFlip("horizontal")


#: By what a line says: layers at usual strengths, in training only.
KINDS: dict[str, Callable[[], tuple[layers.Layer, ...]]] = {
    "nothing": tuple,
    "mirroring from left to right": lambda: (_mirrored(),),
    "shifts by up to 10%": lambda: (_moved(),),
    "shifts by up to 10% and mirroring": lambda: (_moved(), _mirrored()),
    "random erasing": lambda: (layers.RandomErasing(),),
    "CutMix of rectangles": lambda: (layers.CutMix(),),
}


def setup(network: str, kind: str, epochs: int) -> Setup:
    """A network of `augmenting.NETWORKS` behind a kind of augmentation."""
    return Setup((*KINDS[kind](), *NETWORKS[network]()), Recipe(optimizers.Adam(RATE), epochs, BATCH))
