"""Full-batch loss is smooth, stochastic loss jitters; and what each costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.callbacks import Function, Run
from descend.experiments.data import Split, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import band, label, panels, strips, threshold
from descend.experiments.training import Recipe, dense, fit, network
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS, PASSES, ROWS = 200, 4, 512
BATCHES: dict[str, int | None] = {"all rows": None, "32 rows": 32, "1 row": 1}
RATE, HIGH_RATE = 0.1, 2.0
#: Passes after which the loss is looked at when costs are compared.
MARKS = np.array([0.0625, 0.125, 0.25, 0.5, 1, 2, 3, 4])
#: "Smooth": fewer than a twentieth of the updates raise the loss of all rows; "jitters": more.
FEW = 0.05


def _losses(split: Split, batch_size: int | None, rate: float, steps: int, seed: int) -> NDArray[np.float64]:
    """Loss of all training rows before the first update and after each of `steps`, (steps + 1,)."""
    net = network(dense(1, 32, "tanh"), split, seed)
    seen = [net.evaluate(split.X, split.y)["loss"]]

    def look(run: Run) -> None:
        seen.append(net.evaluate(split.X, split.y)["loss"])
        if len(seen) > steps:
            run.stop()

    fit(net, split, Recipe(SGD(rate), steps, batch_size), callbacks=[Function(on_step_end=look)])
    return np.array([*seen, *[seen[-1]] * (steps + 1 - len(seen))])


def _by_rows(split: Split, batch_size: int | None, seed: int) -> NDArray[np.float64]:
    """Loss of all training rows after each share of passes in `MARKS` that is a whole number of updates."""
    net = network(dense(1, 32, "tanh"), split, seed)
    size = batch_size or ROWS
    at = {int(mark * ROWS) // size: k for k, mark in enumerate(MARKS) if int(mark * ROWS) % size == 0}
    seen = np.full(len(MARKS), np.nan)

    def look(run: Run) -> None:
        if run.step in at:
            seen[at[run.step]] = net.evaluate(split.X, split.y)["loss"]

    fit(net, split, Recipe(SGD(RATE), PASSES, batch_size), callbacks=[Function(on_step_end=look)])
    return seen


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Follow the loss of all rows update by update for each batch size, at a usual and at a high rate."""
    split, steps = digits(seed, ROWS), effort.of(STEPS, least=10)
    return {
        "losses": np.array([_losses(split, size, RATE, steps, seed) for size in BATCHES.values()]),
        "high": _losses(split, None, HIGH_RATE, steps, seed),
        "by rows": np.array([_by_rows(split, size, seed) for size in BATCHES.values()]),
    }


def rises(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of updates that raise the loss, over the last axis."""
    return (np.diff(losses, axis=-1) > 0).mean(axis=-1)


def conditions(data: Measurements) -> Sequence[Condition]:
    """Full-batch descent seldom raises the loss, smaller batches often do."""
    share, quantity = rises(data["losses"]), "share of updates that raise the loss of all rows"
    return [
        Condition(f"full batch is smooth at learning rate {RATE:g}", quantity, share[:, 0], FEW, "below"),
        Condition(f"batches of 32 jitter at {RATE:g}", quantity, share[:, 1], FEW),
        Condition(f"batches of 1 jitter at {RATE:g}", quantity, share[:, 2], FEW),
        Condition("1 row jitters more than 32", "difference of these shares", share[:, 2] - share[:, 1]),
        Condition(f"full batch is smooth at {HIGH_RATE:g} too", quantity, rises(data["high"]), FEW, "below"),
    ]


def draw(data: Measurements, figure: Figure) -> None:
    """One seed's loss by update, the shares of updates that raise it, and the loss by rows read."""
    from descend.plots.style import color

    one, two, three = panels(figure, 1, 3, width_ratios=(1.2, 1.1, 1))
    steps = np.arange(data["losses"].shape[-1])
    for k, name in reversed(list(enumerate(BATCHES))):
        one.plot(steps, data["losses"][0, k], color=color(k), linewidth=1.6, label=name)
    one.plot(steps, data["high"][0], "--", color=color(3), linewidth=1.4, label=f"all rows, rate {HIGH_RATE:g}")
    one.set_yscale("log")
    label(one, title="one seed", x="update", y="loss of all training rows", legend=True)
    shares = rises(data["losses"])
    samples = [100 * shares[:, k] for k in range(3)] + [100 * rises(data["high"])]
    strips(two, ["all\nrows", "32\nrows", "1\nrow", f"all rows,\nrate {HIGH_RATE:g}"], samples)
    threshold(two, 100 * FEW)
    label(two, title="updates that raise the loss", y="share of updates, %")
    for k, name in enumerate(BATCHES):
        done = ~np.isnan(data["by rows"][0, k])
        band(three, MARKS[done], data["by rows"][:, k][:, done], name, k, every=1)
    three.set_xscale("log", base=2)
    three.set_xticks([1 / 16, 1 / 4, 1, 4], ["1/16", "1/4", "1", "4"])
    label(three, title="what it costs", x="passes over the rows", y="loss of all training rows", legend=True)


EXPERIMENT = Experiment(
    name="batch-size",
    title="Full-batch loss is smooth, stochastic loss jitters",
    claim="The loss falls smoothly with full batches and jitters with stochastic ones.",
    setup=(
        f"Digits, {ROWS} rows; one hidden layer of 32 tanh units; {STEPS} updates of SGD at learning rate {RATE:g} "
        f"with all rows, 32 or 1 per update, and with all rows at {HIGH_RATE:g}; the loss of all rows after each."
    ),
    measured=f"Share of updates that raise the loss of all rows; smooth means below {FEW:.0%}, jitters above.",
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=12,
    size=(13.0, 4.5),
)
