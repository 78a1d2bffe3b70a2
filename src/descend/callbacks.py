"""Callbacks: code that runs between the epochs or updates of a training."""

from descend.training.callbacks import SWA, Callback, Checkpoint, EarlyStopping, Function, Run

__all__ = ["SWA", "Callback", "Checkpoint", "EarlyStopping", "Function", "Run"]
