"""The `TableEncoder`: everything between a table's rows and a network's float32 input, as data that fits in JSON.

Fitted on training rows, stored with the model, applied to any later table. It holds no code and is never pickled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.columns import COLUMNS, CategoryColumn, Column, DateColumn, NumberColumn
from descend.data.errors import DataError, some
from descend.data.kinds import Dropped, Kept, unsplit
from descend.data.targets import ClassTarget, NumberTarget, Target
from descend.wording import agreeing

#: Of the JSON form; a file with a higher one was written by a newer release.
VERSION = 1

_FITTERS = {"number": NumberColumn.fit, "category": CategoryColumn.fit, "date": DateColumn.fit}
_TARGETS: dict[str, type[Target]] = {cls.kind: cls for cls in (NumberTarget, ClassTarget)}


@dataclass(frozen=True)
class TableEncoder:
    """Turns tables with the columns of the training table into float32 matrices.

    Attributes
    ----------
    columns : tuple of Column
        In the order of their features.
    target : NumberTarget or ClassTarget
    dropped : tuple of Dropped
        Columns of the training table that are not used, with the reasons.
    """

    columns: tuple[Column, ...]
    target: Target
    dropped: tuple[Dropped, ...] = ()
    features: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = tuple(name for column in self.columns for name in column.features)
        object.__setattr__(self, "features", names)

    @classmethod
    def fit(
        cls, kept: tuple[Kept, ...], dropped: tuple[Dropped, ...], target: Target, rows: NDArray[np.intp]
    ) -> TableEncoder:
        """Fit every column on the training rows.

        Parameters
        ----------
        kept, dropped
            What `kinds.classify_columns` returned.
        target : Target
        rows : (rows,) int array
            The training rows.

        Raises
        ------
        DataError
            When no column is left.
        """
        columns: list[Column] = []
        gone = list(dropped)
        for column in kept:
            fitted = _FITTERS[column.kind](column, rows)
            if isinstance(fitted, Dropped):
                gone.append(fitted)
            else:
                columns.append(fitted)
        if not columns:
            why = "; ".join(f"{column.name!r} {column.reason}" for column in gone[:3]) or "there is only the target"
            raise DataError(f"No column is left to learn from ({why}); add columns that vary and repeat.")
        return cls(tuple(columns), target, tuple(gone))

    @property
    def blocks(self) -> dict[str, slice]:
        """The features of every column, as a slice of the matrix's second axis."""
        result, start = {}, 0
        for column in self.columns:
            result[column.name] = slice(start, start + len(column.features))
            start += len(column.features)
        return result

    def encode(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """The matrix of a table: (rows, len(features)) float32, C order.

        Parameters
        ----------
        frame : polars.DataFrame
            With the columns of training, in any order; other columns are ignored.

        Raises
        ------
        DataError
            When a column is lacking or its cells do not fit.
        """
        self.require_columns(frame)
        X = np.empty((frame.height, len(self.features)), dtype=np.float32)
        for column, block in zip(self.columns, self.blocks.values(), strict=True):
            column.encode(frame[column.name], X[:, block])
        return X

    def require_columns(self, frame: pl.DataFrame) -> None:
        """Refuse a table that lacks columns, naming them."""
        lacking = [column.name for column in self.columns if column.name not in frame.columns]
        if lacking:
            number = len(lacking)
            cure = f"add {agreeing(number, 'it', 'them')} (with empty cells where unknown)."
            raise DataError(
                f"The table lacks the {agreeing(number, 'column')} {some(lacking)}, which the model was trained with; "
                f"{unsplit(frame) or cure}"
            )

    def to_json(self) -> str:
        """The encoder as a JSON string; `from_json` is its inverse."""
        document = {
            "version": VERSION,
            "columns": [{"kind": column.kind, **asdict(column)} for column in self.columns],
            "target": {"kind": self.target.kind, **asdict(self.target)},
            "dropped": [asdict(column) for column in self.dropped],
        }
        return json.dumps(document, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> TableEncoder:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str

        Raises
        ------
        DataError
            When the text is not such a description, or a newer release wrote it.
        """
        try:
            document = json.loads(text)
            version = document["version"]
            if isinstance(version, int) and version > VERSION:
                raise DataError(
                    f"The model's table description has version {version} and this release reads {VERSION}; "
                    "update descend."
                )
            columns = tuple(_build(COLUMNS[item["kind"]], item) for item in document["columns"])
            target = target_from(document["target"])
            dropped = tuple(_build(Dropped, {"kind": "", **item}) for item in document["dropped"])
            return cls(columns, target, dropped)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError("The model's table description is damaged; train the model again.") from None


def target_from(item: dict[str, Any]) -> Target:
    """A target from its JSON object.

    Raises
    ------
    KeyError, TypeError, ValueError
        When a field is lacking or of another type.
    """
    kind = _TARGETS[item["kind"]]
    return _build(kind, {"unit": "", **item} if kind is NumberTarget else item)  # older models do not tell the unit


_CHECKS = {
    "str": lambda value: isinstance(value, str),
    "str | None": lambda value: value is None or isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value)),
    "tuple[str, ...]": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
}


def _build(cls: type[Any], item: dict[str, Any]) -> Any:
    """A frozen dataclass from its JSON object, every field present and of its type."""
    values = {key: value for key, value in item.items() if key != "kind"}
    types = {field.name: str(field.type) for field in fields(cls)}
    if values.keys() != types.keys():
        raise ValueError("other fields than expected")
    for name, kind in types.items():
        if not _CHECKS[kind](values[name]):
            raise ValueError(f"field {name} is not of type {kind}")
        if kind == "tuple[str, ...]":
            values[name] = tuple(values[name])
        elif kind == "float":
            values[name] = float(values[name])
    if values.get("scale") == 0:
        raise ValueError("a scale of 0")
    return cls(**values)
