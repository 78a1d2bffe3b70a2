"""Several groups of classes beside each other, each with a softmax of its own: their targets and metrics.

A row's target is one class number per group (rows, groups), or for each group a one-hot row or probabilities, beside
each other (rows, outputs). Which groups there are, the network's last layer says: `Softmax(groups=(3, 2))`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from descend.training.targets import Target
from descend.wording import counted

Groups = tuple[int, ...]
Metric = Callable[..., float]


def parts(groups: Groups) -> list[slice]:
    """Return where each group lies among the outputs."""
    ends = list(accumulate(groups))
    return [slice(last - size, last) for size, last in zip(groups, ends, strict=True)]


def form(y: NDArray, groups: Groups) -> Literal["dense", "index"]:
    """Return how a target is given: "index" for class numbers and one-hot rows, "dense" for probabilities."""
    numbered = y.ndim == 2 and y.shape[1] == len(groups)
    return "index" if numbered or ((y == 0) | (y == 1)).all() else "dense"


def chosen(rows: NDArray, groups: Groups) -> NDArray[np.int64]:
    """Return the class with the largest number in each group (rows, groups), from numbers (rows, outputs)."""
    return np.column_stack([rows[:, part].argmax(axis=1) for part in parts(groups)])


def encode(y: NDArray, groups: Groups, kind: Literal["dense", "index"], dtype: np.dtype, name: str) -> Target:
    """Return the target that an engine takes, in the form `kind`.

    Raises
    ------
    ValueError
        For classes out of range, a wrong number of columns, or rows that are no probabilities.
    """
    if y.ndim == 2 and y.shape[1] == len(groups):
        labels = _numbered(y, groups, name)
        if kind == "index":
            return Target(labels.astype(np.int32), "index", None, labels)
        return Target(_one_hot(labels, groups, dtype), "dense", None, labels)
    columns = y.shape[1] if y.ndim == 2 else 1
    if columns != sum(groups):
        raise ValueError(
            f"{name} has {counted(columns, 'column')}, but the network ends in Softmax(groups={groups}); "
            f"give one class number for each of the {len(groups)} groups, or {counted(sum(groups), 'column')} of "
            "probabilities"
        )
    for part in parts(groups):
        if (y < 0).any() or (np.abs(y[:, part].sum(axis=1) - 1) > 1e-3).any():
            raise ValueError(
                f"columns {part.start} to {part.stop - 1} of {name} must be one-hot, or probabilities >= 0 that sum to "
                "1, as they are one group of the network's Softmax"
            )
    labels = chosen(y, groups)
    if kind == "dense":
        return Target(np.ascontiguousarray(y, dtype=dtype), "dense", None, labels)
    if not ((y == 0) | (y == 1)).all():
        raise ValueError(
            f"{name} must hold class numbers or one-hot rows, like the target the network was trained on, got "
            "probabilities; use the same form throughout"
        )
    return Target(labels.astype(np.int32), "index", None, labels)


def for_metrics(functions: dict[str, Metric], groups: Groups) -> dict[str, Metric]:
    """Return metrics as they are computed of groups of classes; those without groups as they are.

    "accuracy" is the share of rows that are right in all groups. Functions of the user's get the class numbers
    (rows, groups) and the network's outputs (rows, outputs).

    Raises
    ------
    ValueError
        For other metrics of `descend.metrics`.
    """
    from descend import metrics

    if not groups:
        return functions
    ours = {getattr(metrics, name) for name in metrics.__all__}
    found = dict(functions)
    for name, function in functions.items():
        if function is metrics.accuracy:
            found[name] = lambda true, p, weight: float(
                np.average((chosen(p, groups) == true).all(axis=1), weights=weight)
            )
        elif function in ours:
            raise ValueError(
                f"metrics names {name!r}, which is not defined for several groups of classes; use 'accuracy', or a "
                "function of (y_true, y_pred, sample_weight)"
            )
    return found


def _numbered(y: NDArray, groups: Groups, name: str) -> NDArray[np.int64]:
    whole = y.astype(np.int64)
    for group, classes in enumerate(groups):
        column = y[:, group]
        if (whole[:, group] != column).any() or (column < 0).any() or (column >= classes).any():
            raise ValueError(
                f"column {group} of {name} must hold class numbers 0 to {classes - 1}, as that group of the network's "
                f"Softmax has {counted(classes, 'output')}, got values from {column.min():g} to {column.max():g}"
            )
    return whole


def _one_hot(labels: NDArray[np.int64], groups: Groups, dtype: np.dtype) -> NDArray:
    starts = np.array([part.start for part in parts(groups)])
    rows = np.zeros((len(labels), sum(groups)), dtype=dtype)
    np.put_along_axis(rows, labels + starts, 1, axis=1)
    return rows
