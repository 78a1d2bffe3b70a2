"""Convolutions: the three products of one layer beside the matrix product that is the peak, and training of a network
for images against PyTorch and JAX. All contestants take turns in one run.

The products are measured by a small program (benchmarks/native/convolution.cpp) that is built for this machine, since
no interface of the library runs one alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import machine
from timing import alternate, cores, medians

ROOT = Path(__file__).resolve().parents[1]

#: Height, width, channels and filters of the layers whose products are measured.
LAYERS = ((14, 14, 32, 64), (15, 13, 24, 40), (7, 7, 128, 128))
PRODUCTS = ("forward", "gradient of the input", "gradient of the weights")

SIZE, CLASSES = 28, 10
BATCHES = {128: 1024, 8: 512}  # rows of an epoch
DESCRIPTION = (
    "28 x 28 x 1 images, twice (3 x 3 convolution with 32, then 64 filters, batch norm, ReLU, max pool 2), dense 128, "
    "ReLU, 10 classes, Adam, float32"
)


def measure(rounds: int, note: Callable[[str], None]) -> dict[str, Any]:
    """GFLOP/s of the products on one thread, and seconds per training step of every contestant, by batch size."""
    found: dict[str, Any] = {"products": _products(note), "steps": {}}
    for batch, rows in BATCHES.items():
        rng = np.random.default_rng(0)
        X = rng.standard_normal((rows, SIZE, SIZE, 1)).astype(np.float32)
        y = rng.integers(0, CLASSES, rows)
        calls = {}
        for name, make in _CONTESTANTS.items():
            try:
                calls[name] = make(X, y, batch)
            except ImportError as error:
                note(f"{name} left out: {error}")
        middle = medians(alternate(calls, rounds=rounds))
        found["steps"][str(batch)] = {name: seconds * batch / rows for name, seconds in middle.items()}
        for name, seconds in found["steps"][str(batch)].items():
            note(f"  batch {batch:4d} {name:30s} {seconds * 1e3:8.2f} ms per step")
    return found


def _products(note: Callable[[str], None]) -> dict[str, Any] | None:
    """By layer the GFLOP/s of its products, and the peak of one thread: NumPy's matrix product beside them."""
    cmake = shutil.which("cmake") or str(Path(sys.executable).parent / "cmake")
    with tempfile.TemporaryDirectory() as folder:
        configure = [cmake, "-S", str(ROOT), "-B", folder, "-DCMAKE_BUILD_TYPE=Release"]
        options = ["-DDESCEND_PYTHON_MODULES=OFF", "-DDESCEND_NATIVE_TESTS=ON"]
        build = [cmake, "--build", folder, "--target", "convolution_rates", "--parallel", str(cores())]
        try:
            for command in ([*configure, *options], build):
                subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            note(f"products of convolutions left out: {error}")
            return None
        numbers = [str(n) for layer in LAYERS for n in layer]
        out = subprocess.run([f"{folder}/convolution_rates", *numbers], check=True, capture_output=True, text=True)
    lines = [line.split() for line in out.stdout.splitlines()]
    rates = {" x ".join(line[:3]) + f" -> {line[3]}": [float(n) for n in line[4:]] for line in lines}
    return {"rates": rates, "peak": machine.product_rate_of_one_thread()}


def train(before: Sequence[Any] = (), threads: int | None = None) -> Callable[..., Callable[[int], object]]:
    """What makes a function that trains our network for so many epochs, with the layers `before` at its beginning."""

    def make(X: Any, y: Any, batch: int) -> Callable[[int], object]:
        from descend import Network, layers, optimizers

        stack: list[layers.Layer] = [*before]
        for filters in (32, 64):
            stack += [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNorm(), layers.ReLU()]
            stack += [layers.MaxPool2D(2)]
        stack += [layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(CLASSES, "softmax")]
        network = Network(stack, X.shape[1:], seed=0)
        adam = optimizers.Adam(1e-3)
        loss = "categorical_crossentropy"
        return lambda count: network.fit(
            X, y, loss=loss, optimizer=adam, epochs=count, batch_size=batch, threads=threads, verbose=0
        )

    return make


def _pytorch(threads: int | None, channels_last: bool) -> Callable[..., Callable[[int], object]]:
    def make(X: Any, y: Any, batch: int) -> Callable[[int], object]:
        import torch
        from torch import nn

        stack: list[nn.Module] = []
        for before, filters in ((1, 32), (32, 64)):
            stack += [nn.Conv2d(before, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            stack += [nn.MaxPool2d(2)]
        stack += [nn.Flatten(), nn.Linear((SIZE // 4) ** 2 * 64, 128), nn.ReLU(), nn.Linear(128, CLASSES)]
        model = nn.Sequential(*stack)
        x, target = torch.from_numpy(X.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y)
        if channels_last:
            model = model.to(memory_format=torch.channels_last)
            x = x.to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        loss = nn.CrossEntropyLoss()

        def run(count: int) -> None:
            torch.set_num_threads(threads or cores())
            for _ in range(count):
                for rows in torch.randperm(len(x)).split(batch):
                    optimizer.zero_grad(set_to_none=True)
                    some = x[rows].contiguous(memory_format=torch.channels_last) if channels_last else x[rows]
                    loss(model(some), target[rows]).backward()
                    optimizer.step()

        return run

    return make


def _jax(X: Any, y: Any, batch: int) -> Callable[[int], object]:
    import jax
    import jax.numpy as jnp
    import optax

    rng = np.random.default_rng(1)
    shapes = {"c1": (3, 3, 1, 32), "c2": (3, 3, 32, 64), "d1": ((SIZE // 4) ** 2 * 64, 128), "d2": (128, CLASSES)}
    params = {
        name: jnp.asarray(rng.standard_normal(s) / np.sqrt(np.prod(s[:-1])), jnp.float32) for name, s in shapes.items()
    }
    params |= {
        f"{kind}{i}": jnp.full(n, 1.0 - (kind == "beta")) for i, n in ((1, 32), (2, 64)) for kind in ("gamma", "beta")
    }
    optimizer = optax.adam(1e-3)
    images, target = jnp.asarray(X), jnp.asarray(y.astype(np.int32))

    def loss(p: Any, x: Any, t: Any) -> Any:
        for i in (1, 2):
            x = jax.lax.conv_general_dilated(x, p[f"c{i}"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            x = jax.nn.relu((x - mean) * jax.lax.rsqrt(variance + 1e-5) * p[f"gamma{i}"] + p[f"beta{i}"])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = jax.nn.relu(x.reshape(len(x), -1) @ p["d1"]) @ p["d2"]
        return optax.softmax_cross_entropy_with_integer_labels(x, t).mean()

    def step(state: Any, rows: Any) -> Any:
        p, slots = state
        value, gradient = jax.value_and_grad(loss)(p, images[rows], target[rows])
        updates, slots = optimizer.update(gradient, slots, p)
        return (optax.apply_updates(p, updates), slots), value

    @jax.jit
    def epoch(state: Any, key: Any) -> Any:
        order = jax.random.permutation(key, len(target)).reshape(-1, batch)
        return jax.lax.scan(step, state, order)

    state = [(params, optimizer.init(params))]

    def run(count: int) -> None:
        for i in range(count):
            state[0], values = epoch(state[0], jax.random.PRNGKey(i))
            values.block_until_ready()

    return run


_CONTESTANTS: dict[str, Callable[..., Callable[[int], object]]] = {
    "descend": train(),
    "descend, 1 thread": train(threads=1),
    "PyTorch": _pytorch(None, False),
    "PyTorch, channels last": _pytorch(None, True),
    "PyTorch, 1 thread": _pytorch(1, False),
    "PyTorch, channels last, 1 thread": _pytorch(1, True),
    "JAX": _jax,
}
