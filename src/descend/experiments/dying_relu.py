"""ReLU units die and leaky ones recover: how many die at which learning rate, and what brings them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import Network, initializers, layers
from descend.callbacks import Function
from descend.experiments.data import Split, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import band, label, panels
from descend.experiments.training import Recipe, fit, network
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD, Adam, Optimizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNITS, EPOCHS, ROWS = 48, 25, 500
#: Learning rates of plain descent for the question whether units die: a usual one and one near divergence.
USUAL, HIGH = 0.05, 1.0
#: All biases of the first layer begin here for the question whether dead units come back.
DEAD_BIAS = -3.0
#: Who is asked to bring dead units back.
REVIVALS: dict[str, tuple[layers.Layer, Optimizer]] = {
    "ReLU, SGD": (layers.ReLU(), SGD(USUAL)),
    "ReLU, Adam": (layers.ReLU(), Adam(0.01)),
    "leaky 0.01, SGD": (layers.LeakyReLU(), SGD(USUAL)),
    "leaky 0.2, SGD": (layers.LeakyReLU(0.2), SGD(USUAL)),
    "leaky 0.01, Adam": (layers.LeakyReLU(), Adam(0.01)),
}
#: More than this share counts: of the units as dying, of the dead ones as recovering.
MANY = 0.05


def _dead(net: Network, split: Split) -> float:
    """Share of units of the first hidden layer whose pre-activation is negative in every training row."""
    weights = net.get_weights()
    z = split.X @ weights["dense_1/weight"] + weights["dense_1/bias"]
    return float((z.max(axis=0) <= 0).mean())


def _watch(
    activation: layers.Layer, split: Split, optimizer: Optimizer, epochs: int, seed: int, bias: float = 0.0
) -> NDArray[np.float64]:
    """Share of dead units before training and after each epoch, (epochs + 1,)."""
    first = layers.Dense(UNITS, activation=activation, bias_initializer=initializers.Constant(bias))
    net = network([first, layers.Dense(UNITS, activation=activation)], split, seed)
    seen = [_dead(net, split)]
    fit(net, split, Recipe(optimizer, epochs), callbacks=[Function(lambda run: seen.append(_dead(net, split)))])
    return np.array([*seen, *[seen[-1]] * (epochs + 1 - len(seen))])


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Count dead units of ReLU and leaky ReLU networks at two rates, and of networks whose units begin dead."""
    split, epochs = digits(seed, ROWS), effort.of(EPOCHS, least=2)
    kinds = (layers.ReLU(), layers.LeakyReLU())
    return {
        "usual": np.array([_watch(kind, split, SGD(USUAL), epochs, seed) for kind in kinds]),
        "high": np.array([_watch(kind, split, SGD(HIGH), epochs, seed) for kind in kinds]),
        "revival": np.array(
            [_watch(kind, split, optimizer, epochs, seed, DEAD_BIAS) for kind, optimizer in REVIVALS.values()]
        ),
    }


def conditions(data: Measurements) -> Sequence[Condition]:
    """Units die at both rates; dead ReLU units stay dead and dead leaky ones come back."""
    died = {name: data[name][:, 0, -1] - data[name][:, 0, 0] for name in ("usual", "high")}
    start, end = data["revival"][:, :, 0], data["revival"][:, :, -1]
    back = (start - end) / np.maximum(start, 1e-9)
    grown = "share of ReLU units dead after training minus that before"
    returned = "share of the dead units that fire again after training"
    made = [
        Condition(f"ReLU units die at learning rate {USUAL:g}", grown, died["usual"], MANY),
        Condition(f"ReLU units die at learning rate {HIGH:g}", grown, died["high"], MANY),
    ]
    for k, (name, (kind, _)) in enumerate(REVIVALS.items()):
        stays = isinstance(kind, layers.ReLU)
        words = f"dead units {'stay dead' if stays else 'recover'}: {name}"
        made.append(Condition(words, returned, back[:, k], MANY, "below" if stays else "above"))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """Dead units by epoch at the two rates, and units that begin dead."""
    axes = panels(figure, 1, 3, sharey=True, width_ratios=(1, 1, 1.25))
    epochs = np.arange(data["usual"].shape[-1])
    for ax, key, rate in zip(axes, ("usual", "high"), (USUAL, HIGH), strict=False):
        for k, name in enumerate(("ReLU", "leaky ReLU, slope 0.01")):
            band(ax, epochs, 100 * data[key][:, k], name, k)
        label(ax, title=f"SGD, learning rate {rate:g}", x="epoch", legend=key == "usual", loc="center right")
    for k, name in enumerate(REVIVALS):
        band(axes[2], epochs, 100 * data["revival"][:, k], name, (0, 5, 1, 2, 3)[k])
    axes[0].set_ylim(-4, 104)
    label(axes[2], title="all units begin dead", x="epoch", legend=True, loc="center left", bbox_to_anchor=(1, 0.5))
    label(axes[0], y="dead units of the first layer, %")


EXPERIMENT = Experiment(
    name="dying-relu",
    title="ReLU units die and leaky ones recover",
    claim="ReLU units die during training, for good; leaky ReLU units recover.",
    setup=(
        f"Digits, {ROWS} rows; two hidden layers of {UNITS} units, SGD in batches of 32, {EPOCHS} epochs at learning "
        f"rates {USUAL:g} and {HIGH:g}. Then from biases of {DEAD_BIAS:g} in the first layer, with which its units are "
        f"negative in all rows: SGD at {USUAL:g} or Adam at 0.01, ReLU or leaky ReLU of slope 0.01 or 0.2. A unit is "
        "dead when it is negative in every training row."
    ),
    measured=(
        f"Dead units of the first layer; 'die' means that more than {MANY:.0%} of the units do, 'recover' that more "
        f"than {MANY:.0%} of the dead units fire again."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=12,
    size=(13.5, 4.4),
)
