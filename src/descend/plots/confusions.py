"""Which classes a model takes for one another most often, with examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.engine.sequences import Sequences
from descend.plots.checking import wrong
from descend.plots.responses import class_labels, respond
from descend.plots.rows import Shown, label, names_for, panels
from descend.plots.style import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Confusion:
    """Rows of one class taken for another.

    Attributes
    ----------
    true, predicted : int
    rows : (mistakes,) intp
        Those the model was surest of first.
    of : int
        How many rows of the true class there are.
    """

    true: int
    predicted: int
    rows: NDArray[np.intp]
    of: int


def confusions(y: NDArray[np.integer], values: NDArray[np.float64]) -> list[Confusion]:
    """All pairs of classes that were confused, the most frequent first.

    Parameters
    ----------
    y : (rows,) class numbers
    values : (rows, classes)
        What the model gives each class.
    """
    winners = values.argmax(axis=1)
    wrong = np.flatnonzero(winners != y)
    pairs, where = np.unique(np.column_stack([y[wrong], winners[wrong]]), axis=0, return_inverse=True)
    found = []
    for k, (true, predicted) in enumerate(pairs.tolist()):
        rows = wrong[where.reshape(-1) == k]
        surest = np.argsort(-values[rows, predicted], kind="stable")
        found.append(Confusion(true, predicted, rows[surest], int(np.sum(y == true))))
    return sorted(found, key=lambda pair: (-len(pair.rows), pair.true, pair.predicted))


def confused(
    model: Any,
    X: ArrayLike | Sequences,
    y: ArrayLike,
    *,
    shown: ArrayLike | Sequences | None = None,
    class_names: Sequence[str] | None = None,
    pairs: int = 5,
    examples: int = 6,
    figure: Figure | None = None,
) -> NDArray[Any]:
    """Draw examples of the classes that are confused most often, one line for each pair of true and predicted class.

    The mistakes the model was surest of come first; its confidence stands above each.

    Parameters
    ----------
    model : Network, or classifier with `predict_proba`
    X : (rows, height, width, channels), (rows, steps, features), or Sequences
        As the model takes them.
    y : (rows,)
        The true classes.
    shown : like X, optional
        What to draw instead of X, such as the pictures before they were scaled.
    class_names : sequence of str, optional
    pairs, examples : int
        Lines, and pictures on a line, at most.
    figure : matplotlib Figure, optional
        Where to draw; a new one when not given.

    Returns
    -------
    ndarray of matplotlib Axes, (pairs, examples)

    Raises
    ------
    ValueError
        When rows are neither images nor sequences, or no row is predicted wrongly.
    """
    for name, value in (("pairs", pairs), ("examples", examples)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    if not hasattr(X, "__len__") or isinstance(X, str):
        raise wrong("X", "images or sequences as the model takes them", X)
    if not len(X):  # type: ignore[arg-type]
        raise ValueError("X must hold at least one row, got none")
    response = respond(model, X)
    names = response.names if class_names is None else names_for(response.values.shape[1], class_names)
    pictures = Shown(X if shown is None else shown, "X" if shown is None else "shown")
    found = confusions(class_labels(y, response), response.values)[:pairs]
    if not found:
        raise ValueError("the model predicts every row of X rightly, so there is nothing confused to draw")
    columns = max(min(len(pair.rows), examples) for pair in found)
    size = (1.35, 1.6) if pictures.images else (2.4, 1.7)
    _, axes = panels(len(found), columns, figure, size)
    for line, pair in zip(axes, found, strict=True):
        for ax in line[len(pair.rows) :]:
            ax.axis("off")
        for ax, i in zip(line, pair.rows, strict=False):
            pictures.draw(ax, int(i))
            label(ax, f"{response.values[i, pair.predicted]:.0%}" if response.kind == "probability" else "")
        _name(line[0], pair, names)
    return axes


def _name(ax: Axes, pair: Confusion, names: Sequence[str]) -> None:
    """What a line shows, left of it."""
    ax.text(
        -0.12,
        0.5,
        f"{names[pair.true]}\ntaken for {names[pair.predicted]}",
        transform=ax.transAxes,
        ha="right",
        va="center",
        color=INK,
        fontsize=9,
    )
    ax.text(
        -0.12,
        0.5,
        f"\n\n\n{len(pair.rows)} of {pair.of}",
        transform=ax.transAxes,
        ha="right",
        va="center",
        color=MUTED,
        fontsize=8,
    )
