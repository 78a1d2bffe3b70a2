"""Optimizers, as specifications; their updates are defined in `engine/reference/optimizers.py`.

Below w is a parameter, g the gradient of the batch loss with penalties, eta the step's learning rate and t the
step counted from 1. Every optimizer can clip the gradient (`clip_value` each element first, then `clip_norm` the
norm over all parameters), add noise to it, and decay weights decoupled from the gradient: w *= 1 - eta * weight_decay
before the update.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar

from descend import schedules, specs

__all__ = [
    "LBFGS",
    "SGD",
    "AMSGrad",
    "AdaGrad",
    "Adam",
    "AdamW",
    "HeavyBall",
    "Momentum",
    "Nadam",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "resolve",
]

registry: specs.Registry[type[Optimizer]] = specs.Registry("optimizers", "optimizer")


@dataclass(frozen=True, repr=False)
class Optimizer(specs.Spec):
    """What every optimizer has.

    Attributes
    ----------
    learning_rate : a number >= 0 or a schedule
    clip_value : largest magnitude of one gradient element, or None
    clip_norm : largest norm of the whole gradient, or None
    weight_decay : decoupled decay of weights (biases and normalization parameters are exempt)
    gradient_noise : variance of the normal noise that the first step adds to every element of the (clipped) gradient;
        step t counted from 0 adds gradient_noise / (1 + t)^gradient_noise_decay. It helps deep networks out of bad
        starts; 0.01 to 1 is usual. Neelakantan and others, "Adding gradient noise improves learning for very deep
        networks", 2015
    gradient_noise_decay : gamma, the exponent of the decay; 0 keeps the variance
    average_decay : d of the weights' exponential moving average, a = d a + (1 - d) w after every update; after t
        updates a / (1 - d^t) is what `Network.fit` validates with and ends with. 0 keeps no average; 0.99 to 0.9999 is
        usual, so that 1 / (1 - d) updates are a part of the training. Polyak and Juditsky, 1992
    """

    learning_rate: float | schedules.Schedule = 0.01
    _: KW_ONLY
    clip_value: float | None = None
    clip_norm: float | None = None
    weight_decay: float = 0.0
    gradient_noise: float = 0.0
    gradient_noise_decay: float = 0.55
    average_decay: float = 0.0

    _kind: ClassVar[str] = ""
    _slots: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, schedules.Schedule):
            if isinstance(self.learning_rate, str):
                schedules.resolve(self.learning_rate)
            specs.check_number(self, "learning_rate", low=0.0)
        for name in ("clip_value", "clip_norm"):
            if getattr(self, name) is not None:
                specs.check_number(self, name, low=0.0, low_open=True)
        for name in ("weight_decay", "gradient_noise", "gradient_noise_decay"):
            specs.check_number(self, name, low=0.0)
        specs.check_number(self, "average_decay", low=0.0, high=1.0, high_open=True)

    @property
    def kind(self) -> str:
        """The update's name in an engine."""
        return self._kind

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the buffers, as long as the parameters, that the update keeps from step to step."""
        return (*self._own_slots(), "average") if self.average_decay else self._own_slots()

    def _own_slots(self) -> tuple[str, ...]:
        return self._slots

    @property
    def schedule(self) -> schedules.Schedule:
        """The learning rate as a schedule."""
        return schedules.resolve(self.learning_rate)


@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """w -= eta g."""

    _kind: ClassVar[str] = "sgd"


@dataclass(frozen=True, repr=False)
class Momentum(Optimizer):
    """V = beta V + (1 - beta) g, w -= eta V; with dampening=False the classical V = beta V + g. Polyak, 1964."""

    _: KW_ONLY
    beta: float = 0.9
    dampening: bool = True

    _kind: ClassVar[str] = "momentum"
    _slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "beta", low=0.0, high=1.0, high_open=True)
        specs.check_flag(self, "dampening")


@dataclass(frozen=True, repr=False)
class Nesterov(Optimizer):
    """v = momentum v + eta g(w - momentum v), w -= v: the gradient is taken at the look-ahead point. Nesterov, 1983."""

    _: KW_ONLY
    momentum: float = 0.9

    _kind: ClassVar[str] = "nesterov"
    _slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "momentum", low=0.0, high=1.0, high_open=True)


@dataclass(frozen=True, repr=False)
class HeavyBall(Optimizer):
    """v = momentum v + eta g, w -= v, with the learning rate inside the velocity. Polyak, 1964.

    It differs from `Momentum` when the rate changes: here the velocity keeps the rates of its past. With
    nesterov=True the step is w -= momentum v + eta g after v is updated: Nesterov's method for the parameters at its
    look-ahead point, where the gradient is taken. Bengio and others, 2013.
    """

    _: KW_ONLY
    momentum: float = 0.9
    nesterov: bool = False

    _kind: ClassVar[str] = "heavy_ball"
    _slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "momentum", low=0.0, high=1.0)
        specs.check_flag(self, "nesterov")


@dataclass(frozen=True, repr=False)
class AdaGrad(Optimizer):
    """s += g^2, w -= eta g / (sqrt(s) + epsilon). Duchi and others, 2011."""

    _: KW_ONLY
    epsilon: float = 1e-7

    _kind: ClassVar[str] = "adagrad"
    _slots: ClassVar[tuple[str, ...]] = ("sum",)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "epsilon", low=0.0, low_open=True)


@dataclass(frozen=True, repr=False)
class RMSProp(Optimizer):
    """mu = beta mu + (1 - beta) g^2, w -= eta g / sqrt(mu + epsilon). Tieleman and Hinton, 2012."""

    learning_rate: float | schedules.Schedule = 0.001
    _: KW_ONLY
    beta: float = 0.9
    epsilon: float = 1e-7

    _kind: ClassVar[str] = "rmsprop"
    _slots: ClassVar[tuple[str, ...]] = ("mean_square",)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_number(self, "beta", low=0.0, high=1.0, high_open=True)
        specs.check_number(self, "epsilon", low=0.0, low_open=True)


@dataclass(frozen=True, repr=False)
class _AdamLike(Optimizer):
    """The moments that Adam and its relatives share: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2.

    With `epsilon_hat` epsilon is added to sqrt(v) before its bias is corrected, not after: it counts
    1 / sqrt(1 - b2^t) times as much, which matters in the first steps. Kingma and Ba's section 2.
    """

    learning_rate: float | schedules.Schedule = 0.001
    _: KW_ONLY
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = False

    _slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def __post_init__(self) -> None:
        specs.check_flag(self, "epsilon_hat")
        super().__post_init__()
        specs.check_number(self, "beta_1", low=0.0, high=1.0, high_open=True)
        specs.check_number(self, "beta_2", low=0.0, high=1.0, high_open=True)
        specs.check_number(self, "epsilon", low=0.0, low_open=True)


@dataclass(frozen=True, repr=False)
class Adam(_AdamLike):
    """w -= eta (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon). Kingma and Ba, 2015.

    With amsgrad=True the largest v so far takes v's place (see `AMSGrad`).
    """

    _: KW_ONLY
    amsgrad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_flag(self, "amsgrad")

    @property
    def kind(self) -> str:
        return "amsgrad" if self.amsgrad else "adam"

    def _own_slots(self) -> tuple[str, ...]:
        return ("m", "v", "v_max") if self.amsgrad else ("m", "v")


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay, 0.01 by default. Loshchilov and Hutter, 2019."""

    _: KW_ONLY
    weight_decay: float = 0.01


@dataclass(frozen=True, repr=False)
class AMSGrad(_AdamLike):
    """Adam with v_max = max(v_max, v) in the denominator, which never shrinks. Reddi and others, 2018."""

    _kind: ClassVar[str] = "amsgrad"
    _slots: ClassVar[tuple[str, ...]] = ("m", "v", "v_max")


@dataclass(frozen=True, repr=False)
class Nadam(_AdamLike):
    """Adam with Nesterov's momentum: b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t) for the mean. Dozat, 2016."""

    _kind: ClassVar[str] = "nadam"


@dataclass(frozen=True, repr=False)
class LBFGS(Optimizer):
    """Limited-memory BFGS over the whole data at once, run by SciPy on the engine's loss and gradient.

    It has no learning rate, clipping, noise or decay, and it does not work with layers that draw random
    numbers (dropout, noise).

    Attributes
    ----------
    max_iter : iterations at most
    max_fun : evaluations of loss and gradient at most
    tol : stop when the largest element of the gradient is at most this
    history : number of past steps the approximation of the Hessian keeps
    """

    learning_rate: float | schedules.Schedule = field(default=1.0, init=False, repr=False)
    _: KW_ONLY
    clip_value: float | None = field(default=None, init=False, repr=False)
    clip_norm: float | None = field(default=None, init=False, repr=False)
    weight_decay: float = field(default=0.0, init=False, repr=False)
    gradient_noise: float = field(default=0.0, init=False, repr=False)
    gradient_noise_decay: float = field(default=0.55, init=False, repr=False)
    average_decay: float = field(default=0.0, init=False, repr=False)
    max_iter: int = 200
    max_fun: int = 15000
    tol: float = 1e-4
    history: int = 10

    _kind: ClassVar[str] = "lbfgs"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "max_iter", low=1, high=2**31 - 1)
        specs.check_integer(self, "max_fun", low=1, high=2**31 - 1)
        specs.check_number(self, "tol", low=0.0)
        specs.check_integer(self, "history", low=1, high=1000)


registry.register(SGD, "sgd", "gradient_descent")
registry.register(Momentum, "momentum")
registry.register(Nesterov, "nesterov")
registry.register(HeavyBall, "heavy_ball")
registry.register(AdaGrad, "adagrad")
registry.register(RMSProp, "rmsprop")
registry.register(Adam, "adam")
registry.register(AdamW, "adamw")
registry.register(AMSGrad, "amsgrad")
registry.register(Nadam, "nadam")
registry.register(LBFGS, "lbfgs")


def resolve(spec: Optimizer | str) -> Optimizer:
    """The optimizer that `spec` names (with its default values) or is.

    Raises
    ------
    ValueError
        for an unknown name, listing the known ones.
    TypeError
        for anything else.
    """
    return specs.resolve(registry, Optimizer, spec)
