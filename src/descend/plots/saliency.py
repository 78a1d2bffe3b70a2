"""Which parts of a row a network's answer depends on most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.engine.sequences import Sequences
from descend.plots.checking import check_network
from descend.plots.responses import respond
from descend.plots.rows import MAX_CURVES, Shown, bare, label, names_for, panels
from descend.plots.style import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from descend.model import Network

#: Rows drawn at most.
MAX_ROWS = 12


def saliency(
    net: Network,
    X: ArrayLike | Sequences,
    *,
    output: ArrayLike | int | None = None,
    shown: ArrayLike | Sequences | None = None,
    class_names: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    figure: Figure | None = None,
) -> NDArray[Any]:
    """Draw rows above, and below how strongly the network's answer depends on each of their pixels or steps.

    The brightness below is the largest absolute value over the channels of `Network.input_gradient`, smoothed over
    3 x 3 pixels, each map on its own scale; above steps of a sequence stand dots whose size tells the same. It says
    where a small change would matter, which is not always where a person would look. Simonyan, Vedaldi and Zisserman,
    2014.

    Parameters
    ----------
    net : Network
        With a class or a number as output.
    X : (rows, height, width, channels), (rows, steps, features), or Sequences
        At most 12 rows, as the network takes them.
    output : int or (rows,) int, optional
        Whose dependence; the predicted class when not given.
    shown : like X, optional
        What to draw instead of X, such as the pictures before they were scaled.
    class_names : sequence of str, optional
    titles : sequence of str, optional
        Above each row; what the network says when not given.
    figure : matplotlib Figure, optional
        Where to draw; a new one when not given.

    Returns
    -------
    ndarray of matplotlib Axes, (2, rows) for images, (1, rows) for sequences

    Raises
    ------
    ValueError
        When rows are neither images nor sequences, or too many.
    """
    check_network(net)
    pictures = Shown(X if shown is None else shown, "X" if shown is None else "shown")
    count = len(pictures)
    if not 1 <= count <= MAX_ROWS or len(X) != count:  # type: ignore[arg-type]
        raise ValueError(f"X must hold from 1 to {MAX_ROWS} rows, as many as shown, got {len(X)}")  # type: ignore[arg-type]
    gradient = np.abs(net.input_gradient(X, output))
    titles = _titles(net, X, class_names) if titles is None else list(titles)
    if len(titles) != count:
        raise ValueError(f"titles must hold one text for each of {count} rows, got {len(titles)}")
    if pictures.images:
        _, axes = panels(2, count, figure, (1.5, 1.75))
        for i in range(count):
            pictures.draw(axes[0, i], i)
            strength = smoothed(gradient[i].max(axis=-1))
            axes[1, i].imshow(strength, cmap="magma", vmin=0, vmax=strength.max() or 1, interpolation="nearest")
            bare(axes[1, i])
            label(axes[0, i], titles[i])
        axes[0, 0].set_ylabel("image", color=MUTED)
        axes[1, 0].set_ylabel("matters", color=MUTED)
        return axes
    columns = min(3, count)
    _, axes = panels(-(-count // columns), columns, figure, (3.6, 2.0))
    for i, ax in enumerate(axes.ravel()):
        if i >= count:
            ax.set_visible(False)
            continue
        _sequence(ax, pictures, gradient[i].max(axis=-1), i)
        label(ax, titles[i])
    return axes


def smoothed(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over 3 x 3 pixels (fewer at the border): single pixels of a gradient jump, as filters' weights do."""
    height, width = strength.shape
    padded = np.pad(strength, 1, mode="edge")
    return np.mean([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)


def _sequence(ax: Axes, pictures: Shown, strength: NDArray[np.float64], i: int) -> None:
    pictures.draw(ax, i)
    row = pictures.steps(i)
    share = strength[: len(row)] / (strength[: len(row)].max() or 1.0)
    steps = np.arange(len(row))
    if row.shape[1] > MAX_CURVES:
        ax.scatter(steps, np.full(len(row), -1.0), s=24 * share, color=INK, clip_on=False, linewidths=0)
        return
    for k in range(row.shape[1]):
        ax.scatter(steps, row[:, k], s=34 * share**1.5, color=INK, linewidths=0, zorder=3, alpha=0.8)


def _titles(net: Network, X: Any, class_names: Sequence[str] | None) -> list[str]:
    """What the network says about each row."""
    try:
        response = respond(net, X)
    except ValueError:  # numbers, not classes
        return [f"{float(value):.3g}" for value in np.asarray(net.predict(X)).reshape(len(X), -1)[:, 0]]
    names = names_for(response.values.shape[1], class_names)
    winners = response.values.argmax(axis=1)
    return [f"{names[k]} {row[k]:.0%}" for k, row in zip(winners, response.values, strict=True)]
