"""Intervals and effect sizes of one quantity measured once per seed. Knows nothing of networks or claims."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its confidence interval.

    Attributes
    ----------
    mean : of the values, or the share of seeds for which something is true
    low, high : the two-sided interval
    effect : distance of the mean from a bound in standard deviations (Cohen's d; for shares Cohen's h)
    seeds : number of values
    """

    mean: float
    low: float
    high: float
    effect: float
    seeds: int


def estimate(values: ArrayLike, *, bound: float = 0.0, confidence: float = 0.95) -> Estimate:
    """Estimate a mean (Student's t interval) or, from booleans, a share (Wilson's interval).

    Parameters
    ----------
    values : array-like of shape (seeds,)
        Finite numbers, or booleans.
    bound : float
        What the effect is measured from.
    confidence : float
        Of the two-sided interval, between 0 and 1.

    Raises
    ------
    ValueError
        When there are no values, they have more than one axis, or one is not finite.
    """
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"values must have shape (seeds,) with at least one seed, got shape {array.shape}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}")
    if array.dtype == np.bool_:
        return _share(array, bound, confidence)
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("values must be finite; give a seed that diverged a value of its own, such as the worst one")
    return _mean(numbers, bound, confidence)


def _share(values: NDArray[np.bool_], bound: float, confidence: float) -> Estimate:
    from scipy.stats import binomtest

    successes, seeds = int(values.sum()), len(values)
    interval = binomtest(successes, seeds).proportion_ci(confidence, method="wilson")
    share = successes / seeds
    effect = 2 * math.asin(math.sqrt(share)) - 2 * math.asin(math.sqrt(min(max(bound, 0.0), 1.0)))
    return Estimate(share, float(interval.low), float(interval.high), effect, seeds)


def _mean(values: NDArray[np.float64], bound: float, confidence: float) -> Estimate:
    from scipy.stats import t

    seeds, mean = len(values), float(values.mean())
    if seeds == 1:
        return Estimate(mean, -math.inf, math.inf, math.nan, 1)
    deviation = float(values.std(ddof=1))
    half = float(t.ppf(0.5 + confidence / 2, seeds - 1)) * deviation / math.sqrt(seeds)
    distance = mean - bound
    alike = deviation <= 1e-9 * max(abs(mean), abs(bound))
    effect = distance / deviation if not alike else (math.copysign(math.inf, distance) if distance else 0.0)
    return Estimate(mean, mean - half, mean + half, effect, seeds)
