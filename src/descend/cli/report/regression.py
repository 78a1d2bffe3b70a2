"""Pictures of a regression on the test rows: predicted against true, residuals, calibration by tenths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from descend.cli.report.canvas import MAX_POINTS, new_figure, write_out
from descend.cli.show import number
from descend.plots.style import INK, MUTED, color, tidy
from descend.wording import agreeing, counted

#: Residuals so many distances between the quartiles away from them are too far for the axis; normal ones never are.
FAR = 6.0

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def predicted_against_true(y: NDArray[np.float64], outputs: NDArray[np.float64], name: str) -> Figure:
    """One point per test row; a perfect model's lie on the diagonal.

    Parameters
    ----------
    y, outputs : (rows,) in the target's unit
    name : str
        The target's, as `canvas.axis_name` gives it.
    """
    figure = new_figure(6.0, 5.4)
    ax = figure.subplots()
    low, high = _limits(np.concatenate([y, outputs]))
    ax.plot([low, high], [low, high], color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label="perfect", zorder=3)
    _points(ax, outputs, y)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_xlabel(f"predicted {name}")
    ax.set_ylabel(f"true {name}")
    ax.legend(loc="upper left", frameon=False)
    write_out(ax.xaxis, ax.yaxis)
    tidy(ax)
    return figure


def residuals(y: NDArray[np.float64], outputs: NDArray[np.float64], name: str) -> Figure:
    """True minus predicted: against the prediction (left), and how often (right).

    Rows beyond `residual_limits` are triangles at the edge, and not in the histogram, which they would flatten.

    Parameters
    ----------
    y, outputs : (rows,) in the target's unit
    name : str
        The target's, as `canvas.axis_name` gives it.
    """
    figure = new_figure(6.4, 4.6)
    ax, side = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    rest = y - outputs
    low, high = residual_limits(rest)
    inside = (rest >= low) & (rest <= high)
    _points(ax, outputs[inside], rest[inside])
    ax.axhline(0, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), zorder=3)
    if not inside.all():
        _mark_outside(ax, outputs, rest, (low, high))
    ax.set_xlabel(f"predicted {name}")
    ax.set_ylabel(f"residual: true minus predicted {name}")
    kept = rest[inside]
    side.hist(kept, bins=min(40, max(10, len(kept) // 8)), orientation="horizontal", color=color(0), alpha=0.75)
    side.axhline(0, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    side.set_xlabel("rows")
    write_out(ax.xaxis, ax.yaxis)
    if not inside.all():
        ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])  # the strips outside have no scale
    for each in (ax, side):
        tidy(each)
    return figure


def residual_limits(rest: NDArray[np.float64]) -> tuple[float, float]:
    """The ends of the axis of residuals: the least and the greatest but for those far outside the quartiles.

    Parameters
    ----------
    rest : (rows,)
    """
    quarter, three_quarters = np.quantile(rest, (0.25, 0.75))
    reach = FAR * float(three_quarters - quarter)
    if reach == 0:
        return float(rest.min()), float(rest.max())
    near = rest[(rest >= quarter - reach) & (rest <= three_quarters + reach)]
    return float(near.min()), float(near.max())


def outside_note(rest: NDArray[np.float64]) -> str:
    """A sentence about the rows beyond `residual_limits`, with their range; empty when there are none.

    Parameters
    ----------
    rest : (rows,)
    """
    low, high = residual_limits(rest)
    far = np.sort(rest[(rest < low) | (rest > high)])
    if not len(far):
        return ""
    spread = number(far[0]) if len(far) == 1 else f"{number(far[0])} to {number(far[-1])}"
    return (
        f" {len(far):,} of {counted(len(rest), 'row')} {agreeing(len(far), 'lies', 'lie')} outside the vertical axis "
        f"({agreeing(len(far), 'a residual', 'residuals')} of {spread}): "
        f"{agreeing(len(far), 'a triangle marks it', 'triangles mark them')} at its edge, and the histogram leaves "
        f"{agreeing(len(far), 'it', 'them')} out."
    )


def _mark_outside(
    ax: Axes, outputs: NDArray[np.float64], rest: NDArray[np.float64], limits: tuple[float, float]
) -> None:
    """Triangles at the edges for the rows beyond them, with their number in the strip outside."""
    room = 0.06 * (limits[1] - limits[0])
    sides = ((rest < limits[0], limits[0], -room, "v", "below"), (rest > limits[1], limits[1], room, "^", "above"))
    for rows, edge, step, marker, where in sides:
        if rows.any():
            count = int(rows.sum())
            ax.scatter(outputs[rows], np.full(count, edge + step), s=34, marker=marker, color=color(1), zorder=4)
            words = f"{counted(count, 'row')} {where}"
            ax.text(0.99, edge + 2.2 * step, words, transform=ax.get_yaxis_transform(), ha="right", va="center")
    ax.set_ylim(limits[0] - 3 * room, limits[1] + 3 * room)


def calibration(y: NDArray[np.float64], outputs: NDArray[np.float64], name: str) -> Figure:
    """Mean truth against mean prediction, for the rows cut into tenths by their prediction.

    Parameters
    ----------
    y, outputs : (rows,) in the target's unit
    name : str
        The target's, as `canvas.axis_name` gives it.
    """
    groups = np.array_split(np.argsort(outputs, kind="stable"), max(1, min(10, len(y) // 4)))
    x = np.array([outputs[rows].mean() for rows in groups])
    mean = np.array([y[rows].mean() for rows in groups])
    error = np.array([y[rows].std(ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else 0.0 for rows in groups])
    figure = new_figure(6.0, 5.0)
    ax = figure.subplots()
    low, high = _limits(np.concatenate([x, mean - error, mean + error]))
    ax.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle=(0, (2, 2)), label="right on average")
    ax.errorbar(
        x, mean, yerr=error, color=color(0), marker="o", linewidth=1.8, capsize=3, label="network, ± standard error"
    )
    ax.set_xlabel(
        f"mean predicted {name} of a tenth of the rows"
        if len(groups) == 10
        else f"mean predicted {name} of a group of rows"
    )
    ax.set_ylabel(f"mean true {name}")
    ax.legend(loc="best", frameon=False)
    write_out(ax.xaxis, ax.yaxis)
    tidy(ax)
    return figure


def _points(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """A scatter, at most MAX_POINTS of it, fainter the more there are."""
    if len(x) > MAX_POINTS:
        chosen = np.random.default_rng(0).choice(len(x), MAX_POINTS, replace=False)
        x, y = x[chosen], y[chosen]
    alpha = float(np.clip(60 / np.sqrt(len(x) + 1) / 4, 0.2, 0.8))
    ax.scatter(x, y, s=16, color=color(0), alpha=alpha, linewidths=0, rasterized=len(x) > 500, zorder=2)


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room
