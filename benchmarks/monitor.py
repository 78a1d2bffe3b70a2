"""What a monitor costs: whole calls of `fit` with one at its default interval, against calls without.

A monitor may take 3% and takes less than 1%, where the clock's times of equal calls differ by more. So what is compared
is the processor time of one thread, in turns, and equal calls stand beside them as a control. Two networks of one shape
differ by more than a percent, by where their numbers lie in memory: each of them plays every part equally often, and
what is compared is always the same network.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import count
from statistics import fmean, median
from typing import Any

from descend import Network, callbacks, optimizers
from peers.ours import network
from shapes import SHAPES, Shape
from timing import alternate_on_one_core

DESCRIPTION = (
    "Processor time of whole calls of `fit` on one thread, with `callbacks.Monitor()` and without, in turns, over that "
    "without; medians for each of four equal networks, then the mean over these. The control is one call without a "
    "monitor over another: the measurement's own error. A call goes through at least two of the default's intervals; "
    "its first update and its end are measured as well, so a longer training pays less."
)

#: A call takes at least so many processor seconds, and goes through so many intervals between two measurements.
_SECONDS, _INTERVALS = 0.5, 2

_MONITORS: dict[str, Callable[[], callbacks.Monitor | None]] = {
    "without": lambda: None,
    "default": callbacks.Monitor,
    "every epoch": lambda: callbacks.Monitor(per_epoch=1),
    "without, again": lambda: None,
}


def measure(shape_name: str, rounds: int, note: Callable[[str], None]) -> dict[str, Any]:
    """Ratios of the time with a monitor to that without, their control, and the updates between two measurements."""
    shape = SHAPES[shape_name]
    nets = [network(shape) for _ in _MONITORS]
    calls = {name: _part(shape, nets, place, make) for place, (name, make) in enumerate(_MONITORS.items())}
    apart, seconds = _interval(shape)
    epochs = math.ceil(max(_INTERVALS * apart / shape.steps, _SECONDS / seconds))
    times = alternate_on_one_core(calls, count=epochs, rounds=len(nets) * math.ceil(rounds / 2))
    by_net = {
        name: [median(times[name][(k - place) % len(nets) :: len(nets)]) for k in range(len(nets))]
        for place, name in enumerate(times)
    }
    plain = [fmean(pair) for pair in zip(by_net["without"], by_net["without, again"], strict=True)]
    ratios = {name: _ratio(by_net[name], plain) for name in ("default", "every epoch")}
    control = _ratio(by_net["without, again"], by_net["without"])
    note(
        f"  {shape_name:7s} default {ratios['default']:.4f}, every epoch {ratios['every epoch']:.4f}, "
        f"control {control:.4f}"
    )
    found = {"ratio": ratios, "control": control, "apart": apart, "steps": shape.steps}
    return {**found, "epochs": epochs, "seconds": times}


def _ratio(times: list[float], others: list[float]) -> float:
    return fmean(one / other for one, other in zip(times, others, strict=True))


def _part(
    shape: Shape, nets: list[Network], place: int, make: Callable[[], callbacks.Monitor | None]
) -> Callable[[int], object]:
    """A contestant that takes the networks one after the other, beginning with the one at its place."""
    X, y = shape.data()
    turns = count(place)

    def epochs(number: int) -> object:
        monitor = make()
        return nets[next(turns) % len(nets)].fit(
            X,
            y,
            loss="categorical_crossentropy",
            optimizer=optimizers.Adam(1e-3),
            epochs=number,
            batch_size=shape.batch,
            callbacks=[] if monitor is None else [monitor],
            threads=1,
            verbose=0,
        )

    return epochs


def _interval(shape: Shape) -> tuple[int, float]:
    """How many updates apart the default measures in a long run, and the processor seconds of an epoch."""
    X, y = shape.data()
    start, epochs = time.process_time(), 24
    history = network(shape).fit(
        X, y, epochs=epochs, batch_size=shape.batch, callbacks=callbacks.Monitor(), threads=1, verbose=0
    )
    assert history.monitor is not None
    return history.monitor.step[2] - history.monitor.step[1], (time.process_time() - start) / epochs
