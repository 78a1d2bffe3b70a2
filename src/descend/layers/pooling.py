"""Pools: the largest number or the mean of what a window covers, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.windows import Padding, Window, axes_of, check_padding, check_sizes, image_of, pair, slide


@dataclass(frozen=True, repr=False)
class Pool(Layer, abstract=True):
    """What all pools with a window have in common; not a layer by itself."""

    axes: ClassVar[int] = 2
    average: ClassVar[bool] = False

    pool_size: int | tuple[int, ...] = 2
    strides: int | tuple[int, ...] | None = field(default=None, kw_only=True)
    padding: Padding = field(default="valid", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.set_field(self, "pool_size", check_sizes(self, "pool_size", self.pool_size, self.axes))
        if self.strides is not None:
            specs.set_field(self, "strides", check_sizes(self, "strides", self.strides, self.axes))
        check_padding(self, self.padding)

    def window(self, input_shape: Shape) -> Window:
        """Where the window lies on rows of this shape."""
        image = image_of(self, input_shape, self.axes)
        sizes = (self.pool_size, self.strides or self.pool_size)
        size, strides = (pair(n, 1) for n in sizes if isinstance(n, tuple))
        return slide(self, image, size, strides, (1, 1), self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*axes_of(self.window(input_shape).grid, self.axes), input_shape[-1])


@dataclass(frozen=True, repr=False)
class MaxPool2D(Pool):
    """The largest number of each window of an image (height, width, channels). Ranzato and others, 2007.

    Attributes
    ----------
    pool_size : an integer, or (height, width)
    strides : between windows; None for `pool_size`
    padding : as for `Conv2D`; what lies outside the image does not count
    """

    kind: ClassVar[str] = "max_pool2d"


@dataclass(frozen=True, repr=False)
class MaxPool1D(Pool):
    """`MaxPool2D` for sequences of shape (length, channels)."""

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "max_pool1d"


@dataclass(frozen=True, repr=False)
class AveragePool2D(Pool):
    """The mean of each window of an image; the arguments are those of `MaxPool2D`. LeCun and others, 1989."""

    average: ClassVar[bool] = True
    kind: ClassVar[str] = "average_pool2d"


@dataclass(frozen=True, repr=False)
class AveragePool1D(Pool):
    """`AveragePool2D` for sequences of shape (length, channels)."""

    axes: ClassVar[int] = 1
    average: ClassVar[bool] = True
    kind: ClassVar[str] = "average_pool1d"


@dataclass(frozen=True, repr=False)
class GlobalPool(Layer, abstract=True):
    """What pools over all positions have in common; not a layer by itself."""

    axes: ClassVar[int] = 2
    average: ClassVar[bool] = False

    def window(self, input_shape: Shape) -> Window:
        """One window over the whole row."""
        image = image_of(self, input_shape, self.axes)
        return slide(self, image, image, (1, 1), (1, 1), "valid")

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, self.axes)
        return input_shape[-1:]


@dataclass(frozen=True, repr=False)
class GlobalMaxPool2D(GlobalPool):
    """The largest number of each channel of an image: rows of (height, width, channels) become (channels,)."""

    kind: ClassVar[str] = "global_max_pool2d"


@dataclass(frozen=True, repr=False)
class GlobalMaxPool1D(GlobalPool):
    """The largest number of each channel of a sequence: rows of (length, channels) become (channels,)."""

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "global_max_pool1d"


@dataclass(frozen=True, repr=False)
class GlobalAveragePool2D(GlobalPool):
    """The mean of each channel of an image: rows (height, width, channels) become (channels,). Lin and others, 2014."""

    average: ClassVar[bool] = True
    kind: ClassVar[str] = "global_average_pool2d"


@dataclass(frozen=True, repr=False)
class GlobalAveragePool1D(GlobalPool):
    """The mean of each channel of a sequence: rows of (length, channels) become (channels,)."""

    axes: ClassVar[int] = 1
    average: ClassVar[bool] = True
    kind: ClassVar[str] = "global_average_pool1d"


for _layer in (
    MaxPool1D,
    MaxPool2D,
    AveragePool1D,
    AveragePool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
):
    registry.register(_layer, _layer.kind)
