"""What every op of a plan has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Op:
    """What every op has: its layer's name, the ids of the values it reads and of the one it writes."""

    name: str
    inputs: tuple[int, ...]
    output: int
