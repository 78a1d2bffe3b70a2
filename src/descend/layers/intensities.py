"""Layers that change how bright, how contrasty or how large what they read is, at random in training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.factors import Factor, check_factor, check_range
from descend.layers.windows import image_of

_LIMIT = 1e30


@dataclass(frozen=True, repr=False)
class Intensity(Layer, abstract=True):
    """What brightness and contrast have in common; not a layer by itself."""

    factor: Factor
    value_range: tuple[float, float] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor(self, "factor", low=-1, high=1)
        if self.value_range is None:
            return
        check_range(self, "value_range", low=-_LIMIT, high=_LIMIT)
        if self.value_range[0] == self.value_range[1]:
            raise ValueError(
                f"{type(self).__name__}: value_range must be two different numbers, got {self.value_range!r}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, 2)
        return input_shape


@dataclass(frozen=True, repr=False)
class RandomBrightness(Intensity):
    """In training, add a random number to each image (height, width, channels), the same for all its pixels.

    Does nothing in inference.

    Attributes
    ----------
    factor : f for -f to f, or (lowest, highest), in units of the value range
    value_range : (darkest, brightest) number of the images, such as (0, 255), to which results are cut; None for a
        range of size 1 and no cut (Keras cuts to (0, 255) unless told otherwise)
    """

    kind: ClassVar[str] = "random_brightness"


@dataclass(frozen=True, repr=False)
class RandomContrast(Intensity):
    """In training, x becomes m + c (x - m), with m each channel's mean over the image (height, width, channels).

    Does nothing in inference.

    Attributes
    ----------
    factor : f for c from 1 - f to 1 + f, or (lowest, highest) of c - 1
    value_range : (darkest, brightest) number of the images, such as (0, 255), to which results are cut; None for no cut
        (Keras cuts to (0, 255) unless told otherwise)
    """

    kind: ClassVar[str] = "random_contrast"


@dataclass(frozen=True, repr=False)
class RandomScaling(Layer):
    """In training, multiply each channel of a sequence (steps, channels) by a random number, the same for all steps.

    Does nothing in inference. Um and others, "Data augmentation of wearable sensor data for Parkinson's disease
    monitoring using convolutional neural networks", 2017 (who draw from a normal distribution).

    Attributes
    ----------
    factor : f for 1 - f to 1 + f, or (lowest, highest) of what is added to 1
    by_channel : False for one number for all channels
    """

    factor: Factor
    by_channel: bool = True
    kind: ClassVar[str] = "random_scaling"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor(self, "factor", low=-1, high=10)
        specs.check_flag(self, "by_channel")

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, 1)
        return input_shape


registry.register(RandomBrightness, RandomBrightness.kind)
registry.register(RandomContrast, RandomContrast.kind)
registry.register(RandomScaling, RandomScaling.kind)
