"""Optimizers: clipping, gradient noise, decoupled decay and the updates.

Each update takes the parameters w, the clipped gradient g, the slots (n_slots, size), the rate eta and the step t
counted from 1; it changes w and the slots in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from descend.engine.reference.context import Array
from descend.engine.reference.gaussian_noise import standard_normal
from descend.engine.reference.random_numbers import element_bits, stream_key
from descend.optimizers import Nesterov, Optimizer
from descend.plan.plan import Plan

# The spec is typed Any here because each update reads the fields of its own optimizer only.
Update = Callable[[Any, Array, Array, Array, float, int], None]


#: Of the gradient noise; those of a plan's ops count up from 0.
NOISE_STREAM = 2**64 - 1


def step(plan: Plan, optimizer: Optimizer, w: Array, g: Array, slots: Array, eta: float, t: int, seed: int = 0) -> None:
    """One update in place: clip g and add noise, decay the regularized parameters, then the optimizer's own rule."""
    g = clip(optimizer, g)
    if optimizer.gradient_noise:
        g = g + noise(plan, optimizer, t - 1, seed)
    if optimizer.weight_decay:
        for parameter in plan.parameters:
            if parameter.regularized and parameter.trainable:
                w[parameter.slice] *= 1.0 - eta * optimizer.weight_decay
    UPDATES[optimizer.kind](optimizer, w, g, slots, eta, t)


def clip(optimizer: Optimizer, g: Array) -> Array:
    """Each element to [-clip_value, clip_value], then the whole to a norm of at most clip_norm."""
    g = clip_value(optimizer, g)
    if optimizer.clip_norm is not None:
        norm = float(np.sqrt((g * g).sum()))
        if norm > optimizer.clip_norm:
            g = g * (optimizer.clip_norm / norm)
    return g


def noise(plan: Plan, optimizer: Optimizer, t: int, seed: int) -> Array:
    """Normal noise (plan.size,) of variance gradient_noise / (1 + t)^gradient_noise_decay.

    There is none on what is not trained. The random number of an element is that of its place in the flat buffer.
    """
    deviation = np.sqrt(optimizer.gradient_noise / (1.0 + t) ** optimizer.gradient_noise_decay)
    drawn = deviation * standard_normal(element_bits(stream_key(seed, t, NOISE_STREAM), plan.size))
    for parameter in plan.parameters:
        if not parameter.trainable:
            drawn[parameter.slice] = 0.0
    return drawn


def average(plan: Plan, optimizer: Optimizer, w: Array, slots: Array) -> None:
    """A = d a + (1 - d) w of what is trained, in place in the last slot, after everything else of the update."""
    d = optimizer.average_decay
    if not d:
        return
    for parameter in plan.parameters:
        if parameter.trainable:
            part = parameter.slice
            slots[-1][part] = d * slots[-1][part] + (1.0 - d) * w[part]


def clip_value(optimizer: Optimizer, g: Array) -> Array:
    """Each element to [-clip_value, clip_value]."""
    return g if optimizer.clip_value is None else np.clip(g, -optimizer.clip_value, optimizer.clip_value)


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
