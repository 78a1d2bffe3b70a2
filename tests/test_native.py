"""The native engine: equal to the reference engine, and the same bits for any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from descend import layers, losses, optimizers, penalties
from descend.engine.native import _KINDS, NativeEngine, shuffle
from descend.engine.protocol import OptimizerState
from descend.engine.reference import ReferenceEngine
from descend.engine.sequences import split
from descend.plan import named, ops
from loss_cases import CEILING_CASES
from op_case import OpCase
from ops_cases import CASES, case_named
from optimizer_cases import OPTIMIZERS
from position_cases import TRUNCATED_CASES

#: Relative and absolute tolerance against the reference engine.
CLOSE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 2e-3, "atol": 2e-5}}


def _engines(case: OpCase, dtype: str) -> tuple[NativeEngine, ReferenceEngine]:
    plan = case.plan()
    engines = NativeEngine(plan, dtype), ReferenceEngine(plan)
    for engine in engines:
        engine.set_parameters(case.parameters(plan))
    return engines


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", [*CASES, *CEILING_CASES, *TRUNCATED_CASES], ids=str)
def test_equals_reference(case: OpCase, dtype: str) -> None:
    native, reference = _engines(case, dtype)
    np.testing.assert_array_equal(native.get_parameters(), case.parameters(native.plan).astype(dtype))
    for rows in case.batch_sizes:
        batch, exact = case.batch(rows, np.dtype(dtype).type), case.batch(rows)
        np.testing.assert_allclose(native.predict(batch.X), reference.predict(exact.X), **CLOSE[dtype])
        np.testing.assert_allclose(native.evaluate(batch), reference.evaluate(exact), **CLOSE[dtype])
        loss, gradient = native.gradients(batch, seed=3, step=5)
        expected_loss, expected = reference.gradients(exact, seed=3, step=5)
        np.testing.assert_allclose(loss, expected_loss, **CLOSE[dtype])
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(gradient / scale, expected / scale, **CLOSE[dtype])
        bounds = np.tile([-0.7, 0.4], (len(native.plan.values), 1))
        # Of rows with gaps there is nothing to tell before they are filled.
        told = slice(1 if np.isnan(split(batch.X)[0]).any() else 0, None)
        found, known = native.probe(batch.X, bounds)[told], reference.probe(exact.X, bounds)[told]
        np.testing.assert_allclose(found, known, **CLOSE[dtype])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize(
    "name",
    [
        "tower-weighted",
        "penalties",
        "spread-weighted",
        "prelu",
        "layer_norm-first",
        "max_norm",
        "not-trained-behind",
        "recurrent-reverse",
        "tied-autoencoder",
        "tied-sigmoid",
        "conv-tied",
        "conv-tied-groups",
        "embedding-columns",
        "embedding-tied",
        "drop_connect-deep",
        "drop_connect-not-trained",
        "mixup-classes",
    ],
)
def test_trains_like_the_reference(name: str, optimizer: optimizers.Optimizer) -> None:
    case = case_named(name)
    batch = case.batch(50)
    rows = shuffle(50, seed=1, epoch=0)
    rates = np.linspace(1.0, 0.5, 4) * float(optimizer.learning_rate)  # type: ignore[arg-type]
    outcome = []
    for engine in _engines(case, "float64"):
        engine.start(optimizer, seed=9)
        for _ in range(2):
            progress = engine.train(batch, rows, batch_size=15, learning_rates=rates, threads=2, measure=True)
            assert (progress.rows, progress.steps, progress.status) == (50, 4, "done")
        steps = np.stack([progress.losses, progress.penalties])
        outcome.append((progress.loss, steps, engine.get_parameters(), engine.get_state(), progress.moved))
    (loss, steps, weights, state, moved), (expected_loss, expected_steps, expected, expected_state, others) = outcome
    np.testing.assert_allclose(moved, others, rtol=1e-6, atol=1e-18)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-8)
    np.testing.assert_allclose(steps, expected_steps, rtol=1e-8)
    part = np.ones(50) if batch.weight is None else batch.weight
    mass = np.add.reduceat(part[rows], np.arange(0, 50, 15))
    np.testing.assert_allclose(loss, steps.sum(axis=0) @ mass / mass.sum(), rtol=1e-12)
    np.testing.assert_allclose(weights, expected, rtol=1e-7, atol=1e-10)
    assert state.step == expected_state.step == 8
    np.testing.assert_allclose(state.slots, expected_state.slots, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("spread", [False, True])
def test_rows_without_weight_leave_the_penalty(spread: bool) -> None:
    penalty = penalties.L1L2(0.1, 0.2, spread=spread)
    case = OpCase("weightless", lambda: [layers.Dense(3, penalty=penalty)], (4,), losses.MSE(), weighted=True)
    batch = replace(case.batch(9), weight=np.zeros(9))
    native, reference = (engine.gradients(batch) for engine in _engines(case, "float64"))
    assert native[0] == pytest.approx(reference[0], rel=1e-12)
    np.testing.assert_allclose(native[1], reference[1], rtol=1e-12)
    assert (native[0] > 0) is not spread


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [optimizers.Adam(0.05), optimizers.Nesterov(0.05, clip_norm=1.0)], ids=repr)
def test_no_column_is_longer_than_max_norm(optimizer: optimizers.Optimizer, dtype: str) -> None:
    case = case_named("max_norm")
    engine = _engines(case, dtype)[0]
    engine.start(optimizer, seed=9)
    batch = case.batch(50, np.dtype(dtype).type)
    engine.train(batch, shuffle(50, 1, 0), batch_size=15, learning_rates=np.array([0.05]), threads=2)
    start, end = (named(engine.plan, flat) for flat in (case.parameters(engine.plan), engine.get_parameters()))
    for name, most in (("dense_1/weight", 0.9), ("dense_2/weight", 0.9), ("dense_3/weight", 0.3)):
        assert np.linalg.norm(start[name], axis=0).max() > most
        assert np.linalg.norm(end[name].astype(np.float64), axis=0).max() < most * (1 + 1e-6)


def test_gradients_leave_long_columns_alone() -> None:
    case = case_named("max_norm")
    engine = _engines(case, "float32")[0]
    before = engine.get_parameters()
    assert np.linalg.norm(named(engine.plan, before)["dense_3/weight"], axis=0).max() > 0.3
    engine.gradients(case.batch(20, np.float32))
    np.testing.assert_array_equal(engine.get_parameters(), before)


def _train(
    case: OpCase, dtype: str, threads: int, optimizer: optimizers.Optimizer, measure: bool = True
) -> tuple[bytes, float, bytes]:
    engine = _engines(case, dtype)[0]
    batch = case.batch(150, np.dtype(dtype).type)
    engine.start(optimizer, seed=4)
    total = 0.0
    for epoch in range(2):
        rows = shuffle(150, 2, epoch)
        rates = np.array([0.01])
        progress = engine.train(
            batch, rows, batch_size=64, learning_rates=rates, threads=threads, adapt=False, measure=measure
        )
        total += progress.loss
    seen = engine.probe(batch.X, np.zeros((len(engine.plan.values), 2)), threads).tobytes()
    seen += engine.predict(batch.X, threads).tobytes() + engine.gradients(batch, threads=threads)[1].tobytes()
    total += engine.evaluate(batch, threads)
    if progress.moved is not None:
        seen += progress.moved.tobytes()
    return engine.get_parameters().tobytes() + engine.get_state().slots.tobytes(), total, seen


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [*CASES, *CEILING_CASES, *TRUNCATED_CASES], ids=str)
def test_threads_do_not_change_a_bit(case: OpCase, dtype: str) -> None:
    expected = _train(case, dtype, 1, optimizers.Adam())
    for threads in (1, 2, 3, 7):
        assert _train(case, dtype, threads, optimizers.Adam()) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_threads_do_not_change_a_bit_of_any_optimizer(optimizer: optimizers.Optimizer, dtype: str) -> None:
    case = case_named("tower-weighted")
    expected = _train(case, dtype, 1, optimizer)
    for threads in (1, 2, 3):
        assert _train(case, dtype, threads, optimizer) == expected


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("name", ["tower-weighted", "penalties", "max_norm"])
def test_measuring_does_not_change_a_bit(name: str, optimizer: optimizers.Optimizer) -> None:
    measured, not_measured = (_train(case_named(name), "float32", 2, optimizer, measure) for measure in (True, False))
    assert measured[:2] == not_measured[:2]


def test_the_tables_leave_nothing_out() -> None:
    """Every op, function, loss and optimizer that a plan or a user may name is in the tables that drive these tests."""
    plans = [case.plan() for case in CASES]
    assert {type(op) for plan in plans for op in plan.ops} >= set(_KINDS)
    assert {op.function for plan in plans for op in plan.ops if isinstance(op, ops.Activation)} == set(ops.ACTIVATIONS)
    assert {op.cell for plan in plans for op in plan.ops if isinstance(op, ops.Recurrent)} == set(ops.CELLS)
    assert {plan.loss.kind for plan in plans if plan.loss is not None} == set(ops.LOSSES)
    assert {plan.loss.link for plan in plans if plan.loss is not None} == set(ops.LINKS)
    named_ones = {type(optimizers.resolve(name)) for name in optimizers.registry.names()}
    assert {type(optimizer) for optimizer in OPTIMIZERS} == named_ones - {optimizers.LBFGS}


def test_full_batch_takes_many_chunks_and_blocks() -> None:
    """More rows than one chunk of a thread and than one block of a sum."""
    case = case_named("tower")
    native, reference = _engines(case, "float64")
    batch = case.batch(1111)
    loss, gradient = native.gradients(batch, threads=2)
    expected_loss, expected = reference.gradients(batch)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-10)
    np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-12)
    assert native.gradients(batch, threads=1)[1].tobytes() == gradient.tobytes()
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(native.predict(batch.X, threads), native.predict(batch.X))
        assert native.evaluate(batch, threads) == native.evaluate(batch)


def test_row_by_row_prediction_has_the_same_bits() -> None:
    case = case_named("tower")
    native, _ = _engines(case, "float32")
    X = case.batch(101, np.float32).X
    together = native.predict(X)
    for rows in (1, 2, 3, 50):
        apart = np.concatenate([native.predict(X[i : i + rows]) for i in range(0, 101, rows)])
        np.testing.assert_array_equal(apart, together)


@pytest.mark.parametrize(
    "optimizer", [optimizers.Adam(0.01), optimizers.Nesterov(0.01), optimizers.AMSGrad(0.01)], ids=repr
)
def test_resumes_exactly(optimizer: optimizers.Optimizer) -> None:
    case = case_named("tower")
    batch = case.batch(70, np.float32)
    rates = np.array([0.01])

    whole = _engines(case, "float32")[0]
    whole.start(optimizer, seed=1)
    for epoch in range(4):
        whole.train(batch, shuffle(70, 0, epoch), batch_size=32, learning_rates=rates)

    first = _engines(case, "float32")[0]
    first.start(optimizer, seed=1)
    for epoch in range(2):
        first.train(batch, shuffle(70, 0, epoch), batch_size=32, learning_rates=rates)
    second = NativeEngine(first.plan, "float32")
    second.set_parameters(first.get_parameters())
    second.start(optimizer, seed=1, state=OptimizerState(first.get_state().step, first.get_state().slots))
    for epoch in range(2, 4):
        second.train(batch, shuffle(70, 0, epoch), batch_size=32, learning_rates=rates)

    np.testing.assert_array_equal(second.get_parameters(), whole.get_parameters())
    np.testing.assert_array_equal(second.get_state().slots, whole.get_state().slots)


def test_gradients_leave_training_alone() -> None:
    case = case_named("tower")
    batch = case.batch(64, np.float32)
    engine = _engines(case, "float32")[0]
    engine.start(optimizers.Nesterov(0.01), seed=1)
    rows = shuffle(64, 0, 0)
    engine.train(batch, rows, batch_size=32, learning_rates=np.array([0.01]))
    weights, state = engine.get_parameters(), engine.get_state()
    engine.gradients(batch, seed=8, step=100)
    np.testing.assert_array_equal(engine.get_parameters(), weights)
    after = engine.get_state()
    assert after.step == state.step
    np.testing.assert_array_equal(after.slots, state.slots)


def test_shuffle_is_a_permutation_that_depends_on_seed_and_epoch() -> None:
    orders = {shuffle(1000, seed, epoch).tobytes() for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    np.testing.assert_array_equal(np.sort(shuffle(1000, 5, 7)), np.arange(1000))
    assert shuffle(0, 0, 0).shape == (0,)
    np.testing.assert_array_equal(shuffle(50, -1, 2), shuffle(50, -1, 2))
    # Every number is as likely in every place: chi-squared of the first place over many epochs.
    first = np.bincount([shuffle(10, 3, epoch)[0] for epoch in range(5000)], minlength=10)
    assert np.square(first - 500).sum() / 500 < 40


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_only_allowed_processors_count() -> None:
    program = (
        "import os\n"
        "from descend.engine import native\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "print(native._native.processors())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
