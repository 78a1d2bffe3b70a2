"""The effect of each initializer on the spread of activations, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import Network, initializers, layers
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, band, label, panels
from descend.experiments.verdicts import Condition

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTH, UNITS, ROWS = 10, 96, 96
ACTIVATIONS = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid", "selu": "SELU"}
INITIALIZERS: dict[str, initializers.Initializer] = {
    "He normal": initializers.HeNormal(),
    "Glorot uniform": initializers.GlorotUniform(),
    "LeCun normal": initializers.LeCunNormal(),
    "orthogonal": initializers.Orthogonal(),
    "normal, deviation 0.01": initializers.Normal(deviation=0.01),
    "normal, deviation 1": initializers.Normal(deviation=1.0),
}
#: Kept: the spread changes by less than this factor from the first to the last layer (as log10).
KEPT = np.log10(3)
#: Collapsed: it falls below a thousandth.
COLLAPSED = -3.0


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Standard deviation of each layer's activations over standard normal rows, and the share that is saturated."""
    units = effort.of(UNITS, least=8)
    rows = np.random.default_rng(seed).standard_normal((effort.of(ROWS, least=16), units)).astype(np.float32)
    spread = np.empty((len(ACTIVATIONS), len(INITIALIZERS), DEPTH))
    saturated = np.empty((len(INITIALIZERS), DEPTH))
    for i, activation in enumerate(ACTIVATIONS):
        for k, initializer in enumerate(INITIALIZERS.values()):
            hidden = [layers.Dense(units, activation=activation, weight_initializer=initializer) for _ in range(DEPTH)]
            trace = Network(hidden, units, seed=seed).trace(rows)
            values = [trace[f"{activation}_{layer}"] for layer in range(1, DEPTH + 1)]
            spread[i, k] = [value.std() for value in values]
            if activation == "tanh":
                saturated[k] = [(np.abs(value) > 0.99).mean() for value in values]
    return {"spread": np.maximum(spread, 1e-30), "saturated": saturated}


def conditions(data: Measurements) -> Sequence[Condition]:
    """Each initializer keeps the spread of the activation it was made for; fixed deviations do not."""
    change = np.log10(data["spread"][..., -1] / data["spread"][..., 0])
    names = list(INITIALIZERS)

    def of(activation: str, initializer: str) -> np.ndarray:
        return change[:, list(ACTIVATIONS).index(activation), names.index(initializer)]

    quantity = "size of log10 of the spread in layer 10 over layer 1"
    signed = "log10 of the spread in layer 10 over layer 1"
    made = [
        Condition(f"{initializer} keeps the spread of {words}", quantity, np.abs(of(kind, initializer)), KEPT, "below")
        for initializer, kind, words in (
            ("He normal", "relu", "ReLU"),
            ("Glorot uniform", "tanh", "tanh"),
            ("LeCun normal", "selu", "SELU"),
        )
    ]
    made.append(Condition("Glorot uniform lets ReLU's shrink", signed, of("relu", "Glorot uniform"), -KEPT, "below"))
    for kind in ("relu", "tanh"):
        small = of(kind, "normal, deviation 0.01")
        made.append(Condition(f"deviation 0.01 lets {ACTIVATIONS[kind]}'s collapse", signed, small, COLLAPSED, "below"))
    made.append(
        Condition(
            "deviation 1 saturates tanh",
            "share of the last layer's values beyond 0.99",
            data["saturated"][:, names.index("normal, deviation 1"), -1],
            0.5,
        )
    )
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """One panel per activation: the spread by layer for each initializer."""
    axes = panels(figure, 1, len(ACTIVATIONS), sharex=True)
    depth = np.arange(1, DEPTH + 1)
    for i, (ax, words) in enumerate(zip(axes, ACTIVATIONS.values(), strict=True)):
        for k, name in enumerate(INITIALIZERS):
            band(ax, depth, data["spread"][:, i, k], name, k, every=3)
        ax.set_yscale("log")
        ax.set_ylim(1e-4, 1e4)
        ax.set_xticks([1, 4, 7, 10])
        label(ax, title=words, x="layer", y="standard deviation of activations" if i == 0 else "")
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=3, frameon=False, fontsize=TICK)


EXPERIMENT = Experiment(
    name="initial-spread",
    title="An initializer made for an activation keeps the spread of its values through all layers",
    claim=(
        "He's initial weights keep the spread of ReLU's activations, Glorot's of tanh's and LeCun's of SELU's; "
        "weights of a fixed deviation let them collapse or saturate."
    ),
    setup=(
        f"{DEPTH} layers of {UNITS} units before training, {ROWS} rows of standard normal numbers; "
        f"{len(INITIALIZERS)} initializers, {len(ACTIVATIONS)} activations."
    ),
    measured=(
        "Standard deviation of a layer's activations. 'Keeps': it changes by less than a factor of 3 from layer 1 to "
        "10. 'Collapses': it falls below a thousandth. 'Saturates': more than half of tanh's values lie beyond 0.99."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=8,
    size=(14.0, 4.9),
)
