"""Calls of the native engine that end early, and what it refuses."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from descend import layers, losses, optimizers
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.plan import attach_loss, lower
from ops_cases import case_named


def _plain(width: int = 4, units: int = 3) -> NativeEngine:
    plan = attach_loss(lower([layers.Dense(units)], (width,)), losses.MSE(), target="dense")
    return NativeEngine(plan)


def _data(rows: int, width: int = 4, units: int = 3) -> Batch:
    rng = np.random.default_rng(0)
    return Batch(rng.normal(size=(rows, width)).astype(np.float32), rng.normal(size=(rows, units)).astype(np.float32))


def test_a_diverging_batch_is_not_applied() -> None:
    engine = _plain()
    batch = _data(40)
    batch.X[:] *= 1e30
    engine.set_parameters(np.ones(engine.plan.size))
    engine.start(optimizers.SGD(1e30), seed=0)
    rows = np.arange(40, dtype=np.uint32)
    progress = engine.train(batch, rows, batch_size=10, learning_rates=np.array([1e30]), threads=2)
    assert progress.status == "diverged"
    assert progress.steps < 4


def test_no_update_from_a_first_batch_that_is_not_finite() -> None:
    engine = _plain()
    batch = _data(10)
    batch.X[3, 1] = np.inf
    engine.start(optimizers.SGD(0.1), seed=0)
    before = engine.get_parameters()
    progress = engine.train(batch, np.arange(10, dtype=np.uint32), batch_size=10, learning_rates=np.array([0.1]))
    assert (progress.status, progress.steps) == ("diverged", 0)
    np.testing.assert_array_equal(engine.get_parameters(), before)


def test_tick_stops_and_deadline_ends() -> None:
    engine = _plain(64, 64)
    batch = _data(2000, 64, 64)
    engine.start(optimizers.SGD(0.001), seed=0)
    rows = np.tile(np.arange(2000, dtype=np.uint32), 200)
    seen: list[int] = []

    def stop(done: int, loss: float, weight: float) -> bool:
        seen.append(done)
        assert np.isfinite(loss) and weight == done
        return False

    rate = np.array([1e-3])
    progress = engine.train(batch, rows, batch_size=10, learning_rates=rate, tick=stop)
    assert progress.status == "stopped" and progress.rows == seen[-1] < len(rows)
    assert engine.get_state().step == progress.steps
    progress = engine.train(batch, rows, batch_size=10, learning_rates=rate, deadline=0.0)
    assert progress.status == "deadline" and progress.steps == 1


@pytest.mark.parametrize("what", ["train", "gradients", "evaluate", "predict"])
def test_other_threads_go_on_meanwhile(what: str) -> None:
    """The interpreter's lock is free while the engine works."""
    engine = _plain(256, 256)
    batch = _data(20_000, 256, 256)
    engine.start(optimizers.SGD(0.001), seed=0)
    rows = np.tile(np.arange(20_000, dtype=np.uint32), 50)
    calls = {
        "train": lambda: engine.train(
            batch, rows, batch_size=32, learning_rates=np.array([1e-3]), deadline=time.monotonic() + 0.5
        ),
        "gradients": lambda: engine.gradients(batch, threads=1),
        "evaluate": lambda: engine.evaluate(batch, threads=1),
        "predict": lambda: engine.predict(batch.X, threads=1),
    }
    begun, turns, spans = threading.Event(), [], []

    def work() -> None:
        begun.set()
        start = time.perf_counter()
        for _ in range(1 if what == "train" else 5):
            calls[what]()
        spans.append((start, time.perf_counter()))

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait()
    while worker.is_alive():
        turns.append(time.perf_counter())
        time.sleep(1e-4)
    worker.join()
    within = [turn for turn in turns if spans[0][0] < turn < spans[0][1]]
    # Where the lock is held there are those between two calls at most.
    assert len(within) > 20


def test_error_in_tick_is_passed_on() -> None:
    engine = _plain()
    batch = _data(64)
    engine.start(optimizers.SGD(0.001), seed=0)

    def fail(done: int, loss: float, weight: float) -> bool:
        raise RuntimeError("from the tick")

    with pytest.raises(RuntimeError, match="from the tick"):
        engine.train(batch, np.arange(64, dtype=np.uint32), batch_size=8, learning_rates=np.array([0.1]), tick=fail)


def test_empty_data() -> None:
    engine = _plain()
    batch = _data(0)
    assert engine.predict(batch.X).shape == (0, 3)
    assert engine.evaluate(batch) == 0.0
    engine.start(optimizers.SGD(0.001), seed=0)
    progress = engine.train(batch, np.zeros(0, np.uint32), batch_size=8, learning_rates=np.array([0.1]))
    assert (progress.rows, progress.status) == (0, "done")
    loss, gradient = engine.gradients(batch)
    assert loss == 0.0 and not gradient.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((5, 3), np.float32)}, "columns"),
        ({"y": np.zeros((5, 2), np.float32)}, "shape"),
        ({"y": np.zeros((4, 3), np.float32)}, "shape"),
        ({"weight": np.zeros(4, np.float32)}, "weight"),
        ({"rows": np.array([5], np.uint32)}, "range"),
        ({"batch_size": 0}, "batch_size"),
        ({"rates": np.zeros(2)}, "learning_rates"),
    ],
)
def test_what_would_be_unsafe_is_refused(change: dict, message: str) -> None:
    engine = _plain()
    engine.start(optimizers.SGD(0.001), seed=0)
    given = {"X": np.zeros((5, 4), np.float32), "y": np.zeros((5, 3), np.float32), "weight": None, **change}
    batch = Batch(given["X"], given["y"], given["weight"])
    with pytest.raises(ValueError, match=message):
        engine.train(
            batch,
            given.get("rows", np.arange(5, dtype=np.uint32)),
            batch_size=given.get("batch_size", 2),
            learning_rates=given.get("rates", np.array([0.1])),
        )


def test_wrong_types_are_refused() -> None:
    engine = _plain()
    with pytest.raises(TypeError):
        engine.predict(np.zeros((2, 4)))  # float64 for a float32 engine
    with pytest.raises(ValueError, match="dtype"):
        NativeEngine(engine.plan, "float16")
    with pytest.raises(ValueError, match="class"):
        case = case_named("loss-cce-index")
        bad = case.batch(3, np.float32)
        bad.y[1] = 99
        NativeEngine(case.plan()).evaluate(bad)


def test_what_the_last_step_did_is_nothing_when_it_is_not_reached() -> None:
    engine = _plain()
    batch = _data(40)
    engine.start(optimizers.SGD(0.1), seed=0)
    rows, rates = np.arange(40, dtype=np.uint32), np.array([0.1])
    progress = engine.train(batch, rows, batch_size=10, learning_rates=rates, deadline=0.0, measure=True)
    assert progress.steps == 1 and progress.moved is not None and np.isnan(progress.moved).all()
    assert engine.train(batch, rows, batch_size=10, learning_rates=rates).moved is None
