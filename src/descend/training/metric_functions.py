"""The argument `metrics` of `fit` and `evaluate`: names and functions, as functions of one form by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

from numpy.typing import NDArray

from descend import metrics
from descend.training.run import MetricFunction


def resolve_metrics(chosen: Sequence[str | Callable[..., float]] | str) -> dict[str, MetricFunction]:
    """Return the functions that the argument `metrics` names or is, by name.

    Raises
    ------
    TypeError, ValueError
        For unknown names, and for what is neither a name nor a function.
    """
    if isinstance(chosen, str) or callable(chosen):
        raise TypeError(f"metrics must be a list, got {chosen!r}; write metrics=[{chosen!r}]")
    found: dict[str, MetricFunction] = {}
    for item in chosen:
        metric = metrics.resolve(item)
        metric = metric if isinstance(item, str) else with_weights(metric)
        name = item if isinstance(item, str) else getattr(item, "__name__", type(item).__name__)
        if name in found:
            raise ValueError(f"metrics names {name!r} twice; give each metric once")
        found[name] = metric
    return found


def with_weights(function: Callable[..., float]) -> MetricFunction:
    """Return a function of (y_true, y_pred, sample_weight) for one that takes weights by name only, or takes none.

    Raises
    ------
    TypeError
        For a function of fewer than two arguments.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of some functions written in C
        return function
    kinds = [one.kind for one in parameters.values()]
    places = [one for one in parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    third = places[2] if len(places) > 2 else None
    if inspect.Parameter.VAR_POSITIONAL in kinds or (third is not None and third.default is inspect.Parameter.empty):
        return function
    if "sample_weight" in parameters:
        return lambda y_true, y_pred, sample_weight=None: function(y_true, y_pred, sample_weight=sample_weight)
    name = getattr(function, "__name__", type(function).__name__)
    if len(places) < 2:
        raise TypeError(
            f"metric must be a name or a function of (y_true, y_pred, sample_weight), got {name!r} of fewer"
        )

    def unweighted(y_true: NDArray, y_pred: NDArray, sample_weight: NDArray | None = None) -> float:
        if sample_weight is not None:
            raise ValueError(
                f"the metric {name!r} takes no sample_weight, but the rows have weights; give it a third argument "
                "sample_weight"
            )
        return function(y_true, y_pred)

    return unweighted
