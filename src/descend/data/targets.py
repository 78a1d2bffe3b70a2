"""The column to predict: which task it asks for and why, and how its cells become numbers and back.

Refuses targets that no network can learn: one value, text for a regression, as many classes as rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.cells import canonical, date_format, match_levels, parse_numbers, to_numbers, unit_of
from descend.data.errors import DataError, some

TaskKind = Literal["regression", "binary", "multiclass"]
TASKS = ("regression", "classification", "binary", "multiclass")

#: Whole numbers with at most this many different values are taken for classes.
FEW_VALUES = 20
MAX_CLASSES = 1000
#: The square of a larger number, summed over rows, overflows.
LARGEST = 1e150


@dataclass(frozen=True)
class Task:
    """What to learn and the sentence that says why."""

    kind: TaskKind
    reason: str


@dataclass(frozen=True)
class NumberTarget:
    """A number; the network learns (value - mean) / scale.

    Attributes
    ----------
    name : str
    mean, scale : float
        Of the training rows, in the target's unit.
    unit : str
        That unit, such as "seconds"; empty where the column does not tell.
    """

    kind: ClassVar[str] = "number"
    name: str
    mean: float
    scale: float
    unit: str = ""

    @classmethod
    def fit(cls, series: pl.Series, rows: NDArray[np.intp]) -> NumberTarget:
        """Statistics of `series` over `rows`.

        Parameters
        ----------
        series : polars.Series
        rows : ndarray of int
        """
        numbers = to_numbers(series, "Target")
        huge = (numbers.abs() > LARGEST).fill_null(False)
        if huge.any():
            row = huge.arg_max() or 0
            raise DataError(
                f"Target {series.name!r} holds {numbers[row]:g} in row {row + 1}, too large to measure errors of; "
                "use a larger unit, or the logarithm."
            )
        values = numbers.to_numpy()[rows]
        scale = float(values.std())
        if scale == 0:
            raise DataError(f"Target {series.name!r} holds one value only in the training rows; choose another target.")
        return cls(series.name, float(values.mean()), scale, unit_of(series))

    def values(self, series: pl.Series) -> NDArray[np.float64]:
        """The target's values in its own unit: (rows,) float64, NaN where missing."""
        return to_numbers(series, "Target").fill_null(float("nan")).to_numpy().astype(np.float64)

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Values in the target's unit as the network learns them: (rows, 1) float32."""
        return ((values - self.mean) / self.scale).astype(np.float32).reshape(-1, 1)

    def decode(self, outputs: NDArray) -> NDArray[np.float64]:
        """Network outputs (rows, 1) as values in the target's unit: (rows,) float64."""
        return outputs.reshape(-1).astype(np.float64) * self.scale + self.mean


@dataclass(frozen=True)
class ClassTarget:
    """One of several classes.

    Attributes
    ----------
    name : str
    classes : tuple of str
        Sorted, as numbers when all are numbers; of two, the second one is the positive one.
    """

    kind: ClassVar[str] = "class"
    name: str
    classes: tuple[str, ...]

    @classmethod
    def fit(cls, series: pl.Series) -> ClassTarget:
        """The classes that occur in `series`."""
        return cls(series.name, tuple(_sorted_levels(canonical(series))))

    def values(self, series: pl.Series) -> NDArray[np.int32]:
        """The index of every row's class: (rows,) int32, -1 where missing; an unknown class is a DataError."""
        codes = match_levels(series, self.classes)
        strange = np.flatnonzero(codes == -2)
        if strange.size:
            cell = series[int(strange[0])]
            raise DataError(
                f"Target {self.name!r} holds {cell!r} in row {strange[0] + 1}, which is none of the model's classes "
                f"({some(list(self.classes), 12)}); remove such rows or train again."
            )
        return codes


Target = NumberTarget | ClassTarget


def task_of(target: Target) -> TaskKind:
    """The task a fitted target stands for."""
    if not isinstance(target, ClassTarget):
        return "regression"
    return "binary" if len(target.classes) == 2 else "multiclass"


def infer_task(series: pl.Series, asked: str | None = None) -> Task:
    """The task a target column asks for.

    Parameters
    ----------
    series : polars.Series
        The target; rows without a value are left out.
    asked : {"regression", "classification", "binary", "multiclass"}, optional
        The user's choice, which is checked against the column.

    Raises
    ------
    DataError
        When the column suits no task, or not the one asked for.
    """
    name = series.name
    if asked is not None and asked not in TASKS:
        raise DataError(f"There is no task {asked!r}; choose {TASKS[0]!r} or {TASKS[1]!r}.")
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"Target {name!r} holds {series.dtype} values, which are neither classes nor numbers; choose another one."
        )
    whole, series = series, series.fill_nan(None).drop_nulls() if series.dtype.is_float() else series.drop_nulls()
    if series.is_empty():
        raise DataError(f"Target {name!r} has no value in any row; choose another target.")
    distinct = series.n_unique()
    if distinct == 1:
        raise DataError(
            f"Target {name!r} holds only {str(series[0])!r}, so there is nothing to learn; "
            "add rows with other values or choose another target."
        )
    if asked == "regression":
        _refuse_text(series)
        to_numbers(whole, "Target")
        return Task("regression", "regression, as asked for")
    if asked is not None:
        count = _count_classes(series)
        kind = "binary" if count == 2 else "multiclass"
        if asked != "classification" and asked != kind:
            raise DataError(f"Target {name!r} has {count} classes, so the task is {kind!r} and not {asked!r}.")
        return Task(kind, f"classification into {count} classes, as asked for")
    return _inferred(series, whole, distinct)


def _inferred(series: pl.Series, table_series: pl.Series, distinct: int) -> Task:
    name, rows = series.name, f"{len(series):,} rows"
    numbers = parse_numbers(series)
    is_boolean = _is_boolean(series)
    things = "durations" if series.dtype == pl.Duration else "times of day" if series.dtype == pl.Time else "numbers"
    unit = f" (in {unit_of(series)})" if unit_of(series) else ""
    if numbers.null_count() == 0 and not is_boolean:
        to_numbers(table_series, "Target")  # refuses infinities
        whole = bool((numbers == numbers.round()).all())
        if not whole and distinct > 2:
            decimals = " with decimals" if things == "numbers" else ""
            return Task("regression", f"regression, because {name!r} holds {things}{decimals}{unit}")
        if distinct > FEW_VALUES:
            what = f"{distinct:,} different {things} in {rows}{unit}"
            return Task("regression", f"regression, because {name!r} holds {what}")
        kind: TaskKind = "binary" if distinct == 2 else "multiclass"
        reason = f"classification, because {name!r} holds only {distinct} different whole numbers in {rows}"
        return Task(kind, f"{reason} (otherwise: --task regression)")
    if not is_boolean and numbers.null_count() <= len(numbers) / 2:
        odd = series.filter(numbers.is_null())
        raise DataError(
            f"Target {name!r} mixes numbers with text ({len(odd)} of {len(series)} cells, the first is {odd[0]!r}); "
            f"correct them, or use --missing {odd[0]!r} if that means unknown, or --task classification."
        )
    count = _count_classes(series)
    what = "two" if count == 2 else f"{count}"
    form = "is true or false" if is_boolean else f"holds text with {what} different values"
    return Task("binary" if count == 2 else "multiclass", f"classification, because {name!r} {form}")


def _is_boolean(series: pl.Series) -> bool:
    """Whether every cell says true or false, as a file of text does it or one that knows booleans."""
    if series.dtype != pl.String:
        return series.dtype == pl.Boolean
    return bool(series.str.strip_chars().str.to_lowercase().is_in(["true", "false"]).all())


def _refuse_text(series: pl.Series) -> None:
    """A regression needs numbers."""
    _refuse_dates(series)
    if _is_boolean(series):
        raise DataError(
            f"Target {series.name!r} is true or false, and a regression needs numbers; choose another target or "
            "--task classification."
        )
    if series.dtype == pl.String and parse_numbers(series).null_count() > len(series) / 2:
        raise DataError(
            f"Target {series.name!r} holds text such as {series[0]!r}, and a regression needs numbers; "
            "choose another target or --task classification."
        )


def _refuse_dates(series: pl.Series) -> None:
    is_date = isinstance(series.dtype, pl.Date | pl.Datetime)
    if is_date or (series.dtype == pl.String and date_format(series) is not None):
        raise DataError(
            f"Target {series.name!r} holds dates such as '{series[0]}', which are neither classes nor numbers; "
            "add a column of numbers made of it, such as days since a day, and choose that."
        )


def _count_classes(series: pl.Series) -> int:
    count = canonical(series).n_unique()
    if count > MAX_CLASSES or (count > 20 and count > len(series) / 2):
        _refuse_dates(series)
        numeric = parse_numbers(series).null_count() == 0
        remedy = "use --task regression" if numeric else "choose another target"
        raise DataError(
            f"Target {series.name!r} has {count:,} different values in {len(series):,} rows, "
            f"too many to be classes; {remedy}."
        )
    return count


def _sorted_levels(series: pl.Series) -> list[str]:
    levels = series.drop_nulls().unique().to_list()
    try:
        return sorted(levels, key=float)
    except ValueError:
        return sorted(levels)
