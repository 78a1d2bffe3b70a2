"""Stacked linear layers cannot learn exclusive or; a hidden ReLU layer can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import Network, layers, optimizers
from descend.experiments.data import xor
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, label, panels, threshold
from descend.experiments.verdicts import Condition
from descend.plots.style import INK, color, diverging, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS = (2, 4, 16)
EPOCHS = 300

#: Share of starts that must succeed for "can learn".
RELIABLE = 0.9

#: Where the output is drawn: 41 x 41 points.
_SIDE = np.linspace(-2, 2, 41, dtype=np.float32)
_GRID = np.stack(np.meshgrid(_SIDE, _SIDE), axis=-1).reshape(-1, 2)


def _train(hidden: list[layers.Layer], seed: int, effort: Effort) -> Network:
    X, y = xor()
    net = Network([*hidden, layers.Dense(1)], seed=seed)
    optimizer = optimizers.Adam(0.02)
    net.fit(X, y, epochs=effort.of(EPOCHS), batch_size=None, optimizer=optimizer, threads=1, verbose=0)
    return net


def _solved(net: Network) -> bool:
    X, y = xor()
    return bool(((net.predict(X)[:, 0] > 0.5) == y).all())


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Train four linear layers, and one hidden ReLU layer of each width, from one seed's initial weights."""
    X, y = xor()
    linear = _train([layers.Dense(16, activation="linear") for _ in range(3)], seed, effort)
    relu = {width: _train([layers.Dense(width, activation="relu")], seed, effort) for width in WIDTHS}
    return {
        "linear solved": _solved(linear),
        "linear loss": linear.evaluate(X, y)["loss"],
        "relu solved": np.array([_solved(relu[width]) for width in WIDTHS]),
        "linear surface": linear.predict(_GRID)[:, 0],
        "relu surface": relu[WIDTHS[-1]].predict(_GRID)[:, 0],
    }


def conditions(data: Measurements) -> Sequence[Condition]:
    """No linear stack beats guessing's loss, log 2; ReLU layers succeed from nearly every start."""
    made = [
        Condition(
            "four linear layers never solve it",
            "share of starts that classify all four rows rightly",
            data["linear solved"],
            1 - RELIABLE,
            "below",
        )
    ]
    for k, width in enumerate(WIDTHS):
        name = f"one hidden layer of {width} ReLU units solves it"
        quantity = "share of starts that classify all four rows rightly"
        made.append(Condition(name, quantity, data["relu solved"][:, k], RELIABLE))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """The two outputs over the plane, and how often each network succeeds."""
    axes = panels(figure, 1, 3, width_ratios=(1, 1, 1.15))
    best = int(np.argmax(data["relu solved"][:, -1]))
    X, y = xor()
    for ax, which, title in (
        (axes[0], "linear surface", "four linear layers"),
        (axes[1], "relu surface", f"one layer of {WIDTHS[-1]} ReLU units"),
    ):
        surface = data[which][best].reshape(len(_SIDE), -1)
        filled = ax.contourf(_SIDE, _SIDE, surface, levels=np.linspace(0, 1, 21), cmap=diverging())
        if surface.min() < 0.5 < surface.max():
            ax.contour(_SIDE, _SIDE, surface, levels=[0.5], colors=INK, linewidths=2)
        for k in (0, 1):
            ax.plot(*X[y == k].T, marker(k), color=color(k), markersize=12, markeredgecolor="white")
        label(ax, title=title, x="input 1", y="input 2")
        ax.grid(False)
        ax.set_aspect("equal")
        bar = figure.colorbar(filled, ax=ax, shrink=0.7, ticks=[0, 0.5, 1])
        bar.set_label("predicted probability", fontsize=TICK)
        bar.ax.tick_params(labelsize=TICK)
    shares = [data["linear solved"].mean(), *data["relu solved"].mean(axis=0)]
    names = ["4 linear\nlayers", *(f"{width}\nReLU" for width in WIDTHS)]
    bars = axes[2].bar(names, shares, color=[color(1), *[color(0)] * len(WIDTHS)], width=0.65)
    axes[2].bar_label(bars, [f"{share:.0%}" for share in shares], fontsize=TICK, padding=2)
    axes[2].set_ylim(0, 1.12)
    axes[2].set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    threshold(axes[2], RELIABLE)
    label(axes[2], title=f"XOR solved, {len(data['linear loss'])} starts", y="share of starts")


EXPERIMENT = Experiment(
    name="linear-stack",
    title="Stacked linear layers cannot learn XOR, one hidden ReLU layer can",
    claim="However many linear layers are stacked, they cannot learn XOR; one hidden ReLU layer can.",
    setup=(
        f"The four rows of XOR with inputs -1 and 1; {EPOCHS} full-batch steps of Adam (learning rate 0.02). Three "
        f"hidden linear layers of 16 units and a sigmoid output against one hidden ReLU layer of "
        f"{', '.join(map(str, WIDTHS))} units and the same output."
    ),
    measured=(
        f"Share of random starts after which all four rows are classified rightly; 'can learn' means above "
        f"{RELIABLE:.0%}, 'cannot' below {1 - RELIABLE:.0%}."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=60,
    size=(12.5, 4.0),
)
