"""Layers that give the numbers of a row other axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.windows import label


@dataclass(frozen=True, repr=False)
class Reshape(Layer):
    """The same numbers in the same order (the last axis fastest) with another shape.

    Attributes
    ----------
    target_shape : of a row; one size may be -1 and follows from the others
    """

    target_shape: int | tuple[int, ...]
    kind: ClassVar[str] = "reshape"

    def __post_init__(self) -> None:
        super().__post_init__()
        raw = self.target_shape
        shape = (raw,) if isinstance(raw, int) and not isinstance(raw, bool) else raw
        if not isinstance(shape, tuple | list) or any(isinstance(n, bool) or not isinstance(n, int) for n in shape):
            raise TypeError(f"Reshape: target_shape must hold integers, got {raw!r}")
        if not shape or any(n < 1 and n != -1 for n in shape) or list(shape).count(-1) > 1:
            raise ValueError(f"Reshape: target_shape must hold positive integers, one of them -1 at most, got {raw!r}")
        specs.set_field(self, "target_shape", tuple(shape))

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = self.target_shape if isinstance(self.target_shape, tuple) else (self.target_shape,)
        size, known = math.prod(input_shape), math.prod(n for n in shape if n != -1)
        found = tuple(size // known if n == -1 else n for n in shape)
        if math.prod(found) != size:
            raise ValueError(
                f"{label(self)}: rows of shape {input_shape} hold {size} numbers, which make no rows of shape {shape}"
            )
        return found


@dataclass(frozen=True, repr=False)
class Flatten(Layer):
    """All numbers of a row in one axis: what lies between images or sequences and `Dense`."""

    kind: ClassVar[str] = "flatten"

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)


registry.register(Reshape, Reshape.kind)
registry.register(Flatten, Flatten.kind)
