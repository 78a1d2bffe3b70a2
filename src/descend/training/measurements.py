"""What a monitor recorded: plain lists by layer, one entry per measurement. Refuses to draw or to judge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars
    from matplotlib.figure import Figure

#: Quantities by layer, in the order in which `to_frame` shows them.
QUANTITIES = ("gradient_norm", "weight_norm", "update_ratio", "mean", "std", "zeros", "dead", "saturated")

Series = dict[str, list[float]]


@dataclass
class Measurements:
    """The record of a `Monitor`, ``history.monitor``.

    A measurement belongs to one update. What concerns weights is that update's own, on its own mini-batch, with dropout
    and noise as they were. What concerns outputs is taken right after it on a fixed set of training rows (see
    `descend.callbacks.Monitor`), in inference mode: no dropout or noise, running statistics in batch normalization.
    Every series is a dict from layer name to a list with one number per measurement.

    Attributes
    ----------
    step, epoch : list of int
        The update measured and the epoch it belongs to, both counted from 1 over all calls of `fit`.
    gradient_norm : dict of str to list of float
        Euclidean norm of the gradient of all trained weights of a layer (weight and bias together): of the batch loss
        with penalties, as it came to the optimizer, after clipping by value and before clipping by norm.
    weight_norm : dict of str to list of float
        Euclidean norm of the same weights before the update.
    update_ratio : dict of str to list of float
        Norm of what the optimizer added to them, over `weight_norm`; NaN where that is 0.
    mean, std, zeros : dict of str to list of float
        Of a layer's outputs over rows and units: mean, standard deviation, share of exact zeros. ``"input"`` is the
        network's input. Missing are the input of sparse rows and, where rows have lengths of their own, what has steps.
    dead : dict of str to list of float
        ReLU layers: share of units that are above 0 in none of the rows.
    saturated : dict of str to list of float
        Sigmoid, hard sigmoid, tanh and softmax layers: share of outputs so close to the function's limits that its
        slope is under 5% of its largest (sigmoid: below 0.0127 or above 0.9873; tanh: beyond 0.9747).
    """

    step: list[int] = field(default_factory=list)
    epoch: list[int] = field(default_factory=list)
    gradient_norm: Series = field(default_factory=dict)
    weight_norm: Series = field(default_factory=dict)
    update_ratio: Series = field(default_factory=dict)
    mean: Series = field(default_factory=dict)
    std: Series = field(default_factory=dict)
    zeros: Series = field(default_factory=dict)
    dead: Series = field(default_factory=dict)
    saturated: Series = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.step)

    def __repr__(self) -> str:
        steps = f", updates {self.step[0]} to {self.step[-1]}" if self.step else ""
        return f"<Measurements: {len(self)}{steps}; layers {', '.join(self.layers()) or 'none'}>"

    def layers(self) -> list[str]:
        """Return the names of all layers in any series, from input to output."""
        return list(dict.fromkeys(name for quantity in ("std", "gradient_norm") for name in getattr(self, quantity)))

    def append(self, step: int, epoch: int, readings: Mapping[str, Mapping[str, float]]) -> None:
        """Record one measurement: by quantity and layer. What is missing, now or before, is NaN."""
        done = len(self.step)
        self.step.append(step)
        self.epoch.append(epoch)
        for quantity, by_layer in readings.items():
            series: Series = getattr(self, quantity)
            for name, value in by_layer.items():
                column = series.setdefault(name, [])
                column.extend([math.nan] * (done - len(column)))
                column.append(value)

    def to_frame(self) -> polars.DataFrame:
        """Return a polars frame with a row per measurement and layer.

        Columns are ``step``, ``epoch``, ``layer`` and the quantities, null where a layer has no such quantity.

        Raises
        ------
        ImportError
            When polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise ImportError(
                "Measurements.to_frame needs polars: install it with `pip install polars`, or take the plain lists, "
                "such as history.monitor.gradient_norm"
            ) from error
        rows = [
            {"step": step, "epoch": self.epoch[i], "layer": name}
            | {quantity: _at(getattr(self, quantity).get(name), i) for quantity in QUANTITIES}
            for i, step in enumerate(self.step)
            for name in self.layers()
        ]
        schema = {"step": polars.Int64, "epoch": polars.Int64, "layer": polars.String}
        return polars.DataFrame(rows, schema=schema | dict.fromkeys(QUANTITIES, polars.Float64))

    def plot(self) -> Figure:
        """Draw what was measured, layer by layer; see `descend.plots.monitor`.

        Returns
        -------
        matplotlib Figure
        """
        from importlib import import_module

        return import_module("descend.plots").monitor(self)

    def to_plain(self) -> dict[str, Any]:
        """Return the record as JSON can hold it, None for NaN."""
        series = {
            quantity: {name: [_plain(v) for v in column] for name, column in getattr(self, quantity).items()}
            for quantity in QUANTITIES
        }
        return {"step": list(self.step), "epoch": list(self.epoch), **series}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Measurements:
        """Return the record that `to_plain` wrote.

        Raises
        ------
        ValueError
            When it is not such a record.
        """
        found = cls([int(v) for v in plain["step"]], [int(v) for v in plain["epoch"]])
        for quantity in QUANTITIES:
            for name, column in dict(plain[quantity]).items():
                if len(column) > len(found.step):
                    raise ValueError(f"the monitor's {quantity} of {name} has more entries than there are measurements")
                getattr(found, quantity)[str(name)] = [math.nan if v is None else float(v) for v in column]
        if len(found.epoch) != len(found.step):
            raise ValueError("the monitor's record has lists of different lengths")
        return found


def _at(column: list[float] | None, index: int) -> float | None:
    if column is None or index >= len(column) or math.isnan(column[index]):
        return None
    return column[index]


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
