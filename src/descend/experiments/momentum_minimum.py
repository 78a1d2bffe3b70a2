"""Momentum leaves a local minimum where plain descent stays: from where, over which ridges, and which momentum?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.experiments.descent import Surface, descend_surface
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, contours, label, panels, threshold
from descend.experiments.surfaces import local_minimum
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD, Momentum, Optimizer
from descend.plots.style import INK, color, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ETA, BETA, STEPS = 0.02, 0.9, 400
#: Ridges, and heights on the slope above the local minimum from which paths start.
RIDGES = {"low ridge": local_minimum(0.05), "high ridge": local_minimum(0.35)}
HEIGHTS = {"from high up": (1.7, 2.0), "from just above": (1.05, 1.25)}
OPTIMIZERS: dict[str, Optimizer] = {
    "plain descent": SGD(ETA),
    "plain descent, step 10 times as long": SGD(ETA / (1 - BETA)),
    "momentum, V = βV + g": Momentum(ETA, beta=BETA, dampening=False),
    "momentum, V = βV + (1 - β)g": Momentum(ETA, beta=BETA),
}
#: What "leaves" and "stays" mean, as shares of starts.
MOST = 0.5


def _crossed(surface: Surface, path: NDArray[np.float64]) -> bool:
    """Whether a path ends in the well of the lowest point, beyond the ridge."""
    assert surface.minimum is not None
    return bool(np.hypot(*(path[-1] - surface.minimum)) < 0.4)


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Start all optimizers at one point of each height, which the seed draws."""
    rng = np.random.default_rng(seed)
    starts = [(rng.uniform(*limits), rng.uniform(-0.8, 0.8)) for limits in HEIGHTS.values()]
    steps = effort.of(STEPS)
    paths = np.array(
        [
            [[descend_surface(ridge, optimizer, start, steps) for optimizer in OPTIMIZERS.values()] for start in starts]
            for ridge in RIDGES.values()
        ]
    )
    crossed = [
        [[_crossed(ridge, path) for path in row] for row in rows]
        for ridge, rows in zip(RIDGES.values(), paths, strict=True)
    ]
    return {"crossed": np.array(crossed), "paths": paths}


def conditions(data: Measurements) -> Sequence[Condition]:
    """Plain descent stays from most starts, momentum leaves from most, for each ridge and height."""
    crossed, quantity = data["crossed"], "share of starts that end in the lowest point"
    made = []
    for i, ridge in enumerate(RIDGES):
        for j, height in enumerate(HEIGHTS):
            where = f"{ridge}, {height}"
            made.append(Condition(f"plain descent stays, {where}", quantity, crossed[:, i, j, 0], MOST, "below"))
            made.append(Condition(f"V = βV + g leaves, {where}", quantity, crossed[:, i, j, 2], MOST))
            made.append(Condition(f"V = βV + (1 - β)g leaves, {where}", quantity, crossed[:, i, j, 3], MOST))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """Paths over the low ridge from high up, and the shares of starts that cross."""
    left, right = panels(figure, 1, 2, width_ratios=(1.2, 1))
    surface = next(iter(RIDGES.values()))
    contours(left, surface)
    shown = int(np.argmax(data["crossed"][:, 0, 0, 2] & ~data["crossed"][:, 0, 0, 0]))
    for k, name in enumerate(OPTIMIZERS):
        path = data["paths"][shown, 0, 0, k]
        left.plot(*path.T, "-", color=color(k), linewidth=2, zorder=3)
        left.plot(*path[-1], marker(k), color=color(k), markersize=11, markeredgecolor="white", label=name, zorder=5)
    begin = data["paths"][shown, 0, 0, 0][0]
    left.plot(*begin, "o", color=INK, markersize=8, zorder=5)
    left.annotate("start", begin, (-14, 12), textcoords="offset points", fontsize=TICK)
    label(left, title="low ridge, from high up (star: lowest point)", x="x", y="y")
    left.grid(False)

    shares = data["crossed"].mean(axis=0).reshape(-1, len(OPTIMIZERS))
    width = 0.2
    for k in range(len(OPTIMIZERS)):
        places = np.arange(len(shares)) + (k - 1.5) * width
        right.bar(places, shares[:, k], width * 0.92, color=color(k))
        right.plot(places, shares[:, k] + 0.035, marker(k), color=color(k), markersize=7)
    names = [f"{ridge},\n{height}" for ridge in RIDGES for height in HEIGHTS]
    right.set_xticks(range(len(shares)), names)
    right.set_ylim(0, 1.12)
    right.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    threshold(right, MOST)
    label(right, title=f"reach the lowest point, {len(data['crossed'])} starts", y="share of starts")
    handles, texts = left.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=2, frameon=False, fontsize=TICK)


EXPERIMENT = Experiment(
    name="local-minimum",
    title="Momentum leaves a local minimum where plain descent stays",
    claim="Momentum carries a step through a local minimum in which plain gradient descent stays.",
    setup=(
        "Two wells on f(x, y) = x⁴/2 - x² + tilt x + y²; the ridge between them is low with tilt 0.35 and high with "
        f"0.05. {STEPS} steps with learning rate {ETA} and β = {BETA} by the reference engine's update rules, from "
        "random points of the slope above the local minimum, high up (x from 1.7 to 2) and just above it (x from 1.05 "
        f"to 1.25). Plain descent with {1 / (1 - BETA):.0f} times the step, which is as far as V = βV + g comes on a "
        "constant slope, is drawn beside them."
    ),
    measured=f"Share of starts that end in the lowest point; 'leaves' means above {MOST:.0%}, 'stays' below.",
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=60,
    size=(13.0, 5.4),
)
