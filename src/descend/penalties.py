"""Weight penalties, as specifications: l1 sum|w| + l2 sum w^2 added to the loss.

Decoupled weight decay is not a penalty: it is the optimizers' `weight_decay`. No arithmetic here.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, fields

from descend import specs

__all__ = ["L1", "L1L2", "L2", "Penalty", "resolve"]

registry: specs.Registry[type[Penalty]] = specs.Registry("penalties", "penalty")


@dataclass(frozen=True, repr=False)
class Penalty:
    """What every penalty has: the factors of sum|w| and of sum w^2; the gradient is l1 sign(w) + 2 l2 w.

    With `spread` the penalty belongs beside the sum of the rows' losses instead of beside their mean: in each batch it
    is divided by the sum of the batch's sample weights (by its number of rows when there are none).
    """

    l1: float = 0.0
    l2: float = 0.0
    _: KW_ONLY
    spread: bool = False

    def __post_init__(self) -> None:
        specs.check_number(self, "l1", low=0.0)
        specs.check_number(self, "l2", low=0.0)
        specs.check_flag(self, "spread")

    def __repr__(self) -> str:
        """The factors that can be chosen, and `spread` where it is set."""
        shown = {one.name: getattr(self, one.name) for one in fields(self) if one.repr}
        if not self.spread:
            del shown["spread"]
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


@dataclass(frozen=True, repr=False)
class L1(Penalty):
    """l1 sum|w| (lasso), which makes weights exactly or nearly zero."""

    l1: float = 0.01
    l2: float = field(default=0.0, init=False, repr=False)


@dataclass(frozen=True, repr=False)
class L2(Penalty):
    """l2 sum w^2 (ridge), which makes weights small."""

    l1: float = field(default=0.0, init=False, repr=False)
    l2: float = 0.01


@dataclass(frozen=True, repr=False)
class L1L2(Penalty):
    """l1 sum|w| + l2 sum w^2 (elastic net)."""

    l1: float = 0.01
    l2: float = 0.01


registry.register(L1, "l1")
registry.register(L2, "l2")
registry.register(L1L2, "l1_l2", "elastic_net")


def resolve(spec: Penalty | str | None) -> Penalty | None:
    """The penalty that `spec` names or is; None stays None."""
    return None if spec is None else specs.resolve(registry, Penalty, spec)
