"""The shares of mixed rows: what both engines draw from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: So many quantiles stand for the distribution.
QUANTILES = 4096


def shares(alpha: float) -> NDArray[np.float64]:
    """The quantiles of Beta(alpha, alpha) at (k + 1/2) / QUANTILES, which are drawn with equal probability."""
    from scipy.special import betaincinv

    return betaincinv(alpha, alpha, (np.arange(QUANTILES) + 0.5) / QUANTILES)
