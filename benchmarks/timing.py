"""How times are taken: cores kept awake, contestants in alternation, medians."""

from __future__ import annotations

import gc
import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from statistics import median


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def warm(seconds: float = 0.5) -> None:
    """Keep every core busy for a while.

    An idle core of a virtual machine takes up to half a second to come up; whoever is measured first would pay.
    """
    end = time.perf_counter() + seconds
    block = bytes(1 << 20)

    def burn() -> None:
        while time.perf_counter() < end:
            hashlib.sha256(block).digest()  # releases the interpreter lock

    threads = [threading.Thread(target=burn) for _ in range(cores())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def repeats(call: Callable[[int], object], target: float) -> int:
    """How often to repeat inside one `call(repeats)` for it to take `target` seconds; also warms caches."""
    count = 1
    while True:
        start = time.perf_counter()
        call(count)
        spent = time.perf_counter() - start
        if spent > target / 4 or count >= 1 << 24:
            return max(1, round(count * target / max(spent, 1e-9)))
        count *= 4


def alternate(
    calls: Mapping[str, Callable[[int], object]], *, rounds: int, target: float = 0.4, warm_seconds: float = 0.3
) -> dict[str, list[float]]:
    """Seconds of one repetition for each call, a list of `rounds` measurements each.

    The contestants take turns within every round, so that a slow minute of the machine hits all of them.
    """
    counts = {name: repeats(call, target) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            gc.collect()
            warm(warm_seconds)
            start = time.perf_counter()
            call(counts[name])
            times[name].append((time.perf_counter() - start) / counts[name])
    return times


def alternate_on_one_core(
    calls: dict[str, Callable[[int], object]], *, count: int, rounds: int
) -> dict[str, list[float]]:
    """Processor seconds of `count` repetitions of each call, a list of `rounds` measurements each.

    For differences of a percent, which the clock does not see on a machine that others use as well. The calls must
    use one thread. They take turns as in `alternate`, in every other round the other way round.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds):
        for name in reversed(calls) if number % 2 else calls:
            gc.collect()
            start = time.process_time()
            calls[name](count)
            times[name].append(time.process_time() - start)
    return times


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: median(values) for name, values in times.items()}
