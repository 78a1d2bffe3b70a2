"""Refuses arguments of another type than a picture is drawn of, in one sentence, before anything is drawn."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def wrong(name: str, wanted: str, value: object) -> TypeError:
    """The error for an argument of another type.

    Parameters
    ----------
    name : str
        The argument's.
    wanted : str
        What it must be.
    value : object
        What came.
    """
    text = repr(value)
    came = text if len(text) <= 40 and "\n" not in text else f"a value of type {type(value).__name__}"
    return TypeError(f"{name} must be {wanted}, got {came}")


def check_network(net: Any, name: str = "net") -> None:
    """Refuse what is no `Network`."""
    from descend.model.network import Network

    if not isinstance(net, Network):
        raise wrong(name, "a descend.Network", net)


def check_axes(ax: Axes | None) -> None:
    """Refuse what is neither None nor matplotlib Axes."""
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        raise wrong("ax", "matplotlib Axes, such as plt.gca(), or None for a new figure", ax)


def check_figure(figure: Figure | None) -> None:
    """Refuse what is neither None nor a figure, or a part of one, of matplotlib."""
    from matplotlib.figure import FigureBase

    if figure is not None and not isinstance(figure, FigureBase):
        raise wrong("figure", "a matplotlib Figure, such as plt.figure(), or None for a new one", figure)


def check_pair(name: str, value: Any, wanted: str) -> None:
    """Refuse what is no pair."""
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != 2:
        raise wrong(name, wanted, value)


def check_integer(name: str, value: Any, low: int) -> None:
    """Refuse what is no integer of at least `low`.

    Raises
    ------
    TypeError, ValueError
        When it is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise wrong(name, f"an integer of at least {low}", value)
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
