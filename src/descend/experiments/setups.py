"""A plain network that is too large for its rows, what a technique makes of it, and what it then reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from descend import Network, layers, optimizers
from descend.experiments.data import Split
from descend.experiments.training import Recipe, fit, losses_of, network, scores

#: Of the plain network.
DEPTH, UNITS, RATE, BATCH = 2, 64, 0.003, 16

#: The loss of a run that diverged.
WORST = 100.0


@dataclass(frozen=True)
class Setup:
    """A network for some data and how it is trained.

    Attributes
    ----------
    hidden : layers before the output layer
    recipe : optimizer, epochs, batches, loss, penalty
    options : more arguments of `Network.fit`
    """

    hidden: tuple[layers.Layer, ...]
    recipe: Recipe
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Regularizer:
    """A technique of one strength.

    Attributes
    ----------
    name, title : how it is asked for, and for people
    unit : what the strength is
    strengths : to be compared, from weak to strong
    usual : the one a verdict is about
    apply : makes the set-up with the technique from a strength, the data and the epochs
    only_classes : whether a regression has no use for it
    """

    name: str
    title: str
    unit: str
    strengths: tuple[float, ...]
    usual: float
    apply: Callable[[float, Split, int], Setup]
    only_classes: bool = False

    @property
    def words(self) -> str:
        """The title within a sentence: a name like DropConnect keeps its capital."""
        first = self.title.split()[0]
        return self.title if first[1:] != first[1:].lower() else self.title[0].lower() + self.title[1:]


def plain(split: Split, epochs: int) -> Setup:
    """Two hidden layers of 64 ReLU units and Adam, with nothing against overfitting."""
    hidden = tuple(layers.Dense(UNITS, activation="relu") for _ in range(DEPTH))
    return Setup(hidden, Recipe(optimizers.Adam(RATE), epochs, BATCH))


def after_each(split: Split, epochs: int, make: Callable[[], layers.Layer]) -> Setup:
    """A layer after each hidden layer."""
    base = plain(split, epochs)
    return replace(base, hidden=tuple(layer for dense in base.hidden for layer in (dense, make())))


@dataclass(frozen=True)
class Reached:
    """What a trained network reaches.

    Attributes
    ----------
    score, test_score : the split's metric on training and test rows
    loss, test_loss : the loss without penalties or smoothing on training and test rows
    """

    score: float
    test_score: float
    loss: float
    test_loss: float


def reach(setup: Setup, split: Split, seed: int) -> Reached:
    """Train and measure; a training whose loss became infinite or NaN reaches nothing and has the loss `WORST`."""
    net: Network = network(setup.hidden, split, seed, setup.recipe.penalty)
    # Callbacks keep state while they run, so each training makes its own.
    options = {name: value() if callable(value) else value for name, value in setup.options.items()}
    if fit(net, split, setup.recipe, **options) is None:
        return Reached(0.0, 0.0, WORST, WORST)
    return Reached(*scores(net, split), *losses_of(net, split))
