"""How long the steps are through training: AdaGrad's go to zero, RMSProp's do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.callbacks import Callback, Run
from descend.experiments.data import Split, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import band, label, panels
from descend.experiments.training import Recipe, dense, fit, network
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD, AdaGrad, Adam, Optimizer, RMSProp

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS, BATCH, ROWS = 1000, 25, 500
OPTIMIZERS: dict[str, Optimizer] = {
    "AdaGrad": AdaGrad(0.01),
    "RMSProp": RMSProp(0.001),
    "Adam": Adam(0.001),
    "SGD": SGD(0.1),
}
#: "Goes to zero" is falling at least like the fourth root of the step; AdaGrad's theory says the square root.
SLOPE = -0.25


class _Steps(Callback):
    """Notes the root mean square of an update and of its gradient at chosen steps. Rows must not be shuffled."""

    def __init__(self, split: Split, batch_size: int | None, chosen: NDArray[np.int64]) -> None:
        self.split = split
        self.batch_size = batch_size or len(split.X)
        self.chosen = set(chosen.tolist())
        self.steps: list[float] = []
        self.gradients: list[float] = []
        self._before: NDArray[np.float64] | None = None

    def on_step_end(self, run: Run) -> None:
        if self._before is not None:
            self.steps.append(_size(_flat(run.network.get_weights()) - self._before))
        self._before = None
        if run.step + 1 in self.chosen:
            per_epoch = len(self.split.X) // self.batch_size
            first = run.step % per_epoch * self.batch_size
            rows = slice(first, first + self.batch_size)
            self._before = _flat(run.network.get_weights())
            self.gradients.append(_size(_flat(run.network.gradients(self.split.X[rows], self.split.y[rows]))))


def _flat(arrays: Mapping[str, NDArray]) -> NDArray[np.float64]:
    return np.concatenate([array.ravel() for array in arrays.values()]).astype(np.float64)


def _size(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))


def chosen_steps(steps: int) -> NDArray[np.int64]:
    """About 24 steps from 2 to `steps`, evenly spaced on a logarithmic axis."""
    return np.unique(np.geomspace(2, steps, 24).astype(np.int64))


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Train with each optimizer in mini-batches and on all rows; note step and gradient sizes."""
    split, steps = digits(seed, ROWS), effort.of(STEPS, least=40)
    steps = max(1, steps // (ROWS // BATCH)) * (ROWS // BATCH)
    chosen = chosen_steps(steps)
    sizes = np.empty((2, len(OPTIMIZERS), 2, len(chosen)))
    for i, batch_size in enumerate((BATCH, None)):
        for k, optimizer in enumerate(OPTIMIZERS.values()):
            epochs = steps if batch_size is None else steps * batch_size // ROWS
            watch = _Steps(split, batch_size, chosen)
            net = network(dense(1, 32, "tanh"), split, seed)
            fit(net, split, Recipe(optimizer, epochs, batch_size), callbacks=[watch], shuffle=False)
            sizes[i, k] = watch.steps, watch.gradients
    return {"sizes": sizes, "chosen": chosen}


def slopes(data: Measurements) -> NDArray[np.float64]:
    """Slope of log step size over log step in the last tenfold of steps, (seeds, batchings, optimizers)."""
    chosen = data["chosen"][0]
    late = chosen >= chosen[-1] / 10
    x = np.log10(chosen[late])
    y = np.log10(np.maximum(data["sizes"][:, :, :, 0][..., late], 1e-30))
    centred = x - x.mean()
    return (y * centred).sum(axis=-1) / (centred**2).sum()


def conditions(data: Measurements) -> Sequence[Condition]:
    """AdaGrad's steps shrink like a power of the step, RMSProp's do not, whether or not batches are noisy."""
    found, quantity = slopes(data), "exponent a in: size of a step ~ step^a, over the last tenfold of steps"
    made = []
    for i, words in enumerate((f"batches of {BATCH}", "full batch")):
        made.append(Condition(f"AdaGrad's step goes to zero, {words}", quantity, found[:, i, 0], SLOPE, "below"))
        made.append(Condition(f"RMSProp's does not, {words}", quantity, found[:, i, 1], SLOPE))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """Sizes of steps, and step over gradient, by step on logarithmic axes."""
    axes = panels(figure, 1, 3)
    chosen = data["chosen"][0]
    for k, name in enumerate(OPTIMIZERS):
        for i, ax in enumerate(axes[:2]):
            band(ax, chosen, data["sizes"][:, i, k, 0], name, k)
        band(axes[2], chosen, data["sizes"][:, 0, k, 0] / np.maximum(data["sizes"][:, 0, k, 1], 1e-12), name, k)
    for ax in axes:
        ax.set_xscale("log")
        ax.set_yscale("log")
    label(axes[0], title=f"batches of {BATCH}", x="step", y="root mean square step of a weight", legend=True)
    label(axes[1], title="full batch", x="step", y="root mean square step of a weight")
    label(axes[2], title=f"effective rate, batches of {BATCH}", x="step", y="step / gradient")


EXPERIMENT = Experiment(
    name="step-size",
    title="AdaGrad's step goes to zero, RMSProp's does not",
    claim="AdaGrad's step size goes to zero in the course of training, RMSProp's does not.",
    setup=(
        f"Digits, {ROWS} rows; one hidden layer of 32 tanh units; {STEPS} steps in batches of {BATCH} and on all rows. "
        + ", ".join(f"{name} {optimizer.schedule(0, 1, 1):g}" for name, optimizer in OPTIMIZERS.items())
        + " are the learning rates."
    ),
    measured=(
        "Root mean square of what an update changes, and its exponent over the last tenfold of steps: going to zero "
        f"means below {SLOPE:g} (the theory for AdaGrad and steady gradients says -0.5)."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=10,
    size=(13.0, 4.6),
)
