"""Too high a learning rate overshoots, too low a one crawls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.experiments.data import Split, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import band, label, panels, threshold
from descend.experiments.training import Recipe, dense, network, train
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD, Adam, Optimizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS, ROWS, STEPS = 8, 500, 60
RATES = np.logspace(-4, 2, 19)
OPTIMIZERS = {"SGD": SGD, "Adam": Adam}
#: Rates of the curves: crawling, good and overshooting for full-batch descent on this network.
CURVES = (0.01, 0.5, 8.0)
#: The loss of a run that diverged, and the most any run is given.
WORST = 100.0
#: "Crawls": after the same budget more than twice the best rate's loss. Steps up and down from the best rate.
TWICE, AWAY = np.log10(2), 6


def _loss(split: Split, optimizer: Optimizer, epochs: int, seed: int) -> float:
    """Training loss after a fixed budget."""
    net, history = train(dense(1, 32, "tanh"), split, Recipe(optimizer, epochs), seed)
    return WORST if history is None else min(WORST, net.evaluate(split.X, split.y)["loss"])


def _curve(split: Split, rate: float, steps: int, seed: int) -> NDArray[np.float64]:
    """Loss before each full-batch step, (steps,)."""
    _, history = train(dense(1, 32, "tanh"), split, Recipe(SGD(rate), steps, None), seed)
    losses = np.full(steps, WORST)
    if history is not None:
        losses[:] = np.minimum(history.loss, WORST)
    return losses


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Sweep the rate for two optimizers, and follow full-batch descent at three rates."""
    split, epochs = digits(seed, ROWS), effort.of(EPOCHS)
    start = network(dense(1, 32, "tanh"), split, seed).evaluate(split.X, split.y)["loss"]
    sweep = [[_loss(split, kind(rate), epochs, seed) for rate in RATES] for kind in OPTIMIZERS.values()]
    curves = [_curve(split, rate, effort.of(STEPS, least=5), seed) for rate in CURVES]
    return {"sweep": np.array(sweep), "curves": np.array(curves), "start": start}


def conditions(data: Measurements) -> Sequence[Condition]:
    """Far below the best rate the loss is still more than twice as high, far above it is higher than at the start."""
    made = []
    for k, name in enumerate(OPTIMIZERS):
        sweep = np.log10(data["sweep"][:, k])
        best = int(np.median(sweep, axis=0).argmin())
        low, high = max(0, best - AWAY), min(len(RATES) - 1, best + AWAY)
        slow = sweep[:, low] - sweep[:, best]
        made.append(
            Condition(
                f"{name}: a hundredth of the best rate crawls", "log10 of its loss over the best rate's", slow, TWICE
            )
        )
        made.append(
            Condition(
                f"{name}: a hundred times the best rate overshoots",
                "share of seeds that end above the loss they began with",
                data["sweep"][:, k, high] > data["start"],
                0.5,
            )
        )
    rises = np.any(np.greater(np.diff(data["curves"], axis=-1), 0), axis=-1)
    quantity = "share of seeds in which some full-batch step raises the loss"
    made.append(Condition(f"full-batch SGD at {CURVES[-1]:g} overshoots", quantity, rises[:, 2], 0.5))
    made.append(Condition(f"full-batch SGD at {CURVES[0]:g} does not", quantity, rises[:, 0], 0.5, "below"))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """The loss after a fixed budget by rate, and full-batch descent at three rates."""
    left, right = panels(figure, 1, 2, width_ratios=(1.15, 1))
    for k, name in enumerate(OPTIMIZERS):
        band(left, RATES, data["sweep"][:, k], name, k, every=2)
    left.set_xscale("log")
    left.set_yscale("log")
    threshold(left, float(np.median(data["start"])), "loss before training", place=0.42)
    label(left, title="after the same number of epochs", x="learning rate", y="training loss", legend=True)
    words = ("crawls", "good", "overshoots")
    for k, (rate, word) in enumerate(zip(CURVES, words, strict=True)):
        band(right, np.arange(data["curves"].shape[-1]), data["curves"][:, k], f"{rate:g} {word}", k)
    right.set_yscale("log")
    label(right, title="SGD on all rows", x="step", y="training loss", legend=True)


EXPERIMENT = Experiment(
    name="learning-rate",
    title="Too high a learning rate overshoots, too low a one crawls",
    claim="Too high a learning rate overshoots, too low a one crawls.",
    setup=(
        f"Digits, {ROWS} rows; one hidden layer of 32 tanh units; {EPOCHS} epochs in batches of 32 at {len(RATES)} "
        f"learning rates from {RATES[0]:g} to {RATES[-1]:g}; and {STEPS} steps of SGD on all rows at "
        f"{', '.join(f'{rate:g}' for rate in CURVES)}."
    ),
    measured=(
        "Training loss after the budget. 'Crawls': a hundredth of the best rate leaves more than twice its loss. "
        "'Overshoots': a hundred times the best rate (the largest rate tried, if that is less) ends above the loss of "
        "the untrained network; on all rows, some step raises the loss."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=10,
    size=(12.0, 4.6),
)
