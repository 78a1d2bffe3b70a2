"""The embedding layer's configuration."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from descend import initializers, penalties, specs
from descend.layers.base import MAX_UNITS, Layer, Shape, registry
from descend.layers.windows import label
from descend.wording import counted

#: A float32 holds no larger integer range without gaps.
MAX_LEVELS = 2**24


@dataclass(frozen=True, repr=False)
class Embedding(Layer):
    """Turns categories into vectors that are learned: category v of a column becomes row v of a weight.

    It reads the network's input, whose category columns hold the integers 0 to levels - 1 as numbers. Layers that are
    not trained may stand before it as long as they leave these columns alone: `Standardize(columns=...)` of the others,
    `CutMix`, `SwapNoise`. Where `columns`
    is None, rows (k,) are k positions of a sequence and become (k, units). Otherwise the output (k * units + others,)
    has the vectors of the k columns side by side, followed by the input's other columns as they are. Bengio and others,
    "A neural probabilistic language model", 2003; Guo and Berkhahn, "Entity embeddings of categorical variables", 2016.

    The gradient of the weight is summed over the rows that occur and is 0 for the others, which optimizers with
    moments, decay and penalties nevertheless move, as they do for all weights.

    Attributes
    ----------
    levels : number of categories; one number for columns of one kind, such as words, which then share the weight
        (levels, units), or a list with one for each column, whose vectors lie one below the other in a weight
        (sum(levels), units)
    units : length of a vector
    columns : which columns of the input are categories, as their numbers; None for all, kept apart
    initializer : of the weight; None for normal numbers with deviation 1 / sqrt(units)
    penalty : on the weight; None for the network's
    """

    levels: int | Sequence[int]
    units: int
    columns: Sequence[int] | None = field(default=None, kw_only=True)
    initializer: initializers.Initializer | str | None = field(default=None, kw_only=True)
    penalty: penalties.Penalty | str | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "embedding"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "units", low=1, high=MAX_UNITS)
        if isinstance(self.levels, numbers.Integral):
            specs.check_integer(self, "levels", low=1, high=MAX_LEVELS)
        else:
            specs.set_field(self, "levels", _integers("levels", self.levels, 1, MAX_LEVELS))
        if self.columns is not None:
            specs.set_field(self, "columns", _integers("columns", self.columns, 0, 2**31 - 1))
            if len(set(self.columns)) < len(self.columns):
                raise ValueError(f"Embedding: columns must be different, got {list(self.columns)}")
            if not isinstance(self.levels, int) and len(self.levels) != len(self.columns):
                raise ValueError(
                    f"Embedding: levels must be one number, or one for each column ({len(self.columns)}), got "
                    f"{len(self.levels)}"
                )
        if self.initializer is not None:
            specs.set_field(self, "initializer", initializers.resolve(self.initializer))
        specs.set_field(self, "penalty", penalties.resolve(self.penalty))

    def chosen(self, input_shape: Shape) -> tuple[tuple[int, int], ...]:
        """The category columns of an input with their numbers of levels.

        Raises
        ------
        ValueError
            when there are no such columns.
        """
        if len(input_shape) != 1:
            raise ValueError(f"{label(self)}: needs rows of categories, got rows of shape {input_shape}")
        width = input_shape[0]
        if self.columns is None and width > MAX_UNITS:
            raise ValueError(f"Embedding: rows may hold at most {MAX_UNITS} categories, got {width}; cut them")
        columns = tuple(range(width)) if self.columns is None else tuple(self.columns)
        if max(columns) >= width:
            raise ValueError(f"Embedding: columns names {max(columns)}, but the input has the columns 0 to {width - 1}")
        levels = (self.levels,) * len(columns) if isinstance(self.levels, int) else tuple(self.levels)
        if len(levels) != len(columns):
            raise ValueError(
                f"Embedding: levels holds {counted(len(levels), 'number')}, but the input has "
                f"{counted(width, 'column')}; name the columns that are categories, as in columns=[0, 3], or give one "
                "number for all"
            )
        return tuple(zip(columns, levels, strict=True))

    def output_shape(self, input_shape: Shape) -> Shape:
        chosen = self.chosen(input_shape)
        if self.columns is None:
            return (len(chosen), self.units)
        return (len(chosen) * self.units + input_shape[0] - len(chosen),)


def _integers(name: str, values: object, low: int, high: int) -> tuple[int, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"Embedding: {name} must be integers, got {values!r}")
    values = tuple(values)
    if not values:
        raise ValueError(f"Embedding: {name} must not be empty")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError(f"Embedding: {name} must hold integers, got {value!r}")
        if not low <= int(value) <= high:
            raise ValueError(f"Embedding: {name} must hold integers from {low} to {high}, got {value}")
    return tuple(int(value) for value in values)


registry.register(Embedding, Embedding.kind)
