"""Setting rows aside for validation: at random, the same for the same seed, class by class when there are classes."""

from __future__ import annotations

import math
import numbers

import numpy as np
from numpy.typing import NDArray

from descend.wording import counted

#: Distinguishes the split's random numbers from those of the parameters, which count from 0.
_STREAM = 2**63 - 1


def hold_out(
    rows: int, fraction: float, classes: NDArray | None, seed: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the row numbers to train on and those to validate on, each in increasing order.

    Parameters
    ----------
    rows : how many there are
    fraction : share to validate on, in (0, 1)
    classes : (rows,) class numbers to keep in proportion, or None
    seed : of the random choice

    Raises
    ------
    ValueError
        When a part would be empty, or the fraction is not between 0 and 1.
    """
    check_fraction(fraction)
    rng = np.random.Generator(np.random.Philox(key=[seed, _STREAM]))
    if classes is None:
        groups = [rng.permutation(rows)]
    else:
        order = rng.permutation(rows)
        order = order[np.argsort(classes[order], kind="stable")]
        groups = np.split(order, np.flatnonzero(np.diff(classes[order])) + 1)
    chosen = np.zeros(rows, dtype=bool)
    for group in groups:
        # A class of several rows is in both parts; a class of one row is trained on.
        count = min(max(round(fraction * len(group)), 1), len(group) - 1)
        chosen[group[:count]] = True
    if rows < 2 or not chosen.any():
        raise ValueError(
            f"validation_split={fraction:g} of {counted(rows, 'row')} leaves nothing to validate on; pass more rows, "
            "or validation_data"
        )
    return np.flatnonzero(~chosen).astype(np.uint32), np.flatnonzero(chosen).astype(np.uint32)


def check_fraction(fraction: object) -> None:
    """Refuse a `validation_split` that is not a number in (0, 1).

    Raises
    ------
    TypeError, ValueError
        Saying what came.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, numbers.Real):
        raise TypeError(f"validation_split must be a number between 0 and 1, got {fraction!r}")
    if not (math.isfinite(fraction) and 0 < float(fraction) < 1):
        raise ValueError(f"validation_split must be between 0 and 1, exclusive, got {fraction!r}")
