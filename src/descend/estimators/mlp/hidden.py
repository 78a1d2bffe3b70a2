"""Hidden layers as an estimator's keywords describe them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from descend import layers


def hidden_layers(
    sizes: Any, activation: Any, dropout: Any = 0.0, batch_norm: bool = False, drop_connect: Any = 0.0
) -> tuple[tuple[layers.Layer, ...], tuple[float, ...]]:
    """Make of each size a dense layer, batch normalization if asked for, the activation, and dropout.

    Parameters
    ----------
    sizes : units of each hidden layer, or one number
    activation : a name or an activation layer, or one for each hidden layer
    dropout : the share of each hidden layer's outputs that are zeroed in training, or one share for each
    batch_norm : normalize before each activation
    drop_connect : the share of the weights into each hidden layer that are left out in training, or one share for each

    Returns
    -------
    the layers, and for each dense layer, the output layer included, its gain: the first weights are uniform within
    +-sqrt(gain / (inputs + outputs))

    Raises
    ------
    TypeError, ValueError
        Naming the parameter.
    """
    units = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if np.any(np.array(units) <= 0):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {units}.")
    if any(int(size) != size for size in units):
        raise ValueError(f"hidden_layer_sizes must be whole numbers, got {units}.")
    shares = _each("dropout", dropout, len(units))
    left_out = _each("drop_connect", drop_connect, len(units))
    if not units:
        _refuse_without_layers(dropout=dropout, batch_norm=batch_norm, drop_connect=drop_connect)
    functions = [_activation(one) for one in _each("activation", activation, len(units))]
    built: list[layers.Layer] = []
    for size, function, share, out in zip(units, functions, shares, left_out, strict=True):
        built.append(layers.Dense(int(size), drop_connect=_share("drop_connect", out)))
        if batch_norm:
            built.append(layers.BatchNorm())
        if not isinstance(function, layers.Linear):
            built.append(function)
        if share := _share("dropout", share):
            built.append(layers.Dropout(share))
    last = functions[-1] if functions else _activation(activation) if not _several(activation) else layers.Linear()
    return tuple(built), tuple(2.0 if isinstance(one, layers.Sigmoid) else 6.0 for one in (*functions, last))


def _refuse_without_layers(**values: Any) -> None:
    for name, value in values.items():
        if not _several(value) and value:
            raise ValueError(f"{name}={value!r} concerns hidden layers, but hidden_layer_sizes has none; leave it out")


def _several(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def _each(name: str, value: Any, count: int) -> list[Any]:
    """Return one value per hidden layer."""
    if not _several(value):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must be one value, or one for each of the {count} layers of hidden_layer_sizes, got {value!r}"
        )
    return list(value)


def _activation(value: Any) -> layers.Layer:
    try:
        return replace(layers.resolve_activation(value))  # an object of its own, as two places of one share weights
    except TypeError as error:
        raise TypeError(f"activation: {error}") from error
    except ValueError as error:
        raise ValueError(f"activation: {error}") from error


def _share(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a share >= 0 and < 1, or a list of them, got {value!r}")
    return float(value)
