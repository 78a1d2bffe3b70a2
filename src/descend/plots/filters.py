"""What a network's first convolution looks for: its windows as pictures or curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from descend.plots.checking import check_integer, check_network
from descend.plots.rows import MAX_CURVES
from descend.plots.style import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from descend.model import Network


def filters(net: Network, layer: str | None = None, *, max_filters: int = 64, ax: Axes | None = None) -> Axes:
    """Draw the weights of a convolution, one tile for each filter.

    Over images of one channel, and of other numbers of channels but three, a tile shows the weights (their mean over
    the channels), red where a filter likes bright and blue where it likes dark pixels, each filter on its own scale
    from minus to plus its largest weight. Over three channels it is a picture in their colours, grey meaning zero.
    Over sequences rows are channels and columns are steps.

    Parameters
    ----------
    net : Network
    layer : str, optional
        The layer's name, such as ``"conv2d_2"``; the first convolution when not given.
    max_filters : int, default: 64
        How many are drawn at most.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        When the network has no such convolution.
    """
    check_network(net)
    check_integer("max_filters", max_filters, 1)
    name, weight = _weight(net, layer)
    count = min(weight.shape[-1], max_filters)
    tiles = [_tile(weight[..., k]) for k in range(count)]
    height, width = tiles[0].shape[:2]
    columns = _columns(count, height, width)
    rows = -(-count // columns)
    gap = max(1, round(0.12 * max(height, width)))
    # (rows of tiles, columns of tiles) with gaps between them; what is masked stays white
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles[0].shape[2:])
    canvas = np.full(shape, np.nan if len(shape) == 2 else 1.0)
    for k, tile in enumerate(tiles):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = tile
    scale = min(0.9 / max(height, width) * max(columns, rows), 7.0) / max(shape[:2])
    ax = new_axes(ax, figsize=(max(3.2, shape[1] * scale + 0.4), max(1.6, shape[0] * scale + 0.6)))
    if len(shape) == 2:
        ax.imshow(np.ma.masked_invalid(canvas), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    else:
        ax.imshow(canvas, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    more = f" (of {weight.shape[-1]})" if count < weight.shape[-1] else ""
    ax.set_title(f"{name}: {count}{more} filters of {' x '.join(map(str, weight.shape[:-1]))}", fontsize=10)
    return ax


def _weight(net: Network, layer: str | None) -> tuple[str, NDArray]:
    """The layer's name and its weights (*window, channels, filters)."""
    weights = {name.rpartition("/")[0]: a for name, a in net.get_weights().items() if name.endswith("/weight")}
    convolutions = {name: a for name, a in weights.items() if a.ndim >= 3}
    if not convolutions:
        raise ValueError(
            "net has no convolution, so there are no filters to draw; for dense layers look at get_weights"
        )
    if layer is None:
        return next(iter(convolutions.items()))
    if layer not in convolutions:
        raise ValueError(f"layer must be one of {', '.join(convolutions)}, got {layer!r}")
    return layer, convolutions[layer]


def _tile(weight: NDArray) -> NDArray[np.float64]:
    """One filter's picture: (height, width) from -1 to 1, or (height, width, 3) from 0 to 1."""
    weight = weight.astype(np.float64)
    if weight.ndim == 2:  # (steps, channels)
        weight = weight.T if weight.shape[1] <= MAX_CURVES * 4 else weight.mean(axis=1)[None]
    elif weight.shape[-1] != 3:
        weight = weight.mean(axis=-1)
    weight = weight / (np.abs(weight).max() or 1.0)
    return 0.5 + weight / 2 if weight.ndim == 3 else weight


def _columns(count: int, height: int, width: int) -> int:
    """So many tiles side by side that the whole is about twice as wide as high."""
    return max(1, min(count, round(math.sqrt(2 * count * height / width))))
