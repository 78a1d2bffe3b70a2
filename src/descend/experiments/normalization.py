"""Batch normalization tolerates higher learning rates and poor initial weights; layer normalization too?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import initializers, layers
from descend.experiments.data import Split, digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import band, label, panels, strips, threshold
from descend.experiments.training import Recipe, scores, train
from descend.experiments.verdicts import Condition
from descend.optimizers import SGD

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTH, UNITS, ROWS, EPOCHS = 4, 48, 600, 5
RATES = np.logspace(-3, 1.5, 10)
#: The rate of the comparison of initial weights, and the two batch sizes.
RATE, BATCH, SMALL_BATCH = 0.1, 32, 2
POOR: dict[str, initializers.Initializer] = {
    "too small (deviation 0.01)": initializers.Normal(deviation=0.01),
    "too large (deviation 1)": initializers.Normal(deviation=1.0),
}
#: A rate "works" when the test accuracy reaches this; ten classes.
WORKS = 0.8


def _hidden(
    norm: Callable[[], layers.Layer] | None, weights: initializers.Initializer | None = None
) -> list[layers.Layer]:
    stack: list[layers.Layer] = []
    for _ in range(DEPTH):
        stack.append(layers.Dense(UNITS, weight_initializer=weights or initializers.HeUniform()))
        stack += [] if norm is None else [norm()]
        stack.append(layers.ReLU())
    return stack


def _accuracy(hidden: list[layers.Layer], split: Split, recipe: Recipe, seed: int) -> float:
    """Test accuracy; that of guessing when training diverged."""
    net, history = train(hidden, split, recipe, seed)
    return 1 / split.outputs if history is None else scores(net, split)[1]


def measuring(norm: Callable[[], layers.Layer]) -> Callable[[int, Effort], Mapping[str, ArrayLike]]:
    """The measurement with and without a normalization."""

    def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
        split, epochs = digits(seed, ROWS), effort.of(EPOCHS)
        kinds = (None, norm)

        def reach(kind: Callable[[], layers.Layer] | None, rate: float, batch: int = BATCH, **options: object) -> float:
            weights = options.get("weights")
            assert weights is None or isinstance(weights, initializers.Initializer)
            return _accuracy(_hidden(kind, weights), split, Recipe(SGD(rate), epochs, batch), seed)

        return {
            "rates": np.array([[reach(kind, rate) for rate in RATES] for kind in kinds]),
            "poor": np.array([[reach(kind, RATE, weights=w) for w in POOR.values()] for kind in kinds]),
            "small batch": np.array([reach(kind, RATE / 4, SMALL_BATCH) for kind in kinds]),
        }

    return measure


def highest(accuracies: ArrayLike) -> np.ndarray:
    """log10 of the highest rate that works, over the last axis; below all rates when none does."""
    works = np.asarray(accuracies) >= WORKS
    last = works.shape[-1] - 1 - works[..., ::-1].argmax(axis=-1)
    none = np.log10(RATES[0]) - 0.5
    return np.where(works.any(axis=-1), np.log10(RATES)[last], none)


def conditions(data: Measurements) -> Sequence[Condition]:
    """Higher rates work, poor weights still learn, small rates learn faster, and small batches do no harm."""
    top = highest(data["rates"])
    difference = "test accuracy with it minus that without"
    low = int(np.argmin(np.abs(RATES - 0.01)))
    made = [
        Condition(
            "higher learning rates work", "log10 of the highest rate that works, difference", top[:, 1] - top[:, 0]
        ),
        Condition(
            f"it learns faster at learning rate {RATES[low]:.2g}",
            difference,
            data["rates"][:, 1, low] - data["rates"][:, 0, low],
        ),
    ]
    for k, weights in enumerate(POOR):
        gain = data["poor"][:, 1, k] - data["poor"][:, 0, k]
        made.append(Condition(f"initial weights {weights.split(' (')[0]} matter less", difference, gain))
    gain = data["small batch"][:, 1] - data["small batch"][:, 0]
    made.append(Condition(f"it helps with batches of {SMALL_BATCH} too", difference, gain))
    return made


def drawing(name: str) -> Callable[[Measurements, Figure], None]:
    """The picture of one normalization."""

    def draw(data: Measurements, figure: Figure) -> None:
        left, right = panels(figure, 1, 2, width_ratios=(1, 1.2))
        for k, words in enumerate(("without", f"with {name}")):
            band(left, RATES, 100 * data["rates"][:, k], words, k, every=1)
        left.set_xscale("log")
        threshold(left, 100 * WORKS, "works", place=0.2)
        left.set_ylim(0, 102)
        label(
            left,
            title=f"after {EPOCHS} epochs",
            x="learning rate",
            y="test accuracy, %",
            legend=True,
            loc="upper right",
        )
        samples, names = [], []
        for k, words in enumerate(("weights\ntoo small", "weights\ntoo large")):
            samples += [100 * data["poor"][:, 0, k], 100 * data["poor"][:, 1, k]]
            names += [f"{words},\nwithout", f"{words},\nwith"]
        samples += [100 * data["small batch"][:, 0], 100 * data["small batch"][:, 1]]
        names += [f"batches\nof {SMALL_BATCH},\nwithout", f"batches\nof {SMALL_BATCH},\nwith"]
        strips(right, names, samples, colors=[0, 1] * 3)
        right.set_ylim(0, 102)
        label(right, title="poor weights, small batches", y="test accuracy, %")

    return draw


def _experiment(name: str, title: str, norm: Callable[[], layers.Layer], words: str) -> Experiment:
    return Experiment(
        name=name,
        title=f"{title} tolerates higher learning rates and poor initial weights",
        claim=f"{title} lets networks learn faster, at higher learning rates, and from poor initial weights.",
        setup=(
            f"Digits, {ROWS} rows; {DEPTH} hidden layers of {UNITS} ReLU units, with and without {words} before each "
            f"ReLU; SGD in batches of {BATCH} for {EPOCHS} epochs at {len(RATES)} rates from {RATES[0]:g} to "
            f"{RATES[-1]:.3g}; at rate {RATE:g} from normal weights of deviation 0.01 and 1; and in batches of "
            f"{SMALL_BATCH} at rate {RATE / 4:g}."
        ),
        measured=f"Test accuracy; a rate works when it reaches {WORKS:.0%}.",
        measure=measuring(norm),
        conditions=conditions,
        draw=drawing(words),
        seeds=10,
        size=(13.0, 4.7),
    )


EXPERIMENTS = (
    _experiment("batch-norm", "Batch normalization", layers.BatchNorm, "batch norm"),
    _experiment("layer-norm", "Layer normalization", layers.LayerNorm, "layer norm"),
)
