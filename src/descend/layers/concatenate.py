"""The concatenating layer's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, Shape, check_stack, registry, stack_shape


@dataclass(frozen=True, repr=False)
class Concatenate(Layer):
    """Branches that read the same input, their outputs side by side on the last axis: [branch_1(x), branch_2(x), ...].

    The gradient of x is the sum over the branches. An empty branch hands x on as it is, so that
    Concatenate([[], [Dense(8, "relu")]]) adds eight features to those there are. Szegedy and others, "Going deeper with
    convolutions", 2015; Huang and others, "Densely connected convolutional networks", 2017.

    Attributes
    ----------
    branches : list of lists of layers, at least two; stored as tuples
    """

    branches: Sequence[Sequence[Layer]]
    kind: ClassVar[str] = "concatenate"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.branches, Layer | str) or not isinstance(self.branches, Sequence):
            raise TypeError(f"Concatenate: branches must be a list of lists of layers, got {self.branches!r}")
        checked = tuple(check_stack(self, f"branches[{i}]", branch) for i, branch in enumerate(self.branches))
        if len(checked) < 2:
            raise ValueError(f"Concatenate: branches must hold at least two lists of layers, got {len(checked)}")
        specs.set_field(self, "branches", checked)

    def stacks(self) -> tuple[tuple[Layer, ...], ...]:
        return tuple(tuple(branch) for branch in self.branches)

    def with_stacks(self, stacks: Sequence[Sequence[Layer]]) -> Layer:
        return replace(self, branches=stacks)

    def output_shape(self, input_shape: Shape) -> Shape:
        shapes = [stack_shape(stack, input_shape) for stack in self.stacks()]
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ValueError(
                f"Concatenate: the branches end in rows of the shapes {', '.join(map(str, shapes))}, not alike in "
                "all axes but the last one"
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


registry.register(Concatenate, Concatenate.kind)
