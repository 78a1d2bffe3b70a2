"""Layers that bring columns to a common scale, by statistics of the training rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from descend import specs
from descend.layers.base import registry
from descend.layers.columns import ColumnLayer


@dataclass(frozen=True, repr=False)
class Standardize(ColumnLayer):
    """y = (x - mean) / deviation, column by column; the deviation is sqrt(mean((x - mean)^2)).

    A constant column becomes 0: its deviation counts as 1.
    """

    kind: ClassVar[str] = "standardize"


@dataclass(frozen=True, repr=False)
class RobustScale(ColumnLayer):
    """z = (x - median) / spread with the spread between the quartiles, then y = z / sqrt(1 + (z / limit)^2).

    The second step clips smoothly: near 0 it changes nothing, and nothing gets beyond the limit, so that a stray value
    neither decides the scale nor upsets the network. Where the quartiles are equal the spread is half the range, and 1
    for a constant column. Holzmueller, Grinsztajn and Steinwart, "Better by default" (RealMLP), 2024.

    Attributes
    ----------
    limit : most an output may be; None for no clipping
    """

    limit: float | None = 3.0
    kind: ClassVar[str] = "robust_scale"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.limit is not None:
            specs.check_number(self, "limit", low=0.0, low_open=True)


@dataclass(frozen=True, repr=False)
class QuantileTransform(ColumnLayer):
    """Each column by its own distribution function, so that all have the same distribution.

    The column's quantiles at 0, 1 / (n - 1), ..., 1 become those of the uniform distribution on [0, 1] or of the
    standard normal one, with straight lines between them and nothing beyond the outermost. A value that several
    quantiles have becomes the mean of what they become. The normal quantiles end at 1 / (2 rows) and 1 - 1 / (2 rows).

    Attributes
    ----------
    quantiles : n, how many
    output : "uniform" or "normal"
    """

    quantiles: int = 256
    output: Literal["uniform", "normal"] = field(default="uniform", kw_only=True)
    kind: ClassVar[str] = "quantile_transform"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "quantiles", low=2, high=2**16)
        if self.output not in ("uniform", "normal"):
            raise ValueError(f"QuantileTransform: output must be 'uniform' or 'normal', got {self.output!r}")


registry.register(Standardize, Standardize.kind)
registry.register(RobustScale, RobustScale.kind)
registry.register(QuantileTransform, QuantileTransform.kind)
