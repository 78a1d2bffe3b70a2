"""What several checks ask of a history. Computes; judges nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from descend.training.history import History
from descend.training.measurements import Measurements
from descend.training.setup import Setup

#: Rows of a mini-batch whose loss does not stand for that of all rows.
SMALL = 16


def setup_of(history: History) -> Setup:
    """Return the setup, which the caller knows to be there."""
    assert history.setup is not None
    return history.setup


def monitor_of(history: History) -> Measurements:
    """Return the monitor's record, which the caller knows to be there."""
    assert history.monitor is not None
    return history.monitor


def losses(history: History) -> NDArray[np.float64]:
    """Return the training losses, (epochs,)."""
    return np.asarray(history.loss, dtype=np.float64)


def baseline(history: History) -> float | None:
    """Return the loss of the best constant prediction; without a formula for it, that of the beginning.

    None when it is (nearly) 0, so that nothing can be measured against it.
    """
    found = None if history.setup is None else history.setup.baseline
    if found is None:
        found = min((value for value in (history.initial_loss, *history.loss[:1]) if value is not None), default=0.0)
    return found if found > 1e-12 else None


def start_of(history: History) -> float:
    """Return the loss before the first update, at least that of a constant prediction.

    Where there is no formula for the latter and the first mini-batch too small to stand for all, the first epoch's.
    """
    initial, setup = history.initial_loss, setup_of(history)
    if initial is None or (setup.baseline is None and setup.batch_size < SMALL):
        return history.loss[0]
    return max(initial, setup.baseline or initial)


def explained(history: History, loss: float) -> float:
    """Return the share of the baseline that a loss does away with: 1 is perfect, 0 no better than a constant."""
    base = baseline(history)
    return math.nan if base is None else 1 - loss / base


def end_of(series: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the mean of a series' last quarter, at least its last number."""
    return float(np.mean(series[-max(1, len(series) // 4) :]))


def falls_steadily(series: NDArray[np.float64]) -> bool:
    """Whether the second half falls nearly all the time, and by at least a tenth of the whole fall.

    Where the loss falls in proportion to the rate, the second half has half of the fall at a constant rate, and 0.18 of
    it at one that goes along a cosine.
    """
    half = series[len(series) // 2 :]
    steps = np.diff(half)
    if not len(steps) or float((steps < 0).mean()) < 0.9:
        return False
    return bool(half[0] - half[-1] >= 0.1 * (series[0] - series[-1]))


def weight_layers(history: History) -> list[str]:
    """Return the layers with weight matrices that the monitor has gradients of, from input to output."""
    order = [
        name
        for name, kind, _ in setup_of(history).layers
        if kind not in ("BatchNorm", "frozen BatchNorm", "LayerNorm", "PReLU")
    ]
    return [name for name in order if name in monitor_of(history).gradient_norm]


def middle(column: Sequence[float], start: int = 0) -> float:
    """Return the median of a series from `start` on (of all when there is nothing after it), NaN left out."""
    part = np.asarray(column[start:] or column, dtype=np.float64)
    part = part[~np.isnan(part)]
    return float(np.median(part)) if len(part) else math.nan


def latest(column: Sequence[float]) -> float:
    """Return the last number of a series that is one."""
    return next((value for value in reversed(column) if not math.isnan(value)), math.nan)


def feeding(history: History, name: str) -> str:
    """Return the layer with weights that an activation takes its input from, else its own name."""
    before = ""
    for layer, kind, _ in setup_of(history).layers:
        if layer == name:
            return before or name
        if kind in ("Dense", "Convolution", "Depthwise"):
            before = layer
    return name


def times(factor: float) -> str:
    """Return a large factor as people read it."""
    return f"{factor:,.0f}" if factor < 1e6 else "over a million"


def rate_text(history: History) -> str:
    """Return " from 0.1" for a learning rate of 0.1, "" where none is known."""
    rate = setup_of(history).learning_rate if history.setup is not None else None
    return "" if rate is None else f" from {rate:g}"
