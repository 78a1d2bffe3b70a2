"""Optimizers on functions of two variables, by the reference engine's own update rules: no second implementation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.engine.reference.optimizers import UPDATES, clip, gradient_point
from descend.optimizers import Optimizer

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """A function of two variables.

    Attributes
    ----------
    name, formula : for people
    value : of points (2, ...) to (...)
    gradient : of a point (2,) to (2,)
    minimum : (x, y) of the lowest point, None when there is none
    start : where paths begin
    bounds : (x low, x high, y low, y high) worth drawing
    noise : standard deviation of what a seed adds to each coordinate of the start
    others : further points as low as `minimum`
    """

    name: str
    formula: str
    value: Callable[[Vector], Vector] = field(repr=False)
    gradient: Callable[[Vector], Vector] = field(repr=False)
    minimum: tuple[float, float] | None
    start: tuple[float, float]
    bounds: tuple[float, float, float, float]
    noise: float = 0.05
    others: tuple[tuple[float, float], ...] = ()

    def begin(self, seed: int) -> Vector:
        """The start of a seed: the surface's own, moved a little at random, (2,)."""
        return np.array(self.start) + self.noise * np.random.default_rng(seed).standard_normal(2)


def descend_surface(surface: Surface, optimizer: Optimizer, start: ArrayLike, steps: int) -> Vector:
    """The path of an optimizer over a surface.

    Parameters
    ----------
    surface : Surface
    optimizer : Optimizer
        Any but L-BFGS; its schedule counts a step as an epoch. Decoupled weight decay pulls to (0, 0).
    start : (2,)
    steps : int
        Updates to make. A path that leaves the numbers stays where it left.

    Returns
    -------
    ndarray of shape (steps + 1, 2)

    Raises
    ------
    ValueError
        For L-BFGS, which is no rule of single steps.
    """
    if optimizer.kind not in UPDATES:
        raise ValueError(f"optimizer must make single steps, which {type(optimizer).__name__} does not; use another")
    w = np.array(start, dtype=np.float64)
    slots = np.zeros((len(optimizer.slots), 2))
    rates = optimizer.schedule(np.arange(steps), 1, steps)
    path = np.empty((steps + 1, 2))
    path[0] = w
    with np.errstate(over="ignore", invalid="ignore"):
        for t, eta in enumerate(rates, start=1):
            g = clip(optimizer, surface.gradient(gradient_point(optimizer, w, slots)))
            w *= 1.0 - eta * optimizer.weight_decay
            UPDATES[optimizer.kind](optimizer, w, g, slots, float(eta), t)
            if not np.isfinite(w).all() or np.abs(w).max() > 1e6:
                path[t:] = path[t - 1]
                return path
            path[t] = w
    return path
