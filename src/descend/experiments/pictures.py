"""What the pictures of the experiments share: sizes for a slide, bands over seeds, a mark per seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from descend.experiments.statistics import estimate
from descend.plots.style import INK, MUTED, color, marker, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from descend.experiments.descent import Surface

#: Points; a picture of 10 inches fills a slide.
TITLE, LABEL, TICK = 13, 12, 11


def panels(figure: Figure, rows: int = 1, columns: int = 1, **options: Any) -> list[Axes]:
    """The figure's axes, row by row."""
    return list(np.ravel(np.asarray(figure.subplots(rows, columns, squeeze=False, **options))))


def label(ax: Axes, *, title: str = "", x: str = "", y: str = "", legend: bool = False, **place: Any) -> None:
    """Write titles, labels with their units and the legend at slide size, and tidy the frame."""
    if title:
        ax.set_title(title, fontsize=TITLE, loc="left")
    if x:
        ax.set_xlabel(x, fontsize=LABEL)
    if y:
        ax.set_ylabel(y, fontsize=LABEL)
    ax.tick_params(labelsize=TICK)
    tidy(ax)
    if legend:
        ax.legend(frameon=False, fontsize=TICK, **place)


def band(ax: Axes, x: ArrayLike, runs: ArrayLike, name: str, index: int, *, style: str = "-", every: int = 0) -> None:
    """A median over seeds as a line, with the middle half of the seeds as a band.

    Parameters
    ----------
    x : (points,)
    runs : (seeds, points)
    name : for the legend
    index : which colour and marker
    style : of the line
    every : a marker at every so many points, so that lines can be told apart without colour; 0 for eight in all
    """
    across, values = np.asarray(x), np.asarray(runs, dtype=np.float64)
    low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
    step = every or max(1, len(across) // 8)
    offset = (index * step) // 4 % step
    ax.plot(
        across, middle, style, color=color(index), label=name, linewidth=2.0,
        marker=marker(index), markersize=5.5, markevery=(offset, step),
    )  # fmt: skip
    ax.fill_between(across, low, high, color=color(index), alpha=0.18, linewidth=0)


def strips(
    ax: Axes,
    names: Sequence[str],
    samples: Sequence[ArrayLike],
    *,
    colors: Sequence[int] | None = None,
    confidence: float = 0.95,
) -> None:
    """One column per sample: a dot per seed, and its mean with the confidence interval beside it.

    Parameters
    ----------
    names : of the columns
    samples : (seeds,) each
    colors : index of each column's colour and marker; its place when not given
    """
    for place, sample in enumerate(samples):
        values = np.asarray(sample, dtype=np.float64)
        index = place if colors is None else colors[place]
        spread = np.random.default_rng(place).uniform(-0.13, 0.13, len(values)) if len(values) > 1 else np.zeros(1)
        ax.plot(place + spread, values, marker(index), color=color(index), alpha=0.55, markersize=5, markeredgewidth=0)
        made = estimate(values, confidence=confidence)
        if np.isfinite(made.low):
            ax.errorbar(
                place + 0.27, made.mean, [[made.mean - made.low], [made.high - made.mean]],
                fmt="_", color=INK, capsize=4, markersize=10, linewidth=1.8,
            )  # fmt: skip
    ax.set_xticks(range(len(names)), names, fontsize=TICK)
    ax.set_xlim(-0.5, len(names) - 0.4)


def threshold(ax: Axes, value: float, words: str = "", *, axis: str = "y", place: float = 0.99) -> None:
    """A dashed line at a bound, with a word on it at that share of the other axis."""
    if axis == "y":
        ax.axhline(value, color=MUTED, linestyle="--", linewidth=1.2, zorder=1)
        if words:
            ax.annotate(
                words, (place, value), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
                ha="right", va="bottom", color=MUTED, fontsize=TICK - 1,
            )  # fmt: skip
    else:
        ax.axvline(value, color=MUTED, linestyle="--", linewidth=1.2, zorder=1)
        if words:
            ax.annotate(
                words, (value, place), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points",
                ha="left", va="top", color=MUTED, fontsize=TICK - 1,
            )  # fmt: skip


def contours(ax: Axes, surface: Surface) -> None:
    """A surface as filled contours, each of the same area, with a star at its lowest point."""
    low, high, bottom, top = surface.bounds
    across, up = np.meshgrid(np.linspace(low, high, 201), np.linspace(bottom, top, 141))
    height = surface.value(np.array([across, up]))
    levels = np.unique(np.quantile(height, np.linspace(0, 1, 17)))
    ax.contourf(across, up, height, levels=levels, cmap=_greys(), norm=_by_rank(levels))
    ax.contour(across, up, height, levels=levels, colors="white", linewidths=0.7)
    for lowest in (surface.minimum, *surface.others):
        if lowest is None:
            continue
        ax.plot(*lowest, "*", color="white", markeredgecolor=INK, markersize=17, zorder=4)
    ax.set_xlim(low, high)
    ax.set_ylim(bottom, top)


def _greys() -> Any:
    """Dark at the bottom, light at the top; never so dark that a path could be lost on it."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("descend_height", ["#9AA3AD", "#F6F6F6"])


def _by_rank(levels: ArrayLike) -> Any:
    """Colours by a level's place, not its height, so that flat valleys show as much as steep walls."""
    from matplotlib.colors import BoundaryNorm

    return BoundaryNorm(np.asarray(levels), 256)
