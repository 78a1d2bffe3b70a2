"""Elementwise functions f(x) and their derivatives f'(x), without overflow wherever f(x) itself is finite.

At a kink the derivative is the one from the left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from descend.engine.reference.context import Array, Context, Saved
from descend.plan.ops import Activation

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


def forward(op: Activation, context: Context, x: Array) -> tuple[Array, Saved]:
    """f(x), elementwise on any shape; x itself in inference where the op before includes f."""
    if op.training_only and not context.training:
        return x, {}
    return FUNCTIONS[op.function].value(x, op.alpha), {"x": x}


def backward(op: Activation, context: Context, saved: Saved, dy: Array) -> Array:
    """Dx = dy f'(x)."""
    if op.training_only and not context.training:
        return dy
    return dy * FUNCTIONS[op.function].derivative(saved["x"], op.alpha)


@dataclass(frozen=True)
class Function:
    """A function and its derivative, both of (x, alpha)."""

    value: Callable[[Array, float], Array]
    derivative: Callable[[Array, float], Array]


def linear(x: Array, alpha: float) -> Array:
    """X."""
    return x


def linear_derivative(x: Array, alpha: float) -> Array:
    """1."""
    return np.ones_like(x)


def sigmoid(x: Array, alpha: float = 0.0) -> Array:
    """1 / (1 + exp(-x)), from exp(-|x|) so that nothing overflows."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def sigmoid_derivative(x: Array, alpha: float) -> Array:
    """S (1 - s), from exp(-|x|) so that it stays exact in both tails."""
    small = np.exp(-np.abs(x))
    return small / (1.0 + small) ** 2


def tanh(x: Array, alpha: float) -> Array:
    """tanh(x)."""
    return np.tanh(x)


def tanh_derivative(x: Array, alpha: float) -> Array:
    """1 - tanh(x)^2."""
    return 1.0 - np.tanh(x) ** 2


def relu(x: Array, alpha: float) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0.0)


def relu_derivative(x: Array, alpha: float) -> Array:
    """1 where x > 0, otherwise 0."""
    return np.where(x > 0, 1.0, 0.0)


def leaky_relu(x: Array, alpha: float) -> Array:
    """X where x > 0, otherwise alpha x."""
    return np.where(x > 0, x, alpha * x)


def leaky_relu_derivative(x: Array, alpha: float) -> Array:
    """1 where x > 0, otherwise alpha."""
    return np.where(x > 0, 1.0, alpha)


def elu(x: Array, alpha: float) -> Array:
    """X where x > 0, otherwise alpha (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def elu_derivative(x: Array, alpha: float) -> Array:
    """1 where x > 0, otherwise alpha exp(x)."""
    return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


def selu(x: Array, alpha: float) -> Array:
    """SELU_SCALE times ELU with SELU_ALPHA."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def selu_derivative(x: Array, alpha: float) -> Array:
    """SELU_SCALE times ELU's derivative with SELU_ALPHA."""
    return SELU_SCALE * elu_derivative(x, SELU_ALPHA)


def normal_distribution(x: Array) -> Array:
    """Phi(x) = erfc(-x / sqrt 2) / 2, exact in both tails."""
    from scipy.special import erfc

    return 0.5 * erfc(-x / math.sqrt(2.0))


def gelu(x: Array, alpha: float) -> Array:
    """X Phi(x)."""
    return x * normal_distribution(x)


def gelu_derivative(x: Array, alpha: float) -> Array:
    """Phi(x) + x phi(x), with phi the normal density."""
    return normal_distribution(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def silu(x: Array, alpha: float) -> Array:
    """X sigmoid(x)."""
    return x * sigmoid(x)


def silu_derivative(x: Array, alpha: float) -> Array:
    """S + x s (1 - s), with s = sigmoid(x)."""
    return sigmoid(x) + x * sigmoid_derivative(x, alpha)


def softplus(x: Array, alpha: float = 0.0) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def softplus_derivative(x: Array, alpha: float) -> Array:
    """sigmoid(x)."""
    return sigmoid(x)


def hard_sigmoid(x: Array, alpha: float) -> Array:
    """X / 6 + 1/2, cut to [0, 1]."""
    return np.clip(x / 6.0 + 0.5, 0.0, 1.0)


def hard_sigmoid_derivative(x: Array, alpha: float) -> Array:
    """1/6 where -3 < x < 3, otherwise 0."""
    return np.where((x > -3.0) & (x < 3.0), 1.0 / 6.0, 0.0)


def mish(x: Array, alpha: float) -> Array:
    """X tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


def mish_derivative(x: Array, alpha: float) -> Array:
    """T + x (1 - t^2) sigmoid(x), with t = tanh(softplus(x))."""
    squashed = np.tanh(softplus(x))
    return squashed + x * (1.0 - squashed**2) * sigmoid(x)


def exponential(x: Array, alpha: float) -> Array:
    """exp(x), infinite beyond about 709."""
    with np.errstate(over="ignore"):
        return np.exp(x)


#: By the names in `plan.ops.ACTIVATIONS`.
FUNCTIONS = {
    "linear": Function(linear, linear_derivative),
    "sigmoid": Function(sigmoid, sigmoid_derivative),
    "tanh": Function(tanh, tanh_derivative),
    "relu": Function(relu, relu_derivative),
    "leaky_relu": Function(leaky_relu, leaky_relu_derivative),
    "elu": Function(elu, elu_derivative),
    "selu": Function(selu, selu_derivative),
    "gelu": Function(gelu, gelu_derivative),
    "silu": Function(silu, silu_derivative),
    "softplus": Function(softplus, softplus_derivative),
    "hard_sigmoid": Function(hard_sigmoid, hard_sigmoid_derivative),
    "mish": Function(mish, mish_derivative),
    "exponential": Function(exponential, exponential),
}


def step(x: Array, alpha: float) -> Array:
    """1 for x >= 0, else 0."""
    return np.where(x >= 0, 1.0, 0.0)


def step_derivative(x: Array, alpha: float) -> Array:
    """0, from the left at the jump too."""
    return np.zeros_like(x)


#: The perceptron's, for pictures: with its derivative no network learns, so it is no op.
STEP = Function(step, step_derivative)
