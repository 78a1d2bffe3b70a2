"""From the arguments of `fit` and `evaluate` to batches: everything checked, nothing trained yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import losses
from descend.engine.protocol import Batch
from descend.engine.sparse import Features, SparseRows
from descend.training import arrays, groups, targets
from descend.training.settings import Rows
from descend.training.splitting import hold_out
from descend.training.weighting import ClassWeight, combine

TargetKind = Literal["dense", "index"]


@dataclass(frozen=True)
class Encoding:
    """How rows of a network become a batch.

    Attributes
    ----------
    input_shape : of one row
    output_shape : of one row of predictions
    loss : decides how targets are encoded
    kind : "dense" or "index"; None takes what the target suggests
    dtype : the engine's
    groups : sizes of the groups of classes that the network ends in, () for none
    missing : columns of X that may hold NaN, or "all"
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    loss: losses.Loss
    kind: TargetKind | None
    dtype: np.dtype
    groups: tuple[int, ...] = ()
    missing: Sequence[int] | Literal["all"] = ()


@dataclass(frozen=True)
class Encoded:
    """A batch with what it was made from.

    Attributes
    ----------
    batch : for the engine; its weights are the rows' times the classes'
    weight : (rows,) the rows' weights alone, or None
    kind : of the target
    classes : (rows,) class numbers or None
    labels : y as metrics take it
    """

    batch: Batch
    weight: NDArray | None
    kind: TargetKind
    classes: NDArray | None
    labels: NDArray


def encode(
    X: Features | SparseRows,
    y: NDArray,
    encoding: Encoding,
    *,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    names: tuple[str, str, str] = ("X", "y", "sample_weight"),
) -> Encoded:
    """Check and convert rows, their targets and weights.

    Parameters
    ----------
    X : (rows, *input_shape), dense or sparse
    y : a target that passed `targets.as_target`
    encoding : what the network wants
    sample_weight : (rows,)
    class_weight : see `weighting.combine`
    names : of X, y and the weights in messages

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was expected, what came and what to do.
    """
    rows = arrays.features(X, encoding.input_shape, encoding.dtype, names[0], missing=encoding.missing)
    if not rows.shape[0]:
        raise ValueError(f"{names[0]} has no rows, its shape is {rows.shape}; pass at least one")
    arrays.same_rows(rows, y, names[1], names[0])
    *positions, units = encoding.output_shape
    y = targets.per_position(y, tuple(positions), names[1])
    if encoding.groups:
        kind = encoding.kind or groups.form(y, encoding.groups)
        target = groups.encode(y, encoding.groups, kind, encoding.dtype, names[1])
    else:
        target = targets.encode(y, encoding.loss, units, encoding.dtype, names[1])
        if encoding.kind is not None:
            target = targets.convert(target, encoding.kind, units, encoding.dtype, names[1])
    target = targets.with_positions(target, tuple(positions))
    own = arrays.weights(sample_weight, rows.shape[0], names[2])
    weight = combine(own, class_weight, target.classes, encoding.dtype)
    if own is not None:
        own = own.astype(encoding.dtype)
    return Encoded(Batch(rows, target.array, weight), own, target.kind, target.classes, target.labels)


def with_validation(
    training: Encoded,
    encoding: Encoding,
    validation_data: Any,
    validation_split: float | None,
    seed: int,
) -> Rows:
    """Put training and validation rows together.

    Parameters
    ----------
    training : all rows given to `fit`
    encoding : for `validation_data`
    validation_data : (X, y) or (X, y, sample_weight), or None
    validation_split : share of the training rows to set aside instead, or None
    seed : of the split

    Raises
    ------
    TypeError, ValueError
        When both are given, or either is not what it should be.
    """
    if validation_data is None and not validation_split:
        return Rows(training.batch, None, training.labels, training.weight)
    if validation_data is None:
        return _split(training, validation_split or 0.0, seed)
    if validation_split:
        raise ValueError("pass validation_data or validation_split, not both")
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        raise TypeError(
            f"validation_data must be a tuple (X, y) or (X, y, sample_weight), got {type(validation_data).__name__}"
        )
    names = ("validation_data[0]", "validation_data[1]", "validation_data[2]")
    checked = encode(
        validation_data[0],
        targets.as_target(validation_data[1], names[1]),
        encoding,
        sample_weight=validation_data[2] if len(validation_data) == 3 else None,
        names=names,
    )
    return Rows(training.batch, None, training.labels, training.weight, checked.batch, checked.labels)


def _split(training: Encoded, fraction: float, seed: int) -> Rows:
    batch = training.batch
    train, valid = hold_out(batch.X.shape[0], fraction, training.classes, seed)
    own = training.weight
    held = Batch(batch.X[valid], batch.y[valid], None if own is None else own[valid])
    weight = None if own is None else own[train]
    return Rows(batch, train, training.labels[train], weight, held, training.labels[valid])
