"""The reference engine: every op's meaning in NumPy and float64, forward beside backward."""

from descend.engine.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
