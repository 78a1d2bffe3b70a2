"""Initial values of parameters: callables (shape, random generator) -> float64 array.

For a weight matrix (in, out) the fan-in is `in` and the fan-out is `out`; with leading axes in front (a kernel's
window) both are multiplied by the window's size. This file draws numbers; it never looks at a network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from descend import specs

__all__ = [
    "Constant",
    "DataDependent",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LeCunNormal",
    "LeCunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "Uniform",
    "Zeros",
    "fans",
    "resolve",
]

registry: specs.Registry[type[Initializer]] = specs.Registry("initializers", "initializer")


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan-in, fan-out) of a parameter of this shape; a vector counts as both."""
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


@dataclass(frozen=True, repr=False)
class Initializer(specs.Spec):
    """What every initializer is: a callable that returns a new float64 array of the shape asked for."""

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        raise NotImplementedError(f"{type(self).__name__} does not say how to draw values")


@dataclass(frozen=True, repr=False)
class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        return np.zeros(shape)


@dataclass(frozen=True, repr=False)
class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        return np.ones(shape)


@dataclass(frozen=True, repr=False)
class Constant(Initializer):
    """The same number everywhere."""

    value: float = 0.0

    def __post_init__(self) -> None:
        specs.check_number(self, "value")

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        return np.full(shape, self.value)


@dataclass(frozen=True, repr=False)
class Uniform(Initializer):
    """Uniform in [low, high)."""

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        specs.check_number(self, "low")
        specs.check_number(self, "high")
        if self.low > self.high:
            raise ValueError(f"Uniform: low must not exceed high, got low={self.low} and high={self.high}")

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True, repr=False)
class Normal(Initializer):
    """Normal with the given mean and standard deviation."""

    mean: float = 0.0
    deviation: float = 0.05

    def __post_init__(self) -> None:
        specs.check_number(self, "mean")
        specs.check_number(self, "deviation", low=0.0)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.normal(self.mean, self.deviation, shape)


@dataclass(frozen=True, repr=False)
class VarianceScaling(Initializer):
    """Zero mean and variance scale / n, with n the fan-in or the average of fan-in and fan-out."""

    scale: ClassVar[float] = 1.0
    fan: ClassVar[Literal["in", "average"]] = "in"
    distribution: ClassVar[Literal["uniform", "normal"]] = "uniform"

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        fan_in, fan_out = fans(shape)
        n = fan_in if self.fan == "in" else (fan_in + fan_out) / 2
        deviation = math.sqrt(self.scale / max(n, 1))
        if self.distribution == "normal":
            return rng.normal(0.0, deviation, shape)
        bound = math.sqrt(3.0) * deviation
        return rng.uniform(-bound, bound, shape)


@dataclass(frozen=True, repr=False)
class GlorotUniform(VarianceScaling):
    """Uniform with variance 2 / (fan-in + fan-out): bound sqrt(6 / (fan-in + fan-out)). Glorot and Bengio, 2010."""

    fan: ClassVar[Literal["in", "average"]] = "average"


@dataclass(frozen=True, repr=False)
class GlorotNormal(VarianceScaling):
    """Normal with variance 2 / (fan-in + fan-out). Glorot and Bengio, 2010."""

    fan: ClassVar[Literal["in", "average"]] = "average"
    distribution: ClassVar[Literal["uniform", "normal"]] = "normal"


@dataclass(frozen=True, repr=False)
class HeUniform(VarianceScaling):
    """Uniform with variance 2 / fan-in, made for ReLU. He and others, 2015."""

    scale: ClassVar[float] = 2.0


@dataclass(frozen=True, repr=False)
class HeNormal(VarianceScaling):
    """Normal with variance 2 / fan-in, made for ReLU. He and others, 2015."""

    scale: ClassVar[float] = 2.0
    distribution: ClassVar[Literal["uniform", "normal"]] = "normal"


@dataclass(frozen=True, repr=False)
class LeCunUniform(VarianceScaling):
    """Uniform with variance 1 / fan-in. LeCun and others, 1998."""


@dataclass(frozen=True, repr=False)
class LeCunNormal(VarianceScaling):
    """Normal with variance 1 / fan-in, made for SELU. LeCun and others, 1998."""

    distribution: ClassVar[Literal["uniform", "normal"]] = "normal"


@dataclass(frozen=True, repr=False)
class Orthogonal(Initializer):
    """`gain` times a matrix with orthonormal rows or columns, whichever are fewer. Saxe and others, 2014."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        specs.check_number(self, "gain")

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: needs a parameter with two axes or more, got shape {shape}; use Normal")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # makes the draw uniform over orthogonal matrices
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@dataclass(frozen=True, repr=False)
class DataDependent(Initializer):
    """Weights of which the products x W have unit variance on a batch of the training rows.

    Drawn by `base` and then, at the first `fit`, divided by the standard deviation of x W, layer by layer from the
    first to the last, so that each layer sees inputs that are scaled already (in training mode). This is the
    layer-sequential unit variance ("lsuv") of Mishkin and Matas, "All you need is a good init", 2016, with the variance
    over all rows and units of a layer; a single division is exact, since x W is linear in W. With `per_unit` every unit
    (column of W) is divided by its own deviation and its bias becomes minus the mean, so that all pre-activations have
    mean 0 and variance 1: Kraehenbuehl and others, "Data-dependent initializations of convolutional neural networks",
    2016.

    Products without variance (constant rows, or units that only see dead features) stay as drawn, biases too.

    Attributes
    ----------
    base : how weights are drawn first
    per_unit : whether each unit is scaled by itself
    rows : how many of the training rows are looked at, the first ones of the seed's order
    """

    base: Initializer | str = "orthogonal"
    per_unit: bool = False
    rows: int = 512

    def __post_init__(self) -> None:
        specs.set_field(self, "base", resolve(self.base))
        specs.check_flag(self, "per_unit")
        specs.check_integer(self, "rows", low=2, high=2**20)
        if isinstance(self.base, DataDependent):
            raise ValueError(f"DataDependent: base must draw weights without data, got {self.base!r}")

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        return resolve(self.base)(shape, rng)


registry.register(Zeros, "zeros")
registry.register(Ones, "ones")
registry.register(Constant, "constant")
registry.register(Uniform, "uniform")
registry.register(Normal, "normal")
registry.register(GlorotUniform, "glorot_uniform", "xavier_uniform")
registry.register(GlorotNormal, "glorot_normal", "xavier_normal")
registry.register(HeUniform, "he_uniform")
registry.register(HeNormal, "he_normal")
registry.register(LeCunUniform, "lecun_uniform")
registry.register(LeCunNormal, "lecun_normal")
registry.register(Orthogonal, "orthogonal")
registry.register(DataDependent, "lsuv", "data_dependent")


def resolve(spec: Initializer | str) -> Initializer:
    """The initializer that `spec` names or is.

    Raises
    ------
    ValueError
        for an unknown name, listing the known ones.
    TypeError
        for anything else.
    """
    return specs.resolve(registry, Initializer, spec)
