"""Activation functions with their derivatives. The values come from the reference engine, which defines them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from descend.plots.checking import check_integer, check_pair, wrong
from descend.plots.style import INK, color, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from descend.layers import Layer

#: What `activations` shows when not told.
_ALL = (
    "linear",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "hard_sigmoid",
    "exponential",
    "step",
)


def activation(
    function: Layer | str,
    *,
    limits: tuple[float, float] = (-4.0, 4.0),
    derivative: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw one activation function, solid, and its derivative, dashed.

    Parameters
    ----------
    function : name or activation layer
        For example ``"gelu"`` or ``layers.LeakyReLU(0.1)``. A PReLU is shown with the slope it starts from. ``"step"``
        is the perceptron's function, which no layer has.
    limits : (low, high)
        Range of the input.
    derivative : bool
        Whether to draw the derivative.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        For an unknown name, softmax (which is no function of one number), or limits that are not an interval.
    """
    check_pair("limits", limits, "two numbers, such as (-4, 4)")
    low, high = limits
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"limits must be two finite numbers, the smaller one first, got {limits!r}")
    x = np.linspace(low, high, 1601)
    label, value, slope = _evaluate(function, x)
    ax = new_axes(ax, figsize=(4.8, 3.6))
    ax.axhline(0, color="#BBBBBB", linewidth=0.8, zorder=1)
    ax.axvline(0, color="#BBBBBB", linewidth=0.8, zorder=1)
    ax.plot(
        *(_broken_at_jumps(x, value) if function == "step" else (x, value)), color=color(0), linewidth=2.0, label="f(x)"
    )
    if derivative:
        ax.plot(*_broken_at_jumps(x, slope), "--", color=color(1), linewidth=1.6, label="f'(x)")
    ax.set_title(label, color=INK, fontsize="medium")
    ax.set_xlabel("x")
    ax.set_xlim(low, high)
    tidy(ax)
    ax.legend(frameon=False, fontsize="small")
    return ax


def activations(
    functions: Sequence[Layer | str] = _ALL, *, limits: tuple[float, float] = (-4.0, 4.0), columns: int = 4
) -> NDArray[np.object_]:
    """Draw several activation functions with their derivatives, one small picture each.

    Parameters
    ----------
    functions : sequence of names or activation layers
        All built-in ones and the perceptron's step when not given.
    limits : (low, high)
        Range of the input, the same for all.
    columns : int
        Pictures per row.

    Returns
    -------
    ndarray of matplotlib Axes, shape (len(functions),)
    """
    if isinstance(functions, str) or not isinstance(functions, Sequence):
        raise wrong("functions", "a list of names or activation layers, such as ['relu', 'tanh']", functions)
    check_integer("columns", columns, 1)
    if not functions:
        raise ValueError("functions must not be empty; name at least one, or leave it out for all")
    import matplotlib.pyplot as plt

    columns = min(columns, len(functions))
    rows = -(-len(functions) // columns)
    size = (2.9 * columns, 2.5 * rows)
    _, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, sharex=True)
    shown = grid.ravel()[: len(functions)]
    for ax in grid.ravel()[len(functions) :]:
        ax.set_visible(False)
    for index, (function, ax) in enumerate(zip(functions, shown, strict=True)):
        activation(function, limits=limits, ax=ax)
        last_of_column = index + columns >= len(functions)
        ax.tick_params(labelbottom=last_of_column)
        if not last_of_column:
            ax.set_xlabel("")
        if index:
            ax.get_legend().remove()
    return shown


def _broken_at_jumps(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve with a gap wherever it jumps: where it changes much more than on either side."""
    change = np.abs(np.diff(y))
    beside = np.maximum(np.r_[0.0, change[:-1]], np.r_[change[1:], 0.0])
    jumps = np.flatnonzero(change > 10 * beside + 0.01 * np.ptp(y)) + 1
    return np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan)


def _evaluate(function: Layer | str, x: NDArray[np.float64]) -> tuple[str, NDArray[np.float64], NDArray[np.float64]]:
    """A title, f(x) and f'(x), all as the reference engine computes them."""
    from descend import layers
    from descend.engine.reference.activation import FUNCTIONS, STEP

    if function == "step":
        return "step (of a perceptron)", STEP.value(x, 0.0), STEP.derivative(x, 0.0)
    layer = layers.resolve_activation(function)
    if isinstance(layer, layers.PReLU):
        slope = float(layer.initializer((1,), np.random.default_rng(0))[0])  # pyright: ignore[reportCallIssue]
        title, definition, alpha = f"prelu (slope starts at {slope:g})", FUNCTIONS["leaky_relu"], slope
    elif isinstance(layer, layers.Elementwise):
        shown = f" ({layer.alpha:g})" if layer.alpha else ""
        title, definition, alpha = layer.kind + shown, FUNCTIONS[layer.kind], layer.alpha
    else:
        raise ValueError(f"function must be a function of one number, and {layer.kind} is not: it needs the whole row")
    return title, definition.value(x, alpha), definition.derivative(x, alpha)
