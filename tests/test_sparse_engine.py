"""Sparse rows in the engines: as the reference defines them, and the same bits for any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, csr_matrix

from descend import layers, losses, optimizers
from descend.engine import sparse
from descend.engine.native import NativeEngine, shuffle
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.plan import attach_loss, initial_parameters, lower
from op_case import OpCase
from optimizer_cases import OPTIMIZERS
from sparse_cases import SPARSE_CASES, thinned, wide_batch, wide_plan
from test_native import CLOSE


def _case(name: str) -> OpCase:
    return next(case for case in SPARSE_CASES if case.name == name)


def _dense(batch: Batch) -> Batch:
    assert sparse.is_sparse(batch.X)
    return Batch(batch.X.toarray(), batch.y, batch.weight)


def _engine(case: OpCase, dtype: str) -> NativeEngine:
    engine = NativeEngine(case.plan(), dtype)
    engine.set_parameters(case.parameters(engine.plan))
    return engine


def test_most_cases_take_sparse_rows() -> None:
    assert len(SPARSE_CASES) > 40


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", SPARSE_CASES, ids=str)
def test_equals_reference(case: OpCase, dtype: str) -> None:
    native, reference = _engine(case, dtype), ReferenceEngine(case.plan())
    reference.set_parameters(case.parameters(reference.plan))
    for rows in case.batch_sizes:
        batch, exact = thinned(case.batch(rows, np.dtype(dtype).type)), thinned(case.batch(rows))
        np.testing.assert_allclose(native.predict(batch.X), reference.predict(exact.X), **CLOSE[dtype])
        np.testing.assert_allclose(native.evaluate(batch), reference.evaluate(exact), **CLOSE[dtype])
        loss, gradient = native.gradients(batch, seed=3, step=5)
        expected_loss, expected = reference.gradients(exact, seed=3, step=5)
        np.testing.assert_allclose(loss, expected_loss, **CLOSE[dtype])
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(gradient / scale, expected / scale, **CLOSE[dtype])


@pytest.mark.parametrize("name", ["tower-weighted", "penalties", "dense-over-panel", "loss-cce-index"])
def test_reference_takes_sparse_rows_as_it_takes_dense_ones(name: str) -> None:
    case = _case(name)
    batch = thinned(case.batch(33))
    reference = ReferenceEngine(case.plan())
    reference.set_parameters(case.parameters(reference.plan))
    np.testing.assert_allclose(reference.predict(batch.X), reference.predict(_dense(batch).X), rtol=1e-12, atol=1e-14)
    found, expected = reference.gradients(batch), reference.gradients(_dense(batch))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("name", ["tower-weighted", "penalties", "dense-over-panel"])
def test_trains_like_the_reference_and_like_dense_rows(name: str, optimizer: optimizers.Optimizer) -> None:
    case = _case(name)
    batch = thinned(case.batch(50))
    rates = np.linspace(1.0, 0.5, 4) * float(optimizer.learning_rate)  # type: ignore[arg-type]
    outcome = []
    for engine, data in (
        (_engine(case, "float64"), batch),
        (ReferenceEngine(case.plan()), batch),
        (_engine(case, "float64"), _dense(batch)),
    ):
        engine.set_parameters(case.parameters(engine.plan))
        engine.start(optimizer, seed=9)
        for epoch in range(2):
            rows = shuffle(50, seed=1, epoch=epoch)
            progress = engine.train(data, rows, batch_size=15, learning_rates=rates, threads=2)
            assert (progress.rows, progress.steps, progress.status) == (50, 4, "done")
        outcome.append((progress.loss, engine.get_parameters(), engine.get_state().slots))
    for loss, weights, slots in outcome[1:]:
        np.testing.assert_allclose(outcome[0][0], loss, rtol=1e-8)
        np.testing.assert_allclose(outcome[0][1], weights, rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(outcome[0][2], slots, rtol=1e-6, atol=1e-10)


def _train_wide(dtype: str, threads: int, optimizer: optimizers.Optimizer, batch: Batch, batch_size: int) -> bytes:
    plan = wide_plan()
    engine = NativeEngine(plan, dtype)
    engine.set_parameters(initial_parameters(plan, 0))
    engine.start(optimizer, seed=4)
    bits = b""
    for epoch in range(2):
        rows, rates = shuffle(batch.X.shape[0], 2, epoch), np.array([0.01])
        done = engine.train(batch, rows, batch_size=batch_size, learning_rates=rates, threads=threads, adapt=False)
        bits += np.float64(done.loss).tobytes()
    loss, gradient = engine.gradients(batch, threads=threads)
    bits += np.float64(loss).tobytes() + gradient.tobytes() + np.float64(engine.evaluate(batch, threads)).tobytes()
    return bits + engine.get_parameters().tobytes() + engine.get_state().slots.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [7, 128, 300])
def test_threads_do_not_change_a_bit(dtype: str, batch_size: int) -> None:
    batch = wide_batch(dtype)
    expected = _train_wide(dtype, 1, optimizers.Adam(0.01), batch, batch_size)
    for threads in (1, 2, 3, 7):
        assert _train_wide(dtype, threads, optimizers.Adam(0.01), batch, batch_size) == expected


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_threads_do_not_change_a_bit_of_any_optimizer(optimizer: optimizers.Optimizer) -> None:
    batch = wide_batch("float32")
    expected = _train_wide("float32", 1, optimizer, batch, 64)
    for threads in (2, 3):
        assert _train_wide("float32", threads, optimizer, batch, 64) == expected


def test_long_sums_and_groups_of_rows_equal_dense_rows() -> None:
    batch, plan = wide_batch("float64", 517), wide_plan()
    engine = NativeEngine(plan, "float64")
    engine.set_parameters(initial_parameters(plan, 0))
    found, expected = engine.gradients(batch), engine.gradients(_dense(batch))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(engine.predict(batch.X), engine.predict(_dense(batch).X), rtol=1e-11)


def test_rows_predicted_one_by_one_have_the_same_bits() -> None:
    batch, plan = wide_batch("float32"), wide_plan()
    engine = NativeEngine(plan, "float32")
    engine.set_parameters(initial_parameters(plan, 0))
    together = engine.predict(batch.X)
    assert sparse.is_sparse(batch.X)
    for rows in (1, 3, 50):
        apart = np.concatenate([engine.predict(batch.X[i : i + rows]) for i in range(0, 300, rows)])
        np.testing.assert_array_equal(apart, together)


def test_sparse_and_dense_rows_take_turns() -> None:
    case = _case("tower")
    batch = thinned(case.batch(64))
    engine = _engine(case, "float64")
    first = engine.predict(batch.X)
    for data in (_dense(batch), batch, _dense(batch)):
        engine.start(optimizers.Adam(0.01), seed=4)
        engine.set_parameters(case.parameters(engine.plan))
        np.testing.assert_allclose(engine.predict(data.X), first, rtol=1e-10)
        engine.train(data, shuffle(64, 0, 0), batch_size=20, learning_rates=np.array([0.01]))
        np.testing.assert_allclose(engine.gradients(data)[1], engine.gradients(batch)[1], rtol=1e-8, atol=1e-12)


@given(
    rows=st.sampled_from([0, 1, 2, 3, 17]),
    features=st.sampled_from([1, 2, 15, 16, 17, 63, 64, 65, 130]),
    units=st.sampled_from([1, 3, 8, 16, 17, 33, 49, 80]),
    fill=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    dtype=st.sampled_from(["float32", "float64"]),
    bias=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_any_shape(rows: int, features: int, units: int, fill: float, dtype: str, bias: bool) -> None:
    plan = lower([layers.Dense(units, "tanh", use_bias=bias), layers.Dense(2)], (features,))
    plan = attach_loss(plan, losses.MSE())
    rng = np.random.default_rng(0)
    X = np.where(rng.random((rows, features)) < fill, rng.normal(size=(rows, features)), 0)
    y = rng.normal(size=(rows, 2))
    native, reference = NativeEngine(plan, dtype), ReferenceEngine(plan)
    for engine in (native, reference):
        engine.set_parameters(initial_parameters(plan, 1))
    batch = Batch(csr_array(X.astype(dtype)), y.astype(dtype))
    assert native.predict(batch.X).shape == (rows, 2)
    loss, gradient = native.gradients(batch)
    if not rows:
        assert not gradient.any()
        return
    np.testing.assert_allclose(native.predict(batch.X), reference.predict(X), **CLOSE[dtype])
    expected_loss, expected = reference.gradients(Batch(X, y))
    np.testing.assert_allclose(loss, expected_loss, **CLOSE[dtype])
    np.testing.assert_allclose(gradient, expected, **CLOSE[dtype])


@pytest.mark.parametrize(
    "change",
    [
        {"starts": [0, 2, 1, 3]},
        {"starts": [1, 1, 2, 3]},
        {"starts": [0, 1, 2, 4]},
        {"starts": []},
        {"columns": [0, 5, 3]},
        {"columns": [0, -1, 3]},
        {"columns": [3, 1, 0], "starts": [0, 2, 3, 3]},
        {"columns": [1, 1, 0], "starts": [0, 2, 3, 3]},
        {"columns": [0, 1]},
    ],
    ids=repr,
)
def test_native_engine_refuses_broken_rows(change: dict[str, list[int]]) -> None:
    plan = attach_loss(lower([layers.Dense(2)], (5,)), losses.MSE())
    model = NativeEngine(plan, "float32")._model
    parts = {"starts": [0, 1, 2, 3], "columns": [0, 1, 2], **change}
    X = (np.array(parts["starts"], np.int64), np.array(parts["columns"], np.int32), np.ones(3, np.float32))
    y = np.zeros((3, 2), np.float32)
    for call in (
        lambda: model.predict(X),
        lambda: model.evaluate(X, y, None),
        lambda: model.gradients(X, y, None, 0, 0),
    ):
        with pytest.raises(ValueError, match="sparse row"):
            call()
    model.start({"kind": "sgd"}, 0, 0, None)
    with pytest.raises(ValueError, match="sparse row"):
        model.train(X, y, None, np.arange(3, dtype=np.uint32), 1, np.ones(1), 1, -1.0, None)


def test_plans_that_read_every_number_are_refused() -> None:
    plan = attach_loss(lower([layers.Dropout(0.1), layers.Dense(2)], (5,)), losses.MSE())
    X, y = csr_matrix(np.eye(5)), np.zeros((5, 2))
    with pytest.raises(ValueError, match=r"layer 'dropout_1'.*Dense layer come first"):
        ReferenceEngine(plan).predict(X)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="first layer is dense"):
        NativeEngine(plan, "float64").evaluate(Batch(X, y))  # type: ignore[arg-type]
