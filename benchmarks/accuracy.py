"""What ready networks reach on real data, and how long it takes: `--parts accuracy`, or this file by itself.

    python benchmarks/accuracy.py                               # all tasks, three seeds each
    python benchmarks/accuracy.py --tasks digits gun_point --seeds 5

Every task trains by fixed settings for a fixed number of epochs and is run over seeds, which decide the initial
weights, the order of rows, dropout and augmentation (and for digits the split). No run looks at its test rows, but the
settings are the best of a few that were tried on the same ones. Beside each stands a linear model on the same rows.
Seconds are those of the clock and of all threads together; the second ones say what it costs on a machine that has
something else to do as well. Reviews, where the linear model is hard to beat, are told apart by `reviews.py`, in pairs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from descend import Network, Sequences, layers, networks, optimizers, schedules

FOLDER = Path(os.environ.get("DESCEND_DATASETS") or Path(__file__).resolve().parents[2] / "shared" / "datasets")


@dataclass(frozen=True)
class Rows:
    """Rows to train and to test on, as the network and as a linear model take them."""

    train: Any
    y_train: np.ndarray
    test: Any
    y_test: np.ndarray
    linear_train: Any
    linear_test: Any


@dataclass(frozen=True)
class Task:
    """One line of the table.

    Attributes
    ----------
    data : seed -> Rows
    network : (seed, rows) -> Network
    epochs, batch_size : int
    rate, decay : of AdamW, whose rate falls along a cosine
    goal : the accuracy that should be reached
    words : the network in a few words
    """

    data: Callable[[int], Rows]
    network: Callable[[int, Rows], Network]
    words: str
    epochs: int
    batch_size: int
    rate: float
    decay: float
    goal: float


def load(name: str) -> dict[str, np.ndarray]:
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}; set DESCEND_DATASETS")
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def _digits(seed: int) -> Rows:
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    a, b, y_a, y_b = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    shape = (-1, 8, 8, 1)
    return Rows(a.reshape(shape), y_a, b.reshape(shape), y_b, a, b)


def _arrays(name: str) -> Callable[[int], Rows]:
    """Images or sequences with the data set's own test rows, scaled channel by channel."""

    def make(seed: int) -> Rows:
        data = load(name)
        X, y, test = data["X"].astype(np.float32), data["y"], data["split"] == 1
        X = X[..., None] if data["X"].dtype == np.uint8 else X
        y = np.unique(y, return_inverse=True)[1]
        axes = tuple(range(X.ndim - 1))
        lengths = data.get("lengths")
        there = np.ones(X.shape[:-1], bool) if lengths is None else np.arange(X.shape[1]) < lengths[:, None]
        known = X[~test].mean(axis=axes, where=there[~test][..., None])
        X = (X - known) / X[~test].std(axis=axes, where=there[~test][..., None])
        X[~there] = 0
        flat = X.reshape(len(X), -1)
        whole: Any = X if lengths is None else Sequences(X, lengths)
        return Rows(whole[~test], y[~test], whole[test], y[test], flat[~test], flat[test])

    return make


def _shape(rows: Rows) -> tuple[int, ...]:
    return tuple(rows.train.shape[1:])


def _classes(rows: Rows) -> int:
    return int(rows.y_train.max()) + 1


def _ready(name: str, **options: Any) -> Callable[[int, Rows], Network]:
    """A function of `descend.networks` with options."""

    def make(seed: int, rows: Rows) -> Network:
        return getattr(networks, name)(_shape(rows), _classes(rows), seed=seed, **options)

    return make


TASKS: dict[str, Task] = {
    "digits": Task(
        _digits,
        _ready(
            "small_cnn",
            filters=(32, 64, 128),
            dropout=0.3,
            augmentation=[layers.RandomTranslation(0.0625, 0.0625), layers.RandomRotation(0.03)],
        ),
        "small_cnn, filters 32, 64, 128, moved and turned a little",
        60,
        32,
        2e-3,
        0.02,
        0.985,
    ),
    "fashion_lenet": Task(_arrays("fashion_mnist"), _ready("lenet"), "lenet, 61,706 weights", 10, 64, 2e-3, 0.02, 0.90),
    "fashion_cnn": Task(
        _arrays("fashion_mnist"),
        _ready("small_cnn", filters=(24, 48, 96), dropout=0.4, augmentation=[layers.RandomFlip("horizontal")]),
        "small_cnn, filters 24, 48, 96, mirrored",
        10,
        128,
        2.8e-3,
        0.02,
        0.92,
    ),
    "japanese_vowels": Task(
        _arrays("japanese_vowels"),
        _ready("sequence_lstm", dropout=0.3, augmentation=[layers.GaussianNoise(0.6)]),
        "sequence_lstm, noise",
        60,
        16,
        2e-3,
        0.05,
        0.96,
    ),
    "basic_motions": Task(
        _arrays("basic_motions"), _ready("sequence_cnn", dropout=0.2), "sequence_cnn", 60, 8, 1e-3, 0.02, 0.95
    ),
    "gun_point": Task(
        _arrays("gun_point"), _ready("sequence_cnn", dropout=0.2), "sequence_cnn", 150, 8, 1e-3, 0.02, 0.93
    ),
}


def run(task: Task, seed: int) -> dict[str, float]:
    """Train once: accuracy on the test rows, seconds of the clock and of all threads."""
    rows = task.data(seed)
    net = task.network(seed, rows)
    wall, cpu = time.perf_counter(), time.process_time()
    net.fit(
        rows.train,
        rows.y_train,
        optimizer=optimizers.AdamW(schedules.Cosine(task.rate), weight_decay=task.decay),
        epochs=task.epochs,
        batch_size=task.batch_size,
        verbose=0,
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    accuracy = net.evaluate(rows.test, rows.y_test, metrics=["accuracy"])["accuracy"]
    return {"accuracy": float(accuracy), "seconds": wall, "cpu_seconds": cpu}


def linear(task: Task) -> float:
    """Accuracy of logistic regression; its penalty by cross-validation where that takes no minutes."""
    import warnings

    rows = task.data(0)
    scaler = StandardScaler()
    a, b = scaler.fit_transform(rows.linear_train), scaler.transform(rows.linear_test)
    y = rows.y_train
    if a.shape[0] > 10_000:
        a, y = a[:10_000], y[:10_000]
    few = a.shape[0] > 5000
    model: Any = (
        LogisticRegression(max_iter=300)
        if few
        else LogisticRegressionCV(Cs=5, max_iter=300, use_legacy_attributes=False)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(model.fit(a, y).score(b, rows.y_test))


def measure(names: list[str], seeds: int, note: Callable[[str], None]) -> dict[str, Any]:
    """All runs of some tasks."""
    found: dict[str, Any] = {}
    for name in names:
        task = TASKS[name]
        try:
            runs = [run(task, seed) for seed in range(seeds)]
        except FileNotFoundError as error:
            note(f"{name} left out: {error}")
            continue
        found[name] = {"runs": runs, "linear": linear(task), "goal": task.goal, "network": task.words}
        note(f"  {' '.join(line(name, found[name]))}")
    return found


def line(name: str, found: dict[str, Any]) -> list[str]:
    """The cells of a task: network, accuracy over seeds, lowest, linear model, seconds."""
    runs = found["runs"]
    accuracy = [r["accuracy"] for r in runs]
    return [
        name,
        found["network"],
        f"{np.mean(accuracy):.4f}",
        f"{min(accuracy):.4f}",
        f"{found['linear']:.4f}",
        f"{np.median([r['seconds'] for r in runs]):.1f}",
        f"{np.median([r['cpu_seconds'] for r in runs]):.1f}",
    ]


HEADS = ["task", "network", "accuracy, mean", "lowest", "linear model", "seconds", "CPU seconds"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    measure(options.tasks, options.seeds, lambda text: print(text, file=sys.stderr, flush=True))
