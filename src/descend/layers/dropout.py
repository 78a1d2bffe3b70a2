"""The dropout layer's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, registry


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, zero each element with probability `rate` and scale the rest by 1 / (1 - rate).

    Does nothing in inference. Srivastava and others, 2014.
    """

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "rate", low=0.0, high=1.0, high_open=True)


registry.register(Dropout, Dropout.kind)
