"""What the numbers were measured on: processor, libraries, and the matrix product that is the peak."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from statistics import median

import numpy as np

from timing import cores


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


PRODUCT_SIZE = 1024


def products(size: int = PRODUCT_SIZE) -> dict[str, Callable[[int], object]]:
    """The float32 product of two `size` x `size` matrices on all cores, repeated: one call per library."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size)).astype(np.float32) for _ in range(2))
    out = np.empty_like(a)
    found: dict[str, Callable[[], object]] = {"NumPy": lambda: np.matmul(a, b, out=out)}
    try:
        import torch
    except ImportError:
        pass
    else:
        ta, tb, tout = torch.from_numpy(a), torch.from_numpy(b), torch.empty(size, size)
        torch.set_num_threads(cores())
        found["PyTorch"] = lambda: torch.mm(ta, tb, out=tout)
    return {name: _repeated(product) for name, product in found.items()}


def _repeated(product: Callable[[], object]) -> Callable[[int], object]:
    def run(count: int) -> None:
        for _ in range(count):
            product()

    return run


def numpy_product(dtype: str, threads: int, size: int = PRODUCT_SIZE) -> Callable[[int], object]:
    """NumPy's product of two `size` x `size` matrices on so many threads, repeated."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size)).astype(dtype) for _ in range(2))
    out = np.empty_like(a)
    product = _repeated(lambda: np.matmul(a, b, out=out))

    def run(count: int) -> None:
        with threadpool_limits(threads):
            product(count)

    return run


def product_rate_of_one_thread(rounds: int = 9) -> float:
    """GFLOP/s of NumPy's product on one core: the median of some rounds."""
    product = numpy_product("float32", 1)
    product(3)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        product(3)
        seconds.append((time.perf_counter() - start) / 3)
    return product_rate(median(seconds))


def product_rate(seconds: float, size: int = PRODUCT_SIZE) -> float:
    """GFLOP/s of one such product that took `seconds`."""
    return 2 * size**3 / seconds / 1e9
