"""Learning-rate schedules: a rate that falls ends lower than the best constant rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import schedules
from descend.experiments.data import Split, diabetes, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, label, panels, threshold
from descend.experiments.statistics import estimate
from descend.experiments.training import Recipe, dense, train
from descend.experiments.verdicts import Condition
from descend.optimizers import Momentum
from descend.plots.style import INK, color, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH, EPOCHS = 8, 20
#: Data, and the units of the hidden layer: one set it can fit exactly, and one whose noise it cannot.
DATA: dict[str, tuple[Callable[[int], Split], int]] = {
    "digits, fitted exactly": (lambda seed: digits(seed, 500), 32),
    "diabetes, cannot be": (lambda seed: diabetes(seed, 300), 4),
}
RATES = tuple(float(rate) for rate in np.logspace(-2, 0.75, 12))
#: Each from its highest rate.
SCHEDULES: dict[str, Callable[[float], schedules.Schedule]] = {
    "constant": schedules.Constant,
    "step": lambda rate: schedules.Step(rate, factor=0.3, every=6),
    "exponential": lambda rate: schedules.Exponential(rate, decay=0.85),
    "inverse scaling": lambda rate: schedules.InverseScaling(rate, power=0.5, scale=0.02),
    "cosine": schedules.Cosine,
    "one cycle": schedules.OneCycle,
    "warm-up, cosine": lambda rate: schedules.WarmUp(schedules.Cosine(rate), 60),
    "on plateau": lambda rate: schedules.ReduceOnPlateau(rate, factor=0.3, patience=2),
    "adaptive": lambda rate: schedules.Adaptive(rate, tol=1e-3, n_iter_no_change=1),
}
_TUNING = (10_001, 10_002, 10_003)
WORST = 100.0


def _loss(data: str, name: str, rate: float, epochs: int, seed: int) -> float:
    """The training loss after training."""
    make, units = DATA[data]
    split = make(seed)
    optimizer = Momentum(SCHEDULES[name](rate))
    net, history = train(dense(1, units, "tanh"), split, Recipe(optimizer, epochs, BATCH), seed)
    return WORST if history is None else min(WORST, net.evaluate(split.X, split.y)["loss"])


@cache
def best_rate(data: str, name: str, epochs: int, rates: tuple[float, ...]) -> float:
    """The highest rate with which a schedule ends lowest, on seeds that are not measured."""
    means = [np.mean([np.log(_loss(data, name, rate, epochs, seed)) for seed in _TUNING]) for rate in rates]
    return rates[int(np.argmin(means))]


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """The last loss with each schedule from its own best rate, (sets, schedules)."""
    epochs, choice = effort.of(EPOCHS, least=2), effort.thin(RATES)
    rates = np.array([[best_rate(data, name, epochs, choice) for name in SCHEDULES] for data in DATA])
    losses = [
        [_loss(data, name, rate, epochs, seed) for name, rate in zip(SCHEDULES, row, strict=True)]
        for data, row in zip(DATA, rates, strict=True)
    ]
    return {"losses": np.array(losses), "rates": rates}


def conditions(data: Measurements) -> Sequence[Condition]:
    """Each schedule ends with a lower loss than the constant rate."""
    logs = np.log10(data["losses"])
    quantity = "log10 of the constant rate's last loss over its own"
    return [
        Condition(f"{name} on {words.split(',')[0]}", quantity, logs[:, i, 0] - logs[:, i, k])
        for i, words in enumerate(DATA)
        for k, name in enumerate(SCHEDULES)
        if k
    ]


def draw(data: Measurements, figure: Figure) -> None:
    """The rates by step, and what each schedule gains over the constant rate on each set."""
    left, *rest = panels(figure, 1, 3, width_ratios=(1.15, 1, 1))
    per_epoch = 60
    steps = np.arange(EPOCHS * per_epoch)
    styles = ("-", "--", "-.", ":")
    for k, (name, make) in enumerate(SCHEDULES.items()):
        schedule = make(1.0)
        if not isinstance(schedule, schedules.LossDriven):
            rates = schedule(steps, per_epoch, len(steps))
            left.plot(steps / per_epoch, rates, styles[k % 4], color=color(k), linewidth=2.2, label=name)
    left.set_ylim(0, 1.55)
    left.set_xticks([0, 5, 10, 15, 20])
    label(left, title="rate by epoch", x="epoch", y="share of the highest rate")
    left.legend(frameon=False, fontsize=TICK - 1, ncols=2, loc="upper center")
    for i, (ax, words) in enumerate(zip(rest, DATA, strict=True)):
        logs = np.log10(data["losses"][:, i])
        names = [f"{name} ({rate:.2g})" for name, rate in zip(SCHEDULES, data["rates"][0, i], strict=True)]
        for k in range(1, len(SCHEDULES)):
            gain = logs[:, 0] - logs[:, k]
            made = estimate(gain)
            spread = np.linspace(-0.18, 0.18, len(gain))
            ax.plot(gain, len(SCHEDULES) - k + spread, marker(k), color=color(k), alpha=0.55, markersize=5)
            half = made.mean - made.low if np.isfinite(made.low) else 0.0
            ax.errorbar(
                made.mean, len(SCHEDULES) - k, xerr=half, fmt="|", color=INK, capsize=4, markersize=12, linewidth=1.8
            )
        ax.set_yticks(range(len(SCHEDULES) - 1, 0, -1), names[1:])
        threshold(ax, 0.0, axis="x")
        label(ax, title=f"{words}\n(constant {data['rates'][0, i, 0]:.2g})", x="log10 of constant's loss / its own")


EXPERIMENT = Experiment(
    name="schedules",
    title="A learning rate that falls ends lower than the best constant rate",
    claim="With the same number of epochs, a learning rate that falls ends with a lower loss than any constant rate.",
    setup=(
        "Digits (500 rows, 32 tanh units, which fit them exactly) and diabetes (300 rows, 4 tanh units, which cannot); "
        f"Momentum in batches of {BATCH} for {EPOCHS} epochs; each schedule from the best of {len(RATES)} highest "
        f"rates from {RATES[0]:g} to {RATES[-1]:.2g}, chosen on other seeds."
    ),
    measured="log10 of the constant rate's last training loss over the schedule's; above 0: the schedule is better.",
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=12,
    size=(14.0, 4.8),
)
