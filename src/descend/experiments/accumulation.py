"""Gradient accumulation: the gradients of several small batches as one of a large batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import Network, layers
from descend.experiments.data import Split, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import label, panels, strips, threshold
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD, Adam, Optimizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, EPOCHS, BATCH, PARTS, UNITS = 960, 5, 16, 4, 64
OPTIMIZERS: dict[str, Optimizer] = {"SGD": SGD(0.1), "Adam": Adam(0.003)}
#: "The same" is a difference below this share of the weights, in float64.
SAME = 1e-6

NETWORKS: dict[str, list[layers.Layer]] = {
    "without batch norm": [layers.Dense(UNITS, "tanh"), layers.Dense(UNITS, "tanh")],
    "with batch norm": [layers.Dense(UNITS), layers.BatchNorm(), layers.Tanh()],
}


def _weights(name: str, split: Split, optimizer: Optimizer, seed: int, epochs: int, batch: int, parts: int):
    """The trained weights, end to end, and the last training loss."""
    net = Network([*NETWORKS[name], layers.Dense(10)], (64,), seed=seed, dtype="float64")
    history = net.fit(
        split.X, split.y, optimizer=optimizer, epochs=epochs, batch_size=batch, accumulate=parts, shuffle=True,
        threads=1, verbose=0,
    )  # fmt: skip
    return np.concatenate([weight.ravel() for weight in net.get_weights().values()]), history.loss[-1]


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Distance of the weights over their norm (networks, optimizers); losses of small, accumulated, large batches."""
    split, epochs = digits(seed, ROWS), effort.of(EPOCHS)
    apart = np.empty((len(NETWORKS), len(OPTIMIZERS)))
    loss = np.empty((len(NETWORKS), len(OPTIMIZERS), 3))
    for i, name in enumerate(NETWORKS):
        for k, optimizer in enumerate(OPTIMIZERS.values()):
            small = _weights(name, split, optimizer, seed, epochs, BATCH, 1)
            added = _weights(name, split, optimizer, seed, epochs, BATCH, PARTS)
            large = _weights(name, split, optimizer, seed, epochs, BATCH * PARTS, 1)
            apart[i, k] = np.linalg.norm(added[0] - large[0]) / np.linalg.norm(large[0])
            loss[i, k] = small[1], added[1], large[1]
    return {"apart": apart, "loss": loss}


def conditions(data: Measurements) -> Sequence[Condition]:
    """The same weights as with one large batch, with each network and optimizer."""
    return [
        Condition(
            f"the weights are the same {name}, {optimizer}",
            "log10 of the distance of the weights over their norm",
            np.log10(np.maximum(data["apart"][:, i, k], 1e-18)),
            float(np.log10(SAME)),
            "below",
        )
        for i, name in enumerate(NETWORKS)
        for k, optimizer in enumerate(OPTIMIZERS)
    ]


def draw(data: Measurements, figure: Figure) -> None:
    """Distances of weights, and what the fewer updates cost."""
    left, right = panels(figure, 1, 2)
    names = [
        f"{name.replace(' batch', chr(10) + 'batch')},\n{optimizer}" for name in NETWORKS for optimizer in OPTIMIZERS
    ]
    strips(left, names, [np.maximum(data["apart"][:, i, k], 1e-18) for i in range(2) for k in range(2)])
    left.set_yscale("log")
    threshold(left, SAME, "the same", place=0.99)
    label(left, title="from the weights of one large batch", y="distance over norm")
    words = [f"{BATCH} rows", f"{PARTS} times\n{BATCH} rows", f"{BATCH * PARTS} rows"]
    strips(right, words, [data["loss"][:, 0, 0, k] for k in range(3)])
    label(right, title=f"SGD, without batch norm, {EPOCHS} epochs", x="rows of an update", y="training loss")


EXPERIMENT = Experiment(
    name="accumulation",
    title="Accumulated gradients are those of a larger batch",
    claim=f"Adding up the gradients of {PARTS} batches gives the same training as one batch of {PARTS} times the rows.",
    setup=(
        f"Digits, {ROWS} rows, float64, {EPOCHS} epochs: batches of {BATCH} rows whose gradients are added up over "
        f"{PARTS}, beside batches of {BATCH * PARTS}, with the same shuffles; two layers of {UNITS} tanh units, or one "
        "with batch normalization; SGD at 0.1 and Adam at 0.003."
    ),
    measured=(
        f"Euclidean distance of all weights after training over their norm; below {SAME:g} is 'the same', but for "
        "rounding."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=10,
    size=(12.5, 4.6),
)
