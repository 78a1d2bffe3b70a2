"""The ops of a plan that work on single columns, see `ops`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from descend.plan.op import Op


@dataclass(frozen=True)
class ColumnMap(Op):
    """A function of single columns: output o comes from input column sources[o].

    It is copied where slots[o] is -1; otherwise it goes through the function with the numbers of that slot. Each slot
    belongs to one output, and the slots of one column follow each other.

    `rule` says how the op's statistics are taken from data, see `engine/reference`; "" where it has none.
    """

    sources: tuple[int, ...]
    slots: tuple[int, ...]
    rule: str


@dataclass(frozen=True)
class Rescale(ColumnMap):
    """z = (x - center) / spread; then z / sqrt(1 + (z / limit)^2) unless the limit is infinite.

    center and spread (slots,); rules "moments" (mean, deviation) and "quartiles" (median, distance of the quartiles).
    """

    center: int
    spread: int
    limit: float = math.inf


@dataclass(frozen=True)
class Interpolate(ColumnMap):
    """The line through the points (knot, value), constant beyond them; knots do not decrease.

    knots and values (points, slots); rules "uniform" and "normal", which name the distribution of the values.
    """

    knots: int
    values: int


@dataclass(frozen=True)
class Impute(ColumnMap):
    """x, or where it is NaN the slot's filling; the last `count` slots are 1 where x is NaN, otherwise 0.

    fill (slots - count,); rules "mean" and "median".
    """

    fill: int
    count: int


@dataclass(frozen=True)
class OneHot(ColumnMap):
    """1 where x is the slot's level, otherwise 0; a level that repeats the one before it in its column is always 0.

    levels (slots,); rule "levels", the different numbers of a column.
    """

    levels: int


@dataclass(frozen=True)
class Periodic(ColumnMap):
    """sin(2 pi f x) for each of a column's `count` frequencies f, then the cosines; frequency (slots / 2,), trained."""

    frequency: int
    count: int


@dataclass(frozen=True)
class PiecewiseLinear(ColumnMap):
    """(x - start) / width, cut to [0, 1] except below in a column's first and above in its last of `count` bins.

    A bin of width 0 gives 0. start and width (slots,); rules "quantiles" and "tree".
    """

    start: int
    width: int
    count: int
