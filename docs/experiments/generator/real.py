"""Small subsets of real data sets, from ../shared/datasets or where DESCEND_DATASETS points."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descend.experiments.data import Split

ROOT = Path(__file__).resolve().parents[3]

#: Training rows by set, few enough for a plain network to overfit; and test rows at most.
ROWS = {"letter": 800, "adult": 300, "fashion_mnist": 300, "house_prices": 200}
TEST_ROWS = 3000


def folder() -> Path:
    """Where the sets are looked for."""
    return Path(os.environ.get("DESCEND_DATASETS") or ROOT.parent / "shared" / "datasets")


def missing() -> list[str]:
    """Names of the sets that are not there."""
    return [name for name in ROWS if not (folder() / f"{name}.npz").is_file()]


def load(name: str) -> tuple[NDArray[np.float64], NDArray, str]:
    """Features with categories as 0/1 columns and unknown numbers as their median, targets, and the task."""
    with np.load(folder() / f"{name}.npz", allow_pickle=False) as archive:
        arrays = dict(archive)
    X = arrays["X"].astype(np.float64).reshape(len(arrays["X"]), -1)
    X = np.where(np.isnan(X), np.nanmedian(X, axis=0), X) if np.isnan(X).any() else X
    if "Xc" in arrays:
        codes = arrays["Xc"]
        X = np.hstack([X, *[(codes[:, [k]] == np.unique(codes[:, k])).astype(float) for k in range(codes.shape[1])]])
    task = str(arrays["task"])
    y = arrays["y"]
    if task == "regression":
        return X, np.log(y.astype(np.float64)), task
    return X, np.unique(y, return_inverse=True)[1], task


def images(arrays: tuple[NDArray[np.float64], NDArray, str], seed: int) -> Split:
    """The rows that `split` draws of fashion_mnist as images (28, 28, 1) of pixels from 0 to 1, which may be moved."""
    X, y, _ = arrays
    train, test = _rows("fashion_mnist", len(X), seed)
    pixels = (X / 255).astype(np.float32).reshape(-1, 28, 28, 1)
    return Split("fashion_mnist", pixels[train], y[train], pixels[test], y[test], int(y.max()) + 1, "accuracy")


def _rows(name: str, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(count)
    return order[: ROWS[name]], order[ROWS[name] : ROWS[name] + TEST_ROWS]


def split(name: str, arrays: tuple[NDArray[np.float64], NDArray, str], seed: int) -> Split:
    """Another draw of training and test rows per seed; standardized by the training rows."""
    X, y, task = arrays
    train, test = _rows(name, len(X), seed)
    mean, deviation = X[train].mean(axis=0), X[train].std(axis=0)
    # A column that hardly varies in the few training rows would become huge in others.
    deviation[deviation < 0.05 * np.maximum(X.std(axis=0), 1e-12)] = 1.0
    scaled = np.clip((X - mean) / np.where(deviation > 0, deviation, 1.0), -6, 6).astype(np.float32)
    outputs = 1
    if task == "regression":
        centre, size = y[train].mean(), y[train].std()
        y = (y - centre) / size
    elif len(np.unique(y)) > 2:
        outputs = int(y.max()) + 1
    metric = "r2" if task == "regression" else "accuracy"
    return Split(name, scaled[train], y[train], scaled[test], y[test], outputs, metric)
