"""Gradients on their way back through many layers: sigmoid's vanish, tanh's less, ReLU's not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import initializers, layers
from descend.experiments.data import digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import band, label, panels, threshold
from descend.experiments.training import network
from descend.experiments.verdicts import Condition

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTH, UNITS = 10, 64
ACTIVATIONS = ("sigmoid", "tanh", "relu")
#: How the weights are drawn; None is the layer's own choice: He's for ReLU, Glorot's otherwise.
WEIGHTS: dict[str, initializers.Initializer | None] = {
    "usual initial weights (Glorot; He before ReLU)": None,
    "small initial weights (normal, deviation 0.05)": initializers.Normal(deviation=0.05),
}
#: "Vanish" is losing more than half per layer, which leaves 1/512 after nine; "not" is keeping a tenth over all.
HALVED, KEPT = -(DEPTH - 1) * np.log10(2), -1.0


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """The size of the gradient at each hidden layer's output before training, by activation and way to draw weights."""
    split = digits(seed)
    table = np.empty((len(WEIGHTS), len(ACTIVATIONS), DEPTH))
    for i, initializer in enumerate(WEIGHTS.values()):
        for k, activation in enumerate(ACTIVATIONS):
            hidden = [layers.Dense(UNITS, activation=activation, weight_initializer=initializer) for _ in range(DEPTH)]
            net = network(hidden, split, seed)
            rows = effort.of(128, least=32)
            trace = net.trace(split.X[:rows], split.y[:rows])
            at = [trace[f"gradient/{activation}_{layer}"] for layer in range(1, DEPTH + 1)]
            table[i, k] = [np.sqrt(np.mean(gradient**2)) for gradient in at]
    return {"norms": table}


def _ratios(data: Measurements) -> np.ndarray:
    """log10 of the first hidden layer's gradient over the last one's, (seeds, weights, activations)."""
    logs = np.log10(np.maximum(data["norms"], 1e-30))
    return logs[..., 0] - logs[..., -1]


def conditions(data: Measurements) -> Sequence[Condition]:
    """Sigmoid loses half and more per layer, tanh loses less than sigmoid, ReLU keeps a tenth over all layers."""
    ratios, quantity = _ratios(data), "log10 of the gradient at hidden layer 1 over that at the last"
    made = []
    for i, weights in enumerate(WEIGHTS):
        words = weights.split(" (")[0]
        made += [
            Condition(f"sigmoid's vanish, {words}", quantity, ratios[:, i, 0], HALVED, "below"),
            Condition(
                f"tanh's vanish less than sigmoid's, {words}",
                "log10 ratio with tanh minus that with sigmoid",
                ratios[:, i, 1] - ratios[:, i, 0],
            ),
            Condition(f"ReLU's do not vanish, {words}", quantity, ratios[:, i, 2], KEPT),
        ]
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """The gradients' size by layer, one panel per way to draw weights."""
    axes = panels(figure, 1, len(WEIGHTS), sharey=True)
    depth = np.arange(1, DEPTH + 1)
    for i, (ax, weights) in enumerate(zip(axes, WEIGHTS, strict=True)):
        for k, activation in enumerate(ACTIVATIONS):
            runs = data["norms"][:, i, k] / data["norms"][:, i, k, -1:]
            band(ax, depth, runs, activation.replace("relu", "ReLU"), k, every=1)
        ax.set_yscale("log")
        ax.set_xticks(depth)
        threshold(ax, 1.0)
        label(ax, title=weights.replace(" (", "\n("), x="hidden layer (1 is next to the input)", legend=i == 0)
    label(axes[0], y=f"gradient at the layer's output,\nrelative to hidden layer {DEPTH}")


EXPERIMENT = Experiment(
    name="vanishing-gradients",
    title="Sigmoid's gradients vanish with depth, tanh's less, ReLU's not",
    claim="With depth the gradients of sigmoid layers vanish, those of tanh layers less, and those of ReLU layers not.",
    setup=(
        f"Digits; {DEPTH} hidden layers of {UNITS} units before training, 128 rows; the usual initial weights and a "
        "normal distribution that is too narrow."
    ),
    measured=(
        "Root mean square of the loss's gradient at the output of hidden layer 1 over that at the last one, as log10. "
        "'Vanish' means losing more than half per layer; 'not' means keeping more than a tenth over all layers."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=20,
    size=(11.5, 4.6),
)
