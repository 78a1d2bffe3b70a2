"""Names of layers: unique, and the same whenever the same network is built.

A layer without a name is called by its kind and a counter: "dense_1". Layers in stacks are counted with all others, in
the order of the plan: those inside a `Residual` before what comes after it, and its sum, which has its name, after
them.

A layer object that stands in several places has its parameters under the name of its first place, "dense_1"; the others
are called "dense_1@2", "dense_1@3". Functions without parameters and without a name are counted anew instead, since
sharing them means nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from descend import layers

#: What stands between the name of a layer and the number of its place.
PLACE = "@"

#: Layers that have nothing to share.
WITHOUT_PARAMETERS = (
    layers.Elementwise
    | layers.Softmax
    | layers.Dropout
    | layers.SpatialDropout2D
    | layers.GaussianNoise
    | layers.Residual
    | layers.Concatenate
    | layers.Pool
    | layers.GlobalPool
    | layers.Flatten
    | layers.Reshape
    | layers.ZeroPadding
    | layers.Warping
    | layers.RandomFlip
    | layers.RandomTimeWarp
    | layers.Crop
    | layers.Intensity
    | layers.RandomScaling
    | layers.RandomErasing
    | layers.Cutout
)


#: Layers that may use the weight of another one.
TIED = layers.Dense | layers.Tieable


def _lends(other: layers.Layer | None, layer: layers.Layer) -> bool:
    """Whether a layer that was named has a weight of the kind `layer` takes, see `_lenders`."""
    if isinstance(layer, layers.Tieable):
        return isinstance(other, layers.Tieable) and other.axes == layer.axes
    return isinstance(other, layers.Dense | layers.Embedding)


def _lenders(layer: layers.Layer) -> str:
    """The same in words."""
    if isinstance(layer, layers.Tieable):
        return "a Conv1D" if layer.axes == 1 else "a Conv2D or Conv2DTranspose"
    return "a Dense or Embedding"


def owner(name: str) -> str:
    """The name of a layer's first place, which is that of its parameters."""
    return name.partition(PLACE)[0]


class Names:
    """Names the layers of one network.

    Parameters
    ----------
    expanded : the network's built-in layers

    Raises
    ------
    ValueError
        when two layers are given one name, or a given name looks like that of a further place.
    """

    def __init__(self, expanded: Sequence[layers.Layer]) -> None:
        self._given: set[str] = {"input"}  # the name of the plan's first value
        self._counters: Counter[str] = Counter()
        self._first: dict[int, str] = {}
        self._places: Counter[int] = Counter()
        self._named: dict[str, layers.Layer] = {}
        self._take_given(expanded, set())

    def _take_given(self, stack: Sequence[layers.Layer], seen: set[int]) -> None:
        for layer in stack:
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            for inner in layer.stacks():
                self._take_given(inner, seen)
            if layer.name is None:
                continue
            if PLACE in layer.name:
                raise ValueError(f"layer name {layer.name!r} must be free of {PLACE!r}, which numbers shared layers")
            if layer.name in self._given:
                raise ValueError(f"layer name {layer.name!r} is taken twice; give every layer a name of its own")
            self._given.add(layer.name)

    def stack(self, stack: Sequence[layers.Layer]) -> list[layers.Layer]:
        """Layers in order with their names, those in their stacks included."""
        return [self._name(layer) for layer in stack]

    def _name(self, layer: layers.Layer) -> layers.Layer:
        named = layer.with_stacks([self.stack(inner) for inner in layer.stacks()])
        if isinstance(named, TIED) and named.tied_to is not None:
            named = replace(named, tied_to=self._tie(named))
        self._places[id(layer)] += 1
        if self._places[id(layer)] == 1 or (layer.name is None and isinstance(layer, WITHOUT_PARAMETERS)):
            name = layer.name or self._counted(layer)
            self._first.setdefault(id(layer), name)
        else:
            name = f"{self._first[id(layer)]}{PLACE}{self._places[id(layer)]}"
        named = replace(named, name=name)
        self._named[name] = named
        return named

    def _counted(self, layer: layers.Layer) -> str:
        while True:
            self._counters[layer.kind] += 1
            name = f"{layer.kind}_{self._counters[layer.kind]}"
            if name not in self._given:
                return name

    def _tie(self, layer: layers.Dense | layers.Tieable) -> str:
        """The name of the layer whose weight a layer is tied to."""
        name = self._first[id(layer.tied_to)] if isinstance(layer.tied_to, layers.Layer) else str(layer.tied_to)
        other, called = self._named.get(name), layer.name or type(layer).__name__
        if other is None or not _lends(other, layer):
            known = [name for name, one in self._named.items() if _lends(one, layer) and PLACE not in name]
            came = "which no layer before it is called" if other is None else f"a {type(other).__name__}"
            raise ValueError(
                f"{called}: tied_to must name {_lenders(layer)} that comes earlier in the network, got {name!r}, {came}"
                f"; {'tie to ' + ' or '.join(known) if known else 'there is none to tie to'}"
            )
        if isinstance(other, TIED) and other.tied_to is not None:
            raise ValueError(f"{called}: tied_to names {name!r}, which is tied to {other.tied_to!r}; tie to that one")
        if isinstance(layer, layers.Tieable) and isinstance(other, layers.Tieable) and other.groups != layer.groups:
            raise ValueError(
                f"{called}: groups must be those of {name}, whose weight it is tied to, {other.groups}, got "
                f"{layer.groups}"
            )
        return owner(name)
