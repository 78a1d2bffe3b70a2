"""What layers that use the weight of another one have in common."""

from __future__ import annotations

from descend.layers.base import Layer


def check_tie(layer: Layer, kinds: tuple[type[Layer], ...], words: str) -> None:
    """Check the `tied_to` of a layer, and that the layer has no settings of a weight of its own with it.

    Parameters
    ----------
    layer : with fields `tied_to`, `weight_initializer`, `penalty`, `max_norm` and `drop_connect`
    kinds : what it may be tied to
    words : the same in words, with its article
    """
    other, kind = getattr(layer, "tied_to", None), type(layer).__name__
    if other is None:
        return
    if not isinstance(other, (*kinds, str)):
        raise TypeError(f"{kind}: tied_to must be {words} layer, or the name of one, got {type(other).__name__}")
    if getattr(other, "tied_to", None) is not None:
        raise ValueError(f"{kind}: tied_to is a layer that is tied itself; tie both to the layer that has the weight")
    for name in ("weight_initializer", "penalty", "max_norm"):
        if getattr(layer, name) is not None:
            raise ValueError(
                f"{kind}: {name} belongs to the layer that has the weight; give it to that one and leave it out where "
                "tied_to is"
            )
    if getattr(layer, "drop_connect", 0):
        raise ValueError(
            f"{kind}: drop_connect leaves out weights of its own, and with tied_to there are none; drop one of them"
        )
