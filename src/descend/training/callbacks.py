"""Code of the user's that runs during training, at the end of epochs or of single updates.

A callback that does not override `on_step_end` costs nothing inside an epoch, which then is one native call.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

from descend.training.history import History, StopReason
from descend.training.templates import PathTemplate

#: Whether a watched number should fall or rise; "auto" asks the metric's registry.
Mode = Literal["auto", "min", "max"]


class Run(Protocol):
    """What a callback sees of the training it is part of.

    Attributes
    ----------
    network : Network
        The network being trained; its weights are the current ones.
    history : History
        The epochs completed in this call of `fit`.
    epoch : int
        The current epoch, counted from 1 over all calls of `fit`.
    epochs : int
        The epoch at which this call of `fit` ends unless something stops it earlier.
    step : int
        Updates done so far, over all calls of `fit`.
    loss : float
        Mean training loss of the current epoch's rows so far.
    """

    network: Any
    history: History
    epoch: int
    epochs: int
    step: int
    loss: float

    def stop(self, reason: StopReason = "callback") -> None:
        """End the training after the current update (from `on_step_end`) or epoch."""
        ...

    def value(self, name: str) -> float:
        """Return the last epoch's entry of a history column."""
        ...


class Callback:
    """Base class of callbacks: override the moments you need.

    Examples
    --------
    >>> class Report(Callback):
    ...     def on_epoch_end(self, run):
    ...         print(run.epoch, run.history.loss[-1])
    """

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before each epoch."""

    def on_step_end(self, run: Run) -> None:
        """After each update; overriding this makes every update a separate call of the engine."""

    def on_epoch_end(self, run: Run) -> None:
        """After each epoch, its entries in ``run.history`` written."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, however the training ended, with the final (best) weights in the network."""


class EarlyStopping(Callback):
    """Stop when a watched number has not improved for a while, and keep the best weights.

    Parameters
    ----------
    monitor : str, default: "val_loss"
        A column of the history: ``"val_loss"``, ``"loss"``, or a metric such as ``"val_accuracy"`` (which must be
        among the ``metrics`` of `fit`).
    patience : int, default: 10
        Stop after this many epochs in a row without improvement.
    min_delta : float, default: 0.0
        The least change that counts as an improvement.
    mode : {"auto", "min", "max"}, default: "auto"
        Whether lower or higher is better; "auto" knows it for losses and for the metrics of `descend.metrics`.
    restore_best : bool, default: True
        Whether the network ends with the weights of its best epoch.

    Raises
    ------
    ValueError
        For a negative patience or min_delta, or an unknown mode.
    TypeError
        When `monitor` is no name or `restore_best` is neither True nor False.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        restore_best: bool = True,
    ) -> None:
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 0:
            raise ValueError(f"patience must be an integer >= 0 (epochs to wait), got {patience!r}")
        if not (isinstance(min_delta, (int, float)) and 0 <= min_delta < math.inf):
            raise ValueError(f"min_delta must be a finite number >= 0, got {min_delta!r}")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = _column(monitor)
        self.patience = patience
        self.min_delta = float(min_delta)
        self.mode: Mode = mode
        self.restore_best = _flag("restore_best", restore_best)
        self._watch = Improvement("min", self.min_delta)

    def __repr__(self) -> str:
        return f"EarlyStopping({self.monitor!r}, patience={self.patience}, min_delta={self.min_delta:g})"

    def on_train_begin(self, run: Run) -> None:
        self._watch = Improvement(direction(self.monitor, self.mode), self.min_delta)

    def on_epoch_end(self, run: Run) -> None:
        self._watch.update(run.value(self.monitor))
        if self._watch.waited >= max(self.patience, 1):
            run.stop("early_stopping")


class Checkpoint(Callback):
    """Save the network to a file while it trains, so that a run cut short can be resumed.

    Parameters
    ----------
    path : str or path
        The file; it is replaced as a whole each time, never left half-written. Columns of the history in braces are
        filled in after each epoch, with a format as `str.format` takes it, so that several files are kept:
        ``"model_{epoch:03d}_{val_loss:.3f}.descend"``. A brace itself is written twice.
    every : int, default: 1
        Save after every this many epochs.
    only_best : bool, default: False
        Save only after epochs in which `monitor` improved.
    monitor : str, default: "val_loss"
        The column that `only_best` watches.
    mode : {"auto", "min", "max"}, default: "auto"
        As for `EarlyStopping`.

    Raises
    ------
    ValueError
        For an `every` below 1, an unknown mode, or braces in `path` without a name; by `fit`, before it trains, for a
        name that the training does not record.
    TypeError
        When `monitor` is no name or `only_best` is neither True nor False.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every: int = 1,
        only_best: bool = False,
        monitor: str = "val_loss",
        mode: Mode = "auto",
    ) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"every must be an integer >= 1 (epochs between two saves), got {every!r}")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.path = Path(path)
        self.template = PathTemplate(path)
        self.every = every
        self.only_best = _flag("only_best", only_best)
        self.monitor = _column(monitor) if only_best else None
        self.mode: Mode = mode
        self._watch = Improvement("min", 0.0)

    def on_train_begin(self, run: Run) -> None:
        if self.monitor is not None:
            self._watch = Improvement(direction(self.monitor, self.mode), 0.0)

    def on_epoch_end(self, run: Run) -> None:
        if self.monitor is not None:
            self._watch.update(run.value(self.monitor))
            if self._watch.waited:
                return
        elif run.epoch % self.every:
            return
        run.network.save(self.template.filled(run.history.columns()))


class SWA(Callback):
    """Average the weights after each epoch from a given one on; the average is validated and is what `fit` ends with.

    Averages of weights along the path of a high, constant learning rate lie flatter and generalize better than its end.
    The statistics of batch normalization are measured anew for the average, in one pass over the training rows, each
    time it is needed. A later `fit` starts from the average. Callbacks, `Checkpoint` among them, see the latest weights
    until training ends. Izmailov and others, "Averaging weights leads to wider optima and better generalization", 2018.
    For the moving average over every update see `average_decay` of the optimizers.

    Parameters
    ----------
    start : int
        The first epoch that counts, from 1 over all calls of `fit`; before it training is as without.
    every : int, default: 1
        Take only every so many epochs from there on, such as a cyclic schedule's period.

    Warns
    -----
    UserWarning
        When a call of `fit` ends, or would end, before epoch `start`, so that nothing is averaged.
    """

    def __init__(self, start: int, every: int = 1) -> None:
        for name, value in (("start", start), ("every", every)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be an integer >= 1 (of epochs), got {value!r}")
        self.start = start
        self.every = every

    def __repr__(self) -> str:
        return f"SWA(start={self.start}, every={self.every})"


class Function(Callback):
    """Functions as a callback.

    Parameters
    ----------
    on_epoch_end, on_step_end : callable taking the run, default: None
        Called at that moment; without `on_step_end` an epoch stays one native call.
    """

    def __init__(
        self,
        on_epoch_end: Callable[[Run], object] | None = None,
        on_step_end: Callable[[Run], object] | None = None,
    ) -> None:
        for name, function in (("on_epoch_end", on_epoch_end), ("on_step_end", on_step_end)):
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be a function of one argument, the run; got {type(function).__name__}")
        self.epoch_function = on_epoch_end
        self.step_function = on_step_end

    def on_epoch_end(self, run: Run) -> None:
        if self.epoch_function is not None:
            self.epoch_function(run)

    def on_step_end(self, run: Run) -> None:
        if self.step_function is not None:
            self.step_function(run)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def _column(monitor: object) -> str:
    if not isinstance(monitor, str):
        raise TypeError(f"monitor must be the name of a column of the history such as 'val_loss', got {monitor!r}")
    return monitor


class Improvement:
    """The best of a series of numbers, and how many came since."""

    def __init__(self, mode: Literal["min", "max"], min_delta: float) -> None:
        self.sign = 1.0 if mode == "min" else -1.0
        self.min_delta = min_delta
        self.best = math.inf
        self.waited = 0

    def update(self, value: float) -> bool:
        """Take the next number; whether it improved on the best by more than `min_delta` (NaN never does)."""
        value *= self.sign
        if value < self.best - self.min_delta:
            self.best = value
            self.waited = 0
            return True
        self.waited += 1
        return False


def direction(monitor: str, mode: Mode = "auto") -> Literal["min", "max"]:
    """Return whether a history column should fall or rise.

    Raises
    ------
    ValueError
        When `mode` is "auto" and the column is neither a loss nor a metric of `descend.metrics`.
    """
    if mode != "auto":
        return mode
    if monitor in ("loss", "val_loss"):
        return "min"
    from descend import metrics

    try:
        return "max" if metrics.greater_is_better(monitor.removeprefix("val_")) else "min"
    except ValueError as error:
        raise ValueError(
            f"whether {monitor!r} should rise or fall is not known; pass mode='min' or mode='max'"
        ) from error


def wants_steps(callback: Callback) -> bool:
    """Whether a callback looks at single updates."""
    if isinstance(callback, Function):
        return callback.step_function is not None
    return type(callback).on_step_end is not Callback.on_step_end


def check_callbacks(callbacks: Callback | Iterable[Callback] | None) -> tuple[Callback, ...]:
    """Return the argument ``callbacks`` of `fit` as a tuple.

    Raises
    ------
    TypeError
        When something in it is not a callback.
    """
    if callbacks is None:
        return ()
    found = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    for callback in found:
        if not isinstance(callback, Callback):
            remedy = (
                f"pass an instance: {callback.__name__}()"
                if isinstance(callback, type)
                else "derive its class from descend.callbacks.Callback, or wrap a function in callbacks.Function"
            )
            raise TypeError(f"callbacks must be descend.callbacks.Callback objects, got {callback!r}; {remedy}")
    return found
