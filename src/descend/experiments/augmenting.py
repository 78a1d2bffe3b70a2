"""Data augmentation with few images: does it narrow the gap between training and test score, and which kind does?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import layers, optimizers
from descend.experiments.data import Split, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, label, panels
from descend.experiments.setups import Setup, reach
from descend.experiments.statistics import estimate
from descend.experiments.training import Recipe
from descend.experiments.verdicts import Condition
from descend.plots.style import color, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, EPOCHS, BATCH, RATE = 60, 120, 16, 0.003
SIDE = 8


def _moved(size: float) -> tuple[layers.Layer, ...]:
    """Turns, zooms, shears and shifts, up to the numbers in the set-up times `size`."""
    turn, zoom, shear, down, right = (size * most for most in (0.025, 0.08, 0.12, 0.05, 0.08))
    return (layers.RandomAffine(turn, zoom, shear, down, right, fill_mode="constant"),)


#: What stands before a network, by name.
KINDS: dict[str, tuple[layers.Layer, ...]] = {
    "nothing": (),
    "moved a little": _moved(0.4),
    "moved": _moved(1.0),
    "moved far": _moved(4.0),
    "mirrored": (layers.RandomFlip(),),
}


def _dense() -> tuple[layers.Layer, ...]:
    return layers.Flatten(), *(layers.Dense(64, activation="relu") for _ in range(2))


def _convolutional() -> tuple[layers.Layer, ...]:
    first, second = (layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in (16, 32))
    return first, layers.MaxPool2D(), second, layers.Flatten(), layers.Dense(64, activation="relu")


NETWORKS: dict[str, Callable[[], tuple[layers.Layer, ...]]] = {"dense": _dense, "convolutional": _convolutional}


def _setup(network: str, kind: str, epochs: int) -> Setup:
    hidden = (layers.Reshape((SIDE, SIDE, 1)), *KINDS[kind], *NETWORKS[network]())
    return Setup(hidden, Recipe(optimizers.Adam(RATE), epochs, BATCH))


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """By network: (score, test score, loss, test loss) with each kind of augmentation."""
    split: Split = digits(seed, ROWS)
    epochs = effort.of(EPOCHS, least=2)
    return {
        network: np.array([astuple(reach(_setup(network, kind, epochs), split, seed)) for kind in KINDS])
        for network in NETWORKS
    }


def conditions(data: Measurements) -> Sequence[Condition]:
    """Of motions that keep the meaning, and of mirroring, which changes it; for both networks."""
    moved, mirrored = list(KINDS).index("moved"), list(KINDS).index("mirrored")
    made = []
    for network, found in data.items():
        gap, test = found[..., 3] - found[..., 2], found[..., 1]
        narrower = "test minus training cross-entropy, unmoved minus moved"
        made.append(Condition(f"moving narrows the gap, {network}", narrower, gap[:, 0] - gap[:, moved]))
        higher = "test accuracy, moved minus unmoved"
        made.append(Condition(f"moving raises the test score, {network}", higher, test[:, moved] - test[:, 0]))
        lower = "test accuracy, unmirrored minus mirrored"
        made.append(Condition(f"mirroring lowers the test score, {network}", lower, test[:, 0] - test[:, mirrored]))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """Accuracy and cross-entropy of training and test rows by kind, a column per network, with intervals."""
    axes, places = panels(figure, 2, len(data), sharex=True), np.arange(len(KINDS))
    for i, ax in enumerate(axes):
        (network, found), row = list(data.items())[i % len(data)], i // len(data)
        for k, rows in enumerate(("training rows", "test rows")):
            made = [estimate(found[:, j, 2 * row + k]) for j in places]
            half = np.nan_to_num([one.mean - one.low for one in made], posinf=0.0)
            means = [one.mean for one in made]
            style = {"color": color(k), "marker": marker(k), "markersize": 8, "linestyle": "none", "capsize": 4}
            ax.errorbar(places + 0.12 * (k - 0.5), means, half, label=rows, linewidth=2, **style)
        ax.set_xticks(places, list(KINDS))
        ax.set_xlim(-0.5, len(KINDS) - 0.5)
        label(ax, title="" if row else f"{network} network", y="cross-entropy" if row else "accuracy")
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=2, frameon=False, fontsize=TICK + 1)


EXPERIMENT = Experiment(
    name="augmentation",
    title="Moving images a little narrows the gap between training and test score",
    claim=(
        "With few images, random motions that leave their meaning alone narrow the gap between training and test score "
        "and raise the test score; mirroring, which changes what digits mean, lowers it."
    ),
    setup=(
        f"{ROWS} images of digits (8 x 8), another draw per seed. A dense network (two layers of 64 ReLU units) and a "
        "convolutional one (3 x 3 with 16 filters, a maximum pool, 3 x 3 with 32 filters, 64 ReLU units), Adam at "
        f"{RATE:g}, {EPOCHS} epochs in batches of {BATCH}. Before it nothing; motions, with turns by up to 9 degrees, "
        "zooms by up to 8%, shears by up to 0.12, shifts by up to 5% of the height and 8% of the width; motions 0.4 "
        "and 4 times as large; or a mirror along each axis with probability 1/2. The verdict is about the motions "
        "named first, which were settled after a look at six seeds."
    ),
    measured=(
        "Gap: cross-entropy of the test rows minus that of the training rows, neither of them augmented, without "
        "augmentation minus with it. Score: accuracy of the test rows. Above 0 means as claimed."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=20,
    size=(11.5, 7.0),
)
