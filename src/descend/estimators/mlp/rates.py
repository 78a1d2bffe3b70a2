"""How a learning rate goes on from epoch to epoch: a rule looks at the epoch that ended and names the next rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from descend import schedules

#: The rate that `Adaptive` does not divide any further.
SMALLEST = 1e-6


class Rule(Protocol):
    """One rate per epoch, unless `in_epoch` says more."""

    def in_epoch(self, current: float, first: int, steps: int, total: int) -> NDArray[np.float64]:
        """Return the rates of an epoch's steps, or one for all of them.

        Parameters
        ----------
        current : the epoch's rate
        first : updates done before it
        steps : updates in it
        total : updates in the whole planned training
        """
        ...

    def after_epoch(self, initial: float, current: float, rows_seen: int, watched: Sequence[float]) -> float | None:
        """Return the next epoch's rate, or None to stop.

        Parameters
        ----------
        initial, current : the first rate and the last epoch's
        rows_seen : rows presented since the first fit
        watched : the loss of every epoch since the optimizer started, of validation rows where there are some
        """
        ...

    def on_plateau(self, current: float) -> float | None:
        """Return the rate to try when there is no more improvement, or None to stop."""
        ...


class _ByEpochs:
    """What rules share that know one rate per epoch."""

    def in_epoch(self, current: float, first: int, steps: int, total: int) -> NDArray[np.float64]:
        return np.array([current])


@dataclass(frozen=True)
class Constant(_ByEpochs):
    """The initial rate throughout."""

    def after_epoch(self, initial: float, current: float, rows_seen: int, watched: Sequence[float]) -> float:
        return current

    def on_plateau(self, current: float) -> float | None:
        return None


@dataclass(frozen=True)
class InverseScaling(_ByEpochs):
    """The initial rate / (rows seen + 1)^power; the first epoch has the initial rate."""

    power: float

    def after_epoch(self, initial: float, current: float, rows_seen: int, watched: Sequence[float]) -> float:
        return initial / (rows_seen + 1) ** self.power

    def on_plateau(self, current: float) -> float | None:
        return None


@dataclass(frozen=True)
class Adaptive(_ByEpochs):
    """A fifth of the rate at each plateau, until it is at most SMALLEST."""

    def after_epoch(self, initial: float, current: float, rows_seen: int, watched: Sequence[float]) -> float:
        return current

    def on_plateau(self, current: float) -> float | None:
        return None if current <= SMALLEST else current / 5.0


def rule(name: str, power: float) -> Rule:
    """Return the rule that scikit-learn calls "constant", "invscaling" or "adaptive"."""
    if name == "invscaling":
        return InverseScaling(power)
    return Adaptive() if name == "adaptive" else Constant()


@dataclass(frozen=True)
class Scheduled:
    """A schedule that names every step's rate ahead."""

    schedule: schedules.Schedule

    def in_epoch(self, current: float, first: int, steps: int, total: int) -> NDArray[np.float64]:
        return self.schedule(np.arange(first, first + steps), steps, total)

    def after_epoch(self, initial: float, current: float, rows_seen: int, watched: Sequence[float]) -> float:
        return current

    def on_plateau(self, current: float) -> float | None:
        return None


@dataclass(frozen=True)
class Following(_ByEpochs):
    """A schedule that follows the watched loss."""

    schedule: schedules.LossDriven

    def after_epoch(self, initial: float, current: float, rows_seen: int, watched: Sequence[float]) -> float | None:
        schedule = self.schedule
        if isinstance(schedule, schedules.Adaptive) and schedule.exhausted(current):
            return None if schedule.plateau(watched) else current
        return schedule.update(current, watched)

    def on_plateau(self, current: float) -> float | None:
        return None


def of_schedule(schedule: schedules.Schedule) -> Rule:
    """Return the rule that goes by a schedule of the library."""
    return Following(schedule) if isinstance(schedule, schedules.LossDriven) else Scheduled(schedule)


def first(schedule: schedules.Schedule) -> float:
    """Return a schedule's rate where it stands for all: that of loss-driven ones, else the first step's."""
    return schedule.rate if isinstance(schedule, schedules.LossDriven) else float(schedule(0, 1, 1))
