"""Draws one row: an image as a picture, a sequence as curves. What filters, saliency and confusions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.engine.sequences import Sequences, split
from descend.plots.checking import check_figure
from descend.plots.style import MUTED, color

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: A sequence's features beyond this many are one picture of steps by features instead of curves.
MAX_CURVES = 6


class Shown:
    """Rows made ready to be drawn, all on one scale.

    Parameters
    ----------
    rows : (rows, height, width, channels), (rows, height, width), (rows, steps, features), or Sequences
    what : the argument's name in messages
    """

    def __init__(self, rows: ArrayLike | Sequences, what: str = "X") -> None:
        values, self.lengths = split(rows)
        array = np.asarray(values)
        if array.dtype.kind not in "biuf" or array.ndim not in (3, 4):
            raise ValueError(
                f"{what} must be images (rows, height, width, channels) or sequences (rows, steps, features), got "
                f"{array.dtype} of shape {array.shape}; for rows of numbers there is plots.decision_boundary"
            )
        self.images = array.ndim == 4
        if self.images and array.shape[-1] not in (1, 3):
            array = array.mean(axis=-1, keepdims=True)  # as many channels as no screen has
        self.rows = array
        finite = array[np.isfinite(array)]
        self.low, self.high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if array.dtype == np.uint8:
            self.low, self.high = 0.0, 255.0
        if self.high <= self.low:
            self.high = self.low + 1.0

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, ax: Axes, i: int) -> None:
        """Row i, without ticks."""
        row = self.rows[i]
        if self.images:
            share = (row.astype(np.float64) - self.low) / (self.high - self.low)
            picture = share[..., 0] if row.shape[-1] == 1 else np.clip(share, 0, 1)
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            bare(ax)
            return
        row = self.steps(i)
        if row.shape[1] > MAX_CURVES:
            ax.imshow(row.T, aspect="auto", cmap="gray", vmin=self.low, vmax=self.high, interpolation="nearest")
        else:
            for k in range(row.shape[1]):
                ax.plot(row[:, k], color=color(k), linewidth=1.2)
            room = 0.05 * (self.high - self.low)
            ax.set_ylim(self.low - room, self.high + room)
            ax.set_xlim(0, max(1, self.rows.shape[1] - 1))
        bare(ax)

    def steps(self, i: int) -> NDArray:
        """Row i of sequences, as long as it is."""
        return self.rows[i] if self.lengths is None else self.rows[i][: self.lengths[i]]


def bare(ax: Axes) -> None:
    """No ticks, a faint frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_color("#CCCCCC")
    ax.spines[:].set_linewidth(0.6)


def panels(rows: int, columns: int, figure: Figure | None, size: tuple[float, float]) -> tuple[Figure, NDArray[Any]]:
    """A figure with a grid of axes.

    Parameters
    ----------
    rows, columns : int
    figure : matplotlib Figure or None
        Where to draw; a new one when not given.
    size : (width, height)
        Inches of a panel.
    """
    check_figure(figure)
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def label(ax: Axes, text: str) -> None:
    """A small title."""
    ax.set_title(text, fontsize=9, color=MUTED, pad=3)


def names_for(count: int, class_names: Any) -> list[str]:
    """Names of classes, their numbers where there are none.

    Raises
    ------
    ValueError
        When there are not as many as classes.
    """
    if class_names is None:
        return [str(k) for k in range(count)]
    names = [str(name) for name in class_names]
    if len(names) != count:
        raise ValueError(f"class_names must hold one name per class ({count}), got {len(names)}")
    return names
