"""Layers that mix the rows of a batch: the configuration of mixup, CutMix and swap noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, registry


@dataclass(frozen=True, repr=False)
class Mixup(Layer):
    """In training, y_r = s x_r + (1 - s) x_q, and the same of the targets, for every row r of the batch.

    The other row q is drawn from the batch and the share s from the distribution Beta(alpha, alpha), both anew for
    every row and step; a row keeps its sample weight. Classes count as rows of 0 and 1, several groups of them beside
    each other, all mixed by the one share of their row. It makes predictions change evenly between rows. Layers that
    are not trained may stand before it, and no branch: behind `Standardize`, `OneHot` or `RandomFlip` it mixes what
    they make. It does nothing in inference. Zhang and others, "mixup: beyond empirical risk minimization", 2018 (who
    draw one s for a batch).

    Attributes
    ----------
    alpha : near 0 rows stay almost themselves; 1 makes all shares equally likely
    """

    alpha: float = 0.2
    kind: ClassVar[str] = "mixup"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "alpha", low=1e-3, high=1e3)


@dataclass(frozen=True, repr=False)
class CutMix(Layer):
    """In training, part of a row is taken from another row of the batch.

    Share s and row are drawn as for `Mixup`; targets are mixed by the share that was kept in fact. Of images (height,
    width, channels) the part is a rectangle around a random pixel with sides of sqrt(1 - s) of the image's, cut at its
    border; of sequences (steps, channels) a stretch of 1 - s of the steps; of rows of features, which have no
    neighbours, each with probability 1 - s. Values stay whole, so it may also stand before an `Embedding` or `OneHot`;
    otherwise it stands where `Mixup` may. It does nothing in inference. Yun and others,
    "CutMix: regularization strategy to train strong classifiers with localizable features", 2019.

    Attributes
    ----------
    alpha : as for `Mixup`
    """

    alpha: float = 1.0
    kind: ClassVar[str] = "cutmix"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "alpha", low=1e-3, high=1e3)


@dataclass(frozen=True, repr=False)
class SwapNoise(Layer):
    """In training, each element is replaced with probability `rate` by the same feature of another row of the batch.

    The noise has each feature's own distribution, which suits tables of unlike or categorical columns; targets stay. It
    may stand before an `Embedding` or `OneHot` and behind layers that are not trained. It does nothing in inference.
    """

    rate: float = 0.1
    kind: ClassVar[str] = "swap_noise"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "rate", low=0.0, high=1.0, high_open=True)


registry.register(Mixup, Mixup.kind)
registry.register(CutMix, CutMix.kind)
registry.register(SwapNoise, SwapNoise.kind)
