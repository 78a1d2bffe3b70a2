"""Learning curves: a quantity of one or several histories against the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from descend.plots.checking import wrong
from descend.plots.style import INK, color, new_axes, tidy
from descend.training.history import History
from descend.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How names of quantities read on an axis; others are shown with spaces for underscores.
_LABELS = {"mse": "mean squared error", "mae": "mean absolute error", "rmse": "root mean squared error", "r2": "R²"}


def learning_curves(
    history: History | Mapping[str, Any],
    metric: str = "loss",
    *,
    log: bool = False,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity per epoch: solid for the training rows, dashed for the validation rows.

    A dot marks the epoch whose weights the network kept.

    Parameters
    ----------
    history : History, or mapping of names to histories
        What `Network.fit` returned; `{"lr 0.1": h1, "lr 0.01": h2}` compares runs, one colour each.
        A mapping of names to lists (read from a file, say) does in place of a History.
    metric : str
        The name of a list in the history, without the prefix "val_".
    log : bool
        Logarithmic vertical axis; the values must be positive.
    title : str, optional
    ax : matplotlib Axes, optional
        Where to draw; a new figure when not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        When `history` is none of these, or `metric` no name.
    ValueError
        When no history has the metric, its list is not as long as the training, or `log` meets a value that is not
        positive.
    """
    if not isinstance(metric, str):
        raise wrong("metric", "the name of a list in the history, such as 'loss'", metric)
    histories = _named_runs(history)
    runs = {name: _select(one, metric) for name, one in histories.items()}
    if not any(run.curves for run in runs.values()):
        known = {name.removeprefix("val_") for one in histories.values() for name in _columns(one)}
        names = ", ".join(sorted(known - {"epoch", "seconds"})) or "nothing yet"
        raise ValueError(f"metric={metric!r} is not in the history; choose one of: {names}")
    if log and any((values <= 0).any() for run in runs.values() for values in run.curves.values()):
        raise ValueError(f"log=True needs positive values, but {metric!r} reaches 0 or less; use log=False")

    from matplotlib.ticker import MaxNLocator

    ax = new_axes(ax)
    validated = any("validation" in run.curves for run in runs.values())
    for index, (name, run) in enumerate(runs.items()):
        _draw_run(ax, name, run, index, kinds=validated or not name)
    ax.set_xlabel("epoch")
    ax.set_ylabel(_LABELS.get(metric, metric.replace("_", " ")))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if log:
        ax.set_yscale("log")
    if title:
        ax.set_title(title)
    tidy(ax)
    ax.legend(frameon=False)
    return ax


def _draw_run(ax: Axes, name: str, run: _Run, index: int, *, kinds: bool) -> None:
    """One run: its training curve, its validation curve and the epoch whose weights were kept.

    `kinds` tells whether the legend must say which curve is which.
    """
    for kind, values in run.curves.items():
        label = ", ".join(part for part in (name, kind if kinds else "") if part)
        line_color = color(index) if name or kind == "training" else color(index + 1)
        style = "-" if kind == "training" else "--"
        lone = "o" if len(values) == 1 else None
        ax.plot(run.epochs, values, style, color=line_color, linewidth=1.6, marker=lone, label=label)
    kept = np.flatnonzero(run.epochs == run.best_epoch) if "validation" in run.curves else []
    if len(kept):
        label = None if name else f"weights kept: epoch {run.best_epoch}"
        x, y = run.epochs[kept], run.curves["validation"][kept]
        ax.plot(x, y, "o", color=color(index if name else index + 1), markeredgecolor=INK, markersize=7, label=label)


@dataclass(frozen=True)
class _Run:
    """The parts of one history that a picture shows: `epochs` (n,), each curve (n,)."""

    epochs: NDArray[np.float64]
    curves: dict[str, NDArray[np.float64]]
    best_epoch: int | None


def _named_runs(history: History | Mapping[str, Any]) -> dict[str, Any]:
    """A dict of runs; a single run gets the empty name."""
    if isinstance(history, Mapping) and any(_is_run(one) for one in history.values()):
        for name, run in history.items():
            if not _is_run(run):
                raise wrong(f"history[{name!r}]", "a History, or a mapping of names to lists of numbers", run)
        return {str(name): run for name, run in history.items()}
    if not _is_run(history):
        wanted = "what fit returned (a History), a mapping of names to lists of numbers, or one of names to histories"
        raise wrong("history", wanted, history)
    return {"": history}


def _is_run(value: object) -> bool:
    return isinstance(value, Mapping | History)


def _columns(run: History | Mapping[str, Any]) -> Mapping[str, Any]:
    """The lists of a history by name."""
    return run if isinstance(run, Mapping) else run.columns()


def _numbers(columns: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    """One of them as an array, (epochs,); empty where there is none."""
    try:
        values = np.asarray(columns.get(name, ()), dtype=np.float64)
    except (TypeError, ValueError):
        values = None
    if values is None or values.ndim != 1:
        raise wrong(f"history[{name!r}]", "a list of numbers, one for each epoch", columns[name])
    return values


def _select(run: History | Mapping[str, Any], metric: str) -> _Run:
    """The training and validation values of `metric`, where present."""
    columns = _columns(run)
    found = {"training": _numbers(columns, metric), "validation": _numbers(columns, f"val_{metric}")}
    curves = {kind: values for kind, values in found.items() if len(values)}
    length = max((len(values) for values in curves.values()), default=0)
    epochs = _numbers(columns, "epoch") if "epoch" in columns else np.arange(1.0, length + 1)
    for values in curves.values():
        if len(values) != len(epochs):
            raise ValueError(
                f"{metric!r} of the history has {counted(len(values), 'entry', 'entries')} for "
                f"{counted(len(epochs), 'epoch')}; give one for each"
            )
    return _Run(epochs, curves, getattr(run, "best_epoch", None))
