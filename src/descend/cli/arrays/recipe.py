"""How images, sequences and texts are trained on by default, and what the user changed.

The measurements behind the defaults are in docs/design/06-command-line-defaults.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from descend import Network, layers, networks, optimizers, schedules
from descend.cli.recipe import Asked, check_settings
from descend.data.array_encoding import ArrayEncoder
from descend.data.errors import DataError
from descend.data.targets import ClassTarget

#: The highest learning rate for batches of 16; it grows with the square root of the batch.
LEARNING_RATE = 0.001
#: Decoupled decay per step at the highest rate shrinks weights by this share of it.
WEIGHT_DECAY = 0.02
#: Small sets get more epochs, until there are so many updates, but at most MAX_EPOCHS.
MIN_EPOCHS, MAX_EPOCHS, MIN_STEPS = 15, 500, 6000
#: Patience is a quarter of the epochs, at least this many.
MIN_PATIENCE = 10
#: Channels of small_cnn's convolutions, as many as leave about 7 places on the shorter side, at least two.
FILTERS, PLACES = (16, 32, 64, 64, 64, 64), 7
#: Shorter images get LeNet with smaller windows.
LENET_SIDE = 12

_BY_FORM: dict[str, tuple[str, ...]] = {
    "image": ("small_cnn", "lenet", "small_resnet"),
    "sequence": ("sequence_cnn", "sequence_lstm"),
    "text": ("text_average", "text_rnn"),
}
#: Of texts words are learnt by heart soon.
_DROPOUT = {"image": 0.2, "sequence": 0.2, "text": 0.5}

#: What --augment may name, by form.
_AUGMENTATIONS: dict[str, dict[str, layers.Layer]] = {
    "image": {
        "flip": layers.RandomFlip("horizontal"),
        "shift": layers.RandomTranslation(0.1, 0.1),
        "rotate": layers.RandomRotation(0.04),
        "zoom": layers.RandomZoom(0.1),
        "light": layers.RandomBrightness(0.2),
    },
    "sequence": {
        "shift": layers.RandomTimeShift(0.1),
        "scale": layers.RandomScaling(0.1),
        "noise": layers.GaussianNoise(0.1),
    },
    "text": {},
}


@dataclass(frozen=True)
class ArrayRecipe:
    """Every setting of a training run.

    Attributes
    ----------
    network : str
        Of `descend.networks`.
    dropout : float
        As that network understands it.
    weight_decay : float
        AdamW's, decoupled.
    learning_rate : float
        The highest one; it falls along a cosine.
    batch_size, epochs, patience : int
    augment : tuple of str
        How rows are varied in training, in this order.
    time_budget : float or None
        Seconds after which training stops, within an epoch if need be.
    """

    network: str
    dropout: float
    weight_decay: float
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    augment: tuple[str, ...] = ()
    time_budget: float | None = None

    def optimizer(self) -> optimizers.Optimizer:
        """AdamW with a falling rate."""
        return optimizers.AdamW(learning_rate=schedules.Cosine(self.learning_rate), weight_decay=self.weight_decay)

    def build(self, encoder: ArrayEncoder, seed: int) -> Network:
        """The untrained network for rows and target of an encoder.

        Raises
        ------
        DataError
            When rows are too small for it.
        """
        target = encoder.target
        classes = len(target.classes) if isinstance(target, ClassTarget) else None
        options: dict[str, Any] = {"dropout": self.dropout, "seed": seed}
        if encoder.form == "text":
            build: Callable[..., Network] = getattr(networks, self.network)
            return build(encoder.shape[0], encoder.vocabulary, classes, **options)
        options["augmentation"] = [_AUGMENTATIONS[encoder.form][kind] for kind in self.augment]
        if self.network == "small_cnn":
            options["filters"] = FILTERS[: max(2, 1 + round(math.log2(min(encoder.shape[:2]) / PLACES)))]
        if self.network == "lenet" and min(encoder.shape[:2]) < LENET_SIDE:
            options["kernel_size"] = 3
        make: Callable[..., Network] = getattr(networks, self.network)
        try:
            return make(encoder.shape, classes, **options)
        except ValueError as error:
            raise DataError(f"The network cannot be built ({error}); choose another --network.") from None


def choose(rows: int, encoder: ArrayEncoder, asked: Asked) -> ArrayRecipe:
    """The recipe for so many training rows of a form.

    Parameters
    ----------
    rows : int
    encoder : ArrayEncoder
    asked : Asked

    Raises
    ------
    DataError
        When a wish is out of range, or for tables.
    """
    if asked.hidden is not None:
        raise DataError(f"--hidden is for tables; for {encoder.form}s choose a --network.")
    network = _network(encoder, asked.network)
    batch_size = min(128, max(16, 2 ** round(math.log2(max(1, rows / 64)))))
    batch_size = batch_size if asked.batch_size is None else asked.batch_size
    rate = LEARNING_RATE * math.sqrt(max(1, batch_size) / 16) if asked.learning_rate is None else asked.learning_rate
    steps = -(-rows // max(1, batch_size))
    epochs = min(MAX_EPOCHS, max(MIN_EPOCHS, -(-MIN_STEPS // steps))) if asked.epochs is None else asked.epochs
    recipe = ArrayRecipe(
        network=network,
        dropout=_DROPOUT[encoder.form] if asked.dropout is None else asked.dropout,
        weight_decay=WEIGHT_DECAY if asked.weight_decay is None else asked.weight_decay,
        learning_rate=rate,
        batch_size=batch_size,
        epochs=epochs,
        patience=max(MIN_PATIENCE, epochs // 4) if asked.patience is None else asked.patience,
        augment=_augmentation(encoder, asked.augment),
        time_budget=asked.time_budget,
    )
    check_settings(recipe)
    return recipe


def _network(encoder: ArrayEncoder, asked: str | None) -> str:
    fitting = _BY_FORM[encoder.form]
    if asked is None:
        return "sequence_lstm" if encoder.form == "sequence" and encoder.variable else fitting[0]
    if asked not in fitting:
        raise DataError(f"--network for {encoder.form}s must be one of {', '.join(fitting)}, got {asked!r}.")
    if encoder.form == "sequence" and encoder.variable and asked != "sequence_lstm":
        raise DataError(f"{asked} takes sequences of one length only; use --network sequence_lstm, or cut the data.")
    return asked


def _augmentation(encoder: ArrayEncoder, asked: tuple[str, ...] | None) -> tuple[str, ...]:
    known = _AUGMENTATIONS[encoder.form]
    if asked and not known:
        raise DataError(f"--augment is for images and sequences, not for {encoder.form}s; leave it out.")
    for kind in asked or ():
        if kind not in known:
            raise DataError(f"--augment for {encoder.form}s takes {', '.join(known)}, got {kind!r}.")
    if len(set(asked or ())) < len(asked or ()):
        raise DataError(f"--augment must name every kind once, got {','.join(asked or ())}.")
    return asked or ()
