"""What a model of two numeric columns says over their plane, in the columns' own units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.cli.bundle import Bundle
from descend.cli.report.canvas import axis_name, new_figure, short_names
from descend.data.columns import NumberColumn
from descend.data.targets import ClassTarget
from descend.plots import DecisionBoundaryDisplay
from descend.plots.style import tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RESOLUTION, _SHOWN = 200, 600


def applies(bundle: Bundle) -> bool:
    """Whether the model sees exactly two columns, both numbers."""
    columns = bundle.encoder.columns
    return len(columns) == 2 and all(isinstance(column, NumberColumn) for column in columns)


class _Plane:
    """The model as a classifier of rows (x, y) in the columns' units, as the display asks it."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.names = [column.name for column in bundle.encoder.columns]
        target = bundle.encoder.target
        self.classes_ = np.arange(len(target.classes)) if isinstance(target, ClassTarget) else np.arange(0)

    def predict_proba(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.bundle.predict(pl.DataFrame(np.asarray(rows, dtype=np.float64), schema=self.names))


def draw(bundle: Bundle, points: NDArray[np.float64], y: NDArray) -> Figure:
    """Classes over the plane with the test rows, or a regression's values as a map.

    Parameters
    ----------
    bundle : Bundle
    points : (rows, 2)
        The test rows' two columns, in their units, NaN where missing.
    y : (rows,)
    """
    from matplotlib.ticker import MaxNLocator

    known = np.isfinite(points).all(axis=1)
    points, y = points[known][:_SHOWN], y[known][:_SHOWN]
    plane = _Plane(bundle)
    figure = new_figure(6.8, 5.0)
    ax = figure.subplots()
    names = short_names(plane.names)
    target = bundle.encoder.target
    if isinstance(target, ClassTarget):
        DecisionBoundaryDisplay.from_estimator(
            plane,
            points,
            y,
            grid_resolution=_RESOLUTION,
            feature_names=names,
            class_names=short_names(target.classes, 18),
            ax=ax,
        )
        return figure
    room = 0.08 * np.ptp(points, axis=0)
    axes = [np.linspace(points[:, i].min() - room[i], points[:, i].max() + room[i], _RESOLUTION) for i in (0, 1)]
    xx, yy = np.meshgrid(*axes)
    values = plane.predict_proba(np.column_stack([xx.ravel(), yy.ravel()])).reshape(xx.shape)
    low, high = float(min(values.min(), y.min())), float(max(values.max(), y.max()))
    surface = ax.contourf(xx, yy, values, levels=np.linspace(low, high, 21), cmap="cividis", zorder=0)
    ax.scatter(
        points[:, 0],
        points[:, 1],
        c=y,
        cmap="cividis",
        vmin=low,
        vmax=high,
        s=26,
        edgecolors="white",
        linewidths=0.7,
        zorder=2,
    )
    bar = figure.colorbar(surface, ax=ax, ticks=MaxNLocator(7))
    bar.set_label(f"{axis_name(target)}: predicted (area), true (points)")
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    tidy(ax, grid=False)
    return figure
