"""Every instruction set of this machine gives the same bits, and one that it lacks is refused."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from descend.engine import native

SUPPORTED: list[str] = native._native.supported()

#: Trains every case of the tables, and one with every optimizer, for a few steps on so many threads, and prints one
#: digest each.
PROGRAM = """
import hashlib, sys
import numpy as np
from descend import optimizers
from descend.engine.native import NativeEngine, isa, shuffle
from descend.plan import initial_parameters
from loss_cases import CEILING_CASES
from ops_cases import CASES, case_named
from optimizer_cases import OPTIMIZERS
from position_cases import TRUNCATED_CASES
from sparse_cases import SPARSE_CASES, thinned, wide_batch, wide_plan

THREADS = int(sys.argv[1])
NADAM = optimizers.Nadam(0.01, clip_norm=0.5, gradient_noise=0.01)

def report(name, plan, parameters, batch, dtype, optimizer=NADAM):
    engine = NativeEngine(plan, dtype)
    engine.set_parameters(parameters)
    engine.start(optimizer, seed=4)
    rows, rates = shuffle(batch.X.shape[0], 0, 1), np.array([0.01])
    progress = engine.train(
        batch, rows, batch_size=33, learning_rates=rates, threads=THREADS, adapt=False, measure=True
    )
    bits = engine.get_parameters().tobytes() + engine.get_state().slots.tobytes() + progress.moved.tobytes()
    bits += engine.predict(batch.X, THREADS).tobytes() + engine.gradients(batch, threads=THREADS)[1].tobytes()
    bits += engine.probe(batch.X, np.zeros((len(plan.values), 2)), THREADS).tobytes()
    loss = engine.evaluate(batch, THREADS)
    print(name, dtype, progress.loss.hex(), loss.hex(), hashlib.sha256(bits).hexdigest())

print(isa())
for dtype in ("float32", "float64"):
    tower = case_named("tower-weighted")
    for optimizer in OPTIMIZERS:
        plan, batch = tower.plan(), tower.batch(70, np.dtype(dtype).type)
        report(repr(optimizer), plan, tower.parameters(plan), batch, dtype, optimizer)
    for case in [*CASES, *CEILING_CASES, *TRUNCATED_CASES]:
        plan, batch = case.plan(), case.batch(70, np.dtype(dtype).type)
        report(case.name, plan, case.parameters(plan), batch, dtype)
        if case in SPARSE_CASES:
            report(f"{case.name}, sparse rows", plan, case.parameters(plan), thinned(batch), dtype)
    report("wide, sparse rows", wide_plan(), initial_parameters(wide_plan(), 0), wide_batch(dtype), dtype)
"""


@functools.cache  # the best one is compared with each of the others
def _run(isa: str, program: str = PROGRAM, threads: int = 1) -> subprocess.CompletedProcess[str]:
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    environment = {**os.environ, "DESCEND_ISA": isa, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", program, str(threads)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("isa", SUPPORTED[1:])
def test_same_bits_on_every_instruction_set(isa: str) -> None:
    best, other = _run(SUPPORTED[0]), _run(isa, threads=3)
    assert best.returncode == 0, best.stderr
    assert other.returncode == 0, other.stderr
    name, *expected = best.stdout.splitlines()
    other_name, *found = other.stdout.splitlines()
    assert (name, other_name) == (SUPPORTED[0], isa)
    assert found == expected
    assert len(expected) > 700


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
