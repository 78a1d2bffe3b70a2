"""Every op and loss: the reference engine's gradient against central differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.engine.sequences import Sequences, split
from op_case import OpCase
from ops_cases import CASES

STEP = 1e-6
#: Parameters checked per case; the rest of a large network's are like them.
CHECKED = 60


def _losses_around(engine: ReferenceEngine, batch: Batch, start: np.ndarray, index: int) -> tuple[float, float]:
    """Losses with one parameter moved by -STEP and +STEP."""
    found = []
    for sign in (-1.0, 1.0):
        moved = start.copy()
        moved[index] += sign * STEP
        engine.set_parameters(moved)
        found.append(engine.gradients(batch, seed=5, step=3)[0])
    engine.set_parameters(start)
    return found[0], found[1]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient_equals_central_differences(case: OpCase) -> None:
    plan = case.plan()
    engine = ReferenceEngine(plan)
    start = case.parameters(plan)
    engine.set_parameters(start)
    batch = case.batch(case.batch_sizes[-2])
    _, gradient = engine.gradients(batch, seed=5, step=3)
    assert np.abs(gradient).max() > 0

    rng = np.random.default_rng(0)
    trained = np.concatenate([np.arange(p.offset, p.offset + p.size) for p in plan.parameters if p.trainable])
    some = rng.permutation(trained)[:CHECKED]
    differences = [(high - low) / (2 * STEP) for low, high in (_losses_around(engine, batch, start, i) for i in some)]
    np.testing.assert_allclose(gradient[some], differences, rtol=1e-5, atol=2e-8)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_input_gradient_equals_central_differences(case: OpCase) -> None:
    plan = case.plan()
    engine = ReferenceEngine(plan)
    engine.set_parameters(case.parameters(plan))
    batch = case.batch(case.batch_sizes[-2])
    gradient = engine.trace(batch, seed=5, step=3)["gradient/input"]

    rng = np.random.default_rng(1)
    values, lengths = split(batch.X)
    for flat_index in rng.permutation(values.size)[:10]:
        index = np.unravel_index(flat_index, values.shape)
        if case.categories and case.categories[index[1]]:
            assert gradient[index] == 0
            continue
        found = []
        for sign in (-1.0, 1.0):
            X = values.copy()
            X[index] += sign * STEP
            X = X if lengths is None else Sequences(X, lengths)
            found.append(engine.gradients(Batch(X, batch.y, batch.weight), seed=5, step=3)[0])
        np.testing.assert_allclose(gradient[index], (found[1] - found[0]) / (2 * STEP), rtol=1e-5, atol=2e-8)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if "batch_norm" in case.name or "tower" in case.name or case.name == "drop_connect-gaussian"
    ],
    ids=str,
)
def test_inference_gradient_equals_central_differences(case: OpCase) -> None:
    """With running statistics in place of the batch's, as `trace` shows it for inference."""
    plan = case.plan()
    engine = ReferenceEngine(plan)
    start = case.parameters(plan)
    engine.set_parameters(start)
    batch = case.batch(case.batch_sizes[0])
    trace = engine.trace(batch, training=False)
    rng = np.random.default_rng(2)
    for parameter in plan.parameters:
        if not parameter.trainable:
            continue
        gradient = trace[f"gradient/{parameter.name}"].ravel()
        for index in rng.integers(0, parameter.size, 3):
            found = []
            for sign in (-1.0, 1.0):
                moved = start.copy()
                moved[parameter.offset + index] += sign * STEP
                engine.set_parameters(moved)
                found.append(engine.evaluate(batch))
            np.testing.assert_allclose(gradient[index], (found[1] - found[0]) / (2 * STEP), rtol=1e-5, atol=2e-8)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_running_statistics_have_no_gradient(case: OpCase) -> None:
    plan = case.plan()
    engine = ReferenceEngine(plan)
    engine.set_parameters(case.parameters(plan))
    _, gradient = engine.gradients(case.batch(case.batch_sizes[0]))
    for parameter in plan.parameters:
        if not parameter.trainable:
            assert not gradient[parameter.slice].any()


def test_case_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
