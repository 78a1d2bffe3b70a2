"""Paths of the optimizers over classic surfaces: which come farther than plain descent?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.experiments.descent import Surface, descend_surface
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, contours, label, panels
from descend.experiments.surfaces import SURFACES
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, Optimizer, RMSProp
from descend.plots.style import INK, color, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = 150
RATES = tuple(float(rate) for rate in np.logspace(-4, 0.5, 10))
OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
    "SGD": SGD,
    "Momentum": lambda rate: Momentum(rate, dampening=False),
    "Nesterov": Nesterov,
    "AdaGrad": AdaGrad,
    "RMSProp": RMSProp,
    "Adam": Adam,
}
#: Seeds that choose the rates; none of them is measured.
_TUNING = (10_001, 10_002)
#: Heights above the lowest point below this are taken for it.
FLOOR = 1e-12


def _above(surface: Surface, path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height of each point of a path above the lowest point, at least `FLOOR`."""
    assert surface.minimum is not None
    return np.maximum(surface.value(path.T) - surface.value(np.array(surface.minimum)), FLOOR)


@cache
def best_rate(surface: int, name: str, steps: int, rates: tuple[float, ...]) -> float:
    """The learning rate with which an optimizer ends lowest on a surface, on starts that are not measured."""
    ground = SURFACES[surface]
    heights = [
        np.mean(
            [
                np.log(_above(ground, descend_surface(ground, OPTIMIZERS[name](rate), ground.begin(seed), steps))[-1])
                for seed in _TUNING
            ]
        )
        for rate in rates
    ]
    return rates[int(np.argmin(heights))]


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Paths of all optimizers over all surfaces from one seed's starts, and how high they end."""
    steps, rates = effort.of(STEPS, least=10), effort.thin(RATES)
    paths = np.array(
        [
            [
                descend_surface(ground, make(best_rate(i, name, steps, rates)), ground.begin(seed), steps)
                for name, make in OPTIMIZERS.items()
            ]
            for i, ground in enumerate(SURFACES)
        ]
    )
    heights = [[_above(ground, path) for path in row] for ground, row in zip(SURFACES, paths, strict=True)]
    return {"paths": paths, "heights": np.array(heights)}


def conditions(data: Measurements) -> Sequence[Condition]:
    """Every optimizer ends lower than plain descent, on every surface."""
    ends = np.log10(data["heights"][..., -1])
    return [
        Condition(
            f"{name} on {ground.name}",
            "log10 of plain descent's height over its own",
            ends[:, i, 0] - ends[:, i, k],
        )
        for i, ground in enumerate(SURFACES)
        for k, name in enumerate(OPTIMIZERS)
        if k
    ]


def draw(data: Measurements, figure: Figure) -> None:
    """One seed's paths over each surface, and below them the height by step over all seeds."""
    axes = panels(figure, 2, len(SURFACES), height_ratios=(1.15, 1))
    steps = np.arange(data["heights"].shape[-1])
    for i, ground in enumerate(SURFACES):
        above, below = axes[i], axes[len(SURFACES) + i]
        contours(above, ground)
        for k, name in enumerate(OPTIMIZERS):
            path = data["paths"][0, i, k]
            above.plot(*path.T, "-", color=color(k), linewidth=1.7, zorder=3 + (k == 0))
            above.plot(
                *path[-1], marker(k), color=color(k), markersize=9, markeredgecolor="white", zorder=5, label=name
            )
            middle = np.median(data["heights"][:, i, k], axis=0)
            below.plot(
                steps, middle, color=color(k), linewidth=1.9, marker=marker(k), markevery=(9 * k, 50), markersize=6
            )
        above.plot(*data["paths"][0, i, 0][0], "o", color=INK, markersize=7, zorder=6)
        below.set_yscale("log")
        label(above, title=ground.name)
        above.grid(False)
        label(below, x="step", y="height above lowest point" if i == 0 else "")
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=len(OPTIMIZERS), frameon=False, fontsize=TICK + 1)


EXPERIMENT = Experiment(
    name="optimizer-paths",
    title="Momentum and adaptive rates come lower than plain descent on classic surfaces",
    claim="Momentum and adaptive optimizers come lower than plain gradient descent, whatever the surface.",
    setup=(
        "; ".join(f"{ground.name}: {ground.formula}" for ground in SURFACES)
        + f". {STEPS} steps by the reference engine's update rules, from starts that the seed moves a little; each "
        f"optimizer at the best of {len(RATES)} learning rates from {RATES[0]:g} to {RATES[-1]:.2g}, chosen on other "
        "starts."
    ),
    measured="log10 of how much higher plain descent ends above the lowest point; above 0 means it was overtaken.",
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=12,
    size=(16.0, 7.2),
)
