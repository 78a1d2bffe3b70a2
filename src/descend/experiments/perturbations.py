"""The techniques against overfitting that disturb weights, rows, labels or gradients, or average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from descend import layers, losses, optimizers
from descend.callbacks import SWA
from descend.experiments.data import Split
from descend.experiments.setups import DEPTH, RATE, UNITS, Regularizer, Setup, plain


def _drop_connect(inference: str) -> Callable[[float, Split, int], Setup]:
    def apply(rate: float, split: Split, epochs: int) -> Setup:
        one = layers.Dense(UNITS, activation="relu", drop_connect=rate, inference=inference)
        return replace(plain(split, epochs), hidden=tuple(replace(one) for _ in range(DEPTH)))

    return apply


def _first(make: Callable[[float], layers.Layer]) -> Callable[[float, Split, int], Setup]:
    """A layer before all others."""

    def apply(strength: float, split: Split, epochs: int) -> Setup:
        base = plain(split, epochs)
        return replace(base, hidden=(make(strength), *base.hidden))

    return apply


def _label_noise(strength: float, split: Split, epochs: int) -> Setup:
    base = plain(split, epochs)
    if split.metric == "r2":
        loss: losses.Loss = losses.MSE(label_noise=strength)
    elif split.outputs > 1:
        loss = losses.CategoricalCrossentropy(label_noise=strength)
    else:
        loss = losses.BinaryCrossentropy(label_noise=strength)
    return replace(base, recipe=replace(base.recipe, loss=loss))


def _optimizer(make: Callable[[float], optimizers.Optimizer]) -> Callable[[float, Split, int], Setup]:
    def apply(strength: float, split: Split, epochs: int) -> Setup:
        base = plain(split, epochs)
        return replace(base, recipe=replace(base.recipe, optimizer=make(strength)))

    return apply


def _swa(start: float, split: Split, epochs: int) -> Setup:
    first = max(1, round(start * epochs))
    return replace(plain(split, epochs), options={"callbacks": lambda: [SWA(start=first)]})


PERTURBATIONS: tuple[Regularizer, ...] = (
    Regularizer("drop-connect", "DropConnect", "share of weights dropped", (0.1, 0.3, 0.5), 0.3, _drop_connect("mean")),
    Regularizer(
        "drop-connect-gaussian", "DropConnect with the Gaussian prediction", "share of weights dropped",
        (0.1, 0.3, 0.5), 0.3, _drop_connect("gaussian"),
    ),
    Regularizer("mixup", "Mixup", "alpha of Beta(alpha, alpha)", (0.1, 0.4, 1.0), 0.4, _first(layers.Mixup)),
    Regularizer("cutmix", "CutMix", "alpha of Beta(alpha, alpha)", (0.1, 0.4, 1.0), 0.4, _first(layers.CutMix)),
    Regularizer(
        "swap-noise", "Swap noise", "share of elements swapped", (0.05, 0.1, 0.2), 0.1,
        _first(layers.SwapNoise),
    ),
    Regularizer(
        "label-noise", "Noise on the labels", "share of labels, deviation of numbers",
        (0.05, 0.1, 0.2), 0.1, _label_noise,
    ),
    Regularizer(
        "gradient-noise", "Noise on the gradients", "variance at the start", (0.01, 0.1, 1.0), 0.1,
        _optimizer(lambda variance: optimizers.Adam(RATE, gradient_noise=variance)),
    ),
    Regularizer(
        "moving-average", "A moving average of the weights", "decay", (0.9, 0.99, 0.998), 0.99,
        _optimizer(lambda decay: optimizers.Adam(RATE, average_decay=decay)),
    ),
    Regularizer("swa", "Stochastic weight averaging", "start, share of the epochs", (0.75, 0.5, 0.25), 0.75, _swa),
)  # fmt: skip
