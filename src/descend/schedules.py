"""Learning-rate schedules, as specifications.

A schedule is called with an array of step numbers (0 for the first update) and returns their rates, so that a whole
epoch's rates are known before it starts. `ReduceOnPlateau` and `Adaptive` react to the loss instead: after each
epoch the training loop asks `update` for the next rate. They keep no state; the loop hands them the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import specs

__all__ = [
    "Adaptive",
    "Constant",
    "Cosine",
    "Exponential",
    "InverseScaling",
    "LossDriven",
    "OneCycle",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
    "WarmUp",
    "resolve",
]

registry: specs.Registry[type[Schedule]] = specs.Registry("schedules", "schedule")

_MANY = 2**31 - 1


@dataclass(frozen=True, repr=False)
class Schedule(specs.Spec):
    """What every schedule is: a callable from step numbers to rates."""

    def __call__(self, step: ArrayLike, steps_per_epoch: int, total_steps: int) -> NDArray[np.float64]:
        """Rates of the given steps.

        Parameters
        ----------
        step : integers counted from 0, any shape
        steps_per_epoch : updates in one epoch
        total_steps : updates in the whole planned training

        Returns
        -------
        array of `step`'s shape
        """
        steps = np.asarray(step, dtype=np.float64)
        return np.asarray(self.rates(steps, max(1, int(steps_per_epoch)), max(1, int(total_steps))), dtype=np.float64)

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        """What a subclass defines; the arguments are checked already."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its rates are")


@dataclass(frozen=True, repr=False)
class Constant(Schedule):
    """The same rate throughout."""

    rate: float

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        return np.full(steps.shape, self.rate)


@dataclass(frozen=True, repr=False)
class Step(Schedule):
    """rate * factor^floor(epoch / every), with `every` in epochs."""

    rate: float
    factor: float = 0.1
    every: int = 10

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)
        specs.check_number(self, "factor", low=0.0, low_open=True)
        specs.check_integer(self, "every", low=1, high=_MANY)

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        return self.rate * self.factor ** (steps // per_epoch // self.every)


@dataclass(frozen=True, repr=False)
class Exponential(Schedule):
    """rate * decay^epoch, falling with every step within the epoch; with `staircase` once per epoch."""

    rate: float
    decay: float = 0.95
    staircase: bool = False

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)
        specs.check_number(self, "decay", low=0.0, low_open=True)
        specs.check_flag(self, "staircase")

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        epochs = steps // per_epoch if self.staircase else steps / per_epoch
        return self.rate * self.decay**epochs


@dataclass(frozen=True, repr=False)
class InverseScaling(Schedule):
    """rate / (1 + scale * step)^power; with `staircase` the step is that of the epoch's start.

    scikit-learn's "invscaling" counts rows instead of steps, once per epoch: scale = rows / steps per epoch and
    staircase=True.
    """

    rate: float
    power: float = 0.5
    scale: float = 1.0
    staircase: bool = False

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)
        specs.check_number(self, "power")
        specs.check_number(self, "scale", low=0.0)
        specs.check_flag(self, "staircase")

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        counted = steps // per_epoch * per_epoch if self.staircase else steps
        return self.rate / (1.0 + self.scale * counted) ** self.power


@dataclass(frozen=True, repr=False)
class Cosine(Schedule):
    """final + (rate - final) (1 + cos(pi step / total steps)) / 2. Loshchilov and Hutter, 2017 (no restarts)."""

    rate: float
    final: float = 0.0

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)
        specs.check_number(self, "final", low=0.0)

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        done = np.minimum(steps / total, 1.0)
        return self.final + (self.rate - self.final) * (1.0 + np.cos(np.pi * done)) / 2.0


@dataclass(frozen=True, repr=False)
class WarmUp(Schedule):
    """The first `steps` updates climb linearly, (step + 1) / steps of the schedule's first rate; then it begins."""

    schedule: Schedule | float
    steps: int

    def __post_init__(self) -> None:
        inner = resolve(self.schedule)
        if isinstance(inner, LossDriven):
            raise ValueError(
                f"WarmUp: {type(inner).__name__} follows the loss and cannot be warmed up; use a schedule of steps"
            )
        specs.set_field(self, "schedule", inner)
        specs.check_integer(self, "steps", low=1, high=_MANY)

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        inner = resolve(self.schedule)
        after = inner(np.maximum(steps - self.steps, 0), per_epoch, total - self.steps)
        return after * np.minimum((steps + 1) / self.steps, 1.0)


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule):
    """From rate / start_divisor up to `rate`, then down to rate / (start_divisor * final_divisor), both by a cosine.

    The way up takes the fraction `rise` of all steps. Smith and Topin, 2018.
    """

    rate: float
    rise: float = 0.3
    start_divisor: float = 25.0
    final_divisor: float = 1e4

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)
        specs.check_number(self, "rise", low=0.0, high=1.0, low_open=True, high_open=True)
        specs.check_number(self, "start_divisor", low=1.0)
        specs.check_number(self, "final_divisor", low=1.0)

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        start = self.rate / self.start_divisor
        final = start / self.final_divisor
        peak = max(self.rise * total - 1.0, 0.0)
        end = max(total - 1.0, peak + 1.0)
        up = np.clip(steps / peak, 0.0, 1.0) if peak > 0 else np.ones(steps.shape)
        down = np.clip((steps - peak) / (end - peak), 0.0, 1.0)
        rising = self.rate + (start - self.rate) * (1.0 + np.cos(np.pi * up)) / 2.0
        falling = final + (self.rate - final) * (1.0 + np.cos(np.pi * down)) / 2.0
        return np.where(steps < peak, rising, falling)


@dataclass(frozen=True, repr=False)
class LossDriven(Schedule):
    """A schedule that follows the watched loss: called it gives its first rate, `update` gives the next one."""

    rate: float

    def rates(self, steps: NDArray[np.float64], per_epoch: int, total: int) -> NDArray[np.float64]:
        return np.full(steps.shape, self.rate)

    def update(self, rate: float, history: Sequence[float]) -> float:
        """The rate of the next epoch.

        Parameters
        ----------
        rate : the rate of the epoch that just ended
        history : the watched loss of every epoch so far, in order
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it reacts")

    def exhausted(self, rate: float) -> bool:
        """Whether training should stop because the rate cannot fall any further."""
        return False


@dataclass(frozen=True, repr=False)
class ReduceOnPlateau(LossDriven):
    """Multiply the rate by `factor` after `patience` epochs in a row without a loss below best - min_delta.

    The count starts again after each reduction; `cooldown` epochs pass before counting resumes. The rate does not fall
    below `minimum`.
    """

    rate: float
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    minimum: float = 0.0

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)
        specs.check_number(self, "factor", low=0.0, high=1.0, low_open=True, high_open=True)
        specs.check_integer(self, "patience", low=1, high=_MANY)
        specs.check_number(self, "min_delta", low=0.0)
        specs.check_integer(self, "cooldown", low=0, high=_MANY)
        specs.check_number(self, "minimum", low=0.0)

    def update(self, rate: float, history: Sequence[float]) -> float:
        best, waited, cooling, reduce = np.inf, 0, 0, False
        for loss in history:
            reduce = False
            if cooling > 0:
                cooling, waited = cooling - 1, 0
                best = min(best, loss)
            elif loss < best - self.min_delta:
                best, waited = loss, 0
            else:
                waited += 1
                reduce = waited >= self.patience
            if reduce:
                waited, cooling = 0, self.cooldown
        return max(rate * self.factor, min(rate, self.minimum)) if reduce else rate


@dataclass(frozen=True, repr=False)
class Adaptive(LossDriven):
    """scikit-learn's "adaptive": divide the rate by `divisor` when the loss stops falling by `tol`.

    "Stops" means more than `n_iter_no_change` epochs in a row with loss > best - tol. At a rate of `minimum` or
    less the next such plateau ends the training (`exhausted`).
    """

    rate: float
    divisor: float = 5.0
    tol: float = 1e-4
    n_iter_no_change: int = 10
    minimum: float = 1e-6

    def __post_init__(self) -> None:
        specs.check_number(self, "rate", low=0.0)
        specs.check_number(self, "divisor", low=1.0, low_open=True)
        specs.check_number(self, "tol", low=0.0)
        specs.check_integer(self, "n_iter_no_change", low=1, high=_MANY)
        specs.check_number(self, "minimum", low=0.0)

    def plateau(self, history: Sequence[float]) -> bool:
        """Whether the last epoch of `history` completes a plateau."""
        best, waited, flat = np.inf, 0, False
        for loss in history:
            waited = waited + 1 if loss > best - self.tol else 0
            best = min(best, loss)
            flat = waited > self.n_iter_no_change
            if flat:
                waited = 0
        return flat

    def update(self, rate: float, history: Sequence[float]) -> float:
        return rate / self.divisor if rate > self.minimum and self.plateau(history) else rate

    def exhausted(self, rate: float) -> bool:
        return rate <= self.minimum


registry.register(Constant, "constant")
registry.register(Step, "step")
registry.register(Exponential, "exponential")
registry.register(InverseScaling, "inverse_scaling", "invscaling")
registry.register(Cosine, "cosine")
registry.register(WarmUp, "warm_up")
registry.register(OneCycle, "one_cycle")
registry.register(ReduceOnPlateau, "reduce_on_plateau")
registry.register(Adaptive, "adaptive")


def resolve(spec: Schedule | float | str, *, rate: float | None = None) -> Schedule:
    """The schedule that `spec` is; a number is a constant rate.

    A name such as "cosine" needs the first rate beside it: resolve("cosine", rate=0.01).
    """
    if isinstance(spec, str):
        member: Any = registry.get(spec)
        if member is WarmUp:
            raise ValueError("schedule 'warm_up' needs its steps; write schedules.WarmUp(schedule, steps)")
        if rate is None:
            raise ValueError(f"schedule {spec!r} needs a rate; write schedules.{member.__name__}(rate)")
        return member(rate)
    if isinstance(spec, Schedule):
        return spec
    if isinstance(spec, type):
        return specs.resolve(registry, Schedule, spec)
    return Constant(spec)
