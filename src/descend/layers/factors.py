"""Ranges that augmentation layers draw from: a number f stands for -f to f."""

from __future__ import annotations

import math
import numbers

from descend import specs
from descend.layers.base import Layer

Factor = float | tuple[float, float]


def check_factor(layer: Layer, name: str, *, low: float, high: float, low_open: bool = False) -> None:
    """Check a field that is a number f >= 0, short for (-f, f), or a pair (lowest, highest), and store it as a float or
    a pair of them.

    Raises
    ------
    TypeError, ValueError
        when it is neither, or leaves the bounds.
    """
    value, owner = getattr(layer, name), type(layer).__name__
    single = _is_number(value)
    pair = (-value, value) if single else value
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(map(_is_number, pair)):
        raise TypeError(f"{owner}: {name} must be a number or a pair (lowest, highest), got {value!r}")
    first, last = float(pair[0]), float(pair[1])
    if single and not value >= 0:
        raise ValueError(
            f"{owner}: {name} must be >= 0, since f means (-f, f), got {value!r}; write a pair for other ranges"
        )
    if single and low_open and math.isfinite(first) and first <= low:
        raise ValueError(f"{owner}: {name} must be below {-low:g} as a single number, got {value!r}; write a pair")
    if not (first <= last and (low < first if low_open else low <= first) and last <= high):
        bounds = f"{'(' if low_open else '['}{low:g}, {high:g}]"
        raise ValueError(f"{owner}: {name} must lie in {bounds}, the lower number first, got {value!r}")
    specs.set_field(layer, name, float(value) if single else (first, last))


def range_of(factor: Factor) -> tuple[float, float]:
    """The numbers between which a checked factor is drawn."""
    return factor if isinstance(factor, tuple) else (-factor, factor)


def check_range(layer: Layer, name: str, *, low: float, high: float) -> None:
    """Check a field that is a pair (lowest, highest) within bounds, and store it as a pair of floats."""
    value, owner = getattr(layer, name), type(layer).__name__
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(map(_is_number, value)):
        raise TypeError(f"{owner}: {name} must be a pair (lowest, highest), got {value!r}")
    first, last = float(value[0]), float(value[1])
    if not low <= first <= last <= high or not math.isfinite(first + last):
        raise ValueError(f"{owner}: {name} must lie in [{low:g}, {high:g}], the lower number first, got {value!r}")
    specs.set_field(layer, name, (first, last))


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
