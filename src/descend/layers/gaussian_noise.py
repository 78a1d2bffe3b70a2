"""The noise layer's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from descend import specs
from descend.layers.base import Layer, registry


@dataclass(frozen=True, repr=False)
class GaussianNoise(Layer):
    """In training, y = x + stddev z with z from the standard normal distribution, new for every step and element.

    Does nothing in inference. Images and sequences get it at every pixel and step, where it is called jitter. On inputs
    it acts like a penalty on how fast the output changes with them; between layers it keeps units from relying on exact
    values. Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.

    Attributes
    ----------
    stddev : standard deviation of what is added, in the unit of x; 0 adds nothing
    """

    stddev: float
    kind: ClassVar[str] = "gaussian_noise"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "stddev", low=0.0)


registry.register(GaussianNoise, GaussianNoise.kind)
