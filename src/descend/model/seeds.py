"""What seeds may be."""

from __future__ import annotations

import numbers
import secrets


def check_seed(seed: int | None) -> int:
    """Return a seed, a drawn one for None.

    Parameters
    ----------
    seed : int from 0 to 2^63 - 1, or None

    Raises
    ------
    TypeError, ValueError
        When it is no such number.
    """
    if seed is None:
        return secrets.randbits(63)
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise TypeError(f"seed must be an integer >= 0, or None to draw one, got {seed!r}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must be from 0 to 2**63 - 1, got {seed}")
    return int(seed)
