"""Layers that move images at random in training: flips, shifts, turns, zooms and shears, apart or in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.factors import Factor, check_factor
from descend.layers.windows import image_of

FillMode = Literal["constant", "nearest", "reflect", "wrap"]
Interpolation = Literal["bilinear", "nearest"]
FlipMode = Literal["horizontal", "vertical", "both"]

INTERPOLATIONS = ("bilinear", "nearest")
_FILL_MODES = ("constant", "nearest", "reflect", "wrap")
_FLIP_MODES = ("horizontal", "vertical", "both")


def check_choice(layer: Layer, name: str, choices: tuple[str, ...]) -> None:
    """Refuse a field that is none of `choices`."""
    value = getattr(layer, name)
    if value not in choices:
        known = ", ".join(map(repr, choices[:-1]))
        raise ValueError(f"{type(layer).__name__}: {name} must be {known} or {choices[-1]!r}, got {value!r}")


@dataclass(frozen=True, repr=False)
class Warping(Layer, abstract=True):
    """What all layers have in common that read pixels from elsewhere in the image; not a layer by itself.

    Every image of a batch is moved in its own way, anew in every step; in inference nothing moves. Behind a layer that
    is trained, gradients take the way back: each pixel's goes to the pixels that it was read from, in proportion.

    Attributes
    ----------
    fill_mode : what stands outside the image: "reflect" (d c b a | a b c d | d c b a), "wrap" (a b c d | a b c d |
        a b c d), "nearest" (a a a a | a b c d | d d d d) or "constant"
    fill_value : the constant
    interpolation : "bilinear" reads the plane between four pixels, "nearest" one pixel
    """

    axes: ClassVar[int] = 2

    fill_mode: FillMode = field(default="reflect", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    interpolation: Interpolation = field(default="bilinear", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "fill_mode", _FILL_MODES)
        specs.check_number(self, "fill_value")
        check_choice(self, "interpolation", INTERPOLATIONS)

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, self.axes)
        return input_shape


@dataclass(frozen=True, repr=False)
class RandomFlip(Layer):
    """In training, mirror each image (height, width, channels) with probability 1/2 along each axis of `mode`.

    Does nothing in inference. It suits images that mean the same in the mirror: no digits, no text.

    Attributes
    ----------
    mode : "horizontal" (left and right change places), "vertical" (up and down), or "both"
    """

    mode: FlipMode = "both"
    kind: ClassVar[str] = "random_flip"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "mode", _FLIP_MODES)

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, 2)
        return input_shape


@dataclass(frozen=True, repr=False)
class RandomTranslation(Warping):
    """In training, move each image (height, width, channels) by random parts of its height and width.

    Simard and others, "Best practices for convolutional neural networks applied to visual document analysis", 2003.

    Attributes
    ----------
    height_factor : f for -f to f, or (lowest, highest), in heights; positive is down
    width_factor : the same in widths; positive is to the right
    fill_mode, fill_value, interpolation : of pixels from outside and between pixels, see `RandomAffine`
    """

    height_factor: Factor
    width_factor: Factor
    kind: ClassVar[str] = "random_translation"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor(self, "height_factor", low=-1, high=1)
        check_factor(self, "width_factor", low=-1, high=1)


@dataclass(frozen=True, repr=False)
class RandomRotation(Warping):
    """In training, turn each image (height, width, channels) about its centre by a random angle.

    Attributes
    ----------
    factor : f for -f to f, or (lowest, highest), in whole turns of 2 pi; positive is counter-clockwise
    fill_mode, fill_value, interpolation : of pixels from outside and between pixels, see `RandomAffine`
    """

    factor: Factor
    kind: ClassVar[str] = "random_rotation"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor(self, "factor", low=-1, high=1)


@dataclass(frozen=True, repr=False)
class RandomZoom(Warping):
    """In training, shrink or enlarge each image (height, width, channels) about its centre.

    Attributes
    ----------
    height_factor : f for -f to f, or (lowest, highest): the result shows 1 + f times the image's height, so that
        positive shrinks and negative enlarges what is seen
    width_factor : the same along the width; None for the number drawn for the height
    fill_mode, fill_value, interpolation : of pixels from outside and between pixels, see `RandomAffine`
    """

    height_factor: Factor
    width_factor: Factor | None = None
    kind: ClassVar[str] = "random_zoom"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor(self, "height_factor", low=-1, high=10, low_open=True)
        if self.width_factor is not None:
            check_factor(self, "width_factor", low=-1, high=10, low_open=True)


@dataclass(frozen=True, repr=False)
class RandomShear(Warping):
    """In training, slant each image (height, width, channels): pixel (y, x) about the centre shows (y + v x, x + u y).

    Attributes
    ----------
    x_factor : f for -f to f, or (lowest, highest): the range of u
    y_factor : the same of v
    fill_mode, fill_value, interpolation : of pixels from outside and between pixels, see `RandomAffine`
    """

    x_factor: Factor = 0.0
    y_factor: Factor = 0.0
    kind: ClassVar[str] = "random_shear"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor(self, "x_factor", low=-1, high=1)
        check_factor(self, "y_factor", low=-1, high=1)


@dataclass(frozen=True, repr=False)
class RandomAffine(Warping):
    """In training, flip, turn, shear, zoom and move each image (height, width, channels), in this order, in one go.

    The same as `RandomFlip`, `RandomRotation`, `RandomShear`, `RandomZoom` and `RandomTranslation` after each other,
    but pixels are read once: that is faster, blurs once, and does not lose what leaves the image and comes back.

    Attributes
    ----------
    rotation : as `factor` of `RandomRotation`
    zoom : as `height_factor` of `RandomZoom`, the same along both axes
    shear : as `x_factor` of `RandomShear`
    height_shift, width_shift : as the factors of `RandomTranslation`
    flip : as `mode` of `RandomFlip`, or None
    fill_mode : what stands outside the image: "reflect" (d c b a | a b c d | d c b a), "wrap" (a b c d | a b c d |
        a b c d), "nearest" (a a a a | a b c d | d d d d) or "constant"
    fill_value : the constant
    interpolation : "bilinear" reads the plane between four pixels, "nearest" one pixel
    """

    rotation: Factor = 0.0
    zoom: Factor = 0.0
    shear: Factor = 0.0
    height_shift: Factor = 0.0
    width_shift: Factor = 0.0
    flip: FlipMode | None = None
    kind: ClassVar[str] = "random_affine"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rotation", "shear", "height_shift", "width_shift"):
            check_factor(self, name, low=-1, high=1)
        check_factor(self, "zoom", low=-1, high=10, low_open=True)
        if self.flip is not None:
            check_choice(self, "flip", _FLIP_MODES)


for _layer in (RandomFlip, RandomTranslation, RandomRotation, RandomZoom, RandomShear, RandomAffine):
    registry.register(_layer, _layer.kind)
