"""Layers that cut a random piece out of images and sequences in training, and the middle in inference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.windows import MAX_WINDOW, Pair, image_of, label


@dataclass(frozen=True, repr=False)
class Crop(Layer, abstract=True):
    """What both crops have in common; not a layer by itself."""

    axes: ClassVar[int] = 2

    padding: int = field(default=0, kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "padding", low=0, high=MAX_WINDOW)
        specs.check_number(self, "fill_value")

    def size(self) -> Pair:
        """(height, width) of the piece."""
        raise NotImplementedError

    def around(self) -> Pair:
        """Pixels of padding on either side along both axes."""
        return (self.padding, self.padding) if self.axes == 2 else (0, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        image, size, around = image_of(self, input_shape, self.axes), self.size(), self.around()
        for name, n, whole, pad in zip(("height", "width"), size, image, around, strict=True):
            if n > whole + 2 * pad:
                name = name if self.axes == 2 else "length"
                padded = f" with {pad} of padding on either side" if pad else ""
                raise ValueError(
                    f"{label(self)}: {name} is {n}, but rows of shape {input_shape} have only {whole}{padded}; use a "
                    "smaller crop or more padding"
                )
        return (*size[2 - self.axes :], input_shape[-1])


@dataclass(frozen=True, repr=False)
class RandomCrop(Crop):
    """In training, cut a piece of (height, width) out of each image (height, width, channels), at a place of its own.

    In inference it is the piece in the middle. With padding and the image's own size the image is moved by up to so
    many whole pixels, and inference sees it unchanged: He and others, "Deep residual learning", 2016.

    Attributes
    ----------
    height, width : of the piece, in pixels
    padding : pixels of `fill_value` around the image before
    fill_value : 0 if nothing else is said
    """

    height: int
    width: int
    kind: ClassVar[str] = "random_crop"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "height", low=1, high=MAX_WINDOW)
        specs.check_integer(self, "width", low=1, high=MAX_WINDOW)

    def size(self) -> Pair:
        return self.height, self.width


@dataclass(frozen=True, repr=False)
class RandomTimeCrop(Crop):
    """In training, cut `length` steps out of each sequence (steps, channels), from a step of its own on.

    In inference they are the steps in the middle. Le Guennec and others, "Data augmentation for time series
    classification using convolutional neural networks", 2016 ("window slicing"). All sequences must be of full length.

    Attributes
    ----------
    length : steps of the piece
    padding : steps of `fill_value` before and after the sequence
    fill_value : 0 if nothing else is said
    """

    axes: ClassVar[int] = 1

    length: int
    kind: ClassVar[str] = "random_time_crop"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "length", low=1, high=MAX_WINDOW)

    def size(self) -> Pair:
        return 1, self.length


registry.register(RandomCrop, RandomCrop.kind)
registry.register(RandomTimeCrop, RandomTimeCrop.kind)
