"""How a table is trained on by default, and what the user changed.

The defaults and the measurements behind them are in docs/design/06-command-line-defaults.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from descend import layers, losses, optimizers, schedules
from descend.data.errors import DataError
from descend.data.targets import NumberTarget, Target

#: The highest learning rate for batches of 16; it grows with the square root of the batch.
LEARNING_RATE = 0.001
#: Without hidden layers the rate is so many times that, and weights do not decay: see the notes on the defaults.
LINEAR_FACTOR = 10.0
#: Shares by which decoupled decay shrinks a weight, while the rate is at its highest: per epoch, and per step at most.
SHRINKAGE, MAX_STEP_SHRINKAGE = 0.05, 0.002
#: Small tables get more epochs than that, until there are this many updates.
MIN_EPOCHS, MIN_STEPS = 100, 4000
#: Patience is a fifth of the epochs, at least this many.
MIN_PATIENCE = 20
#: Below this many training rows dropout is stronger.
SMALL = 2000
#: Nobody waits for more epochs than that; a larger number is a slip.
MAX_EPOCHS = 1_000_000
#: Units of one hidden layer.
MAX_UNITS = 65_536


@dataclass(frozen=True)
class Asked:
    """The user's wishes; None leaves the choice to `choose`."""

    hidden: tuple[int, ...] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    dropout: float | None = None
    weight_decay: float | None = None
    patience: int | None = None
    network: str | None = None
    augment: tuple[str, ...] | None = None
    time_budget: float | None = None


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training run.

    Attributes
    ----------
    hidden : tuple of int
        Units of the hidden layers.
    dropout : float
        After every hidden layer.
    weight_decay : float
        AdamW's, decoupled.
    learning_rate : float
        The highest one; it falls along a cosine.
    batch_size, epochs, patience : int
    time_budget : float or None
        Seconds after which training stops, within an epoch if need be.
    """

    hidden: tuple[int, ...]
    dropout: float
    weight_decay: float
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    time_budget: float | None = None

    def layers(self, target: Target) -> list[layers.Layer]:
        """The network's layers for a target."""
        stack: list[layers.Layer] = []
        for units in self.hidden:
            stack += [layers.Dense(units), layers.ReLU()]
            if self.dropout:
                stack.append(layers.Dropout(self.dropout))
        if isinstance(target, NumberTarget):
            return [*stack, layers.Dense(1)]
        if len(target.classes) == 2:
            return [*stack, layers.Dense(1), layers.Sigmoid()]
        return [*stack, layers.Dense(len(target.classes)), layers.Softmax()]

    def optimizer(self) -> optimizers.Optimizer:
        """AdamW with a falling rate."""
        return optimizers.AdamW(learning_rate=schedules.Cosine(self.learning_rate), weight_decay=self.weight_decay)


def loss_for(target: Target) -> losses.Loss:
    """The loss for a target."""
    if isinstance(target, NumberTarget):
        return losses.MSE()
    return losses.BinaryCrossentropy() if len(target.classes) == 2 else losses.CategoricalCrossentropy()


def choose(rows: int, asked: Asked) -> Recipe:
    """The recipe for a number of training rows.

    Parameters
    ----------
    rows : int
        Training rows.
    asked : Asked

    Raises
    ------
    DataError
        When a wish is out of range, or for other data.
    """
    if asked.augment is not None:
        raise DataError("--augment is for images and sequences; leave it out for a table.")
    if asked.network is not None:
        raise DataError("--network is for images, sequences and texts; for tables name --hidden units.")
    batch_size = min(128, max(16, 2 ** round(math.log2(max(1, rows / 64)))))
    batch_size = batch_size if asked.batch_size is None else asked.batch_size
    hidden = (128, 128) if asked.hidden is None else asked.hidden
    highest = LEARNING_RATE * (1.0 if hidden else LINEAR_FACTOR) * math.sqrt(max(1, batch_size) / 16)
    rate = highest if asked.learning_rate is None else asked.learning_rate
    steps = -(-rows // max(1, batch_size))
    decay = min(MAX_STEP_SHRINKAGE, SHRINKAGE / steps) / rate if rate > 0 and hidden else 0.0
    epochs = max(MIN_EPOCHS, -(-MIN_STEPS // steps)) if asked.epochs is None else asked.epochs
    dropout = 0.3 if rows < SMALL else 0.1
    recipe = Recipe(
        hidden=hidden,
        dropout=dropout if asked.dropout is None else asked.dropout,
        weight_decay=decay if asked.weight_decay is None else asked.weight_decay,
        learning_rate=rate,
        batch_size=batch_size,
        epochs=epochs,
        patience=max(MIN_PATIENCE, epochs // 5) if asked.patience is None else asked.patience,
        time_budget=asked.time_budget,
    )
    check_settings(recipe)
    return recipe


def parse_kinds(text: str | None) -> tuple[str, ...] | None:
    """The names in a list such as "flip,shift"; which there are depends on the data."""
    return None if text is None else tuple(part.strip() for part in text.split(","))


def parse_hidden(text: str | None) -> tuple[int, ...] | None:
    """Units of the hidden layers from "128,64"; "none" for no hidden layer.

    Parameters
    ----------
    text : str or None

    Raises
    ------
    DataError
        When the text is something else.
    """
    if text is None:
        return None
    if text.strip().lower() == "none":
        return ()
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = (0,)
    if min(units) < 1 or max(units) > MAX_UNITS:
        raise DataError(
            f"--hidden must be 'none' or the units of each hidden layer, from 1 to {MAX_UNITS}, such as 128,64; "
            f"got {text!r}."
        )
    return units


class Settings(Protocol):
    """The numbers that recipes of all kinds of data have."""

    @property
    def dropout(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def patience(self) -> int: ...
    @property
    def time_budget(self) -> float | None: ...

    def optimizer(self) -> optimizers.Optimizer:
        """What trains."""
        ...


def check_settings(recipe: Settings) -> None:
    """Refuse numbers out of range, naming the option.

    Parameters
    ----------
    recipe : Settings

    Raises
    ------
    DataError
        For the first that is.
    """
    budget = 1.0 if recipe.time_budget is None else recipe.time_budget
    for name, value, fits, wanted in (
        ("--dropout", recipe.dropout, 0 <= recipe.dropout < 1, "at least 0 and below 1"),
        ("--weight-decay", recipe.weight_decay, 0 <= recipe.weight_decay < math.inf, "a number of at least 0"),
        ("--lr", recipe.learning_rate, 0 < recipe.learning_rate < math.inf, "a number above 0, such as 0.001"),
        ("--batch-size", recipe.batch_size, recipe.batch_size >= 1, "at least 1"),
        ("--epochs", recipe.epochs, 1 <= recipe.epochs <= MAX_EPOCHS, f"from 1 to {MAX_EPOCHS}"),
        ("--patience", recipe.patience, recipe.patience >= 1, "at least 1"),
        ("--time-budget", budget, 0 < budget < math.inf, "a number of seconds above 0"),
    ):
        if not fits:
            raise DataError(f"{name} must be {wanted}, got {value:.12g}.")
