"""Decision boundaries: which class a trained model gives to each point of a plane through its feature space.

With two features the plane is the whole space; with more it is a slice, all other features held at their medians.
Works with this library's models and with any classifier that keeps to scikit-learn's interface. The model is asked
for its answers; no network arithmetic happens here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.plots.checking import check_integer, check_pair
from descend.plots.hyperplane import slice_equation
from descend.plots.responses import Response, respond
from descend.plots.slices import Points, Table, grid, points_of
from descend.plots.style import INK, MUTED, color, diverging, faded, marker, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Classes up to this number are told apart by a legend; more are named on their regions as well.
_LEGEND_CLASSES = 7


class DecisionBoundaryDisplay:
    """A decision boundary, computed and ready to draw.

    Make one with `from_estimator`.

    Parameters
    ----------
    xx0, xx1 : ndarray (n, n)
        Grid of the two features.
    response : Response
        What the model says at the grid's points, in C order.
    feature_names : pair of str
    held : dict of str to float
        The other features and the values they are held at.
    points : rows to draw over it, or None
    equation : str or None
        The boundary's equation, for linear models.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    surface_ : the filled contours or the image of the regions
    """

    def __init__(
        self,
        *,
        xx0: NDArray[np.float64],
        xx1: NDArray[np.float64],
        response: Response,
        feature_names: tuple[str, str],
        held: dict[str, float],
        points: Points | None = None,
        equation: str | None = None,
    ) -> None:
        self.xx0 = xx0
        self.xx1 = xx1
        self.response = response
        self.feature_names = feature_names
        self.held = held
        self.points = points
        self.equation = equation

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        features: tuple[int | str, int | str] = (0, 1),
        grid_resolution: int = 200,
        margin: float = 0.08,
        feature_names: Sequence[str] | None = None,
        class_names: Sequence[str] | None = None,
        ax: Axes | None = None,
    ) -> DecisionBoundaryDisplay:
        """Ask the model over a grid, and draw.

        Parameters
        ----------
        estimator : fitted Network or classifier
            Its probabilities are shown where it has them, then its decision function, then its predictions.
        X : (rows, features) array or data frame
            Sets the range of the picture and the medians at which the features not shown are held.
        y : (rows,), optional
            Classes of the rows; the rows are then drawn too. In a slice, rows far from it are pale inside.
        features : pair of column numbers or names
            The horizontal and the vertical feature.
        grid_resolution : int
            Grid points per axis.
        margin : float
            Room beyond the smallest and largest value, as a fraction of the range.
        feature_names, class_names : sequences of str, optional
        ax : matplotlib Axes, optional

        Returns
        -------
        DecisionBoundaryDisplay

        Raises
        ------
        ValueError
            For bad features or shapes, and for a model that does not tell classes apart.
        """
        check_integer("grid_resolution", grid_resolution, 2)
        check_pair("features", features, "two column numbers or names, such as (0, 1)")
        table = Table.read(X, feature_names)
        first, second = table.index(features[0]), table.index(features[1])
        if first == second:
            raise ValueError(f"features must be two different columns, got {features[0]!r} twice")
        center = np.nanmedian(table.values, axis=0)
        xx0, xx1 = grid(table.values[:, [first, second]], grid_resolution, margin)
        rows = np.tile(center, (xx0.size, 1))
        rows[:, first], rows[:, second] = xx0.ravel(), xx1.ravel()
        response = respond(estimator, table.wrap(rows, X), class_names)
        others = [i for i in range(len(table.names)) if i not in (first, second)]
        display = cls(
            xx0=xx0,
            xx1=xx1,
            response=response,
            feature_names=(table.names[first], table.names[second]),
            held={table.names[i]: float(center[i]) for i in others},
            points=None if y is None else points_of(table.values, y, (first, second), others, response),
            equation=slice_equation(estimator, table.names, center, (first, second)),
        )
        return display.plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> DecisionBoundaryDisplay:
        """Draw on `ax`, or on a new figure.

        Returns
        -------
        DecisionBoundaryDisplay
            The display itself, with `ax_`, `figure_` and `surface_` set.
        """
        ax = new_axes(ax, figsize=(6.8, 5.0))
        self.ax_: Axes = ax
        self.figure_: Figure = ax.figure  # type: ignore[assignment]
        if len(self.response.names) == 2:
            self.surface_ = self._draw_binary(ax)
        else:
            self.surface_ = self._draw_regions(ax)
        if self.points is not None:
            self._draw_points(ax, self.points)
        self._annotate(ax)
        return self

    def _draw_binary(self, ax: Axes) -> Any:
        """Filled contours of the second class's probability or score, and the line between the classes."""
        from matplotlib.ticker import MaxNLocator

        response = self.response
        values = response.values[:, -1].reshape(self.xx0.shape)
        if response.kind == "score":
            limit = float(np.abs(values).max()) or 1.0
            levels = np.linspace(-limit, limit, 21)
        else:
            levels = np.linspace(0.0, 1.0, 21)
        surface = ax.contourf(self.xx0, self.xx1, values, levels=levels, cmap=diverging(), zorder=0)
        ax.contour(self.xx0, self.xx1, values, levels=[response.threshold], colors=INK, linewidths=1.5)
        if response.kind == "probability":
            bar = ax.figure.colorbar(surface, ax=ax, ticks=[0, 0.25, 0.5, 0.75, 1])
            bar.set_label(f"probability of {response.names[1]}")
            bar.outline.set_visible(False)
        elif response.kind == "score":
            bar = ax.figure.colorbar(surface, ax=ax, ticks=MaxNLocator(7))
            bar.set_label(f"decision function (above 0: {response.names[1]})")
            bar.outline.set_visible(False)
        return surface

    def _draw_regions(self, ax: Axes) -> Any:
        """One tint per class, stronger where the model is surer, and lines where the winner changes."""
        from matplotlib.colors import to_rgb

        values = self.response.values
        winner = values.argmax(axis=1)
        ordered = np.sort(values, axis=1)
        lead = ordered[:, -1] - ordered[:, -2]
        strength = 0.12 + 0.38 * (lead / lead.max() if lead.max() > 0 else lead)
        tints = np.array([to_rgb(color(k)) for k in range(values.shape[1])])
        image = 1.0 - strength[:, None] * (1.0 - tints[winner])
        x, y = self.xx0[0], self.xx1[:, 0]
        dx, dy = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
        surface = ax.imshow(
            image.reshape(*self.xx0.shape, 3),
            extent=(x[0] - dx, x[-1] + dx, y[0] - dy, y[-1] + dy),
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            zorder=0,
        )
        for k in np.unique(winner):
            rest = np.delete(values, k, axis=1).max(axis=1)
            ahead = (values[:, k] - rest).reshape(self.xx0.shape)
            if ahead.min() < 0 < ahead.max():
                ax.contour(self.xx0, self.xx1, ahead, levels=[0.0], colors=INK, linewidths=0.9)
            if values.shape[1] > _LEGEND_CLASSES:
                self._name_region(ax, winner == k, self.response.names[k])
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
        return surface

    def _name_region(self, ax: Axes, inside: NDArray[np.bool_], name: str) -> None:
        """Write a class's name on the point of its region that lies nearest to the region's centre."""
        from matplotlib.patheffects import withStroke

        xy = np.column_stack([self.xx0.ravel(), self.xx1.ravel()])[inside]
        away = (xy - xy.mean(axis=0)) / (np.ptp(self.xx0), np.ptp(self.xx1))
        place = xy[(away**2).sum(axis=1).argmin()]
        halo = [withStroke(linewidth=3, foreground="white")]
        ax.annotate(name, tuple(place), ha="center", va="center", color=INK, weight="bold", path_effects=halo, zorder=4)

    def _draw_points(self, ax: Axes, points: Points) -> None:
        from matplotlib.lines import Line2D

        present = np.unique(points.label)
        handles = []
        for k in present:
            mine = points.label == k
            ax.scatter(
                points.xy[mine, 0],
                points.xy[mine, 1],
                s=26,
                c=[faded(color(k), weight) for weight in points.weight[mine]],
                marker=marker(k),
                edgecolors=color(k) if self.held else "white",
                linewidths=0.6,
                zorder=3,
            )
            handles.append(Line2D([], [], linestyle="", marker=marker(k), color=color(k), label=self.response.names[k]))
        if len(handles) <= _LEGEND_CLASSES:
            ax.legend(handles=handles, title="class", framealpha=0.9, edgecolor="none")
        elif len(handles) <= 30:
            columns, beside = 1 + (len(handles) - 1) // 15, (1.0, 0.5)
            ax.legend(
                handles=handles, title="class", frameon=False, ncols=columns, loc="center left", bbox_to_anchor=beside
            )

    def _annotate(self, ax: Axes) -> None:
        """Axis labels; the equation as title; below, what the other features are held at."""
        label = self.feature_names[0]
        if self.held:
            listed = ", ".join(f"{name} = {value:.3g}" for name, value in self.held.items())
            short = listed if len(listed) <= 70 else f"the other {len(self.held)} features at their medians"
            label = f"{label}\nslice at {short}" if short == listed else f"{label}\nslice with {short}"
        ax.set_xlabel(label)
        ax.set_ylabel(self.feature_names[1])
        if self.equation:
            ax.set_title(self.equation, fontsize="medium", color=MUTED)


def decision_boundary(
    estimator: Any,
    X: Any,
    y: ArrayLike | None = None,
    *,
    features: tuple[int | str, int | str] = (0, 1),
    grid_resolution: int = 200,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a model's decision boundary over two features and return the Axes.

    Short for `DecisionBoundaryDisplay.from_estimator(...).ax_`, which explains the parameters.

    Returns
    -------
    matplotlib Axes
    """
    display = DecisionBoundaryDisplay.from_estimator(
        estimator,
        X,
        y,
        features=features,
        grid_resolution=grid_resolution,
        feature_names=feature_names,
        class_names=class_names,
        ax=ax,
    )
    return display.ax_
