"""What a monitor costs: whole calls of `fit` with one at its default interval, against calls without."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from descend import callbacks, optimizers
from peers.ours import network
from shapes import SHAPES
from timing import alternate

DESCRIPTION = (
    "Whole calls of `fit` with `callbacks.Monitor()` and without, in turns, each measured in pairs; the median of the "
    "pairs' ratios. The last columns say how far apart the measurements are and how much dearer one per epoch is."
)

_MONITORS: dict[str, Callable[[], callbacks.Monitor | None]] = {
    "without": lambda: None,
    "default": callbacks.Monitor,
    "every epoch": lambda: callbacks.Monitor(per_epoch=1),
    "without, again": lambda: None,  # what it differs from the first is the measurement's own error
}


def measure(shape_name: str, rounds: int, note: Callable[[str], None]) -> dict[str, Any]:
    """Ratios of the time with a monitor to that without, and the updates between two measurements."""
    shape = SHAPES[shape_name]
    X, y = shape.data()
    apart = 0

    def contestant(make: Callable[[], callbacks.Monitor | None]) -> Callable[[int], object]:
        net = network(shape)

        def epochs(count: int) -> object:
            monitor = make()
            return net.fit(
                X,
                y,
                loss="categorical_crossentropy",
                optimizer=optimizers.Adam(1e-3),
                epochs=count,
                batch_size=shape.batch,
                callbacks=[] if monitor is None else [monitor],
                verbose=0,
            )

        return epochs

    calls = {name: contestant(make) for name, make in _MONITORS.items()}
    # The machine's speed changes from second to second by more than a monitor costs: many short pairs.
    times = alternate(calls, rounds=5 * rounds, target=0.25, warm_seconds=0.1)
    long = network(shape).fit(X, y, epochs=24, batch_size=shape.batch, callbacks=callbacks.Monitor(), verbose=0)
    if long.monitor is not None and len(long.monitor) > 2:
        apart = long.monitor.step[2] - long.monitor.step[1]
    ratios = {
        name: median(one / other for one, other in zip(values, times["without"], strict=True))
        for name, values in times.items()
    }
    note(
        f"  {shape_name:7s} default {ratios['default']:.3f}, every epoch {ratios['every epoch']:.3f}, "
        f"without again {ratios['without, again']:.3f}"
    )
    return {"ratio": ratios, "apart": apart, "steps": shape.steps, "seconds": times}
