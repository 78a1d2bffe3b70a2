"""Engines: they own parameters and run plans. Import `descend.engine.native` or `descend.engine.reference`."""

from descend.engine.protocol import Batch, Engine, OptimizerState, Progress, Tick

__all__ = ["Batch", "Engine", "OptimizerState", "Progress", "Tick"]
