"""What a layer is: configuration and shape inference. No arithmetic, no parameters.

A layer that is made of others says so in `expand`; all the rest are lowered by `descend.plan.lowering`. So a layer
of a user's own is a frozen dataclass with an `expand`, and needs nothing from an engine:

    @dataclass(frozen=True)
    class Block(layers.Layer):
        units: int = 64

        def expand(self):
            return layers.Dense(self.units), layers.BatchNorm(), layers.ReLU()

A layer object that stands in several places of a network has its parameters once: identity, not equality, decides.

A layer that leads its input along several ways (`Residual`, `Concatenate`) holds the layers of each in a stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from descend import specs

if TYPE_CHECKING:
    from typing_extensions import Self

#: More units than this in one layer is taken for a mistake.
MAX_UNITS = 2**20

Shape = tuple[int, ...]

registry: specs.Registry[type[Layer]] = specs.Registry("layers", "layer")


@dataclass(frozen=True, repr=False)
class Layer(specs.Spec):
    """What every layer has.

    Attributes
    ----------
    name : how the layer and its parameters are called; `kind` and a counter when None
    trainable : False freezes the layer: its weights take part, but no optimizer, penalty or decay touches them. A
        layer made of others freezes all of them; for one without weights it changes nothing
    """

    kind: ClassVar[str] = "layer"
    _abstract: ClassVar[bool] = True

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        """Note whether a class only holds what several layers have in common; such a class makes no objects."""
        super().__init_subclass__()
        cls._abstract = abstract

    def __new__(cls, *_: Any, **__: Any) -> Self:
        if cls._abstract:
            raise TypeError(f"{cls.__name__} is what layers have in common and no layer by itself; {_instead(cls)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        specs.check_flag(self, "trainable")
        if self.name is None:
            return
        if not isinstance(self.name, str):
            raise TypeError(f"{type(self).__name__}: name must be a string, got {type(self.name).__name__}")
        if not self.name or "/" in self.name or not self.name.isprintable():
            raise ValueError(
                f"{type(self).__name__}: name must be printable, not empty and free of '/', got {self.name!r}"
            )

    # A layer object that stands in several places shares its parameters among them, so copies of a list of layers must
    # hold the same objects; they cannot change.
    def __copy__(self) -> Layer:
        return self

    def __deepcopy__(self, memo: object) -> Layer:
        return self

    def expand(self) -> tuple[Layer, ...]:
        """The built-in layers this one stands for; itself when it is one of them."""
        return (self,)

    def stacks(self) -> tuple[tuple[Layer, ...], ...]:
        """The layers inside, one tuple for each way the input takes; none for most layers."""
        return ()

    def with_stacks(self, stacks: Sequence[Sequence[Layer]]) -> Layer:
        """Return this layer with others inside, in the order of `stacks`."""
        return self

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one row of the output, given that of the input.

        Raises
        ------
        ValueError
            when the layer cannot take such an input.
        """
        return input_shape


def _instead(cls: type[Layer]) -> str:
    """What to make in place of an abstract class."""
    if cls is Layer:
        return "use one such as layers.Dense(64), or derive a class of your own from it"
    names = sorted(member.__name__ for member in map(registry.get, registry.names()) if issubclass(member, cls))
    return f"use {', '.join(names[:-1])} or {names[-1]}"


#: A composite layer that has not ended in built-in ones after so many expansions never will.
_MAX_EXPANSIONS = 100


def expand_once(layer: Layer, depth: int) -> tuple[Layer, ...] | None:
    """The layers that a composite layer, `depth` composite layers deep, stands for; None for a built-in one."""
    inner = layer.expand()
    if len(inner) == 1 and inner[0] is layer:
        return None
    if depth >= _MAX_EXPANSIONS:
        raise ValueError(
            f"{type(layer).__name__}.expand keeps returning composite layers; it must end in built-in ones"
        )
    return inner


def check_stack(layer: Layer, name: str, value: object) -> tuple[Layer, ...]:
    """The field `name` of `layer`, a list of layers, as a tuple."""
    owner = type(layer).__name__
    if isinstance(value, Layer | str) or not isinstance(value, Sequence):
        raise TypeError(f"{owner}: {name} must be a list of layers, got {value!r}; write [...] around it")
    for i, one in enumerate(value):
        if not isinstance(one, Layer):
            raise TypeError(f"{owner}: {name}[{i}] must be a layer such as layers.Dense(64), got {one!r}")
    return tuple(value)


def stack_shape(stack: Sequence[Layer], input_shape: Shape) -> Shape:
    """Shape of one row behind a list of layers."""
    for layer in stack:
        input_shape = _shape_behind(layer, input_shape, 0)
    return input_shape


def _shape_behind(layer: Layer, shape: Shape, depth: int) -> Shape:
    inner = expand_once(layer, depth)
    if inner is None:
        return layer.output_shape(shape)
    for one in inner:
        shape = _shape_behind(one, shape, depth + 1)
    return shape
