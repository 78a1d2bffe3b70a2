"""Permutation importance: how much worse the model gets on test rows when one column's values change places.

Shuffling all features of a column together is the same as shuffling the column before it was encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from descend import metrics
from descend.cli.bundle import Bundle
from descend.cli.report.canvas import axis_name, new_figure, short, short_names, write_out
from descend.data.targets import NumberTarget, TaskKind
from descend.plots.style import INK, color, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Rows, repeats and predicted numbers used at most, so that wide tables do not take minutes.
MAX_ROWS, REPEATS, MAX_CELLS = 2000, 10, 200_000_000
SHOWN = 20


@dataclass(frozen=True)
class Importance:
    """Columns by importance, most important first.

    Attributes
    ----------
    names : tuple of str
    mean, spread : (columns,)
        Over the repeats: the rise of the metric, and its standard deviation.
    metric : str
        What rises, for people.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    metric: str


def permutation_importance(bundle: Bundle, task: TaskKind, X: NDArray[np.float32], y: NDArray, seed: int) -> Importance:
    """Measure every column's importance.

    Parameters
    ----------
    bundle : Bundle
    task : {"binary", "multiclass", "regression"}
    X : (rows, features)
    y : (rows,)
    seed : int

    References
    ----------
    L. Breiman, Random forests, Machine Learning 45 (2001).
    """
    rng = np.random.default_rng(seed)
    if len(X) > MAX_ROWS:
        chosen = rng.choice(len(X), MAX_ROWS, replace=False)
        X, y = X[chosen], y[chosen]
    blocks = bundle.encoder.blocks
    repeats = int(np.clip(MAX_CELLS // max(1, X.size * len(blocks)), 2, REPEATS))
    metric = metrics.resolve("rmse" if task == "regression" else "log_loss")

    def loss(rows: NDArray[np.float32]) -> float:
        outputs = bundle.outputs(rows)
        return float(metric(y, outputs[:, 1] if task == "binary" else outputs))

    base = loss(X)
    rises = np.empty((len(blocks), repeats))
    for i, block in enumerate(blocks.values()):
        changed = X.copy()
        for j in range(repeats):
            changed[:, block] = X[rng.permutation(len(X)), block]
            rises[i, j] = loss(changed) - base
    mean = rises.mean(axis=1)
    order = np.argsort(-mean, kind="stable")
    target = bundle.encoder.target
    label = f"root mean squared error of {axis_name(target)}" if isinstance(target, NumberTarget) else "log loss"
    return Importance(tuple(list(blocks)[i] for i in order), mean[order], rises.std(axis=1)[order], label)


def draw(importance: Importance) -> Figure:
    """A bar per column, the 20 most important ones.

    Parameters
    ----------
    importance : Importance
    """
    names = short_names(importance.names[:SHOWN])
    figure = new_figure(6.4, 1.3 + 0.28 * max(3, len(names)))
    ax = figure.subplots()
    places = np.arange(len(names))
    ax.barh(
        places,
        importance.mean[:SHOWN],
        xerr=importance.spread[:SHOWN],
        color=color(0),
        alpha=0.8,
        height=0.7,
        error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2},
    )
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_xlabel(f"rise of the {short(importance.metric, 60)} when the column is shuffled")
    write_out(ax.xaxis)
    tidy(ax)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    return figure
