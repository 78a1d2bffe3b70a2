"""What a call of `fit` was about, in a few numbers: what a diagnosis must know besides the course of the losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend import schedules
from descend.engine.sequences import Sequences
from descend.engine.sparse import is_sparse
from descend.optimizers import Optimizer
from descend.plan import Plan, ops
from descend.training.baselines import constant_loss
from descend.training.settings import Rows

#: Inputs are summarized over at most this many training rows, evenly spread: enough for their scale, and soon done.
_SAMPLE = 256


@dataclass(frozen=True)
class Setup:
    """A summary of one call of `fit`, kept in ``history.setup``.

    Attributes
    ----------
    rows, features : int
        Training rows and numbers per row.
    batch_size : int
        Rows per update.
    loss, optimizer : str
        Kind of loss (``"cce"``, ...) and class of optimizer (``"Adam"``, ...).
    learning_rate : float or None
        That of the schedule, before it changes; None for L-BFGS.
    layers : tuple of (name, kind, units)
        From input to output; the kind of an activation is its function (``"relu"``), of a recurrent layer its cell
        (``"lstm"``), of others their class. Of images and sequences the units are the channels.
    steps : int
        Of the longest sequence that a recurrent layer goes along; 0 without one.
    class_rows : tuple of float
        Training rows of each class; empty unless the loss is for classes.
    weighted : bool
        Whether rows or classes had weights.
    baseline : float or None
        The training loss of the best constant prediction, without penalties; None where it is not known.
    input_rms : tuple of (float, float, int)
        Root mean square of the input columns over a sample of training rows: that of the middle column, the largest,
        and the number of that column.
    target_rms : float or None
        Root mean square of the targets of a regression.
    noisy : bool
        Whether training draws random numbers that the loss depends on: dropout, noise, augmentation.
    clip_norm : float or None
        The norm that the optimizer clips gradients to; None when it does not.
    """

    rows: int
    features: int
    batch_size: int
    loss: str
    optimizer: str
    learning_rate: float | None
    layers: tuple[tuple[str, str, int], ...]
    class_rows: tuple[float, ...] = ()
    weighted: bool = False
    baseline: float | None = None
    input_rms: tuple[float, float, int] = (1.0, 1.0, 0)
    target_rms: float | None = None
    steps: int = 0
    noisy: bool = False
    clip_norm: float | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the summary as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Setup:
        """Return the summary that `to_plain` wrote.

        Raises
        ------
        TypeError, ValueError
            When it is not such a summary.
        """
        middle, largest, column = plain["input_rms"]
        fields = {
            **plain,
            "layers": tuple((str(name), str(kind), int(units)) for name, kind, units in plain["layers"]),
            "class_rows": tuple(float(count) for count in plain["class_rows"]),
            "input_rms": (float(middle), float(largest), int(column)),
        }
        for name in ("rows", "features", "batch_size"):
            fields[name] = int(plain[name])
        fields["steps"], fields["noisy"] = int(plain.get("steps", 0)), bool(plain.get("noisy", False))
        for name in ("learning_rate", "baseline", "target_rms", "clip_norm"):
            value = plain.get(name) if name == "clip_norm" else plain[name]
            fields[name] = None if value is None else float(value)
        return cls(**fields)


def describe(plan: Plan, rows: Rows, batch_size: int, optimizer: Optimizer, shown: float = 1.0) -> Setup:
    """Summarize a call of `fit`.

    Parameters
    ----------
    plan : with its loss
    rows : to train on
    batch_size : rows per update
    optimizer : its rate is that of its first update
    shown : factor from the engine's losses to those in the history
    """
    with np.errstate(over="ignore", invalid="ignore"):  # numbers too large to be squared: the summary is infinite
        return _describe(plan, rows, batch_size, optimizer, shown)


def _describe(plan: Plan, rows: Rows, batch_size: int, optimizer: Optimizer, shown: float) -> Setup:
    batch, subset, loss = rows.batch, rows.subset, plan.loss
    assert loss is not None
    y = batch.y if subset is None else batch.y[subset]
    weight = None if batch.weight is None else batch.weight if subset is None else batch.weight[subset]
    outputs = plan.values[loss.prediction]
    units = outputs.shape[-1]
    if outputs.size > units:  # every position of a row is a target of its own, with the row's weight
        y = y.reshape(-1, y.shape[-1]) if loss.target == "dense" or loss.groups else y.ravel()
        weight = None if weight is None else np.repeat(weight, outputs.size // units)
    classes: NDArray = np.empty(0)
    if loss.kind == "cce" and not loss.groups:  # groups of classes have no common counts
        classes = np.bincount(y, minlength=units) if loss.target == "index" else y.sum(axis=0)
    elif loss.kind == "bce" and units == 1:
        classes = np.array([(y < 0.5).sum(), (y >= 0.5).sum()])
    constant = constant_loss(loss, y, weight)
    numbers = loss.kind not in ("cce", "bce", "hinge", "poisson")
    return Setup(
        rows=rows.count,
        features=plan.values[plan.input].size,
        batch_size=batch_size,
        loss=loss.kind,
        optimizer=type(optimizer).__name__,
        learning_rate=None if optimizer.kind == "lbfgs" else _first_rate(optimizer.schedule),
        layers=tuple((op.name, _kind(op), plan.values[op.output].shape[-1]) for op in plan.ops),
        class_rows=tuple(float(count) for count in classes),
        weighted=weight is not None,
        baseline=None if constant is None else shown * constant,
        input_rms=_input_rms(batch.X, subset),
        steps=max((plan.values[op.inputs[0]].shape[0] for op in plan.ops if isinstance(op, ops.Recurrent)), default=0),
        target_rms=_size(y) if numbers else None,
        noisy=loss.label_noise > 0 or any(ops.streams_of(op) for op in plan.ops),
        clip_norm=optimizer.clip_norm,
    )


def _size(y: NDArray) -> float | None:
    size = math.sqrt(float(np.mean(np.square(y, dtype=np.float64))))
    return size if math.isfinite(size) else None


def _first_rate(schedule: schedules.Schedule) -> float | None:
    if isinstance(schedule, schedules.WarmUp):
        return _first_rate(schedules.resolve(schedule.schedule))
    rate = getattr(schedule, "rate", None)
    return float(rate) if isinstance(rate, int | float) else None


def _kind(op: ops.Op) -> str:
    if isinstance(op, ops.BatchNorm) and op.frozen:
        return "frozen BatchNorm"
    if isinstance(op, ops.ColumnMap):
        return "ColumnMap"
    if isinstance(op, ops.Recurrent):
        return op.cell
    return op.function if isinstance(op, ops.Activation) else type(op).__name__


def _input_rms(X: Any, subset: NDArray[np.uint32] | None) -> tuple[float, float, int]:
    count = X.shape[0] if subset is None else len(subset)
    chosen = np.arange(min(count, _SAMPLE)) * count // min(count, _SAMPLE)
    part = X[chosen if subset is None else subset[chosen]]
    if isinstance(part, Sequences):  # steps that there are
        part = part.values[np.arange(part.shape[1]) < part.lengths[:, None]]
    if is_sparse(part):
        part = part.astype(np.float64)
        squares = np.asarray(part.multiply(part).mean(axis=0)).ravel()
    else:
        flat = part.reshape(len(part), -1)
        squares = np.einsum("ij,ij->j", flat, flat, dtype=np.float64) / len(flat)
    squares = np.minimum(squares, 1e300)
    column = int(squares.argmax())
    return math.sqrt(float(np.median(squares))), math.sqrt(float(squares[column])), column
