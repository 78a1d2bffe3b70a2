"""Layers that hide a rectangle of each image in training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.factors import check_range
from descend.layers.windows import check_sizes, image_of


@dataclass(frozen=True, repr=False)
class RandomErasing(Layer):
    """In training, fill a random rectangle of each image (height, width, channels) with `fill_value`.

    Does nothing in inference. The rectangle lies inside the image and its sides are rounded to whole pixels. Zhong and
    others, "Random erasing data augmentation", 2020.

    Attributes
    ----------
    factor : the probability that an image loses a rectangle
    scale : (smallest, largest) share of the image that is lost
    ratio : (smallest, largest) height through width, even in the logarithm
    fill_value : 0 if nothing else is said
    """

    factor: float = 1.0
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = field(default=(0.3, 3.3), kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    kind: ClassVar[str] = "random_erasing"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "factor", low=0.0, high=1.0)
        check_range(self, "scale", low=0.0, high=1.0)
        check_range(self, "ratio", low=1e-3, high=1e3)
        specs.check_number(self, "fill_value")

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, 2)
        return input_shape


@dataclass(frozen=True, repr=False)
class Cutout(Layer):
    """In training, fill a square of each image (height, width, channels) with `fill_value`.

    Does nothing in inference. The square lies around a random pixel and may reach over the border, where it is cut.
    DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.

    Attributes
    ----------
    size : side in pixels, or (height, width)
    fill_value : 0 if nothing else is said
    """

    size: int | tuple[int, ...]
    fill_value: float = field(default=0.0, kw_only=True)
    kind: ClassVar[str] = "cutout"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.set_field(self, "size", check_sizes(self, "size", self.size, 2))
        specs.check_number(self, "fill_value")

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, 2)
        return input_shape


registry.register(RandomErasing, RandomErasing.kind)
registry.register(Cutout, Cutout.kind)
