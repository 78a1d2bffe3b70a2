"""Callbacks: code that runs between the epochs or updates of a training."""

from descend.training.callbacks import SWA, Callback, Checkpoint, EarlyStopping, Function, Run
from descend.training.measurements import Measurements
from descend.training.monitor import Monitor

__all__ = ["SWA", "Callback", "Checkpoint", "EarlyStopping", "Function", "Measurements", "Monitor", "Run"]
