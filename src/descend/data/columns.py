"""One frozen dataclass per kind of encoded column: fitted on training rows, applied to any rows, plain data.

A column turns its cells into one or more float features and knows their names. Missing values never reach the
network: every kind says what it does with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.cells import match_levels, to_dates, to_numbers
from descend.data.kinds import Dropped, Kept

#: A level of a category is kept when it has this share of the training rows, but never needs more than the second
#: and never less than the first number of them.
LEVEL_SHARE = 0.001
LEVEL_ROWS = (5, 50)
MAX_LEVELS = 100
#: The missing and grouped levels' names in feature names.
MISSING_LEVEL, OTHER_LEVEL = "(missing)", "(other)"
SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class NumberColumn:
    """A number x as z = (x - mean) / scale, softly limited: z / sqrt(1 + (z / LIMIT)^2).

    The limit leaves ordinary values nearly as they are (z = 1 becomes 0.99) and keeps an outlier, in training or
    at prediction, from dominating every sum it enters.

    Attributes
    ----------
    name : str
    mean, scale : float
        Of the training rows, in the column's unit; scale is 1 for a constant.
    fill : float
        The median, put in where the number is missing.
    indicator : bool
        Whether a second feature tells that it was missing: true when training rows lacked it.
    """

    kind: ClassVar[str] = "number"
    LIMIT: ClassVar[float] = 8.0
    name: str
    mean: float
    scale: float
    fill: float
    indicator: bool

    @classmethod
    def fit(cls, column: Kept, rows: NDArray[np.intp]) -> NumberColumn | Dropped:
        """Statistics over `rows` of a Float64 series, or why there are none."""
        values = column.series.to_numpy().astype(np.float64)[rows]
        missing = np.isnan(values)
        known = values[~missing]
        if known.size == 0 or (known.min() == known.max() and not missing.any()):
            return Dropped(column.name, "does not vary within the training rows")
        mean, scale = _moments(known)
        return cls(column.name, mean, scale, float(np.median(known)), bool(missing.any()))

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} {MISSING_LEVEL}") if self.indicator else (self.name,)

    def encode(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Write (rows, len(features)) into `out`."""
        values = to_numbers(series).fill_null(float("nan")).to_numpy().astype(np.float64)
        missing = np.isnan(values)
        z = (np.where(missing, self.fill, values) - self.mean) / self.scale
        out[:, 0] = z / np.hypot(1.0, z / self.LIMIT)
        if self.indicator:
            out[:, 1] = missing


@dataclass(frozen=True)
class CategoryColumn:
    """A category as one feature of 0 or 1 per level.

    Attributes
    ----------
    name : str
    levels : tuple of str
        The levels frequent enough in training, most frequent first.
    other : bool
        Whether training had rarer levels: they share a feature, and levels never seen in training join them.
        Without it a level never seen has 0 in every feature.
    indicator : bool
        Whether missing is a level: true when training rows lacked the category. Otherwise it is 0 in every feature.
    """

    kind: ClassVar[str] = "category"
    name: str
    levels: tuple[str, ...]
    other: bool
    indicator: bool

    @classmethod
    def fit(cls, column: Kept, rows: NDArray[np.intp]) -> CategoryColumn | Dropped:
        """The levels of a String series over `rows`, or why there are none."""
        cells = column.series[rows]
        counts = cells.drop_nulls().value_counts(sort=False).sort(["count", column.name], descending=[True, False])
        least = min(LEVEL_ROWS[1], max(LEVEL_ROWS[0], LEVEL_SHARE * len(cells)))
        frequent = counts.filter(pl.col("count") >= least).head(MAX_LEVELS)[column.name].to_list()
        other = len(frequent) < counts.height
        indicator = cells.null_count() > 0
        if len(frequent) + other + indicator < 2:
            reason = "does not vary within the training rows"
            if other:
                reason = (
                    f"has {counts.height:,} levels, each in too few training rows (under {least:.0f}) to learn from"
                )
            return Dropped(column.name, reason)
        return cls(column.name, tuple(frequent), other, indicator)

    @property
    def features(self) -> tuple[str, ...]:
        extra = [OTHER_LEVEL] * self.other + [MISSING_LEVEL] * self.indicator
        return tuple(f"{self.name} = {level}" for level in [*self.levels, *extra])

    def encode(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Write (rows, len(features)) into `out`."""
        codes = match_levels(series, self.levels)
        out[:] = 0
        nowhere = len(self.features)
        codes = np.where(codes == -2, len(self.levels) if self.other else nowhere, codes)
        codes = np.where(codes == -1, nowhere - 1 if self.indicator else nowhere, codes)
        rows = np.flatnonzero(codes < nowhere)
        out[rows, codes[rows]] = 1


@dataclass(frozen=True)
class DateColumn:
    """A date as elapsed time, and as sine and cosine of the parts that come round again.

    Attributes
    ----------
    name : str
    format : str or None
        How the date is written; None for a column that was typed.
    mean, scale : float
        Of the days since 1970, over the training rows.
    parts : tuple of str
        Those of "time of year", "weekday" and "time of day" that vary.
    indicator : bool
        Whether a feature tells that the date was missing (the others are then 0).
    """

    kind: ClassVar[str] = "date"
    name: str
    format: str | None
    mean: float
    scale: float
    parts: tuple[str, ...]
    indicator: bool

    @classmethod
    def fit(cls, column: Kept, rows: NDArray[np.intp]) -> DateColumn | Dropped:
        """Statistics of a Datetime series over `rows`, or why there are none."""
        days, missing = _days(column.series[rows])
        known = days[~missing]
        if known.size == 0 or (known.min() == known.max() and not missing.any()):
            return Dropped(column.name, "does not vary within the training rows")
        scale = float(known.std()) or 1.0
        turns = _turns(column.series[rows])
        parts = tuple(part for part, turn in turns.items() if np.unique(turn[~missing]).size > 1)
        return cls(column.name, column.format, float(known.mean()), scale, parts, bool(missing.any()))

    @property
    def features(self) -> tuple[str, ...]:
        names = [f"{self.name} (elapsed)"]
        for part in self.parts:
            names += [f"{self.name} ({part}, sine)", f"{self.name} ({part}, cosine)"]
        return (*names, f"{self.name} {MISSING_LEVEL}") if self.indicator else tuple(names)

    def encode(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Write (rows, len(features)) into `out`."""
        dates = to_dates(series, self.format)
        days, missing = _days(dates)
        z = (days - self.mean) / self.scale
        out[:, 0] = z / np.hypot(1.0, z / NumberColumn.LIMIT)
        turns = _turns(dates)
        for i, part in enumerate(self.parts):
            out[:, 1 + 2 * i] = np.sin(2 * np.pi * turns[part])
            out[:, 2 + 2 * i] = np.cos(2 * np.pi * turns[part])
        out[missing] = 0
        if self.indicator:
            out[:, -1] = missing


Column = NumberColumn | CategoryColumn | DateColumn

#: The kinds by the name they have in a file.
COLUMNS: dict[str, type[Column]] = {cls.kind: cls for cls in (NumberColumn, CategoryColumn, DateColumn)}


def _moments(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation, the latter 1 where it vanishes; scaled first, so that no square overflows."""
    largest = float(np.abs(values).max()) or 1.0
    scaled = values / largest
    scale = float(scaled.std()) * largest
    return float(scaled.mean()) * largest, scale if math.isfinite(scale) and scale > 0 else 1.0


def _days(dates: pl.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Days since 1970 (0 where missing) and where the date is missing: (rows,) each."""
    microseconds = dates.cast(pl.Int64)
    missing = microseconds.is_null().to_numpy()
    return microseconds.fill_null(0).to_numpy() / (1e6 * SECONDS_PER_DAY), missing


def _turns(dates: pl.Series) -> dict[str, NDArray[np.float64]]:
    """The share of a year, a week and a day that has passed: (rows,) each in [0, 1], 0 where missing."""
    days, _ = _days(dates)
    year_day = dates.dt.ordinal_day().fill_null(1).to_numpy()
    weekday = dates.dt.weekday().fill_null(1).to_numpy()
    return {
        "time of year": (year_day - 1) / 365.25,
        "weekday": (weekday - 1) / 7.0,
        "time of day": days - np.floor(days),
    }
