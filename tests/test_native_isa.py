"""Every instruction set of this machine gives the same bits, and one that it lacks is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from descend.engine import native

SUPPORTED: list[str] = native._native.supported()

#: Trains every case of the table for a few steps and prints one digest per case and dtype.
PROGRAM = """
import hashlib, sys
import numpy as np
from descend import optimizers
from descend.engine.native import NativeEngine, isa, shuffle
from descend.plan import initial_parameters
from ops_cases import CASES
from sparse_cases import SPARSE_CASES, thinned, wide_batch, wide_plan

def report(name, plan, parameters, batch, dtype):
    engine = NativeEngine(plan, dtype)
    engine.set_parameters(parameters)
    engine.start(optimizers.Nadam(0.01, clip_norm=0.5, gradient_noise=0.01), seed=4)
    rows = shuffle(batch.X.shape[0], 0, 1)
    progress = engine.train(batch, rows, batch_size=33, learning_rates=np.array([0.01]), measure=True)
    bits = engine.get_parameters().tobytes() + engine.predict(batch.X).tobytes() + engine.gradients(batch)[1].tobytes()
    bits += progress.moved.tobytes() + engine.probe(batch.X, np.zeros((len(plan.values), 2))).tobytes()
    print(name, dtype, progress.loss.hex(), hashlib.sha256(bits).hexdigest())

print(isa())
for dtype in ("float32", "float64"):
    for case in CASES:
        plan, batch = case.plan(), case.batch(70, np.dtype(dtype).type)
        report(case.name, plan, case.parameters(plan), batch, dtype)
        if case in SPARSE_CASES:
            report(f"{case.name}, sparse rows", plan, case.parameters(plan), thinned(batch), dtype)
    report("wide, sparse rows", wide_plan(), initial_parameters(wide_plan(), 0), wide_batch(dtype), dtype)
"""


def _run(isa: str, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    environment = {**os.environ, "DESCEND_ISA": isa, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("isa", SUPPORTED[1:])
def test_same_bits_on_every_instruction_set(isa: str) -> None:
    best, other = _run(SUPPORTED[0]), _run(isa)
    assert best.returncode == 0, best.stderr
    assert other.returncode == 0, other.stderr
    name, *expected = best.stdout.splitlines()
    other_name, *found = other.stdout.splitlines()
    assert (name, other_name) == (SUPPORTED[0], isa)
    assert found == expected
    assert len(expected) > 200


@pytest.mark.parametrize(
    ("isa", "reason"),
    [("sse9", "no such instruction set"), ("neon", "does not have it"), ("avx512", "does not have it")],
)
def test_missing_instruction_set_is_refused(isa: str, reason: str) -> None:
    if isa in SUPPORTED:
        pytest.skip(f"this machine has {isa}")
    done = _run(isa, "import descend.engine.native")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError") and repr(isa) in last and reason in last and "scalar" in last
