"""What the target says about the end of a network: output activation, loss, and the array an engine takes.

Given nothing, numbers mean a linear output and MSE, two classes a sigmoid and binary cross-entropy, more classes a
softmax and categorical cross-entropy. Targets that cannot go with the network are refused here, losses that cannot go
with its output in `descend.plan.attach_loss`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import layers, losses
from descend.plan.pairing import ABSORBED
from descend.training.arrays import as_numbers, finite
from descend.wording import counted

#: What a target looks like; "classes" and "binary" are one column, "one_hot" and "indicators" 0/1 matrices.
Form = Literal["binary", "classes", "one_hot", "indicators", "numbers"]


@dataclass(frozen=True)
class Output:
    """The end of a network.

    Attributes
    ----------
    function : name of the last activation ("linear", "softmax", ...); None when it was left open
    units : number of outputs
    """

    function: str | None
    units: int


@dataclass(frozen=True)
class Ending:
    """How a network ends and is trained: the activation to append (None for none) and the loss."""

    activation: layers.Layer | None
    loss: losses.Loss


def as_target(y: ArrayLike, name: str = "y") -> NDArray:
    """Return y as an array of finite numbers with one axis or more.

    Raises
    ------
    TypeError, ValueError
        For text, objects, NaN, infinities and single numbers.
    """
    array = as_numbers(y, name)
    if array.ndim == 0:
        raise ValueError(f"{name} must have shape (rows,) or (rows, outputs), got {array.shape}; reshape it")
    if array.dtype.kind == "f":
        finite(array, np.float64, name)
    return array


def per_position(y: NDArray, positions: tuple[int, ...], name: str = "y") -> NDArray:
    """Return the target of an output of shape (*positions, outputs) as one row per position: (n,) or (n, outputs).

    Raises
    ------
    ValueError
        For another shape.
    """
    flat = 1 + len(positions)  # axes of a target without outputs
    if y.shape[1:flat] != positions or y.ndim not in (flat, flat + 1):
        wanted = ", ".join(("rows", *map(str, positions)))
        raise ValueError(
            f"{name} must have shape ({wanted}{',' * (not positions)}) or ({wanted}, outputs), got {y.shape}; "
            "reshape it"
        )
    if not positions:
        return y
    return y.reshape(-1) if y.ndim == flat else y.reshape(-1, y.shape[-1])


def as_lines(
    labels: NDArray, predictions: NDArray, weight: NDArray | None, lengths: NDArray[np.int32] | None = None
) -> tuple[NDArray, NDArray, NDArray | None]:
    """Return labels, predictions and weights as metrics take them: with every position as a row of its own.

    `lengths` (rows,) leaves out the positions behind the end of sequences.
    """
    positions = predictions.shape[1:-1]
    if not positions:
        return labels, predictions, weight
    weight = None if weight is None else np.repeat(weight, math.prod(positions))
    lines = per_position(labels, positions), predictions.reshape(-1, predictions.shape[-1])
    if lengths is None:
        return *lines, weight
    there = (np.arange(math.prod(positions)) < lengths[:, None]).ravel()
    return lines[0][there], lines[1][there], None if weight is None else weight[there]


def form_of(y: NDArray) -> Form:
    """Classify a target by its numbers; floats that are all whole count as integers."""
    flat = y.ndim == 1 or y.shape[1] == 1
    if y.dtype.kind == "b" or ((y == 0) | (y == 1)).all():
        if flat:
            return "binary"
        return "one_hot" if (y.sum(axis=1) == 1).all() else "indicators"
    if flat and y.size and y.min() >= 0 and (y.dtype.kind in "iu" or (y == np.floor(y)).all()):
        return "classes"
    return "numbers"


def choose(output: Output, y: NDArray, loss: losses.Loss | None) -> Ending:
    """Return the ending for a target, filling in what was not given.

    Parameters
    ----------
    output : what the layers say
    y : a target that passed `per_position`
    loss : the user's choice or None

    Raises
    ------
    ValueError
        When no loss is given and the target does not go with the output.
    """
    form = form_of(y)
    if loss is None:
        loss = _infer_loss(output, y, form)
    activation = None
    if output.function is None and loss.kind in ABSORBED:
        activation = layers.resolve_activation(ABSORBED[loss.kind])
    return Ending(activation, loss)


def _infer_loss(output: Output, y: NDArray, form: Form) -> losses.Loss:
    function, units = output.function, output.units
    if function == "softmax":
        return losses.CategoricalCrossentropy()
    if function in ("sigmoid", "hard_sigmoid"):
        if units > 1 and (form == "one_hot" or y.ndim == 1):
            raise ValueError(
                "a Sigmoid output gives independent probabilities, but y names one class of "
                f"{units} per row; end the network with Softmax() and loss='categorical_crossentropy' "
                "(or pass loss='binary_crossentropy' with 0/1 columns to mean it)"
            )
        if y.size and (y.min() < 0 or y.max() > 1):
            raise ValueError(
                f"a Sigmoid output lies between 0 and 1, but y ranges from {y.min():g} to {y.max():g}; "
                "end the network with Linear() and loss='mse' for a regression, or give classes as 0 and 1"
            )
        return losses.BinaryCrossentropy()
    if function == "exponential" and (not y.size or y.min() >= 0):
        return losses.Poisson()
    if function is not None:
        return losses.MSE()
    return _infer_from_target(y, form, units)


def _infer_from_target(y: NDArray, form: Form, units: int) -> losses.Loss:
    """Return the loss for an output left open."""
    flat = y.ndim == 1 or y.shape[1] == 1
    if units == 1:
        if form == "binary":
            return losses.BinaryCrossentropy()
        if flat and y.dtype.kind in "iu" and y.size and np.isin(y, (-1, 1)).all():
            raise ValueError(
                "y holds the labels -1 and 1; give classes as 0 and 1 (y > 0), pass loss='hinge', "
                "or loss='mse' if they are numbers to regress on"
            )
        return losses.MSE()
    if flat:
        if form in ("binary", "classes"):
            return losses.CategoricalCrossentropy()
        raise ValueError(
            f"y has one column but the network has {units} outputs; end it with Dense(1) for a regression, "
            "or give classes as integers from 0"
        )
    if form == "one_hot":
        return losses.CategoricalCrossentropy()
    return losses.BinaryCrossentropy() if form == "indicators" else losses.MSE()


@dataclass(frozen=True)
class Target:
    """A target ready for an engine.

    Attributes
    ----------
    array : (rows, outputs) in the engine's dtype for kind "dense", (rows,) int32 for kind "index"
    kind : as `Loss.target` of a plan
    classes : (rows,) class numbers when each row has one class, otherwise None; for class weights and strata
    labels : y for metrics, (rows,) or (rows, outputs); for the hinge loss -1 and 1
    """

    array: NDArray
    kind: Literal["dense", "index"]
    classes: NDArray | None
    labels: NDArray


def encode(y: NDArray, loss: losses.Loss, units: int, dtype: np.dtype, name: str = "y") -> Target:
    """Return the target that an engine takes for this loss.

    Parameters
    ----------
    y : a target that passed `per_position`
    loss : the loss it is for
    units : the network's outputs
    dtype : the engine's dtype
    name : the argument's name in messages

    Raises
    ------
    ValueError
        For labels out of range, a wrong number of columns, or numbers the loss is not defined for.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if loss.kind == "cce":
        return _encode_classes(y, units, dtype, name)
    if (y.ndim == 1 and units != 1) or (y.ndim == 2 and y.shape[1] != units):
        columns = 1 if y.ndim == 1 else y.shape[1]
        raise ValueError(
            f"{name} has {counted(columns, 'column')} but the network has {counted(units, 'output')}; "
            f"they must be equal for loss {loss.kind!r}"
            + (" (for one class of several use Softmax() and loss='categorical_crossentropy')" if units > 1 else "")
        )
    low, high = (y.min(), y.max()) if y.size else (0, 0)
    classes = None
    dense = y
    if loss.kind == "bce":
        if low < 0 or high > 1:
            raise ValueError(
                f"{name} must lie between 0 and 1 for loss 'bce', got values from {low:g} to {high:g}; give the two "
                "classes as 0 and 1"
            )
        classes = (y > 0.5).astype(np.int64) if y.ndim == 1 else None
    elif loss.kind == "hinge":
        dense = _signs(y, name)
        classes = (dense > 0).astype(np.int64) if y.ndim == 1 else None
    elif loss.kind == "poisson" and low < 0:
        raise ValueError(f"{name} must be >= 0 for loss 'poisson', got {low:g}; counts cannot be negative")
    array = finite(dense.reshape(len(y), units), dtype, name)
    return Target(array, "dense", classes, dense)


def _signs(y: NDArray, name: str) -> NDArray:
    if ((y == 0) | (y == 1)).all():
        return np.where(y > 0, 1.0, -1.0)
    if ((y == -1) | (y == 1)).all():
        return y
    raise ValueError(f"{name} must hold two classes, 0 and 1 or -1 and 1, for loss 'hinge'; got other values")


def _encode_classes(y: NDArray, units: int, dtype: np.dtype, name: str) -> Target:
    if y.ndim == 2:
        if y.shape[1] != units:
            raise ValueError(
                f"{name} has {counted(y.shape[1], 'column')} but the network has {units} outputs; one-hot rows need "
                "one column per class, or give the classes as integers"
            )
        sums = y.sum(axis=1)
        if (y < 0).any() or (np.abs(sums - 1) > 1e-3).any():
            raise ValueError(
                f"each row of {name} must be one-hot, or probabilities >= 0 that sum to 1, for loss 'cce'; "
                "for several labels per row end the network with Sigmoid() and use loss='binary_crossentropy'"
            )
        classes = y.argmax(axis=1)
        if ((y == 0) | (y == 1)).all():
            return Target(classes.astype(np.int32), "index", classes, classes)
        return Target(np.ascontiguousarray(y, dtype=dtype), "dense", classes, classes)
    if y.dtype.kind == "f" and not (y == np.floor(y)).all():
        raise ValueError(
            f"{name} must hold class numbers 0 to {units - 1} for loss 'cce', got fractions such as "
            f"{y[y != np.floor(y)][0]:g}; for a regression end the network with Dense(1) and use loss='mse'"
        )
    if y.size and (y.min() < 0 or y.max() >= units):
        raise ValueError(
            f"{name} must hold class numbers 0 to {units - 1}, as the network has {units} outputs, got values from "
            f"{y.min():g} to {y.max():g}; number the classes from 0 (np.unique(y, return_inverse=True)) "
            "or give the last layer more units"
        )
    classes = y.astype(np.int64, copy=False)
    return Target(y.astype(np.int32), "index", classes, classes)


def class_form(y: NDArray) -> Literal["dense", "index"]:
    """Return how classes are given: "index" for numbers and one-hot rows, "dense" for rows of probabilities."""
    flat = y.ndim == 1 or y.shape[1] == 1
    return "index" if flat or ((y == 0) | (y == 1)).all() else "dense"


def convert(target: Target, kind: Literal["dense", "index"], units: int, dtype: np.dtype, name: str = "y") -> Target:
    """Return a target in the form another target had: class numbers as one-hot rows, or the same.

    Raises
    ------
    ValueError
        When rows of probabilities would have to become class numbers.
    """
    if target.kind == kind:
        return target
    if kind == "index" or target.classes is None:
        raise ValueError(
            f"{name} must hold class numbers or one-hot rows, like the target the network was trained on, got "
            "probabilities; use the same form throughout"
        )
    rows = np.zeros((len(target.array), units), dtype=dtype)
    rows[np.arange(len(rows)), target.classes] = 1
    return Target(rows, "dense", target.classes, target.labels)


def with_positions(target: Target, positions: tuple[int, ...]) -> Target:
    """Return an encoded target of `per_position` with its axes again; rows then have no class of their own."""
    if not positions:
        return target

    def shaped(array: NDArray) -> NDArray:
        return array.reshape(-1, *positions, *array.shape[1:])

    return replace(target, array=shaped(target.array), labels=shaped(target.labels), classes=None)


#: Where the values of an output activation lie.
_REACH = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
}
#: So small a share of numbers beyond reach may be noise.
_BEYOND = 0.1


def refuse_beyond_reach(function: str, loss: losses.Loss, y: NDArray) -> None:
    """Refuse numbers of which the output activation `function` cannot give more than a few.

    Raises
    ------
    ValueError
        Naming the output that can.
    """
    if function not in _REACH or loss.kind not in ("mse", "mae", "rmse", "huber", "pinball") or not y.size:
        return
    low, high = _REACH[function]
    share = float(((y < low) | (y > high)).mean())
    if share > _BEYOND:
        where = f"is never below {low:g}" if math.isinf(high) else f"lies between {low:g} and {high:g}"
        raise ValueError(
            f"the network ends in {function}, which {where}, but {share:.0%} of y lies beyond, from {y.min():g} to "
            f"{y.max():g}; end it with Dense alone, or scale y"
        )


def refuse_one_class(classes: NDArray | None, name: str = "y") -> None:
    """Refuse class numbers (None for no classes) among which only one occurs.

    Raises
    ------
    ValueError
        Naming that class.
    """
    if classes is not None and classes.size and classes.min() == classes.max():
        raise ValueError(
            f"{name} holds only class {classes[0]}; a classifier needs rows of at least two classes to learn from "
            "(for a regression on such numbers pass loss='mse')"
        )
