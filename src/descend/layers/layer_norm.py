"""The layer-normalization layer's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, registry


@dataclass(frozen=True, repr=False)
class LayerNorm(Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over the features of each row.

    The variance is the biased one, mean((x - mean)^2). gamma and beta (features,) are learned. A row does not depend on
    the others, so training and inference are the same and the batch may have any size. Ba, Kiros and Hinton, "Layer
    normalization", 2016.

    Attributes
    ----------
    epsilon : added to the variance
    center : whether beta is learned; without it nothing is added
    scale : whether gamma is learned; without it nothing is multiplied
    """

    epsilon: float = field(default=1e-5, kw_only=True)
    center: bool = field(default=True, kw_only=True)
    scale: bool = field(default=True, kw_only=True)
    kind: ClassVar[str] = "layer_norm"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "epsilon", low=0.0, low_open=True)
        specs.check_flag(self, "center")
        specs.check_flag(self, "scale")


registry.register(LayerNorm, LayerNorm.kind)
