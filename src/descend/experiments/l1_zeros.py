"""L1 makes exact zeros: how many weights are zero, how many nearly, and what L2 does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import penalties
from descend.experiments.data import digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import band, label, panels, strips, threshold
from descend.experiments.training import Recipe, dense, scores, train
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD, Adam, Optimizer
from descend.schedules import Cosine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, EPOCHS, UNITS = 400, 60, 32
STRENGTH = 1e-3
PENALTIES: dict[str, penalties.Penalty | None] = {
    "none": None,
    "L1": penalties.L1(STRENGTH),
    "L2": penalties.L2(l2=STRENGTH),
}
OPTIMIZERS: dict[str, Optimizer] = {"SGD": SGD(Cosine(0.2)), "Adam": Adam(Cosine(0.003))}
#: A weight this small is "nearly zero": without it, predictions stay what they are.
NEARLY = 1e-3
#: More than this share of the weights counts as "makes zeros".
MANY = 0.1
#: Where the cumulative picture looks.
SIZES = np.logspace(-7, 0.5, 46)


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Train with each penalty and optimizer; look at the size of the first layer's weights."""
    split, epochs = digits(seed, ROWS), effort.of(EPOCHS)
    exact, near, accuracy = (np.empty((len(OPTIMIZERS), len(PENALTIES))) for _ in range(3))
    below = np.empty((len(OPTIMIZERS), len(PENALTIES), len(SIZES)))
    for i, optimizer in enumerate(OPTIMIZERS.values()):
        for k, penalty in enumerate(PENALTIES.values()):
            net, _ = train(dense(1, UNITS, "relu"), split, Recipe(optimizer, epochs, penalty=penalty), seed)
            sizes = np.abs(net.get_weights()["dense_1/weight"]).ravel()
            exact[i, k], near[i, k] = (sizes == 0).mean(), (sizes < NEARLY).mean()
            below[i, k] = (sizes[:, None] < SIZES).mean(axis=0)
            accuracy[i, k] = scores(net, split)[1]
    return {"exact": exact, "near": near, "below": below, "accuracy": accuracy}


def conditions(data: Measurements) -> Sequence[Condition]:
    """With L1 many weights are exactly zero; many are nearly zero; L2 makes neither."""
    made = []
    l1, l2 = list(PENALTIES).index("L1"), list(PENALTIES).index("L2")
    for i, name in enumerate(OPTIMIZERS):
        exact, near = data["exact"][:, i], data["near"][:, i]
        made += [
            Condition(f"L1 makes exact zeros with {name}", "share of weights that are 0", exact[:, l1], MANY),
            Condition(f"L1 makes near zeros with {name}", f"share of weights below {NEARLY:g}", near[:, l1], MANY),
            Condition(
                f"L1 makes more near zeros than L2 with {name}",
                f"share of weights below {NEARLY:g}, L1 minus L2",
                near[:, l1] - near[:, l2],
            ),
        ]
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """How many weights are smaller than a size, and how many are exactly and nearly zero."""
    one, two, three = panels(figure, 1, 3, width_ratios=(1, 1, 0.9))
    for i, (ax, name) in enumerate(zip((one, two), OPTIMIZERS, strict=True)):
        for k, penalty in enumerate(PENALTIES):
            reached = data["accuracy"][:, i, k].mean()
            band(ax, SIZES, 100 * data["below"][:, i, k], f"{penalty}, accuracy {reached:.0%}", k)
        ax.set_xscale("log")
        threshold(ax, NEARLY, "nearly zero", axis="x", place=0.7)
        label(ax, title=name, x="size of a weight", y="weights smaller than that, %", legend=True, loc="upper left")
    samples = [100 * data[key][:, i, 1] for i in range(2) for key in ("exact", "near")]
    names = [f"{name},\n{word}\nzero" for name in OPTIMIZERS for word in ("exactly", "nearly")]
    strips(three, names, samples, colors=[0, 1, 0, 1])
    threshold(three, 100 * MANY)
    label(three, title="with L1", y="share of weights, %")


EXPERIMENT = Experiment(
    name="l1-zeros",
    title="L1 makes exact zeros",
    claim="The L1 penalty makes many weights exactly zero, where L2 only makes them small.",
    setup=(
        f"Digits, {ROWS} rows; one hidden layer of {UNITS} ReLU units, {EPOCHS} epochs in batches of 32, learning rate "
        f"falling to zero along a cosine; L1 and L2 of strength {STRENGTH:g}, or none. The first layer's weights."
    ),
    measured=(
        f"Share of weights that are exactly 0, and share below {NEARLY:g}; 'makes' means above {MANY:.0%}. The "
        "penalty's gradient is λ sign(w), so a step carries a weight over zero rather than onto it."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=10,
    size=(13.5, 4.6),
)
