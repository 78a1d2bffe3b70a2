"""Layers that put zeros around images and sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.windows import Window, axes_of, image_of, pair

#: Most zeros along one side.
MAX_PADDING = 2**16


@dataclass(frozen=True, repr=False)
class ZeroPadding(Layer, abstract=True):
    """What both layers have in common; not a layer by itself."""

    padding: Any = 1
    axes: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.set_field(self, "padding", _sides(self, self.padding))

    def window(self, input_shape: Shape) -> Window:
        """Windows of one pixel, of which those around the row cover none."""
        image = image_of(self, input_shape, self.axes)
        sides = ((0, 0), *self.padding)[-2:]
        grid = tuple(size + before + after for size, (before, after) in zip(image, sides, strict=True))
        return Window(image, pair(grid, 1), (1, 1), before=(sides[0][0], sides[1][0]))

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*axes_of(self.window(input_shape).grid, self.axes), input_shape[-1])


@dataclass(frozen=True, repr=False)
class ZeroPadding2D(ZeroPadding):
    """Zeros around images of shape (height, width, channels).

    Attributes
    ----------
    padding : an integer for all sides, (vertical, horizontal), or ((top, bottom), (left, right))
    """

    kind: ClassVar[str] = "zero_padding2d"


@dataclass(frozen=True, repr=False)
class ZeroPadding1D(ZeroPadding):
    """Zeros before and behind sequences of shape (length, channels).

    Attributes
    ----------
    padding : an integer for both ends, or (before, behind): (k - 1, 0) before a `Conv1D` with a kernel of size k lets
        every output see what came until then and nothing later
    """

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "zero_padding1d"


def _sides(layer: ZeroPadding, value: Any) -> tuple[tuple[int, int], ...]:
    """((before, after) for each axis), whichever way it is given."""
    sides = value
    if layer.axes == 1 and not (_is_list(value, 1) and _is_list(value[0], 2)):
        sides = (value,)
    elif isinstance(value, int):
        sides = (value, value)
    if _is_list(sides, layer.axes):
        found = [(one, one) if isinstance(one, int) else one for one in sides]
        if all(_is_list(one, 2) and all(_is_size(n) for n in one) for one in found):
            return tuple((one[0], one[1]) for one in found)
    pairs = "(before, behind)" if layer.axes == 1 else "(vertical, horizontal) or ((top, bottom), (left, right))"
    raise ValueError(
        f"{type(layer).__name__}: padding must be an integer from 0 to {MAX_PADDING} or {pairs}, got {value!r}"
    )


def _is_list(value: Any, size: int) -> bool:
    return isinstance(value, tuple | list) and len(value) == size


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_PADDING


for _layer in (ZeroPadding1D, ZeroPadding2D):
    registry.register(_layer, _layer.kind)
