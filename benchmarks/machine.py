"""What the numbers were measured on: processor, libraries, and the fastest float32 matrix product found."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from timing import cores, warm


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def libraries() -> dict[str, str]:
    found = {}
    for name in ("descend", "numpy", "scikit-learn", "torch", "jax", "jaxlib", "onnxruntime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def describe() -> dict[str, object]:
    from descend.engine import native

    return {
        "processor": processor(),
        "cores": cores(),
        "instruction set": native.isa(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "libraries": libraries(),
        "load at start": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def peak(size: int = 1024, seconds: float = 1.5) -> dict[str, float]:
    """GFLOP/s of a float32 product of two `size` x `size` matrices: the best repetition of each library."""
    return {name: _rate(product, size, seconds) for name, product in _products(size).items()}


def _products(size: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size)).astype(np.float32) for _ in range(2))
    out = np.empty_like(a)
    products: dict[str, Callable[[], object]] = {"NumPy": lambda: np.matmul(a, b, out=out)}
    try:
        import torch
    except ImportError:
        return products
    ta, tb, tout = torch.from_numpy(a), torch.from_numpy(b), torch.empty(size, size)
    torch.set_num_threads(cores())
    products["PyTorch"] = lambda: torch.mm(ta, tb, out=tout)
    return products


def _rate(product: Callable[[], object], size: int, seconds: float) -> float:
    warm()
    end = time.perf_counter() + seconds
    best = float("inf")
    while (start := time.perf_counter()) < end:
        product()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9
