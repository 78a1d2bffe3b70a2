"""What the pictures share: a palette that colour-blind readers can tell apart, markers, and how axes are made.

Changes no global matplotlib setting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from descend.plots.checking import check_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

#: Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), most contrasting colours first, black left out.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")

#: One shape per class as well, so that nothing depends on colour alone.
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p")

#: Neutral colours: lines drawn over data, and secondary text.
INK = "#222222"
MUTED = "#666666"


def color(index: int) -> str:
    """The palette's colour for a class or series; repeats after the last."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """The marker for a class; its period differs from the palette's, so 70 classes have a look of their own."""
    return MARKERS[index % len(MARKERS)]


def faded(name: str, weight: float) -> tuple[float, float, float]:
    """A colour mixed with white: all of it for weight 1, white for weight 0."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(name)
    return 1 - weight * (1 - red), 1 - weight * (1 - green), 1 - weight * (1 - blue)


def diverging() -> Colormap:
    """Blue over near-white to vermilion: the two classes of a binary problem, stronger where the model is surer.

    The ends are lighter than the palette, so that points in the palette's colours stand out on them.
    """
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("descend_diverging", ["#7FB8D8", "#F9F9F9", "#EAAE7F"])


def new_axes(ax: Axes | None, *, figsize: tuple[float, float] = (6.4, 4.4)) -> Axes:
    """`ax` itself, or the axes of a new figure whose layout keeps labels inside."""
    check_axes(ax)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=figsize, layout="constrained")
    return ax


def tidy(ax: Axes, *, grid: bool = True) -> None:
    """Remove the frame's upper and right edge; draw a faint grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.grid(True, color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)
