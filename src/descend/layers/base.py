"""What a layer is: configuration and shape inference. No arithmetic, no parameters.

A layer that is made of others says so in `expand`; all the rest are lowered by `descend.plan.lowering`. So a layer
of a user's own is a frozen dataclass with an `expand`, and needs nothing from an engine:

    @dataclass(frozen=True)
    class Block(layers.Layer):
        units: int = 64

        def expand(self):
            return layers.Dense(self.units), layers.BatchNorm(), layers.ReLU()
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs

#: More units than this in one layer is taken for a mistake.
MAX_UNITS = 2**20

Shape = tuple[int, ...]

registry: specs.Registry[type[Layer]] = specs.Registry("layers", "layer")


@dataclass(frozen=True)
class Layer:
    """What every layer has.

    Attributes
    ----------
    name : how the layer and its parameters are called; `kind` and a counter when None
    trainable : False freezes the layer: its weights take part, but no optimizer, penalty or decay touches them. A
        layer made of others freezes all of them; for one without weights it changes nothing
    """

    kind: ClassVar[str] = "layer"

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        specs.check_flag(self, "trainable")
        if self.name is None:
            return
        if not isinstance(self.name, str):
            raise TypeError(f"{type(self).__name__}: name must be a string, got {type(self.name).__name__}")
        if not self.name or "/" in self.name or not self.name.isprintable():
            raise ValueError(
                f"{type(self).__name__}: name must be printable, not empty and free of '/', got {self.name!r}"
            )

    def expand(self) -> tuple[Layer, ...]:
        """The built-in layers this one stands for; itself when it is one of them."""
        return (self,)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one row of the output, given that of the input.

        Raises
        ------
        ValueError
            when the layer cannot take such an input.
        """
        return input_shape


def require_features(layer: Layer, input_shape: Shape) -> int:
    """The number of features of a flat input, for layers that take no other."""
    if len(input_shape) != 1:
        raise ValueError(
            f"{type(layer).__name__}: needs rows of features, got rows of shape {input_shape}; flatten them first"
        )
    return input_shape[0]
