"""Layers that make numbers of what is missing or a category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from descend import specs
from descend.layers.base import Layer, Shape, registry
from descend.layers.columns import ColumnLayer
from descend.wording import counted

#: More levels than this in one column are taken for a mistake.
MAX_LEVELS = 2**16


@dataclass(frozen=True, repr=False)
class Impute(ColumnLayer):
    """y = x, or where x is NaN the column's mean, its median or a constant.

    As the first layer it allows NaN in X, in its columns; elsewhere NaN is refused as ever. Statistics are taken over
    the numbers that are there.

    Attributes
    ----------
    strategy : "mean", "median" or "constant"
    value : the constant
    indicator : whether each of its columns gets another one behind the last, 1 where it is missing and 0 elsewhere
    """

    strategy: Literal["mean", "median", "constant"] = "mean"
    value: float = field(default=0.0, kw_only=True)
    indicator: bool = field(default=False, kw_only=True)
    kind: ClassVar[str] = "impute"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "value")
        specs.check_flag(self, "indicator")
        if self.strategy not in ("mean", "median", "constant"):
            raise ValueError(f"Impute: strategy must be 'mean', 'median' or 'constant', got {self.strategy!r}")

    @property
    def adapts(self) -> bool:
        return self.strategy != "constant"

    def output_shape(self, input_shape: Shape) -> Shape:
        more = len(self.chosen(input_shape)) if self.indicator else 0
        return (*input_shape[:-1], input_shape[-1] + more)


@dataclass(frozen=True, repr=False)
class OneHot(ColumnLayer):
    """A column of categories, coded as numbers, becomes one column per level: 1 where x is that level, otherwise 0.

    The levels are the different numbers of the training rows, in increasing order. Others give 0 in all columns.

    Attributes
    ----------
    levels : how many each of its columns has, one number for all or one for each; None counts them in the first rows
        seen. Fewer than that leave the last outputs 0, more are refused
    """

    levels: Sequence[int] | int | None = None
    kind: ClassVar[str] = "one_hot"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.levels is None:
            return
        if isinstance(self.levels, Sequence) and not isinstance(self.levels, str):
            if not self.levels:
                raise ValueError("OneHot: levels must not be empty; None counts them")
            for number in self.levels:
                OneHot(number)
            specs.set_field(self, "levels", tuple(int(number) for number in self.levels))
        else:
            specs.check_integer(self, "levels", low=1, high=MAX_LEVELS)

    def outputs(self, input_shape: Shape) -> tuple[int, ...]:
        count = len(self.chosen(input_shape))
        if self.levels is None:
            raise ValueError("OneHot: the number of levels is not known yet; call fit or adapt, or pass levels=")
        if isinstance(self.levels, int):
            return (self.levels,) * count
        if len(self.levels) != count:
            raise ValueError(
                f"OneHot: levels holds {counted(len(self.levels), 'number')} for {counted(count, 'column')}; pass one "
                "for each"
            )
        return tuple(self.levels)


def missing_columns(flat: Sequence[Layer]) -> Sequence[int] | Literal["all"]:
    """The columns of X in which layers, none of them composite, take NaN: those of an `Impute` that comes first."""
    first = flat[0]
    if not isinstance(first, Impute):
        return ()
    return "all" if first.columns is None else first.columns  # type: ignore[return-value]


registry.register(Impute, Impute.kind)
registry.register(OneHot, OneHot.kind)
