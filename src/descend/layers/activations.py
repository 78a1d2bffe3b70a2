"""Activation layers. Values and derivatives are defined in `engine/reference/activation.py`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import ClassVar

from descend import initializers, specs
from descend.layers.base import Layer, registry
from descend.wording import counted


@dataclass(frozen=True, repr=False)
class Elementwise(Layer, abstract=True):
    """A function applied to each element; `kind` is its name in a plan."""

    @property
    def alpha(self) -> float:
        """The function's parameter; 0 for those without one."""
        return 0.0


@dataclass(frozen=True, repr=False)
class Linear(Elementwise):
    """x, unchanged."""

    kind: ClassVar[str] = "linear"


@dataclass(frozen=True, repr=False)
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)); derivative s (1 - s)."""

    kind: ClassVar[str] = "sigmoid"


@dataclass(frozen=True, repr=False)
class Tanh(Elementwise):
    """2 / (1 + exp(-2 x)) - 1; derivative 1 - tanh^2."""

    kind: ClassVar[str] = "tanh"


@dataclass(frozen=True, repr=False)
class ReLU(Elementwise):
    """max(0, x); derivative 0 for x <= 0."""

    kind: ClassVar[str] = "relu"


@dataclass(frozen=True, repr=False)
class LeakyReLU(Elementwise):
    """x where x > 0, otherwise slope * x; the derivative at 0 is the slope."""

    slope: float = 0.01
    kind: ClassVar[str] = "leaky_relu"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "slope", low=0.0)

    @property
    def alpha(self) -> float:
        return self.slope


@dataclass(frozen=True, repr=False)
class ELU(Elementwise):
    """x where x > 0, otherwise scale (exp(x) - 1) with scale = `alpha`. Clevert and others, 2016."""

    alpha: float = 1.0  # pyright: ignore[reportIncompatibleMethodOverride]
    kind: ClassVar[str] = "elu"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "alpha", low=0.0)


@dataclass(frozen=True, repr=False)
class SELU(Elementwise):
    """1.0507 times ELU with alpha 1.6733, which keeps mean and variance. Klambauer and others, 2017."""

    kind: ClassVar[str] = "selu"


@dataclass(frozen=True, repr=False)
class GELU(Elementwise):
    """x Phi(x) with the exact normal distribution function. Hendrycks and Gimpel, 2016."""

    kind: ClassVar[str] = "gelu"


@dataclass(frozen=True, repr=False)
class SiLU(Elementwise):
    """x sigmoid(x), also called Swish."""

    kind: ClassVar[str] = "silu"


@dataclass(frozen=True, repr=False)
class Softplus(Elementwise):
    """log(1 + exp(x)); derivative sigmoid(x)."""

    kind: ClassVar[str] = "softplus"


@dataclass(frozen=True, repr=False)
class HardSigmoid(Elementwise):
    """x / 6 + 1/2, cut to [0, 1]."""

    kind: ClassVar[str] = "hard_sigmoid"


@dataclass(frozen=True, repr=False)
class Mish(Elementwise):
    """x tanh(softplus(x)). Misra, 2019."""

    kind: ClassVar[str] = "mish"


@dataclass(frozen=True, repr=False)
class Exponential(Elementwise):
    """exp(x), the output for counts and other positive targets."""

    kind: ClassVar[str] = "exponential"


@dataclass(frozen=True, repr=False)
class PReLU(Layer):
    """x where x > 0, otherwise slope * x with one learned slope per feature. He and others, 2015.

    Features are the last axis; all other axes, such as height and width, share its slopes, as in PyTorch (Keras learns
    a slope per position unless it is told to share them).
    """

    initializer: initializers.Initializer | str = field(default_factory=lambda: initializers.Constant(0.25))
    kind: ClassVar[str] = "prelu"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.set_field(self, "initializer", initializers.resolve(self.initializer))


@dataclass(frozen=True, repr=False)
class Softmax(Layer):
    """exp(x_j) / sum_k exp(x_k) over the last axis: the probabilities of one out of k classes.

    Attributes
    ----------
    groups : sizes of segments of the last axis with a softmax each, such as (3, 2) for one out of three classes and one
        out of two beside it; None for one over all
    """

    groups: tuple[int, ...] | None = None
    kind: ClassVar[str] = "softmax"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.groups is None:
            return
        whole = isinstance(self.groups, list | tuple) and all(
            isinstance(size, Integral) and not isinstance(size, bool) for size in self.groups
        )
        if not whole or not self.groups or min(self.groups) < 1:
            raise ValueError(f"Softmax: groups must hold sizes >= 1, such as (3, 2), or be None, got {self.groups!r}")
        specs.set_field(self, "groups", tuple(int(size) for size in self.groups))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.groups is not None and sum(self.groups) != input_shape[-1]:
            raise ValueError(
                f"Softmax: groups {self.groups} add up to {sum(self.groups)}, but the layer before has "
                f"{counted(input_shape[-1], 'output')}; give it {sum(self.groups)} units"
            )
        return input_shape


@dataclass(frozen=True, repr=False)
class Activation(Layer):
    """The activation that `function` names or is; Activation("relu") is ReLU()."""

    function: Layer | str
    kind: ClassVar[str] = "activation"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.set_field(self, "function", resolve_activation(self.function))

    def expand(self) -> tuple[Layer, ...]:
        layer = resolve_activation(self.function)
        return (layer if self.name is None else replace(layer, name=self.name),)


#: Activations after which He's initialization fits: zero or nearly so on one side, about x on the other.
RELU_FAMILY = (ReLU, LeakyReLU, PReLU, ELU, GELU, SiLU, Mish)

_ACTIVATIONS = specs.Registry[type[Layer]]("activations", "activation")

for _layer in (
    Linear,
    Sigmoid,
    Tanh,
    ReLU,
    LeakyReLU,
    ELU,
    SELU,
    GELU,
    SiLU,
    Softplus,
    HardSigmoid,
    Mish,
    Exponential,
    PReLU,
    Softmax,
):
    registry.register(_layer, _layer.kind)
    _ACTIVATIONS.register(_layer, _layer.kind)
_ACTIVATIONS.register(Linear, "identity")
_ACTIVATIONS.register(Sigmoid, "logistic")
_ACTIVATIONS.register(SiLU, "swish")
registry.register(Activation, Activation.kind)


def activation_names() -> list[str]:
    """All names `resolve_activation` accepts."""
    return _ACTIVATIONS.names()


def resolve_activation(spec: Layer | str) -> Layer:
    """The activation layer that `spec` names or is.

    Raises
    ------
    ValueError
        for an unknown name, listing the known ones, and for the perceptron's step.
    TypeError
        for a layer that is no activation, and for anything else.
    """
    if isinstance(spec, str):
        if spec in ("step", "heaviside"):
            raise ValueError(
                f"activation={spec!r} has the derivative 0 everywhere, so that no gradient descent learns through it; "
                "use 'sigmoid', or descend.Perceptron, which learns by a rule of its own"
            )
        return _ACTIVATIONS.get(spec)()
    if isinstance(spec, Activation):
        return spec.expand()[0]
    if isinstance(spec, Elementwise | PReLU | Softmax):
        return spec
    raise TypeError(
        f"activation must be a name or an activation layer, got {type(spec).__name__}; "
        f"known names: {', '.join(activation_names())}"
    )
