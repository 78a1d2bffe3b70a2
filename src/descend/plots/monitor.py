"""What a monitor measured, layer by layer: gradients, updates, outputs, and units that do not take part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from descend.plots.checking import check_figure, wrong
from descend.plots.style import MUTED, color, tidy
from descend.training.history import History
from descend.training.measurements import Measurements

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The band of usual update-to-weight ratios, about 0.001, that is drawn behind the curves.
_USUAL = (1e-4, 1e-2)

#: A layer's curves share a colour; more layers than this are told apart by a colour scale from input to output.
_FEW = 7

_LINE: dict[str, Any] = {"linewidth": 1.5, "markersize": 3.5}


def monitor(measurements: Measurements, *, figure: Figure | None = None) -> Figure:
    """Draw a monitor's record in four panels, one curve per layer, against the update.

    Gradient norms and update-to-weight ratios (logarithmic; the grey band is the usual size of an update), the standard
    deviations of the layers' outputs, and the shares of dead and of saturated units. Layers with weights are shown in
    the first three panels, activations that can die or saturate in the last.

    Parameters
    ----------
    measurements : Measurements
        ``history.monitor``.
    figure : matplotlib Figure, optional
        Where to draw; a new figure when not given.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    TypeError
        When it is no such record.
    ValueError
        When nothing was measured.
    """
    if isinstance(measurements, History):
        raise TypeError("measurements must be what a monitor recorded, got a History; pass history.monitor")
    if not isinstance(measurements, Measurements):
        raise wrong("measurements", "what a monitor recorded, history.monitor after fit with a Monitor()", measurements)
    check_figure(figure)
    if not len(measurements):
        raise ValueError("the monitor has measured nothing yet; train with callbacks=callbacks.Monitor() first")
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(11, 7.2), layout="constrained")
    steps, axes = measurements.step, figure.subplots(2, 2).ravel()
    weights = list(measurements.gradient_norm)
    outputs = {name: measurements.std[name] for name in weights if name in measurements.std}
    _curves(axes[0], steps, measurements.gradient_norm, "gradient norm", weights, log=True)
    axes[1].axhspan(*_USUAL, color="#EEEEEE", zorder=0)
    _curves(axes[1], steps, measurements.update_ratio, "update norm / weight norm", weights, log=True)
    _curves(axes[2], steps, outputs, "standard deviation of outputs", weights, log=False)
    _units(axes[3], measurements)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=min(len(labels), 8), frameon=False, title=None)
    return figure


def _curves(ax: Axes, steps: list[int], series: Mapping[str, list[float]], title: str, order: list[str], log: bool):
    positive = False
    for name, column in series.items():
        values = np.asarray(column, dtype=np.float64)
        if log:
            values = np.where(values > 0, values, np.nan)
        positive = positive or bool(np.isfinite(values).any())
        index = order.index(name)
        ax.plot(
            steps[: len(values)], values, marker=_marker(steps), color=_shade(index, len(order)), label=name, **_LINE
        )
    if log and positive:
        ax.set_yscale("log")
        _plain_log_ticks(ax)
    _finish(ax, title)


def _plain_log_ticks(ax: Axes) -> None:
    """Ticks such as 0.001 and 1e-06 instead of powers of ten, which need mathematical typesetting."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    low, high = ax.get_ylim()
    few = high < 1000 * low  # powers of ten in sight: two at most
    locator = LogLocator(subs=(1, 2, 5) if few else (1,), numticks=9)
    ax.yaxis.set_major_locator(MaxNLocator(5) if high < 5 * low else locator)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _units(ax: Axes, measurements: Measurements) -> None:
    """Dead units and saturated outputs of hidden activations, as shares."""
    last = measurements.layers()[-1] if measurements.layers() else ""
    saturated = {name: column for name, column in measurements.saturated.items() if name != last}
    names = [*measurements.dead, *saturated]
    for style, what, series in (("-", "dead", measurements.dead), ("--", "saturated", saturated)):
        for name, column in series.items():
            shade = _shade(names.index(name), len(names))
            label = f"{name}, {what}"
            ax.plot(
                measurements.step[: len(column)],
                column,
                style,
                marker=_marker(measurements.step),
                color=shade,
                label=label,
                **_LINE,
            )
    _finish(ax, "share of dead units and of saturated outputs")
    ax.set_ylim(-0.02, 1.02)
    if names:
        ax.legend(frameon=False, fontsize="small", ncols=1 + (len(names) > 6))
    else:
        text = "no hidden layer can die or saturate"
        ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED)


def _marker(steps: list[int]) -> str | None:
    return "o" if len(steps) <= 40 else None


def _shade(index: int, count: int):
    """The palette's colours for a few layers, else a scale from input (dark) to output (light)."""
    if count <= _FEW:
        return color(index)
    from matplotlib import colormaps

    return colormaps["viridis"](0.9 * index / (count - 1))


def _finish(ax: Axes, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.set_title(title, loc="left", fontsize="medium")
    ax.set_xlabel("update")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    tidy(ax)
