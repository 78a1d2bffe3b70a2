"""The boundary of a linear model, written as an equation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def hyperplane_equation(estimator: Any, feature_names: Sequence[str] | None = None, *, digits: int = 3) -> str:
    """Write the boundary w.x + b = 0 of a linear binary model, for example ``1.2 x0 - 0.5 x1 + 0.3 = 0``.

    Parameters
    ----------
    estimator : fitted model with `coef_` of one row and `intercept_`
        `Perceptron`, `SigmoidNeuron` and scikit-learn's linear classifiers.
    feature_names : sequence of str, optional
        "x0", "x1", ... when not given.
    digits : int
        Significant digits.

    Raises
    ------
    ValueError
        When the model has no single hyperplane.
    """
    found = _coefficients(estimator)
    if found is None:
        raise ValueError(
            f"estimator must be a fitted linear binary classifier with coef_ and intercept_, "
            f"got {type(estimator).__name__}; its boundary is no single hyperplane"
        )
    weights, intercept = found
    names = [f"x{i}" for i in range(len(weights))] if feature_names is None else [str(name) for name in feature_names]
    if len(names) != len(weights):
        raise ValueError(f"feature_names must have {len(weights)} names, got {len(names)}")
    return _equation(weights, names, intercept, digits)


def _coefficients(estimator: Any) -> tuple[NDArray[np.float64], float] | None:
    """Weights (features,) and intercept of a linear binary model, None for any other."""
    weights, intercept = getattr(estimator, "coef_", None), getattr(estimator, "intercept_", None)
    if weights is None or intercept is None:
        return None
    rows = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    constants = np.ravel(np.asarray(intercept, dtype=np.float64))
    if len(rows) != 1 or len(constants) != 1:
        return None
    return rows[0], float(constants[0])


def _equation(weights: NDArray[np.float64], names: Sequence[str], intercept: float, digits: int) -> str:
    terms = [(w, name) for w, name in zip(weights, names, strict=True) if w != 0]
    text = ""
    for value, name in [*terms, (intercept, "")]:
        if not name and value == 0 and text:
            continue
        sign = ("-" if value < 0 else "") if not text else (" - " if value < 0 else " + ")
        text += f"{sign}{abs(value):.{digits}g}{' ' + name if name else ''}"
    return text + " = 0"


def slice_equation(estimator: Any, names: list[str], center: NDArray[np.float64], shown: tuple[int, int]) -> str | None:
    """The line in the slice: the features that are held become part of the constant."""
    found = _coefficients(estimator)
    if found is None or len(found[0]) != len(names):
        return None
    weights, intercept = found
    held = [i for i in range(len(names)) if i not in shown]
    constant = intercept + float(weights[held] @ center[held])
    return _equation(weights[list(shown)], [names[i] for i in shown], constant, 3)
