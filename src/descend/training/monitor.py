"""The monitor: which updates are measured, and what becomes of the engine's numbers.

The engine measures an update while it does it (`Engine.train`), and looks at the layers' outputs between two calls
(`Engine.probe`). Neither changes a bit of the training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.engine.protocol import PROBED, Batch, Engine, Progress
from descend.engine.sequences import Sequences
from descend.engine.sparse import SparseRows
from descend.plan import Plan, ops
from descend.training.callbacks import Callback
from descend.training.measurements import Measurements

#: Outputs beyond these are saturated: the function's slope there is under 5% of its largest. For s = sigmoid(z) the
#: slope s(1 - s) is 5% of 1/4 at z = +-4.357; tanh(z) = 2 sigmoid(2z) - 1 has its 5% at half that z.
_SIGMOID = ((1 - math.sqrt(0.95)) / 2, (1 + math.sqrt(0.95)) / 2)
_LIMITS = {
    "sigmoid": _SIGMOID,
    "softmax": _SIGMOID,
    "tanh": (-math.sqrt(0.95), math.sqrt(0.95)),
    "hard_sigmoid": _SIGMOID,  # whose slope is constant up to the limits, and 0 there
}

#: The share of the training's time that measuring may take by `automatic_interval`'s estimate. A sixth of what is
#: promised (3%), since the estimate knows neither the machine nor how many threads share an update.
_SHARE = 0.005


class Monitor(Callback):
    """Measure gradients, weights and outputs of every layer now and then while the network trains.

    The results are in ``history.monitor`` (see `Measurements`) while training goes on and after it, and so in the hands
    of other callbacks as ``run.history.monitor``. Not one bit of the training changes. Without a monitor nothing is
    measured and nothing is paid.

    Parameters
    ----------
    every : int, default: None
        Measure every so many updates: those whose number is a multiple of it.
    per_epoch : int, default: None
        Measure so many times in each epoch instead, the last time at its end.
    rows : int, default: 256
        How many training rows the outputs are looked at on: evenly spread over them, always the same. More rows make
        shares such as that of dead units more exact and measuring dearer.

    Notes
    -----
    With neither `every` nor `per_epoch`, measurements are taken at the ends of epochs, as far apart as keeps their cost
    under 3% of the training time by the network's amount of arithmetic. The first update of a call of `fit` and the end
    of its last planned epoch are always measured.

    Examples
    --------
    >>> import numpy as np
    >>> from descend import Network, callbacks, layers
    >>> X = np.random.default_rng(0).normal(size=(64, 3))
    >>> net = Network([layers.Dense(8, activation="relu"), layers.Dense(1)])
    >>> history = net.fit(X, X[:, 0], epochs=3, callbacks=callbacks.Monitor(per_epoch=1), verbose=0)
    >>> history.monitor.step
    [1, 2, 4, 6]
    >>> sorted(history.monitor.dead)
    ['relu_1']
    """

    def __init__(self, every: int | None = None, *, per_epoch: int | None = None, rows: int = 256) -> None:
        for name, value in (("every", every), ("per_epoch", per_epoch), ("rows", rows)):
            if value is None and name != "rows":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
        if every is not None and per_epoch is not None:
            raise ValueError("pass every (updates between measurements) or per_epoch (measurements), not both")
        self.every = every
        self.per_epoch = per_epoch
        self.rows = rows
        #: The record of the last training with this monitor.
        self.measurements = Measurements()

    def __repr__(self) -> str:
        chosen = f"every={self.every}" if self.every else f"per_epoch={self.per_epoch}" if self.per_epoch else ""
        return f"Monitor({', '.join(part for part in (chosen, f'rows={self.rows}') if part)})"


@dataclass
class Gauge:
    """A monitor at work on one call of `fit`.

    Parameters
    ----------
    monitor : what the user wants
    plan : of the network
    batch : all rows
    subset : indices of those to train on, or None for all
    batch_size : rows per update
    records : where measurements go
    """

    monitor: Monitor
    plan: Plan
    batch: Batch
    subset: NDArray[np.uint32] | None
    batch_size: int
    records: tuple[Measurements, ...]

    def __post_init__(self) -> None:
        self.monitor.measurements = self.records[0]
        self.X = _probe_rows(self.batch, self.subset, self.monitor.rows)
        self.bounds = np.tile([-math.inf, math.inf], (len(self.plan.values), 1))  # (values, 2)
        self.relu: list[tuple[int, str]] = []
        self.limited: list[tuple[int, str]] = []
        self.looked_at = [(self.plan.input, "input"), *((op.output, op.name) for op in self.plan.ops)]
        for op in self.plan.ops:
            function = "softmax" if isinstance(op, ops.Softmax) else getattr(op, "function", "")
            if function == "relu":
                self.relu.append((op.output, op.name))
            if function in _LIMITS:
                self.bounds[op.output] = _LIMITS[function]
                self.limited.append((op.output, op.name))
        trained = [p for p in self.plan.parameters if p.trainable]
        self.layers = list(dict.fromkeys(p.name.rpartition("/")[0] for p in trained))
        self.members = np.zeros((len(self.layers), len(self.plan.parameters)))  # sums parameters up to layers
        for p in trained:
            self.members[self.layers.index(p.name.rpartition("/")[0]), p.id] = 1
        rows = self.batch.X.shape[0] if self.subset is None else len(self.subset)
        steps = -(-rows // self.batch_size)
        self.epochs_apart = -(-automatic_interval(self.plan, self.X.shape[0], self.batch_size) // steps)
        self.started = False

    def ends(self, step: int, steps: int, epoch: int, *, last: bool) -> list[int]:
        """Return after which of an epoch's updates (1 to `steps`) to measure, in order.

        Parameters
        ----------
        step : updates before this epoch
        steps : of this epoch
        epoch : its number, from 1
        last : whether it is the last one planned
        """
        found = set() if self.started else {1}
        self.started = True
        if last:
            found.add(steps)
        if self.monitor.every is not None:
            found.update(range(self.monitor.every - step % self.monitor.every, steps + 1, self.monitor.every))
        elif self.monitor.per_epoch is not None:
            parts = min(self.monitor.per_epoch, steps)
            found.update(steps * (part + 1) // parts for part in range(parts))
        elif epoch % self.epochs_apart == 0:
            found.add(steps)
        return sorted(found)

    def take(self, engine: Engine, progress: Progress, step: int, epoch: int) -> None:
        """Record the update that ended a call of `Engine.train`, if it was measured and came to its end."""
        if progress.moved is not None and not np.isnan(progress.moved[0, 0]):
            self.record(engine, progress.moved, step, epoch)

    def record(self, engine: Engine, moved: NDArray[np.float64], step: int, epoch: int) -> None:
        """Record an update by what it did to the parameters, and the outputs as they are now.

        Parameters
        ----------
        engine : holds the weights after the update
        moved : (parameters, 3), see `descend.engine.protocol.Progress`
        step, epoch : the update's
        """
        norms = np.sqrt(self.members @ moved)  # (layers, 3)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(norms[:, 1] > 0, norms[:, 2] / norms[:, 1], math.nan)
        values = dict(zip(PROBED, engine.probe(self.X, self.bounds).T.tolist(), strict=True))
        seen = [(value, name) for value, name in self.looked_at if not math.isnan(values["mean"][value])]
        readings = {
            "gradient_norm": dict(zip(self.layers, norms[:, 0].tolist(), strict=True)),
            "weight_norm": dict(zip(self.layers, norms[:, 1].tolist(), strict=True)),
            "update_ratio": dict(zip(self.layers, ratios.tolist(), strict=True)),
            "mean": {name: values["mean"][value] for value, name in seen},
            "std": {name: values["deviation"][value] for value, name in seen},
            "zeros": {name: values["zeros"][value] for value, name in seen},
            "dead": {name: values["silent"][value] for value, name in self.relu},
            "saturated": {name: values["outside"][value] for value, name in self.limited},
        }
        for record in self.records:
            record.append(step, epoch, readings)


def automatic_interval(plan: Plan, rows: int, batch_size: int) -> int:
    """Return how many updates apart measurements may be without taking more than `_SHARE` of the time.

    By counting, in floating-point operations of a product: a forward pass over the probe's rows, a look at every number
    on its way and at every weight, and Python's part, against an update's three products, its elementwise work and the
    optimizer's. What each kind of work counts was fitted to measured times: docs/design/12-watching-the-training.md.

    Parameters
    ----------
    plan : the network
    rows : of the probe
    batch_size : rows per update
    """
    weights = sum(p.size for p in plan.parameters if len(p.shape) > 1)
    products = sum(_multiply_adds(plan, op) for op in plan.ops)
    numbers = sum(value.size for value in plan.values)
    measurement = 2.0 * products * rows + 80.0 * numbers * rows + 300.0 * weights + 4e5 * len(plan.values) + 6e6
    update = 6.0 * products * batch_size + 50.0 * numbers * batch_size + 120.0 * weights + 2e5
    return max(1, math.ceil(measurement / update / _SHARE))


def _multiply_adds(plan: Plan, op: ops.Op) -> int:
    """Return those of a forward pass of one row: every weight, once for each position it is used at."""
    matrices = [index for name in ("weight", "recurrent") if (index := getattr(op, name, None)) is not None]
    positions = max(plan.values[value].positions for value in (op.inputs[0], op.output))
    return positions * sum(plan.parameters[index].size for index in matrices)


def only_monitor(callbacks: tuple[Callback, ...]) -> Monitor | None:
    """Return the monitor among callbacks, if there is one.

    Raises
    ------
    ValueError
        When there are several.
    """
    found = [callback for callback in callbacks if isinstance(callback, Monitor)]
    if len(found) > 1:
        raise ValueError(f"callbacks holds {len(found)} monitors; pass one, which measures everything")
    return found[0] if found else None


def _probe_rows(batch: Batch, subset: NDArray[np.uint32] | None, rows: int) -> NDArray | SparseRows | Sequences:
    """Return copies of at most `rows` training rows, evenly spread."""
    count = batch.X.shape[0] if subset is None else len(subset)
    chosen = np.arange(min(rows, count)) * count // min(rows, count)
    return batch.X[chosen if subset is None else subset[chosen]]
