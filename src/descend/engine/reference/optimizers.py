"""Optimizers: clipping, decoupled decay and the updates.

Each update takes the parameters w, the clipped gradient g, the slots (n_slots, size), the rate eta and the step t
counted from 1; it changes w and the slots in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from descend.engine.reference.context import Array
from descend.optimizers import Nesterov, Optimizer
from descend.plan.plan import Plan

# The spec is typed Any here because each update reads the fields of its own optimizer only.
Update = Callable[[Any, Array, Array, Array, float, int], None]


def step(plan: Plan, optimizer: Optimizer, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """One update in place: clip g, decay the regularized parameters, then the optimizer's own rule."""
    g = clip(optimizer, g)
    if optimizer.weight_decay:
        for parameter in plan.parameters:
            if parameter.regularized and parameter.trainable:
                w[parameter.slice] *= 1.0 - eta * optimizer.weight_decay
    UPDATES[optimizer.kind](optimizer, w, g, slots, eta, t)


def clip(optimizer: Optimizer, g: Array) -> Array:
    """Each element to [-clip_value, clip_value], then the whole to a norm of at most clip_norm."""
    if optimizer.clip_value is not None:
        g = np.clip(g, -optimizer.clip_value, optimizer.clip_value)
    if optimizer.clip_norm is not None:
        norm = float(np.sqrt((g * g).sum()))
        if norm > optimizer.clip_norm:
            g = g * (optimizer.clip_norm / norm)
    return g


def gradient_point(optimizer: Optimizer, w: Array, slots: Array) -> Array:
    """Where the gradient is taken: at w, or ahead of it for Nesterov's method."""
    return w - optimizer.momentum * slots[0] if isinstance(optimizer, Nesterov) else w


def sgd(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """W -= eta g."""
    w -= eta * g


def momentum(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """V = beta V + (1 - beta) g, or V = beta V + g without dampening; w -= eta V."""
    slots[0] = spec.beta * slots[0] + ((1.0 - spec.beta) * g if spec.dampening else g)
    w -= eta * slots[0]


def nesterov(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """V = momentum v + eta g, with g taken at w - momentum v; w -= v."""
    slots[0] = spec.momentum * slots[0] + eta * g
    w -= slots[0]


def heavy_ball(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """V = momentum v + eta g; w -= v, or w -= momentum v + eta g with Nesterov's look-ahead."""
    slots[0] = spec.momentum * slots[0] + eta * g
    w -= spec.momentum * slots[0] + eta * g if spec.nesterov else slots[0]


def adagrad(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """S += g^2; w -= eta g / (sqrt(s) + epsilon)."""
    slots[0] += g * g
    w -= eta * g / (np.sqrt(slots[0]) + spec.epsilon)


def rmsprop(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """Mu = beta mu + (1 - beta) g^2; w -= eta g / sqrt(mu + epsilon)."""
    slots[0] = spec.beta * slots[0] + (1.0 - spec.beta) * g * g
    w -= eta * g / np.sqrt(slots[0] + spec.epsilon)


def _moments(spec: Any, g: Array, slots: Array) -> None:
    """M = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2."""
    slots[0] = spec.beta_1 * slots[0] + (1.0 - spec.beta_1) * g
    slots[1] = spec.beta_2 * slots[1] + (1.0 - spec.beta_2) * g * g


def _epsilon(spec: Any, t: int) -> float:
    """What is added to the corrected root of v."""
    return spec.epsilon / np.sqrt(1.0 - spec.beta_2**t) if spec.epsilon_hat else spec.epsilon


def adam(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """W -= eta (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)."""
    _moments(spec, g, slots)
    mean = slots[0] / (1.0 - spec.beta_1**t)
    square = slots[1] / (1.0 - spec.beta_2**t)
    w -= eta * mean / (np.sqrt(square) + _epsilon(spec, t))


def amsgrad(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """As Adam, with the largest v so far in v's place."""
    _moments(spec, g, slots)
    slots[2] = np.maximum(slots[2], slots[1])
    mean = slots[0] / (1.0 - spec.beta_1**t)
    square = slots[2] / (1.0 - spec.beta_2**t)
    w -= eta * mean / (np.sqrt(square) + _epsilon(spec, t))


def nadam(spec: Any, w: Array, g: Array, slots: Array, eta: float, t: int) -> None:
    """As Adam, with b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t) for the mean."""
    _moments(spec, g, slots)
    b1 = spec.beta_1
    mean = b1 * slots[0] / (1.0 - b1 ** (t + 1)) + (1.0 - b1) * g / (1.0 - b1**t)
    square = slots[1] / (1.0 - spec.beta_2**t)
    w -= eta * mean / (np.sqrt(square) + _epsilon(spec, t))


#: By the optimizer's kind.
UPDATES: dict[str, Update] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "heavy_ball": heavy_ball,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "amsgrad": amsgrad,
    "nadam": nadam,
}
