"""Layers that move sequences in time at random in training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.factors import Factor, check_factor
from descend.layers.warping import INTERPOLATIONS, FillMode, Interpolation, Warping, check_choice
from descend.layers.windows import image_of

#: More changes of pace than this in a sequence are taken for a mistake.
MAX_KNOTS = 1024


@dataclass(frozen=True, repr=False)
class RandomTimeShift(Warping):
    """In training, move each sequence (steps, channels) in time by a random part of its length.

    Does nothing in inference. Of `Sequences` each row is moved within its own length.

    Attributes
    ----------
    factor : f for -f to f, or (lowest, highest), in lengths of the sequence; positive is later
    fill_mode : what comes in at the open end: "nearest" repeats the last step, "constant" is `fill_value`, "reflect"
        and "wrap" go on with the sequence backwards and from its other end
    fill_value : the constant
    interpolation : "nearest" moves by whole steps, "bilinear" also between them
    """

    axes: ClassVar[int] = 1

    factor: Factor
    interpolation: Interpolation = field(default="nearest", kw_only=True)
    fill_mode: FillMode = field(default="nearest", kw_only=True)
    kind: ClassVar[str] = "random_time_shift"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor(self, "factor", low=-1, high=1)


@dataclass(frozen=True, repr=False)
class RandomTimeWarp(Layer):
    """In training, let each sequence (steps, channels) run faster in some places and slower in others.

    Does nothing in inference. The pace is drawn at evenly spaced knots and is a straight line between them; the first
    and the last step stay. Of `Sequences` each row is warped within its own length. Um and others, 2017,
    see `RandomScaling`.

    Attributes
    ----------
    factor : the pace is drawn from 1 - factor to 1 + factor
    knots : places where it is drawn, from 2 on
    interpolation : "bilinear" for straight lines between steps, "nearest" for whole steps
    """

    factor: float = 0.2
    knots: int = 6
    interpolation: Interpolation = field(default="bilinear", kw_only=True)
    kind: ClassVar[str] = "random_time_warp"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "factor", low=0.0, high=1.0, high_open=True)
        specs.check_integer(self, "knots", low=2, high=MAX_KNOTS)
        check_choice(self, "interpolation", INTERPOLATIONS)

    def output_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, 1)
        return input_shape


registry.register(RandomTimeShift, RandomTimeShift.kind)
registry.register(RandomTimeWarp, RandomTimeWarp.kind)
