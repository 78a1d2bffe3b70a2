"""A training step of recurrent networks, descend against PyTorch and JAX.

Sequences of 50 steps and 8 features, one recurrent layer, a dense unit on its last state, squared error, Adam, float32.
PyTorch runs once with one thread and once with all; JAX compiles a scan over steps of training and of the sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from timing import alternate, cores, medians

STEPS, FEATURES = 50, 8
CELLS = ("LSTM", "GRU", "RNN")
#: (units, rows in a batch)
SIZES = ((64, 64), (32, 16))
#: Training steps of one repetition: an epoch.
EPOCH = 20

DESCRIPTION = f"One recurrent layer on {STEPS} steps of {FEATURES} features, a dense unit, squared error, Adam, float32"


def measure(rounds: int, note: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Median seconds of one training step by cell and size, for every contestant that is installed."""
    found = {}
    for units, batch in SIZES:
        for cell in CELLS:
            calls = {}
            for name, make in _CONTESTANTS.items():
                try:
                    calls[name] = make(cell, units, batch)
                except ImportError as error:
                    note(f"{name} left out: {error}")
            times = medians(alternate(calls, rounds=rounds))
            found[f"{cell} {units}, batch {batch}"] = {name: value / EPOCH for name, value in times.items()}
    return found


def _data(batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((EPOCH * batch, STEPS, FEATURES), dtype=np.float32)
    return X, X[:, :, 0].mean(axis=1, keepdims=True)


def _descend(cell: str, units: int, batch: int) -> Callable[[int], object]:
    from descend import layers, losses, optimizers
    from descend.engine.native import NativeEngine
    from descend.engine.protocol import Batch
    from descend.plan import attach_loss, initial_parameters, lower

    layer = {"LSTM": layers.LSTM, "GRU": layers.GRU, "RNN": layers.SimpleRNN}[cell](units)
    plan = attach_loss(lower([layer, layers.Dense(1)], (STEPS, FEATURES)), losses.MSE())
    engine = NativeEngine(plan)
    engine.set_parameters(initial_parameters(plan, 0))
    engine.start(optimizers.Adam(1e-3), seed=0)
    X, y = _data(batch)
    data, rates = Batch(X, y), np.array([1e-3])
    rows = np.arange(len(X), dtype=np.uint32)

    def call(count: int) -> None:
        for _ in range(count):
            engine.train(data, rows, batch_size=batch, learning_rates=rates)

    return call


def _pytorch(threads: int) -> Callable[[str, int, int], Callable[[int], object]]:
    def make(cell: str, units: int, batch: int) -> Callable[[int], object]:
        import torch

        layer = getattr(torch.nn, cell)(FEATURES, units, batch_first=True)
        last = torch.nn.Linear(units, 1)
        optimizer = torch.optim.Adam([*layer.parameters(), *last.parameters()], 1e-3)
        X, y = (torch.from_numpy(array).split(batch) for array in _data(batch))

        def call(count: int) -> None:
            torch.set_num_threads(threads)
            for _ in range(count):
                for x, target in zip(X, y, strict=True):
                    optimizer.zero_grad()
                    torch.nn.functional.mse_loss(last(layer(x)[0][:, -1]), target).backward()
                    optimizer.step()

        return call

    return make


def _jax(cell: str, units: int, batch: int) -> Callable[[int], object]:
    import jax
    import optax
    from jax import numpy as jnp

    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[cell]
    rng = np.random.default_rng(0)
    shapes = {"w": (FEATURES, gates * units), "u": (units, gates * units), "b": (gates * units,), "v": (units, 1)}
    start: Any = {name: jnp.asarray(rng.normal(0, 0.1, shape), jnp.float32) for name, shape in shapes.items()}
    start["c"] = jnp.zeros(())
    optimizer = optax.adam(1e-3)

    def step(weights: Any, states: Any, term: Any) -> tuple[Any, None]:
        h, c = states
        q = h @ weights["u"]
        if cell == "RNN":
            return (jnp.tanh(term + q), c), None
        if cell == "GRU":
            (ar, az, an), (qr, qz, qn) = jnp.split(term, 3, 1), jnp.split(q, 3, 1)
            z = jax.nn.sigmoid(az + qz)
            return ((1 - z) * jnp.tanh(an + jax.nn.sigmoid(ar + qr) * qn) + z * h, c), None
        i, f, g, o = jnp.split(term + q, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    def loss(weights: Any, x: Any, y: Any) -> Any:
        terms = jnp.swapaxes(x @ weights["w"] + weights["b"], 0, 1)
        zeros = jnp.zeros((batch, units))
        (h, _), _ = jax.lax.scan(lambda states, term: step(weights, states, term), (zeros, zeros), terms)
        return jnp.mean((h @ weights["v"] + weights["c"] - y) ** 2)

    def update(carried: Any, rows: Any) -> tuple[Any, None]:
        weights, slots = carried
        changes, slots = optimizer.update(jax.grad(loss)(weights, *rows), slots)
        return (optax.apply_updates(weights, changes), slots), None

    epoch = jax.jit(lambda carried, rows: jax.lax.scan(update, carried, rows)[0])
    X, y = _data(batch)
    rows = jnp.asarray(X.reshape(EPOCH, batch, STEPS, FEATURES)), jnp.asarray(y.reshape(EPOCH, batch, 1))
    carried = (start, optimizer.init(start))

    def call(count: int) -> None:
        nonlocal carried
        for _ in range(count):
            carried = epoch(carried, rows)
        jax.block_until_ready(carried)

    return call


_CONTESTANTS: dict[str, Callable[[str, int, int], Callable[[int], object]]] = {
    "descend": _descend,
    "PyTorch, one thread": _pytorch(1),
    "PyTorch, all threads": _pytorch(cores()),
    "JAX": _jax,
}


if __name__ == "__main__":
    for name, times in measure(7, print).items():
        print(name, {contestant: f"{seconds * 1e6:.0f} us" for contestant, seconds in times.items()})
