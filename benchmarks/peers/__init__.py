"""The contestants, each behind the same small interface, none imported before it is asked for.

A contestant trains the network of a `Shape` on its data: `epochs(n)` runs n epochs and returns the last mean loss.
Everything is float32 and reshuffled each epoch. A contestant whose library is missing raises ImportError.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shapes import Shape


class Contestant(Protocol):
    def epochs(self, count: int) -> float: ...


Maker = Callable[[Shape, NDArray[np.float32], NDArray[np.int64]], Contestant]

#: Display name -> module of this folder and class in it, with the number of threads (None: the library's choice).
_CONTESTANTS: dict[str, tuple[str, str, int | None]] = {
    "descend": ("ours", "Descend", None),
    "descend, 1 thread": ("ours", "Descend", 1),
    "PyTorch": ("pytorch", "PyTorch", None),
    "PyTorch, 1 thread": ("pytorch", "PyTorch", 1),
    "JAX": ("jax_scan", "JaxScan", None),
    "scikit-learn": ("sklearn_mlp", "SklearnMLP", None),
}


def names() -> list[str]:
    return list(_CONTESTANTS)


def make(name: str, shape: Shape, X: NDArray[np.float32], y: NDArray[np.int64]) -> Contestant:
    """The contestant called `name`, ready to train."""
    module, cls, threads = _CONTESTANTS[name]
    return getattr(import_module(f"peers.{module}"), cls)(shape, X, y, threads)
