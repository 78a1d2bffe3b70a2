"""Each technique against overfitting: does it narrow the gap between training and test score, and is that any use?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend.experiments.data import Split, diabetes, digits, mislabelled_digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import TICK, label, panels
from descend.experiments.regularizers import REGULARIZERS
from descend.experiments.setups import BATCH, DEPTH, RATE, UNITS, Reached, Regularizer, plain, reach
from descend.experiments.statistics import estimate
from descend.experiments.verdicts import Condition
from descend.plots.style import color, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS = 80
#: Sets small enough to overfit, by name.
DATA: dict[str, Callable[[int], Split]] = {
    "digits": lambda seed: digits(seed, 120),
    "mislabelled digits": lambda seed: mislabelled_digits(seed, 300),
    "diabetes": lambda seed: diabetes(seed, 120),
}


@cache
def _plain(data: str, epochs: int, seed: int) -> Reached:
    """The plain network's scores, which every technique is compared with."""
    split = DATA[data](seed)
    return reach(plain(split, epochs), split, seed)


def _sets(regularizer: Regularizer) -> list[str]:
    """Those that the technique has a use for."""
    return [name for name in DATA if not regularizer.only_classes or name != "diabetes"]


def measuring(regularizer: Regularizer) -> Callable[[int, Effort], Mapping[str, ArrayLike]]:
    """The measurement of one technique: (score, test score, loss, test loss) without it and at each strength."""

    def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
        epochs = effort.of(EPOCHS, least=2)
        made = {}
        for name in _sets(regularizer):
            split = DATA[name](seed)
            rows = [_plain(name, epochs, seed)]
            rows += [reach(regularizer.apply(s, split, epochs), split, seed) for s in regularizer.strengths]
            made[name] = np.array([astuple(row) for row in rows])
        return made

    return measure


def judging(regularizer: Regularizer) -> Callable[[Measurements], Sequence[Condition]]:
    """At the usual strength, on each set: a smaller gap between the losses, and a higher test score."""
    usual = 1 + regularizer.strengths.index(regularizer.usual)

    def conditions(data: Measurements) -> Sequence[Condition]:
        made = []
        for name in _sets(regularizer):
            score, loss = ("R²", "mean squared error") if name == "diabetes" else ("accuracy", "cross-entropy")
            gap = data[name][..., 3] - data[name][..., 2]
            quantity = f"test minus training {loss}, without minus with"
            made.append(Condition(f"the gap narrows on {name}", quantity, gap[:, 0] - gap[:, usual]))
            test = data[name][..., 1]
            quantity = f"test {score}, with minus without"
            made.append(Condition(f"the test score rises on {name}", quantity, test[:, usual] - test[:, 0]))
        return made

    return conditions


def drawing(regularizer: Regularizer) -> Callable[[Measurements, Figure], None]:
    """Score and loss of training and test rows by strength, a column per set, with confidence intervals."""

    def draw(data: Measurements, figure: Figure) -> None:
        sets = _sets(regularizer)
        axes = panels(figure, 2, len(sets), sharex=True)
        many = len(regularizer.strengths) > 1
        names = ["without", *(f"{strength:g}" if many else "with" for strength in regularizer.strengths)]
        places = np.arange(len(names))
        for i, ax in enumerate(axes):
            name, row = sets[i % len(sets)], i // len(sets)
            for k, rows in enumerate(("training rows", "test rows")):
                made = [estimate(data[name][:, j, 2 * row + k]) for j in places]
                half = np.nan_to_num([one.mean - one.low for one in made], posinf=0.0)
                means = [one.mean for one in made]
                ax.errorbar(
                    places,
                    means,
                    half,
                    color=color(k),
                    marker=marker(k),
                    markersize=8,
                    linewidth=2,
                    capsize=4,
                    label=rows,
                )
            ax.set_xticks(places, names)
            ax.set_xlim(-0.4, len(names) - 0.6)
            words = (("R²", "mean squared error") if name == "diabetes" else ("accuracy", "cross-entropy"))[row]
            label(ax, title="" if row else name, x=regularizer.unit if row and many else "", y=words)
        handles, texts = axes[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside lower center", ncols=2, frameon=False, fontsize=TICK + 1)

    return draw


def _strengths(regularizer: Regularizer) -> str:
    """Which strengths are compared, and which one the verdict is about."""
    if len(regularizer.strengths) == 1:
        return ""
    several = ", ".join(f"{strength:g}" for strength in regularizer.strengths)
    return f" ({regularizer.unit}) at {several}; the verdict is about {regularizer.usual:g}, a usual strength"


def _experiment(regularizer: Regularizer) -> Experiment:
    sets = ", ".join(f"{name} ({len(DATA[name](0).X)})" for name in _sets(regularizer))
    return Experiment(
        name=regularizer.name,
        title=f"{regularizer.title} narrows the gap between training and test score",
        claim=(
            f"On a set small enough to overfit, {regularizer.words} narrows the gap "
            "between training and test score and raises the test score."
        ),
        setup=(
            f"Few training rows: {sets}, another draw per seed; a fifth of the mislabelled digits have another's "
            f"label. {DEPTH} hidden layers of {UNITS} ReLU units, Adam at {RATE:g}, {EPOCHS} epochs in batches of "
            f"{BATCH}, without it and with it{_strengths(regularizer)}."
        ),
        measured=(
            "Gap: loss of the test rows (cross-entropy or mean squared error, without penalties) minus that of the "
            "training rows, without it minus with it. Score: accuracy or R² of the test rows, with it minus without. "
            "Above 0 means better with it."
        ),
        measure=measuring(regularizer),
        conditions=judging(regularizer),
        draw=drawing(regularizer),
        seeds=20,
        size=(12.5, 7.0),
    )


EXPERIMENTS = tuple(_experiment(regularizer) for regularizer in REGULARIZERS)
