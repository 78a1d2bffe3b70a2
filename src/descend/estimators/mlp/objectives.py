"""Which losses suit which task, under the library's names and under scikit-learn's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from descend import losses

CLASSIFYING_TYPES = (losses.BinaryCrossentropy, losses.CategoricalCrossentropy, losses.Hinge)
REGRESSION_TYPES = (losses.MSE, losses.MAE, losses.RMSE, losses.Huber, losses.Pinball, losses.Poisson)

#: Names of the losses for classes; "log_loss" is the one of these two cross-entropies that suits the target.
CLASSIFYING = tuple(name for name in losses.registry.names() if losses.registry.get(name) in CLASSIFYING_TYPES)
#: scikit-learn's names of losses for numbers.
ALIASES = {"squared_error": "mse", "absolute_error": "mae"}
#: Names of the losses for numbers.
REGRESSION = (*ALIASES, *(name for name in losses.registry.names() if losses.registry.get(name) in REGRESSION_TYPES))


def classifying_loss(loss: Any, smoothing: float) -> losses.Loss | None:
    """Return a classifier's loss, smoothed; None for the cross-entropy that suits the target.

    Raises
    ------
    ValueError
        When labels of the hinge loss are to be smoothed, or smoothing is given twice.
    """
    if loss == "log_loss":
        return None
    found = losses.resolve(loss)
    if not smoothing:
        return found
    if isinstance(found, losses.BinaryCrossentropy | losses.CategoricalCrossentropy) and not found.label_smoothing:
        return replace(found, label_smoothing=float(smoothing))
    raise ValueError(f"label_smoothing={smoothing!r} does not go with loss={loss!r}; give it in one place")


def regression_loss(loss: Any) -> losses.Loss:
    """Return a regressor's loss."""
    return losses.resolve(ALIASES.get(loss, loss) if isinstance(loss, str) else loss)
