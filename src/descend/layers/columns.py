"""What layers have in common that work on chosen columns and let the others pass."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field

from descend import specs
from descend.layers.base import Layer, Shape
from descend.wording import counted


@dataclass(frozen=True, repr=False)
class ColumnLayer(Layer, abstract=True):
    """A function of single columns, the numbers along the last axis, at every position alike.

    Layers of this kind that learn statistics do so from the training rows, every row counting alike, at the first
    `fit`, or from the rows of `adapt`. A later `fit` leaves the statistics as they are; `adapt` takes them anew.

    Attributes
    ----------
    columns : numbers of the columns it works on, negative ones counted from the end; None for all. What becomes of a
        column takes its place, and the others pass as they are
    """

    columns: Sequence[int] | int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.columns
        if given is None:
            return
        if isinstance(given, numbers.Integral) and not isinstance(given, bool):
            given = (given,)
        if isinstance(given, str) or not hasattr(given, "__iter__"):
            raise TypeError(f"{type(self).__name__}: columns must be column numbers, such as (0, 3), got {given!r}")
        found = tuple(given)  # type: ignore[arg-type]
        for number in found:
            if isinstance(number, bool) or not isinstance(number, numbers.Integral):
                raise TypeError(f"{type(self).__name__}: columns must hold integers, got {number!r}")
        if not found:
            raise ValueError(f"{type(self).__name__}: columns must not be empty; None stands for all")
        specs.set_field(self, "columns", tuple(int(number) for number in found))

    @property
    def adapts(self) -> bool:
        """Whether it has statistics to learn from data."""
        return True

    def chosen(self, input_shape: Shape) -> tuple[int, ...]:
        """The columns it works on, in order, for rows of this shape.

        Raises
        ------
        ValueError
            When there is no such column, or one is named twice.
        """
        features = input_shape[-1]
        if self.columns is None:
            return tuple(range(features))
        assert isinstance(self.columns, tuple)
        for number in self.columns:
            if not -features <= number < features:
                raise ValueError(
                    f"{type(self).__name__}: columns holds {number}, but its input has {counted(features, 'column')}, "
                    f"0 to {features - 1}"
                )
        found = sorted(number % features for number in self.columns)
        for number, following in itertools.pairwise(found):
            if number == following:
                raise ValueError(f"{type(self).__name__}: columns holds column {number} twice")
        return tuple(found)

    def outputs(self, input_shape: Shape) -> tuple[int, ...]:
        """How many columns each of the chosen ones becomes."""
        return (1,) * len(self.chosen(input_shape))

    def output_shape(self, input_shape: Shape) -> Shape:
        outputs = self.outputs(input_shape)
        return (*input_shape[:-1], input_shape[-1] - len(outputs) + sum(outputs))
