"""What is paid besides steps: import time, memory, the first epoch, and a second thread without a second core.

Each measurement runs in a fresh interpreter, as `python footprint.py KIND [SHAPE]`, and prints one JSON object.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

_IMPORTS = {
    "numpy": "numpy",
    "descend": "descend",
    "descend.Network": "descend; descend.Network",
    "scikit-learn's MLP": "sklearn.neural_network",
    "PyTorch": "torch",
    "JAX": "jax",
}


def imports(rounds: int) -> dict[str, float]:
    """Median seconds of importing each library in a new interpreter; libraries that are missing are left out."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, statement in _IMPORTS.items():
            code = f"import time; t = time.perf_counter(); import {statement}; print(time.perf_counter() - t)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found.setdefault(name, []).append(float(done.stdout))
    return {name: median(times) for name, times in found.items()}


def run(kind: str, shape: str) -> dict[str, Any]:
    """One measurement in a fresh interpreter: `kind` is "memory", "epochs" or "one_core"."""
    command = [sys.executable, str(Path(__file__).resolve()), kind, shape]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def first_epochs(shapes: list[str], rounds: int) -> dict[str, list[float]]:
    """Median seconds of each of the first five epochs of a new network, over `rounds` fresh interpreters."""
    found: dict[str, list[list[float]]] = {shape: [] for shape in shapes}
    for _ in range(rounds):
        for shape in shapes:
            found[shape].append(run("epochs", shape)["seconds"])
    return {shape: [median(column) for column in zip(*rows, strict=True)] for shape, rows in found.items()}


def resident() -> int:
    """Bytes of memory this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def high_water() -> int:
    """Most bytes it ever held since the mark was reset."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def forget_peak() -> None:
    """Reset the mark of `high_water`."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _made_elsewhere(shape_name: str) -> list[Any]:
    """The data of a shape, made by another process: what making them takes is not training's."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        code = "import sys, numpy; from shapes import SHAPES; X, y = SHAPES[sys.argv[1]].data(); "
        code += "numpy.save(sys.argv[2] + '/X.npy', X); numpy.save(sys.argv[2] + '/y.npy', y)"
        here = Path(__file__).resolve().parent
        subprocess.run([sys.executable, "-c", code, shape_name, folder], cwd=here, check=True)
        return [np.load(Path(folder) / f"{name}.npy") for name in ("X", "y")]


def _memory(shape_name: str) -> dict[str, float]:
    """Peak bytes of training over what the interpreter held before the data were made, beside the budget.

    The budget is the data, six times the parameters, and the activations of one batch.
    """
    from peers.ours import Descend, network
    from shapes import SHAPES, Shape

    shape = SHAPES[shape_name]
    tiny = Shape("tiny", 64, 4, (4,), 2, 16)
    Descend(tiny, *tiny.data(), 2).epochs(1)  # modules and threads are loaded before the count begins
    before = resident()
    X, y = _made_elsewhere(shape_name)
    forget_peak()  # that making the data reached
    contestant = Descend(shape, X, y, None)
    contestant.epochs(2)
    peak = high_water() - before
    parameters = 4 * sum(w.size for w in network(shape).get_weights().values())
    values = 4 * (4 * sum(shape.hidden) + 2 * shape.classes + shape.features)  # dense, norm, relu, dropout per layer
    return {
        "peak": peak,
        "budget": X.nbytes + y.nbytes + 6 * parameters + shape.batch * values,
        "data": X.nbytes + y.nbytes,
        "parameters": parameters,
    }


def _epochs(shape_name: str) -> dict[str, list[float]]:
    """Seconds of the first five epochs of a network that has never run."""
    from peers.ours import network
    from shapes import SHAPES
    from timing import warm

    shape = SHAPES[shape_name]
    X, y = shape.data()
    net = network(shape)
    warm()
    history = net.fit(X, y, loss="categorical_crossentropy", epochs=5, batch_size=shape.batch, verbose=0)
    return {"seconds": list(history.seconds)}


def _one_core(shape_name: str) -> dict[str, float]:
    """Median seconds of an epoch with one and with two threads while only one core may be used."""
    from peers.ours import Descend
    from shapes import SHAPES

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    shape = SHAPES[shape_name]
    X, y = shape.data()
    times: dict[str, list[float]] = {"1": [], "2": []}
    contestants = {threads: Descend(shape, X, y, int(threads)) for threads in times}
    for _ in range(6):
        for threads, contestant in contestants.items():
            start = time.perf_counter()
            contestant.epochs(1)
            times[threads].append(time.perf_counter() - start)
    return {f"{threads} threads": median(values[1:]) for threads, values in times.items()}


if __name__ == "__main__":
    kinds = {"memory": _memory, "epochs": _epochs, "one_core": _one_core}
    print(json.dumps(kinds[sys.argv[1]](sys.argv[2])))
