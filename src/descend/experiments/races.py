"""Each optimizer against plain gradient descent: the training loss after the same number of epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import optimizers
from descend.experiments.data import Split, breast_cancer, diabetes, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, band, label, panels
from descend.experiments.training import Recipe, dense, fit, network
from descend.experiments.verdicts import Condition
from descend.optimizers import Optimizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS, BATCH = 15, 32
DATA: dict[str, Callable[[int], Split]] = {
    "digits": lambda seed: digits(seed, 500),
    "breast cancer": lambda seed: breast_cancer(seed, 400),
    "diabetes": lambda seed: diabetes(seed, 300),
}
RATES = tuple(float(rate) for rate in np.logspace(-4, 0.5, 10))
OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
    "sgd": optimizers.SGD,
    "momentum": lambda rate: optimizers.Momentum(rate),
    "classical-momentum": lambda rate: optimizers.Momentum(rate, dampening=False),
    "nesterov": optimizers.Nesterov,
    "heavy-ball": optimizers.HeavyBall,
    "adagrad": optimizers.AdaGrad,
    "rmsprop": optimizers.RMSProp,
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
    "nadam": optimizers.Nadam,
    "amsgrad": optimizers.AMSGrad,
}
_TUNING = (10_001, 10_002)
#: The loss of a run that diverged.
WORST = 100.0


def losses(data: str, optimizer: Optimizer, epochs: int, seed: int) -> NDArray[np.float64]:
    """Loss of the training rows before training and after each epoch, (epochs + 1,)."""
    split = DATA[data](seed)
    net = network(dense(2, 32, "tanh"), split, seed)
    batch = None if isinstance(optimizer, optimizers.LBFGS) else BATCH
    history = fit(net, split, Recipe(optimizer, epochs, batch), validation_data=(split.X, split.y))
    start = network(dense(2, 32, "tanh"), split, seed).evaluate(split.X, split.y)["loss"]
    if history is None:
        return np.array([start, *[WORST] * epochs])
    curve = [start, *history.val_loss]
    return np.minimum(np.array([*curve, *[curve[-1]] * (epochs + 1 - len(curve))]), WORST)


@cache
def best_rate(data: str, name: str, epochs: int, rates: tuple[float, ...]) -> float:
    """The learning rate with the lowest last loss, on seeds that are not measured."""
    make = OPTIMIZERS[name]
    means = [
        np.mean([np.log(losses(data, make(rate), epochs, seed)[-1] + 1e-12) for seed in _TUNING]) for rate in rates
    ]
    return rates[int(np.argmin(means))]


@cache
def _plain(data: str, epochs: int, rates: tuple[float, ...], seed: int) -> NDArray[np.float64]:
    """Plain descent at its best rate, which every race needs."""
    return losses(data, optimizers.SGD(best_rate(data, "sgd", epochs, rates)), epochs, seed)


def measuring(name: str) -> Callable[[int, Effort], Mapping[str, ArrayLike]]:
    """The measurement of one race."""

    def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
        epochs, rates = effort.of(EPOCHS, least=2), effort.thin(RATES)
        made: dict[str, ArrayLike] = {}
        for data in DATA:
            own = (
                optimizers.LBFGS(max_iter=epochs)
                if name == "lbfgs"
                else OPTIMIZERS[name](best_rate(data, name, epochs, rates))
            )
            made[data] = np.array([_plain(data, epochs, rates, seed), losses(data, own, epochs, seed)])
        made["rates"] = np.array(
            [
                [best_rate(d, "sgd", epochs, rates), np.nan if name == "lbfgs" else best_rate(d, name, epochs, rates)]
                for d in DATA
            ]
        )
        return made

    return measure


def conditions(data: Measurements) -> Sequence[Condition]:
    """A lower last loss than plain descent's on each set."""
    quantity = "log10 of plain descent's training loss over its own"
    logs = {name: np.log10(data[name][..., -1] + 1e-12) for name in DATA}
    return [Condition(f"on {name}", quantity, logs[name][:, 0] - logs[name][:, 1]) for name in DATA]


def drawing(words: str, per: str) -> Callable[[Measurements, Figure], None]:
    """The picture of one race."""

    def draw(data: Measurements, figure: Figure) -> None:
        axes = panels(figure, 1, len(DATA))
        for i, (ax, name) in enumerate(zip(axes, DATA, strict=True)):
            rates = data["rates"][0, i]
            for k, who in enumerate(("SGD", words)):
                rate = "" if np.isnan(rates[k]) else f", rate {rates[k]:.2g}"
                band(ax, np.arange(data[name].shape[-1]), data[name][:, k], f"{who}{rate}", k)
            ax.set_yscale("log")
            ax.set_xticks(np.arange(0, data[name].shape[-1], 5))
            label(ax, title=name, x=per, y="training loss" if i == 0 else "", legend=True)
            ax.legend(frameon=False, fontsize=TICK, loc="upper right")

    return draw


def _experiment(name: str, words: str) -> Experiment:
    lbfgs = name == "lbfgs"
    return Experiment(
        name=f"race-{name}",
        title=f"{words} reaches a lower training loss than plain gradient descent",
        claim=f"{words} reaches a lower training loss than plain gradient descent in the same number of epochs.",
        setup=(
            "Two hidden layers of 32 tanh units on digits (500 rows), breast cancer (400) and diabetes (300), "
            + (
                f"{EPOCHS} iterations on all rows (an iteration may look at them more than once) against "
                f"{EPOCHS} epochs of SGD in batches of {BATCH} at "
                if lbfgs
                else f"{EPOCHS} epochs in batches of {BATCH}; each optimizer at "
            )
            + f"the best of {len(RATES)} learning rates from {RATES[0]:g} to {RATES[-1]:.2g}, chosen per set on other "
            "seeds."
        ),
        measured="log10 of SGD's last training loss over its own; above 0 means it was overtaken.",
        measure=measuring(name),
        conditions=conditions,
        draw=drawing(words, "epoch (L-BFGS: iteration)" if lbfgs else "epoch"),
        seeds=10,
        size=(13.0, 4.3),
    )


EXPERIMENTS = tuple(
    _experiment(name, words)
    for name, words in {
        "momentum": "Momentum (averaging)",
        "classical-momentum": "Momentum (classical)",
        "nesterov": "Nesterov's method",
        "heavy-ball": "Heavy ball",
        "adagrad": "AdaGrad",
        "rmsprop": "RMSProp",
        "adam": "Adam",
        "adamw": "AdamW",
        "nadam": "Nadam",
        "amsgrad": "AMSGrad",
        "lbfgs": "L-BFGS",
    }.items()
)
