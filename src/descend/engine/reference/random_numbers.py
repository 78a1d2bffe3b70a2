"""Counter-based random numbers: a function of (seed, step, stream, element) and of nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MASK64 = 2**64 - 1


def splitmix64(x: int) -> int:
    """One step of the SplitMix64 generator, a bijection of 64-bit integers. Steele and others, 2014."""
    z = (x + 0x9E3779B97F4A7C15) & _MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
    return z ^ (z >> 31)


def stream_key(seed: int, step: int, stream: int) -> int:
    """The 64-bit key of one op's random numbers in one step."""
    return splitmix64(splitmix64(splitmix64(seed & _MASK64) ^ step) ^ stream)


def element_bits(key: int, count: int) -> NDArray[np.uint32]:
    """Random 32-bit numbers of the elements 0 .. count-1 (row * width + column)."""
    low, high = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    x = np.arange(count, dtype=np.uint64).astype(np.uint32) + low
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x += high
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x
