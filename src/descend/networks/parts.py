"""What the ready networks share: the checks of their arguments, and the layers they end with."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

from descend import layers
from descend.model import Network

#: More outputs than this are a slip: a number of rows, or of pixels.
MAX_CLASSES = 1_000_000


def build(
    name: str,
    stack: Sequence[layers.Layer],
    input_shape: tuple[int, ...],
    n_classes: int | None,
    augmentation: Sequence[layers.Layer],
    *,
    seed: int | None,
    dtype: str,
) -> Network:
    """Augmentation, a stack and its output layers as a network.

    Parameters
    ----------
    name : of the function, for messages
    stack : layers whose output is (features,)
    input_shape : of a row
    n_classes : as the function was given it
    augmentation : layers in front of the stack
    seed, dtype : of the network
    """
    for i, layer in enumerate(augmentation):
        if not isinstance(layer, layers.Layer):
            raise TypeError(
                f"{name}: augmentation[{i}] must be a layer such as layers.GaussianNoise(0.1), got {layer!r}"
            )
    return Network([*augmentation, *stack, *head(name, n_classes)], input_shape=input_shape, seed=seed, dtype=dtype)


def head(name: str, n_classes: int | None) -> list[layers.Layer]:
    """The output layers: one number, one probability for two classes, or a probability for each class."""
    if n_classes is None:
        return [layers.Dense(1)]
    if integer(name, "n_classes", n_classes, 2, MAX_CLASSES) == 2:
        return [layers.Dense(1), layers.Sigmoid()]
    return [layers.Dense(n_classes), layers.Softmax()]


def shape(name: str, input_shape: Sequence[int], axes: Sequence[str], smallest: int = 1) -> tuple[int, ...]:
    """The shape of a row, checked.

    Parameters
    ----------
    name : of the function
    input_shape : as it was given
    axes : what each axis is
    smallest : length of every axis but the last one
    """
    wanted = f"({', '.join(axes)})"
    if isinstance(input_shape, str) or not isinstance(input_shape, Sequence) or len(input_shape) != len(axes):
        raise ValueError(f"{name}: input_shape must be {wanted}, the shape of one row, got {input_shape!r}")
    sizes = tuple(integer(name, f"the {axis} of input_shape", n, 1) for axis, n in zip(axes, input_shape, strict=True))
    if min(sizes[:-1]) < smallest:
        raise ValueError(
            f"{name}: input_shape must be at least {smallest} long on every axis but the last, whose halvings would "
            f"leave nothing otherwise, got {sizes}; use larger rows, or fewer or smaller layers"
        )
    return sizes


def integer(name: str, what: str, value: object, low: int, high: int = 2**31 - 1) -> int:
    """`value` as an integer in a range.

    Raises
    ------
    TypeError, ValueError
        When it is none.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: {what} must be an integer, got {value!r}")
    if not low <= int(value) <= high:
        raise ValueError(f"{name}: {what} must be from {low} to {high}, got {value}")
    return int(value)


def integers(name: str, what: str, values: Sequence[int], count: int | None = None) -> tuple[int, ...]:
    """A list of layer sizes, `count` of them where that is given."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name}: {what} must be a list of integers, got {values!r}")
    if not values or (count is not None and len(values) != count):
        raise ValueError(f"{name}: {what} must hold {count or 'at least one'} integers, got {list(values)}")
    return tuple(integer(name, f"{what}[{i}]", n, 1, layers.MAX_UNITS) for i, n in enumerate(values))


def dropout(rate: float) -> list[layers.Layer]:
    """A dropout layer, or none where the rate is 0; `Dropout` checks the rate."""
    layer = layers.Dropout(rate)
    return [layer] if rate else []


def flag(name: str, what: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {what} must be True or False, got {value!r}")
