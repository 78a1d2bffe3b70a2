"""What a network learns of its data before it is trained: statistics, numbers of levels, and the scale of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend import layers as layer_specs
from descend.engine.rows import check_rows
from descend.engine.sequences import Sequences
from descend.engine.sparse import SparseRows, is_sparse
from descend.initializers import DataDependent
from descend.plan import Plan, adaptive_ops, expand, initial_parameters, lower, walk
from descend.training import engines


def adaptive_layer(layers: Sequence[layer_specs.Layer]) -> layer_specs.ColumnLayer | None:
    """Return the first layer that has statistics to take, or None."""
    for layer in walk(expand(layers)):
        if isinstance(layer, layer_specs.ColumnLayer) and layer.adapts:
            return layer
    return None


def counts_levels(layers: Sequence[layer_specs.Layer]) -> bool:
    """Whether a layer's width is only known once it has seen data."""
    return any(isinstance(layer, layer_specs.OneHot) and layer.levels is None for layer in walk(expand(layers)))


def count_levels(
    layers: Sequence[layer_specs.Layer], X: NDArray | SparseRows | Sequences
) -> tuple[layer_specs.Layer, ...]:
    """Tell every `OneHot` that does not know them the numbers of levels that its columns have.

    Parameters
    ----------
    layers : a network's
    X : (rows, features)

    Raises
    ------
    ValueError
        When a column has too many, or such a layer is inside one made of others.
    """
    found = list(layers)
    for position, layer in enumerate(layers):
        if not isinstance(layer, layer_specs.OneHot) or layer.levels is not None:
            continue
        x = _seen_by(found[:position], X)
        counts = tuple(len(np.unique(x[..., column])) for column in layer.chosen(x.shape[1:]))
        if max(counts) > layer_specs.MAX_LEVELS:
            raise ValueError(
                f"OneHot: a column has {max(counts)} different numbers, which does not look like a category; leave it "
                "out of columns="
            )
        found[position] = replace(layer, levels=counts)
    return tuple(found)


def keep_levels(
    layers: Sequence[layer_specs.Layer], before: Sequence[layer_specs.Layer]
) -> tuple[layer_specs.Layer, ...]:
    """Tell every `OneHot` that does not know them the numbers of levels that the one in its place had before."""
    found = list(layers)
    for position, (layer, old) in enumerate(zip(layers, before, strict=False)):
        if isinstance(layer, layer_specs.OneHot) and layer.levels is None and isinstance(old, layer_specs.OneHot):
            found[position] = replace(layer, levels=old.levels)
    return tuple(found)


def needs_data(plan: Plan) -> bool:
    """Whether statistics or first weights of a plan are taken from data."""
    return bool(adaptive_ops(plan)) or any(isinstance(p.initializer, DataDependent) for p in plan.parameters)


def _seen_by(before: list[layer_specs.Layer], X: NDArray | SparseRows | Sequences) -> NDArray:
    """Return what comes out of the first layers (rows, columns)."""
    if is_sparse(X):
        raise ValueError("X is sparse, but OneHot works on every number of it; pass X.toarray()")
    if not isinstance(X, np.ndarray):
        raise ValueError("OneHot cannot count levels in rows of different lengths; pass levels=")
    if not before:
        return X
    plan = lower(before, X.shape[1:])
    reference = engines.make_reference(plan)
    reference.set_parameters(engines.adapted(plan, initial_parameters(plan, 0, X.dtype), X, None).astype(X.dtype))
    return reference.predict(X)


def take_statistics(plan: Plan, flat: NDArray, X: NDArray | SparseRows | Sequences, y: NDArray | None) -> NDArray:
    """Return all weights with the statistics of the plan's layers taken from rows, in the dtype of `flat`.

    Parameters
    ----------
    plan : of a network
    flat : (plan.size,) its weights
    X : (rows, features)
    y : the target as the engine takes it, or None

    Raises
    ------
    ValueError
        When X is sparse, or a layer cannot take its statistics from such rows.
    """
    if not adaptive_ops(plan):
        return flat
    check_rows(plan, X)
    assert isinstance(X, np.ndarray)  # the others have been refused
    return engines.adapted(plan, flat, X, y).astype(flat.dtype)


def scale_weights(plan: Plan, flat: NDArray, X: NDArray | SparseRows | Sequences, seed: int) -> NDArray:
    """Return all weights with those of `DataDependent` initializers scaled on some rows, in the dtype of `flat`."""
    specs: list[Any] = [p.initializer for p in plan.parameters if isinstance(p.initializer, DataDependent)]
    if not specs:
        return flat
    if isinstance(X, Sequences):
        raise ValueError(
            "X has rows of different lengths, on which data-dependent first weights cannot be scaled; choose another "
            "initializer, such as 'orthogonal'"
        )
    rows = np.sort(engines.shuffled(X.shape[0], seed, 0)[: max(spec.rows for spec in specs)])
    return engines.unit_variance(plan, flat, X[rows], seed).astype(flat.dtype)
