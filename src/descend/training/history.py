"""What a training run recorded: plain lists, one entry per epoch. Refuses to draw or to compute anything itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from descend.wording import counted

if TYPE_CHECKING:
    import polars
    from matplotlib.axes import Axes

    from descend.training.diagnosis import Diagnosis
    from descend.training.measurements import Measurements
    from descend.training.setup import Setup

#: Why a run ended.
StopReason = Literal[
    "", "epochs", "tol", "early_stopping", "time_budget", "interrupted", "diverged", "learning_rate", "callback"
]


@dataclass
class History:
    """The record of one or several calls of `Network.fit`.

    Attributes
    ----------
    epoch : list of int
        The network's epoch counter, from 1; it goes on when `fit` is called again.
    loss : list of float
        Mean training loss over the epoch's rows while the weights were changing, penalties included.
    val_loss : list of float
        Loss on the validation data after the epoch, in inference mode, penalties included; empty without such data.
    metrics : dict of str to list of float
        One list per metric asked for, e.g. ``"accuracy"`` and ``"val_accuracy"``.
    learning_rate : list of float
        The rate of the epoch's last update (NaN for L-BFGS, which searches along a line instead).
    seconds : list of float
        Wall-clock seconds of each epoch, validation included.
    initial_loss : float or None
        Loss of the first mini-batch with the weights before the first update, penalties included; None where there was
        no such batch (L-BFGS).
    best_epoch : int or None
        The epoch whose weights the network holds, when best weights were kept.
    stop_reason : str
        ``"epochs"``, ``"tol"``, ``"early_stopping"``, ``"time_budget"``, ``"interrupted"``, ``"diverged"``,
        ``"learning_rate"`` (an adaptive rate became too small) or ``"callback"``; empty while the run goes on.
    monitor : Measurements or None
        What a `descend.callbacks.Monitor` measured, layer by layer; None without one.
    setup : Setup or None
        What the last call of `fit` was about: network, batch, loss, optimizer and a summary of the data.
    """

    epoch: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    initial_loss: float | None = None
    best_epoch: int | None = None
    stop_reason: StopReason = ""
    monitor: Measurements | None = None
    setup: Setup | None = None

    def __repr__(self) -> str:
        """Return the last numbers in one line; `to_frame` has all of them."""
        parts = [counted(len(self), "epoch")]
        for name in ("loss", "val_loss", *self.metrics):
            if column := self.columns().get(name):
                parts.append(f"{name} {column[-1]:.4g}")
        if self.best_epoch is not None:
            parts.append(f"best epoch {self.best_epoch}")
        if self.stop_reason:
            parts.append(f"stopped by {self.stop_reason!r}")
        return f"History({', '.join(parts)})"

    def __len__(self) -> int:
        """Return the number of epochs recorded."""
        return len(self.epoch)

    def __getitem__(self, name: str) -> list:
        """Return a column by name, as in ``history["val_accuracy"]``."""
        columns = self.columns()
        if name not in columns:
            raise KeyError(f"no column {name!r} in this history; it has {', '.join(columns)}")
        return columns[name]

    def columns(self) -> dict[str, list]:
        """Return every non-empty list by name, in the order `to_frame` shows them."""
        table: dict[str, list] = {"epoch": self.epoch, "loss": self.loss}
        if self.val_loss:
            table["val_loss"] = self.val_loss
        table.update(self.metrics)
        table["learning_rate"] = self.learning_rate
        table["seconds"] = self.seconds
        return table

    def begin(self, initial_loss: float) -> None:
        """Record the loss before the first update, unless there was one before."""
        if self.initial_loss is None and math.isfinite(initial_loss):
            self.initial_loss = initial_loss

    def append(
        self, epoch: int, loss: float, val_loss: float | None, metrics: dict[str, float], rate: float, seconds: float
    ) -> None:
        """Record one epoch. Columns that appear only now, or are missing now, are filled with NaN."""
        done = len(self.epoch)
        self.epoch.append(epoch)
        self.loss.append(loss)
        self.learning_rate.append(rate)
        self.seconds.append(seconds)
        if val_loss is not None or self.val_loss:
            _extend(self.val_loss, done, [math.nan if val_loss is None else val_loss])
        if metrics or self.metrics:
            for name in dict.fromkeys((*self.metrics, *metrics)):
                _extend(self.metrics.setdefault(name, []), done, [metrics.get(name, math.nan)])

    def diagnose(self) -> Diagnosis:
        """Look for what may have gone wrong: plain findings, each with its evidence and a remedy.

        Some checks need what a `descend.callbacks.Monitor` measures, or validation rows; those that could not be made
        are listed in the result's `unchecked`, with the reason.

        Returns
        -------
        Diagnosis
            Of `Finding` objects, the most severe first; it prints as text and is empty when all is well.

        Examples
        --------
        >>> from descend import Network, layers, optimizers
        >>> net = Network([layers.Dense(1)])
        >>> history = net.fit([[0.0], [1.0], [2.0]] * 8, [0.0, 1.0, 2.0] * 8, epochs=20, verbose=0,
        ...                   optimizer=optimizers.SGD(1e-6))
        >>> [finding.name for finding in history.diagnose()]
        ['learning_rate_too_low']
        """
        from descend.training.diagnosis import diagnose

        return diagnose(self)

    def to_frame(self) -> polars.DataFrame:
        """Return the history as a polars frame with one row per epoch.

        Raises
        ------
        ImportError
            When polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise ImportError(
                "History.to_frame needs polars: install it with `pip install polars`, "
                "or take the plain lists of history.columns()"
            ) from error
        return polars.DataFrame(self.columns())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the learning curves; see `descend.plots.learning_curves`.

        Parameters
        ----------
        ax : matplotlib Axes, default: None
            Where to draw; a new figure when None.

        Returns
        -------
        matplotlib Axes
        """
        from importlib import import_module

        # By name: plots is a layer above training, and matplotlib must load only when a picture is wanted.
        return import_module("descend.plots").learning_curves(self, ax=ax)


def _extend(column: list[float], length: int, values: list[float]) -> None:
    column.extend([math.nan] * (length - len(column)))
    column.extend(values)
