"""The dropout layer's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.windows import image_of


@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """In training, zero each element with probability `rate` and scale the rest by 1 / (1 - rate).

    Does nothing in inference. Srivastava and others, 2014.
    """

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "rate", low=0.0, high=1.0, high_open=True)


@dataclass(frozen=True, repr=False)
class SpatialDropout2D(Layer):
    """In training, zero each channel of an image (height, width, channels) with probability `rate`, scale the rest.

    Neighbouring pixels are alike, so dropping single ones would change little. Tompson and others, 2015.
    """

    axes: ClassVar[int] = 2

    rate: float
    kind: ClassVar[str] = "spatial_dropout2d"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "rate", low=0.0, high=1.0, high_open=True)

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, self.axes)
        return input_shape


@dataclass(frozen=True, repr=False)
class SpatialDropout1D(SpatialDropout2D):
    """`SpatialDropout2D` for sequences of shape (length, channels)."""

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "spatial_dropout1d"


registry.register(Dropout, Dropout.kind)
registry.register(SpatialDropout1D, SpatialDropout1D.kind)
registry.register(SpatialDropout2D, SpatialDropout2D.kind)
