"""The techniques against overfitting as data: how each changes a plain network that is too large for its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from descend import layers, losses, optimizers, penalties
from descend.callbacks import EarlyStopping
from descend.experiments.data import Split
from descend.experiments.perturbations import PERTURBATIONS
from descend.experiments.setups import DEPTH, RATE, UNITS, Regularizer, Setup, after_each, plain


def _dropout(rate: float, split: Split, epochs: int) -> Setup:
    return after_each(split, epochs, lambda: layers.Dropout(rate))


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
    Regularizer(
        "label-smoothing", "Label smoothing", "smoothing", (0.05, 0.1, 0.2), 0.1, _label_smoothing, only_classes=True
    ),
    *PERTURBATIONS,
)  # fmt: skip
