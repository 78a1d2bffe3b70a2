"""The residual layer's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, check_stack, registry, stack_shape


@dataclass(frozen=True, repr=False)
class Residual(Layer):
    """inner(x) + shortcut(x): what some layers make of x, added to x itself or to what a shortcut makes of it.

    The gradient of x is the sum of those along both ways, so that it reaches the early layers of deep networks
    undiminished. He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016.

    Attributes
    ----------
    layers : list of layers; stored as a tuple
    shortcut : None for x itself, or layers that give x the inner layers' output shape, such as [Dense(64)]
    """

    layers: Sequence[Layer]
    shortcut: Sequence[Layer] | None = None
    kind: ClassVar[str] = "residual"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.set_field(self, "layers", check_stack(self, "layers", self.layers))
        if not self.layers:
            raise ValueError("Residual: layers must hold at least one layer, got an empty list")
        if self.shortcut is not None:
            specs.set_field(self, "shortcut", check_stack(self, "shortcut", self.shortcut) or None)

    def stacks(self) -> tuple[tuple[Layer, ...], ...]:
        return tuple(self.layers), tuple(self.shortcut or ())

    def with_stacks(self, stacks: Sequence[Sequence[Layer]]) -> Layer:
        return replace(self, layers=stacks[0], shortcut=stacks[1] or None)

    def output_shape(self, input_shape: Shape) -> Shape:
        inner, shortcut = (stack_shape(stack, input_shape) for stack in self.stacks())
        if inner != shortcut:
            raise ValueError(
                f"{self.name or 'Residual'}: its layers turn rows of shape {input_shape} into {inner}, but its "
                f"shortcut gives {shortcut}, and only equal shapes can be added; let the layers end in shape "
                f"{shortcut}, or give it a shortcut that ends in {inner}, such as "
                f"shortcut=[layers.Dense({inner[-1]})]"
            )
        return inner


registry.register(Residual, Residual.kind)
