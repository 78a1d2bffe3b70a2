"""The bidirectional layer's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from descend.layers.base import Layer, Shape, registry
from descend.layers.recurrent import Recurrent

#: How the outputs of both directions become one.
MERGES = ("concatenate", "sum")


@dataclass(frozen=True, repr=False)
class Bidirectional(Layer):
    """A recurrent layer and a second one that reads the sequence from its end, their outputs side by side or added.

    With `return_sequences` every step's output knows the whole sequence, what came before the step and what comes after
    it. Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.

    Attributes
    ----------
    layer : a SimpleRNN, LSTM or GRU that reads from the beginning
    backward : the other one, with reverse=True; None for one like `layer`, with weights of its own
    merge : "concatenate" for (..., 2 units), "sum" for (..., units)
    """

    layer: Recurrent
    backward: Recurrent | None = None
    merge: str = field(default="concatenate", kw_only=True)
    kind: ClassVar[str] = "bidirectional"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, layer in (("layer", self.layer), ("backward", self.backward)):
            if not isinstance(layer, Recurrent) and (name == "layer" or layer is not None):
                raise TypeError(
                    f"Bidirectional: {name} must be a recurrent layer such as layers.LSTM(32), got {layer!r}"
                )
        if self.merge not in MERGES:
            raise ValueError(f"Bidirectional: merge must be one of {', '.join(MERGES)}, got {self.merge!r}")
        if self.layer.reverse:
            raise ValueError("Bidirectional: layer must read from the beginning; leave its reverse at False")
        other = self._backward
        if not other.reverse:
            raise ValueError("Bidirectional: backward must read from the end; give it reverse=True")
        if other.return_sequences != self.layer.return_sequences:
            raise ValueError("Bidirectional: layer and backward must have the same return_sequences")
        if self.merge == "sum" and other.units != self.layer.units:
            raise ValueError(
                f"Bidirectional: only equally many units can be added, got {self.layer.units} and {other.units}; use "
                "merge='concatenate'"
            )

    @property
    def _backward(self) -> Recurrent:
        return replace(self.layer, reverse=True, name=None) if self.backward is None else self.backward

    def stacks(self) -> tuple[tuple[Layer, ...], ...]:
        return (self.layer,), (self._backward,)

    def with_stacks(self, stacks: Sequence[Sequence[Layer]]) -> Layer:
        return replace(self, layer=stacks[0][0], backward=stacks[1][0])

    def output_shape(self, input_shape: Shape) -> Shape:
        ahead, back = self.layer.output_shape(input_shape), self._backward.output_shape(input_shape)
        return ahead if self.merge == "sum" else (*ahead[:-1], ahead[-1] + back[-1])


registry.register(Bidirectional, Bidirectional.kind)
