"""Telling a person how the training goes: a live line on a terminal, plain lines elsewhere, nothing when silent.

Reporters only read; they never change a run. The live one is redrawn from the engine's ticks, so it needs no thread.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from descend.training.history import History
from descend.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

#: Seconds between two redraws, or between two plain lines at verbose=1.
_REDRAW = 0.1
_LINE = 1.0
#: Characters of the bar, and how few are not worth drawing.
_BAR = 24
_LEAST_BAR = 5


class Reporter(Protocol):
    """Someone who is told about epochs; `live` ones also want ticks during an epoch."""

    live: bool

    def begin(self, epoch: int, epochs: int, rows: int) -> None: ...

    def tick(self, epoch: int, rows: int, loss: float) -> None: ...

    def epoch_end(self, epoch: int, history: History) -> None: ...

    def end(self, history: History) -> None: ...


class Silent:
    """Says nothing (verbose=0)."""

    live = False

    def begin(self, epoch: int, epochs: int, rows: int) -> None: ...

    def tick(self, epoch: int, rows: int, loss: float) -> None: ...

    def epoch_end(self, epoch: int, history: History) -> None: ...

    def end(self, history: History) -> None: ...


class Lines:
    """One plain line per epoch; at verbose=1 at most one a second, the last epoch always."""

    live = False

    def __init__(self, stream: TextIO, *, every_epoch: bool) -> None:
        self.stream = stream
        self.every_epoch = every_epoch
        self.epochs = 0
        self.rows = self.printed = 0
        self.last_time = 0.0

    def begin(self, epoch: int, epochs: int, rows: int) -> None:
        self.epochs, self.rows, self.printed = epochs, rows, epoch
        self.last_time = 0.0

    def tick(self, epoch: int, rows: int, loss: float) -> None: ...

    def epoch_end(self, epoch: int, history: History) -> None:
        now = time.monotonic()
        if self.every_epoch or now - self.last_time >= _LINE:
            self._print(epoch, history)
            self.last_time = now

    def end(self, history: History) -> None:
        if len(history) and self.printed != history.epoch[-1]:
            self._print(history.epoch[-1], history)
        print(closing_line(history), file=self.stream, flush=True)

    def _print(self, epoch: int, history: History) -> None:
        self.printed = epoch
        speed = f"{self.rows / max(history.seconds[-1], 1e-9):,.0f} rows/s"
        numbers = (f"{name} {value:.4g}" for name, value in latest(history))
        print(f"epoch {epoch}/{self.epochs}", *numbers, speed, sep="  ", file=self.stream, flush=True)


class Live:
    """One line on a terminal, redrawn in place: bar, losses, metrics, rows/s and the time left."""

    live = True

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.task: TaskID | None = None
        self.first = self.epochs = self.rows = 0
        self.started = self.drawn = 0.0
        self.numbers: list[tuple[str, float]] = []

    def begin(self, epoch: int, epochs: int, rows: int) -> None:
        from rich.progress import Progress

        self.first, self.epochs, self.rows = epoch, epochs, rows
        self.started = self.drawn = time.monotonic()
        self.progress = Progress(auto_refresh=False)
        self.progress.columns = _columns(self.progress.console.width // 4, f"epoch {epoch}/{epochs}", "")
        self.task = self.progress.add_task("", total=(epochs - epoch) * rows)
        self.progress.start()

    def tick(self, epoch: int, rows: int, loss: float) -> None:
        self._draw(epoch, rows, self.numbers or [("loss", loss)])

    def epoch_end(self, epoch: int, history: History) -> None:
        self.numbers = latest(history)
        self._draw(epoch + 1, 0, self.numbers)

    def end(self, history: History) -> None:
        if self.progress is None or self.task is None:
            return
        if len(history):
            self.drawn = 0.0
            self._draw(history.epoch[-1] + 1, 0, self.numbers, ended=True)
        self.progress.refresh()
        self.progress.stop()
        self.progress.console.print(closing_line(history), highlight=False)
        self.progress = None

    def _draw(self, epoch: int, rows: int, numbers: list[tuple[str, float]], *, ended: bool = False) -> None:
        now = time.monotonic()
        if now - self.drawn < _REDRAW or self.progress is None or self.task is None:
            return
        self.drawn = now
        done = (epoch - self.first - 1) * self.rows + rows
        speed = done / max(now - self.started, 1e-9)
        left = ((self.epochs - self.first) * self.rows - done) / speed if speed else None
        beginning = f"epoch {epoch - 1 if ended else min(epoch, self.epochs)}/{self.epochs}"
        room = self.progress.console.width - len(beginning) - 1
        bar, text = fitted(numbers, f"{speed:,.0f} rows/s", "" if ended else f"ETA {_clock(left)}", room)
        self.progress.columns = _columns(bar, beginning, text)
        self.progress.update(self.task, completed=done, refresh=True)


def _columns(bar: int, beginning: str, text: str) -> tuple[ProgressColumn, ...]:
    """Return the parts of the live line; the bar is left out at a width of 0."""
    from rich.progress import BarColumn, TextColumn
    from rich.table import Column

    first, last = (
        TextColumn(_quoted(part), markup=False, table_column=Column(no_wrap=True)) for part in (beginning, text)
    )
    return (first, BarColumn(bar_width=bar), last) if bar else (first, last)


def _quoted(text: str) -> str:
    """Rich fills in braces, which a metric's name might hold."""
    return text.replace("{", "{{").replace("}", "}}")


def fitted(numbers: list[tuple[str, float]], speed: str, left: str, width: int) -> tuple[int, str]:
    """Return the width of a bar and a text beside it that together fit: what matters least gives way first.

    The bar shrinks and goes, then the metrics from the last one on, then the speed; losses and the time left stay.

    Parameters
    ----------
    numbers : losses and metrics by name
    speed, left : as they are to be shown; `left` may be empty
    width : characters that there are
    """
    shown = {name: f"{name} {value:.4g}" for name, value in numbers}
    kept = {name for name in shown if name in ("loss", "val_loss")}

    def line(names: set[str]) -> str:
        parts = [shown[name] for name in shown if name in names]
        return "  ".join([*parts, *([speed] if "" in names else []), *([left] if left else [])])

    for name in ("", *shown):
        if len(line(kept | {name})) <= width:
            kept.add(name)
    text = line(kept)
    bar = min(_BAR, width - len(text) - 1)
    return (bar if bar >= _LEAST_BAR else 0), text


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes:02d}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def latest(history: History) -> list[tuple[str, float]]:
    """Return the last epoch's losses and metrics by name."""
    columns = history.columns()
    return [(name, column[-1]) for name, column in columns.items() if name not in ("epoch", "learning_rate", "seconds")]


_REASONS = {
    "epochs": "all epochs done",
    "tol": "the loss stopped improving",
    "early_stopping": "early stopping",
    "time_budget": "time budget used up",
    "interrupted": "interrupted",
    "diverged": "diverged",
    "learning_rate": "the learning rate became too small to matter",
    "callback": "stopped by a callback",
    "": "ended by an error",
}


def closing_line(history: History) -> str:
    """Return the sentence that ends a run's report."""
    best = "" if history.best_epoch is None else f"; weights of epoch {history.best_epoch} kept"
    return f"{counted(len(history), 'epoch')} in {sum(history.seconds):.2f} s ({_REASONS[history.stop_reason]}{best})"


def reporter(verbose: int | bool) -> Reporter:
    """Return the reporter for the argument `verbose` of `fit`.

    Raises
    ------
    ValueError
        When `verbose` is not 0, 1 or 2.
    """
    if verbose not in (0, 1, 2):
        raise ValueError(f"verbose must be 0 (silent), 1 (live progress) or 2 (a line per epoch), got {verbose!r}")
    if not verbose or sys.stdout is None:  # None where a program has no console, such as one with windows of its own
        return Silent()
    if verbose == 1 and sys.stdout.isatty():
        return Live()
    return Lines(sys.stdout, every_epoch=verbose == 2)
