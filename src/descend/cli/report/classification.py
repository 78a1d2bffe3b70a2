"""Pictures of a classifier on the test rows: confusion matrix, ROC and precision-recall curves, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from descend.cli.report.canvas import new_figure, short, short_names
from descend.plots.style import INK, MUTED, color, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Up to this many classes get a curve of their own; beyond, the worst ones do.
MAX_CURVES = 6
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))


def confusion_matrix(y: NDArray[np.int32], outputs: NDArray[np.float64], names: tuple[str, ...]) -> Figure:
    """Counts of true (down) against predicted classes (across), shaded by the share of the true class.

    Parameters
    ----------
    y : (rows,) class numbers
    outputs : (rows, classes) probabilities
    names : tuple of str
    """
    from matplotlib.ticker import PercentFormatter

    classes = len(names)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (y, outputs.argmax(axis=1)), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = float(np.clip(2.6 + 0.36 * classes, 4.6, 11.0))
    figure = new_figure(size + 1.4, size)
    ax = figure.subplots()
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=ax, shrink=0.8, format=PercentFormatter(1.0))
    bar.set_label("share of the true class's rows")
    bar.outline.set_visible(False)
    if classes <= 30:
        size_of_text = 12 if classes <= 4 else 10 if classes <= 12 else 7
        for i, j in zip(*np.nonzero(counts if classes > 4 else counts + 1), strict=True):
            shade = "white" if share[i, j] > 0.55 else INK
            ax.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=shade, fontsize=size_of_text)
    every = 1 + (classes - 1) // 40
    ticks = range(0, classes, every)
    shown = short_names(names, 16)
    labels = [shown[i] for i in ticks]
    upright = max(map(len, labels)) * classes / every > 46
    ax.set_xticks(ticks, labels, rotation=90 if upright else 0)
    ax.set_yticks(ticks, labels)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def roc_and_precision_recall(
    y: NDArray[np.int32], outputs: NDArray[np.float64], names: tuple[str, ...]
) -> Figure | None:
    """ROC curves left, precision-recall curves right; one class against the rest beyond two classes.

    None when the rows are all of one class, which has no such curve.

    Parameters
    ----------
    y : (rows,) class numbers
    outputs : (rows, classes) probabilities
    names : tuple of str
    """
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    chosen = _worst_classes(y, outputs)
    if not chosen:
        return None
    chosen = [1] if len(names) == 2 else chosen
    figure = new_figure(11.0, 4.8)
    left, right = figure.subplots(1, 2)
    shown = short_names(names, 18)
    for place, k in enumerate(chosen):
        truth = y == k
        false_rate, true_rate, _ = roc_curve(truth, outputs[:, k])
        precision, recall, _ = precision_recall_curve(truth, outputs[:, k])
        look = {"color": color(place), "linestyle": _DASHES[place % len(_DASHES)], "linewidth": 1.8, "clip_on": False}
        left.plot(false_rate, true_rate, label=f"{shown[k]}: area {auc(false_rate, true_rate):.3f}", **look)
        mean = average_precision_score(truth, outputs[:, k])
        right.plot(recall, precision, label=f"{shown[k]}: average precision {mean:.3f}", **look)
    left.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
    left.annotate("chance", (0.72, 0.69), color=MUTED, rotation=0, ha="left", va="top")
    left.set_xlabel("false positive rate")
    left.set_ylabel("true positive rate")
    left.set_title("ROC")
    if len(names) == 2:
        base = float(np.mean(y == 1))
        right.axhline(base, color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        right.annotate("chance", (0.02, base), color=MUTED, va="bottom")
    right.set_xlabel("recall")
    right.set_ylabel("precision")
    right.set_title("Precision and recall")
    for ax, corner in ((left, "lower right"), (right, "lower left")):
        _unit_square(ax)
        ax.legend(
            loc=corner,
            frameon=True,
            framealpha=0.9,
            edgecolor="none",
            fontsize=9,
            bbox_to_anchor=(0.98, 0.08) if ax is left else (0.02, 0.08),
        )
    return figure


def calibration(y: NDArray[np.int32], outputs: NDArray[np.float64], names: tuple[str, ...]) -> Figure:
    """How often it was so (above) for how sure the model was, and how many rows were that sure (below).

    Two classes: the second one's probability. More: the probability of the predicted class.

    Parameters
    ----------
    y : (rows,) class numbers
    outputs : (rows, classes) probabilities
    names : tuple of str
    """
    from matplotlib.ticker import PercentFormatter

    binary = len(names) == 2
    sure = outputs[:, 1] if binary else outputs.max(axis=1)
    hit = (y == 1) if binary else outputs.argmax(axis=1) == y
    edges = np.linspace(0, 1, 11)
    bins = np.clip(np.digitize(sure, edges) - 1, 0, 9)
    count = np.bincount(bins, minlength=10)
    full = count > 0
    mean = np.bincount(bins, sure, minlength=10)[full] / count[full]
    rate = np.bincount(bins, hit, minlength=10)[full] / count[full]
    figure = new_figure(6.4, 5.2)
    ax, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 2)), label="as often as predicted")
    ax.errorbar(
        mean,
        rate,
        yerr=np.abs(_wilson(rate, count[full]) - rate),
        color=color(0),
        fmt="o",
        capsize=3,
        clip_on=False,
        label="network, 95 % interval",
    )
    what = f"of {short(names[1], 20)}" if binary else "of the predicted class"
    ax.set_ylabel(f"share that was {short(names[1], 20)}" if binary else "share that was right")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
    _unit_square(ax, square=False)
    below.bar(edges[:-1] + 0.05, count, width=0.092, color=color(0), alpha=0.75)
    below.set_ylabel("rows")
    below.set_xlabel(f"predicted probability {what}")
    below.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    tidy(below)
    below.grid(False, axis="x")
    return figure


def _wilson(rate: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Wilson's 95 % interval of a share: (2, bins), lower and upper end.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927).
    """
    z = 1.96
    middle = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return np.stack([middle - half, middle + half])


def _worst_classes(y: NDArray[np.int32], outputs: NDArray[np.float64]) -> list[int]:
    """The classes with the smallest area under their ROC curve, those with no or only such rows left out."""
    from sklearn.metrics import roc_auc_score

    possible = [k for k in range(outputs.shape[1]) if 0 < np.sum(y == k) < len(y)]
    if len(possible) <= MAX_CURVES:
        return possible
    return sorted(sorted(possible, key=lambda k: roc_auc_score(y == k, outputs[:, k]))[:MAX_CURVES])


def _unit_square(ax: Axes, *, square: bool = True) -> None:
    tidy(ax)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    if square:
        ax.set_aspect("equal")
