"""How the gradients of each layer fare through training, for each activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend.callbacks import Function
from descend.experiments.data import digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import label, panels
from descend.experiments.training import Recipe, dense, fit, network, norms, scores
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from descend import Network

DEPTH, UNITS, EPOCHS, ETA = 6, 48, 30, 0.05
ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu")
#: The least share of the last hidden layer's gradient that the second must keep.
KEPT = -1.0


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Train one network per activation; after each epoch take the gradients of all layers."""
    split = digits(seed)
    epochs = effort.of(EPOCHS, least=2)
    flow = np.empty((len(ACTIVATIONS), epochs + 1, DEPTH))
    accuracy = np.empty(len(ACTIVATIONS))
    for k, activation in enumerate(ACTIVATIONS):
        net = network(dense(DEPTH, UNITS, activation), split, seed)
        seen: list[np.ndarray] = []

        def look(net: Network = net, seen: list[np.ndarray] = seen) -> None:
            seen.append(norms(net.gradients(split.X[:256], split.y[:256]), DEPTH))

        look()
        watch = Function(on_epoch_end=lambda run, look=look: look())
        fit(net, split, Recipe(SGD(ETA), epochs), callbacks=[watch])
        flow[k] = np.array([*seen, *[seen[-1]] * (epochs + 1 - len(seen))])
        accuracy[k] = scores(net, split)[1]
    return {"norms": flow, "accuracy": accuracy}


def conditions(data: Measurements) -> Sequence[Condition]:
    """Through training, every activation but sigmoid keeps a tenth of the gradient down to the second layer."""
    logs = np.log10(np.maximum(data["norms"], 1e-30))
    ratio = (logs[..., 1] - logs[..., -1]).mean(axis=-1)
    quantity = "log10 of the gradient in layer 2 over the last hidden layer's, mean over epochs"
    made = [Condition("sigmoid's gradients stay small", quantity, ratio[:, 0], KEPT, "below")]
    for k, activation in enumerate(ACTIVATIONS[1:], start=1):
        made.append(Condition(f"{activation} passes them on", quantity, ratio[:, k], KEPT))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """One small panel per activation: the gradient of each layer by epoch."""
    from matplotlib import colormaps

    axes = panels(figure, 2, 4, sharex=True, sharey=True)
    shades = colormaps["viridis"](np.linspace(0.0, 0.88, DEPTH))
    middle = np.median(data["norms"], axis=0)
    for k, (ax, activation) in enumerate(zip(axes, ACTIVATIONS, strict=True)):
        for layer in range(DEPTH):
            ax.plot(middle[k, :, layer], color=shades[layer], linewidth=2.0, label=f"{layer + 1}")
        ax.set_yscale("log")
        reached = data["accuracy"][:, k].mean()
        label(ax, title=f"{activation}, accuracy {reached:.0%}", x="epoch" if k >= 4 else "")
    figure.supylabel("root mean square of the weight gradient", fontsize=12)
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, texts, loc="outside right center", frameon=False, fontsize=11, title="hidden\nlayer", title_fontsize=11
    )


EXPERIMENT = Experiment(
    name="gradient-flow",
    title="Through training, gradients reach the first layers with every activation but sigmoid",
    claim="Sigmoid layers starve the layers before them of gradient all through training; later activations do not.",
    setup=(
        f"Digits; {DEPTH} hidden layers of {UNITS} units, SGD with learning rate {ETA}, batches of 32, "
        f"{EPOCHS} epochs; gradients of 256 rows after every epoch."
    ),
    measured=(
        "Root mean square of the weight gradient in layer 2 over that in the last hidden layer, as log10, mean over "
        "the epochs; passing on means keeping more than a tenth."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=8,
    size=(13.0, 6.2),
)
