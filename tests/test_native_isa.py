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
from ops_cases import CASES
print(isa())
for case in CASES:
    for dtype in ("float32", "float64"):
        plan = case.plan()
        engine = NativeEngine(plan, dtype)
        engine.set_parameters(case.parameters(plan))
        batch = case.batch(70, np.dtype(dtype).type)
        engine.start(optimizers.Nadam(0.01, clip_norm=0.5), seed=4)
        progress = engine.train(batch, shuffle(70, 0, 1), batch_size=33, learning_rates=np.array([0.01]))
        bits = engine.get_parameters().tobytes() + engine.predict(batch.X).tobytes()
        print(case.name, dtype, progress.loss.hex(), hashlib.sha256(bits).hexdigest())
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
    assert len(expected) > 100


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
