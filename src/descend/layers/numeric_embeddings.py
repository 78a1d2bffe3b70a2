"""Layers that make several numbers of one, so that a network can bend where a single weight could not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from descend import specs
from descend.layers.base import Shape, registry
from descend.layers.columns import ColumnLayer


@dataclass(frozen=True, repr=False)
class PeriodicEmbedding(ColumnLayer):
    """sin(2 pi f_1 x), ..., sin(2 pi f_n x), cos(2 pi f_1 x), ..., cos(2 pi f_n x) in place of each column x.

    The frequencies f are learned, n for each column; they start normal with standard deviation `sigma`. Columns should
    be on a common scale, so let Standardize come before. Gorishniy, Rubachev and Babenko, "On embeddings for numerical
    features in tabular deep learning", 2022.

    Attributes
    ----------
    frequencies : n, for each column
    sigma : what the first frequencies are like, in the reciprocal of the column's unit: the most important number here
    """

    frequencies: int = 8
    sigma: float = field(default=0.1, kw_only=True)
    kind: ClassVar[str] = "periodic_embedding"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "frequencies", low=1, high=2**12)
        specs.check_number(self, "sigma", low=0.0, low_open=True)

    @property
    def adapts(self) -> bool:
        return False

    def outputs(self, input_shape: Shape) -> tuple[int, ...]:
        return (2 * self.frequencies,) * len(self.chosen(input_shape))


@dataclass(frozen=True, repr=False)
class PiecewiseLinearEmbedding(ColumnLayer):
    """How much of each of a column's bins lies below x: (x - start) / width, cut to [0, 1], for each bin.

    The first bin goes on below and the last above, so that no value is beyond them. Bins without width, where a column
    has few different values, give 0. Gorishniy, Rubachev and Babenko, 2022 (piecewise linear encoding).

    Attributes
    ----------
    bins : for each column
    split : "quantiles" puts as many rows in each bin; "tree" bounds them where they tell most about the target, as the
        leaves of a regression tree of that column alone: splits lower the sum of squares (for classes the Gini
        impurity) most, and leave each bin a tenth of its share of the rows or more
    """

    bins: int = 8
    split: Literal["quantiles", "tree"] = field(default="quantiles", kw_only=True)
    kind: ClassVar[str] = "piecewise_linear_embedding"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "bins", low=1, high=2**12)
        if self.split not in ("quantiles", "tree"):
            raise ValueError(f"PiecewiseLinearEmbedding: split must be 'quantiles' or 'tree', got {self.split!r}")

    def outputs(self, input_shape: Shape) -> tuple[int, ...]:
        return (self.bins,) * len(self.chosen(input_shape))


registry.register(PeriodicEmbedding, PeriodicEmbedding.kind)
registry.register(PiecewiseLinearEmbedding, PiecewiseLinearEmbedding.kind)
