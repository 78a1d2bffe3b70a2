"""The history and what is shown while it grows."""

from __future__ import annotations

import builtins
import io
import math
import re
import sys

import pytest

from descend import History, Network, callbacks, layers, optimizers
from descend.training import progress

X = [[0.0], [1.0], [2.0], [3.0]]
Y = [0.0, 1.0, 2.0, 3.0]


def fitted(**options) -> tuple[Network, History]:
    net = Network([layers.Dense(1)])
    return net, net.fit(X, Y, **{"epochs": 3, "verbose": 0, **options})


def test_it_shows_itself_in_one_line():
    _, history = fitted(validation_data=(X, Y), metrics=["mae"], epochs=300)
    shown = repr(history)
    assert shown.startswith(
        f"History(300 epochs, loss {history.loss[-1]:.4g}, val_loss {history.val_loss[-1]:.4g}, mae "
    )
    assert shown.endswith(f"best epoch {history.best_epoch}, stopped by 'epochs')") and len(shown) < 200
    assert repr(History()) == "History(0 epochs)"


def test_it_holds_one_entry_per_epoch():
    _, history = fitted(validation_data=(X, Y), metrics=["mae"])
    assert len(history) == 3 and history.epoch == [1, 2, 3]
    columns = ["epoch", "loss", "val_loss", "mae", "val_mae", "learning_rate", "seconds"]
    assert list(history.columns()) == columns
    assert all(len(history[name]) == 3 for name in columns)
    assert history.stop_reason == "epochs" and all(second > 0 for second in history.seconds)
    with pytest.raises(KeyError, match="no column 'accuracy'"):
        history["accuracy"]


def test_the_frame_has_a_row_per_epoch():
    polars = pytest.importorskip("polars")
    _, history = fitted(validation_data=(X, Y))
    frame = history.to_frame()
    assert isinstance(frame, polars.DataFrame) and frame.shape == (3, 5)
    assert frame["val_loss"].to_list() == history.val_loss


def test_a_missing_polars_is_explained(monkeypatch):
    real = builtins.__import__

    def without_polars(name, *rest):
        if name == "polars":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_polars)
    with pytest.raises(ImportError, match=r"pip install polars.*columns\(\)"):
        fitted()[1].to_frame()


def test_plot_draws_the_curves():
    axes = fitted(validation_data=(X, Y))[1].plot()
    assert len(axes.get_lines()) >= 2


def test_columns_that_come_late_are_filled_with_nan():
    net, _ = fitted()
    net.fit(X, Y, epochs=2, validation_data=(X, Y), metrics=["mae"], verbose=0)
    net.fit(X, Y, epochs=1, verbose=0)
    assert net.history.epoch == [1, 2, 3, 4, 5, 6]
    assert [math.isnan(value) for value in net.history.val_loss] == [True] * 3 + [False] * 2 + [True]
    assert [math.isnan(value) for value in net.history["val_mae"]] == [True] * 3 + [False] * 2 + [True]


def test_verbose_0_says_nothing(capsys):
    fitted(verbose=0)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_plain_lines_where_there_is_no_terminal(capsys):
    fitted(verbose=2, validation_data=(X, Y), metrics=["mae"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("epoch 1/3  loss ") and "val_loss" in lines[0] and "rows/s" in lines[0]
    assert lines[-1].startswith("3 epochs in") and "weights of epoch" in lines[-1]
    fitted(verbose=1, epochs=500)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 50, "at most a line a second"
    assert lines[-2].startswith("epoch 500/500")


def test_a_second_fit_counts_on(capsys):
    net, _ = fitted()
    net.fit(X, Y, epochs=2, verbose=2)
    assert capsys.readouterr().out.startswith("epoch 4/5  ")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_live_progress_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_REDRAW", 0.0)
    rows = [[float(i)] for i in range(500)]
    net = Network([layers.Dense(1)])
    net.fit(rows, [0.5] * 500, optimizer=optimizers.SGD(1e-9), epochs=20, validation_split=0.2, verbose=1)
    text = terminal.getvalue()
    for part in ("epoch", "/20", "rows/s", "loss", "val_loss", "ETA", "20 epochs in"):
        assert part in text, part


def test_the_live_line_shows_the_loss_of_the_running_epoch(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_REDRAW", 0.0)
    live = progress.reporter(1)
    assert live.live
    live.begin(0, 2, 100)
    live.tick(1, 50, 0.25)
    live.end(History())
    assert "loss 0.25" in terminal.getvalue() and "1/2" in terminal.getvalue()


@pytest.mark.parametrize(
    ("width", "bar", "text"),
    [
        (130, 24, "loss 0.1  val_loss 0.25  accuracy 0.5  val_accuracy 0.75  9,000 rows/s  ETA 00:09"),
        (95, 13, "loss 0.1  val_loss 0.25  accuracy 0.5  val_accuracy 0.75  9,000 rows/s  ETA 00:09"),
        (81, 0, "loss 0.1  val_loss 0.25  accuracy 0.5  val_accuracy 0.75  9,000 rows/s  ETA 00:09"),
        (80, 17, "loss 0.1  val_loss 0.25  accuracy 0.5  9,000 rows/s  ETA 00:09"),
        (60, 11, "loss 0.1  val_loss 0.25  9,000 rows/s  ETA 00:09"),
        (40, 5, "loss 0.1  val_loss 0.25  ETA 00:09"),
        (9, 0, "loss 0.1  val_loss 0.25  ETA 00:09"),
    ],
)
def test_what_matters_least_gives_way_on_a_narrow_terminal(width, bar, text):
    numbers = [("loss", 0.1), ("val_loss", 0.25), ("accuracy", 0.5), ("val_accuracy", 0.75)]
    found = progress.fitted(numbers, "9,000 rows/s", "ETA 00:09", width)
    assert found == (bar, text)
    assert width == 9 or len(text) + bar + bool(bar) <= width


def test_the_live_line_fits_an_ordinary_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(progress, "_REDRAW", 0.0)
    rows = [[float(i)] for i in range(500)]
    Network([layers.Dense(1)]).fit(
        rows, [0.5] * 500, optimizer=optimizers.SGD(1e-9), epochs=3, validation_split=0.2, metrics=["mae", "rmse"]
    )
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", plain) if line.startswith("epoch 3/3")]
    assert lines and all(len(line) <= 80 and "…" not in line for line in lines)
    assert all(part in lines[0] for part in ("loss ", "val_loss ", " rows/s", "ETA 00:0"))
    assert "ETA" not in lines[-1], "a run that ended has no time left"


def test_the_last_live_line_names_the_last_epoch(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    stop = callbacks.Function(lambda run: run.stop() if run.epoch == 3 else None)
    Network([layers.Dense(1)]).fit(X, Y, epochs=500, callbacks=stop)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", plain) if line.startswith("epoch")]
    assert lines[-1].startswith("epoch 3/500") and "ETA" not in lines[-1]
