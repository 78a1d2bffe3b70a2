"""Callbacks: code that runs between the epochs or updates of a training."""

from descend.training.callbacks import Callback, Checkpoint, EarlyStopping, Function, Run

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "Function", "Run"]
