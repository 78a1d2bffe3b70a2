"""How a learning rate goes on from epoch to epoch: a rule looks at the epoch that ended and names the next rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

#: The rate that `Adaptive` does not divide any further.
SMALLEST = 1e-6


class Rule(Protocol):
    """One rate per epoch."""

    def after_epoch(self, initial: float, current: float, rows_seen: int) -> float:
        """Return the next epoch's rate; `rows_seen` counts the rows presented since the first fit."""
        ...

    def on_plateau(self, current: float) -> float | None:
        """Return the rate to try when there is no more improvement, or None to stop."""
        ...


@dataclass(frozen=True)
class Constant:
    """The initial rate throughout."""

    def after_epoch(self, initial: float, current: float, rows_seen: int) -> float:
        return current

    def on_plateau(self, current: float) -> float | None:
        return None


@dataclass(frozen=True)
class InverseScaling:
    """The initial rate / (rows seen + 1)^power; the first epoch has the initial rate."""

    power: float

    def after_epoch(self, initial: float, current: float, rows_seen: int) -> float:
        return initial / (rows_seen + 1) ** self.power

    def on_plateau(self, current: float) -> float | None:
        return None


@dataclass(frozen=True)
class Adaptive:
    """A fifth of the rate at each plateau, until it is at most SMALLEST."""

    def after_epoch(self, initial: float, current: float, rows_seen: int) -> float:
        return current

    def on_plateau(self, current: float) -> float | None:
        return None if current <= SMALLEST else current / 5.0


def rule(name: str, power: float) -> Rule:
    """Return the rule that scikit-learn calls "constant", "invscaling" or "adaptive"."""
    if name == "invscaling":
        return InverseScaling(power)
    return Adaptive() if name == "adaptive" else Constant()
