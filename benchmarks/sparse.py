"""Training on sparse rows, like those of a text: descend against scikit-learn's MLPClassifier.

Each contestant runs in a fresh interpreter, as `python sparse.py CONTESTANT FILE`, and prints one JSON object. The data
are made and written to the file by the interpreter that starts them: what making them takes is nobody's memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROWS, FEATURES, ENTRIES, HIDDEN, BATCH, EPOCHS = 20_000, 50_000, 100, 64, 200, 3
DESCRIPTION = (
    f"{ROWS} rows x {FEATURES} features, {100 * ENTRIES / FEATURES:g}% filled, {HIDDEN} hidden units (ReLU), "
    f"2 classes, batch {BATCH}, Adam, float32, {EPOCHS} epochs"
)


def measure(rounds: int) -> dict[str, Any]:
    """Median seconds per epoch and bytes of each contestant; they take turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in _CONTESTANTS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        _make(path)
        for _ in range(rounds):
            for name, entries in found.items():
                command = [sys.executable, str(Path(__file__).resolve()), name, str(path)]
                entries.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return {
        name: {
            "median": median(entry["seconds"] for entry in entries),
            "rounds": [entry["seconds"] for entry in entries],
            "memory": max(entry["memory"] for entry in entries),
            "loss": entries[-1]["loss"],
        }
        for name, entries in found.items()
    }


def _make(path: Path) -> None:
    """Rows with entries anywhere, and classes that a linear rule tells apart."""
    from scipy.sparse import csr_array, save_npz

    rng = np.random.default_rng(0)
    stride = FEATURES // ENTRIES
    columns = (rng.integers(0, stride, (ROWS, ENTRIES)) + np.arange(ENTRIES) * stride).astype(np.int32)
    starts = np.arange(0, ROWS * ENTRIES + 1, ENTRIES, dtype=np.int32)
    values = rng.random(ROWS * ENTRIES, dtype=np.float32)
    save_npz(path, csr_array((values, columns.ravel(), starts), (ROWS, FEATURES)), compressed=False)


def _descend(X: Any, y: Any, epochs: int) -> float:
    from descend import Network, layers, optimizers

    net = Network([layers.Dense(HIDDEN, "relu"), layers.Dense(1, "sigmoid")], seed=0)
    history = net.fit(X, y, optimizer=optimizers.Adam(1e-3), epochs=epochs, batch_size=BATCH, verbose=0)
    return history.loss[-1]


def _sklearn(X: Any, y: Any, epochs: int) -> float:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        (HIDDEN,), solver="adam", batch_size=BATCH, alpha=0.0, max_iter=epochs, tol=0.0, n_iter_no_change=10**6,
        random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    return float(model.loss_)


_CONTESTANTS: dict[str, Callable[[Any, Any, int], float]] = {"descend": _descend, "scikit-learn": _sklearn}


def _run(name: str, path: str) -> dict[str, float]:
    """Seconds per epoch of a whole call of `fit`, and the bytes it adds to an interpreter that has trained before."""
    from scipy.sparse import csr_array, load_npz

    from footprint import forget_peak, high_water, resident
    from timing import warm

    call = _CONTESTANTS[name]
    call(csr_array(np.eye(8, dtype=np.float32)), np.arange(8) % 2, 1)  # modules and threads are loaded
    before = resident()
    X = csr_array(load_npz(path))
    y = (X @ np.random.default_rng(1).standard_normal(FEATURES, dtype=np.float32) > 0).astype(np.int64)
    warm()
    forget_peak()
    start = time.perf_counter()
    loss = call(X, y, EPOCHS)
    return {"seconds": (time.perf_counter() - start) / EPOCHS, "memory": high_water() - before, "loss": loss}


if __name__ == "__main__":
    print(json.dumps(_run(sys.argv[1], sys.argv[2])))
