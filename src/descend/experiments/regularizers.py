"""The techniques against overfitting as data: how each changes a plain network that is too large for its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from descend import Network, layers, losses, optimizers, penalties
from descend.callbacks import EarlyStopping
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
    """

    name: str
    title: str
    unit: str
    strengths: tuple[float, ...]
    usual: float
    apply: Callable[[float, Split, int], Setup]


def plain(split: Split, epochs: int) -> Setup:
    """Two hidden layers of 64 ReLU units and Adam, with nothing against overfitting."""
    hidden = tuple(layers.Dense(UNITS, activation="relu") for _ in range(DEPTH))
    return Setup(hidden, Recipe(optimizers.Adam(RATE), epochs, BATCH))


def _after_each(split: Split, epochs: int, make: Callable[[], layers.Layer]) -> Setup:
    """A layer after each hidden layer."""
    base = plain(split, epochs)
    return replace(base, hidden=tuple(layer for dense in base.hidden for layer in (dense, make())))


def _dropout(rate: float, split: Split, epochs: int) -> Setup:
    return _after_each(split, epochs, lambda: layers.Dropout(rate))


def _noise(deviation: float, split: Split, epochs: int) -> Setup:
    base = plain(split, epochs)
    # Inputs are noised in their own unit, so that a strength means the same for pixels and standardized numbers.
    scale = float(split.X.std())
    return replace(base, hidden=(layers.GaussianNoise(deviation * scale), *base.hidden))


def _batch_norm(_: float, split: Split, epochs: int) -> Setup:
    base = plain(split, epochs)
    stack = [layer for _ in base.hidden for layer in (layers.Dense(UNITS), layers.BatchNorm(), layers.ReLU())]
    return replace(base, hidden=tuple(stack))


def _penalty(make: Callable[[float], penalties.Penalty]) -> Callable[[float, Split, int], Setup]:
    def apply(strength: float, split: Split, epochs: int) -> Setup:
        base = plain(split, epochs)
        return replace(base, recipe=replace(base.recipe, penalty=make(strength)))

    return apply


def _weight_decay(strength: float, split: Split, epochs: int) -> Setup:
    base = plain(split, epochs)
    return replace(base, recipe=replace(base.recipe, optimizer=optimizers.AdamW(RATE, weight_decay=strength)))


def _max_norm(norm: float, split: Split, epochs: int) -> Setup:
    hidden = tuple(layers.Dense(UNITS, activation="relu", max_norm=norm) for _ in range(DEPTH))
    return replace(plain(split, epochs), hidden=hidden)


def _early_stopping(share: float, split: Split, epochs: int) -> Setup:
    patience = max(2, epochs // 10)
    options = {"validation_split": share, "callbacks": lambda: [EarlyStopping(patience=patience)]}
    return replace(plain(split, epochs), options=options)


def _label_smoothing(smoothing: float, split: Split, epochs: int) -> Setup:
    base = plain(split, epochs)
    if split.metric == "r2":
        return base
    many = split.outputs > 1
    loss = losses.CategoricalCrossentropy(smoothing) if many else losses.BinaryCrossentropy(smoothing)
    return replace(base, recipe=replace(base.recipe, loss=loss))


REGULARIZERS: tuple[Regularizer, ...] = (
    Regularizer("dropout", "Dropout", "share of units dropped", (0.1, 0.3, 0.5), 0.3, _dropout),
    Regularizer("l1", "The L1 penalty", "λ of λ Σ|w|", (1e-4, 1e-3, 1e-2), 1e-3, _penalty(penalties.L1)),
    Regularizer(
        "l2", "The L2 penalty", "λ of λ Σw²", (1e-3, 1e-2, 1e-1), 1e-2,
        _penalty(lambda strength: penalties.L2(l2=strength)),
    ),
    Regularizer(
        "elastic-net", "The elastic net", "λ of λ Σ|w| + 10λ Σw²", (1e-4, 1e-3, 1e-2), 1e-3,
        _penalty(lambda strength: penalties.L1L2(strength, 10 * strength)),
    ),
    Regularizer("weight-decay", "Weight decay", "decay", (0.1, 1.0, 3.0), 1.0, _weight_decay),
    Regularizer(
        "gaussian-noise", "Noise on the inputs", "deviation, of the inputs'", (0.1, 0.3, 0.6), 0.3, _noise
    ),
    Regularizer("max-norm", "The max-norm constraint", "largest norm", (2.0, 1.0, 0.5), 1.0, _max_norm),
    Regularizer(
        "early-stopping", "Early stopping", "share of rows to watch", (0.1, 0.2, 0.3), 0.2, _early_stopping
    ),
    Regularizer("batch-norm-gap", "Batch normalization", "used", (1.0,), 1.0, _batch_norm),
    Regularizer("label-smoothing", "Label smoothing", "smoothing", (0.05, 0.1, 0.2), 0.1, _label_smoothing),
)  # fmt: skip


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
