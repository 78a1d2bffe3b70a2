"""JAX at its best: one compiled function per epoch, with `lax.scan` over the steps. Compilation is not timed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from shapes import Shape

_RATE, _MOMENTUM, _EPSILON = 0.1, 0.9, 1e-5


def _forward(params: list[Any], stats: list[Any], x: Any, key: Any) -> tuple[Any, list[Any]]:
    """Logits and the new running statistics."""
    updated = []
    for layer, running, k in zip(params[:-1], stats, jax.random.split(key, len(stats)), strict=True):
        z = x @ layer["w"]
        mean, variance = z.mean(0), z.var(0)
        fresh = zip(running, (mean, variance), strict=True)
        updated.append(tuple(_MOMENTUM * old + (1 - _MOMENTUM) * new for old, new in fresh))
        z = (z - mean) * jax.lax.rsqrt(variance + _EPSILON) * layer["gamma"] + layer["beta"]
        x = jax.nn.relu(z)
        x = jnp.where(jax.random.bernoulli(k, 1 - _RATE, x.shape), x / (1 - _RATE), 0)
    return x @ params[-1]["w"] + params[-1]["b"], updated


def _initial(shape: Shape, key: Any) -> tuple[list[Any], list[Any]]:
    params: list[Any] = []
    for fan_in, units in zip(shape.widths, shape.hidden, strict=False):
        key, k = jax.random.split(key)
        w = jax.random.normal(k, (fan_in, units)) * np.sqrt(2 / fan_in)
        params.append({"w": w, "gamma": jnp.ones(units), "beta": jnp.zeros(units)})
    w = jax.random.normal(key, (shape.hidden[-1], shape.classes)) * np.sqrt(1 / shape.hidden[-1])
    params.append({"w": w, "b": jnp.zeros(shape.classes)})
    return params, [(jnp.zeros(units), jnp.ones(units)) for units in shape.hidden]


class JaxScan:
    def __init__(self, shape: Shape, X: NDArray[np.float32], y: NDArray[np.int64], threads: int | None) -> None:
        if threads is not None:
            raise ValueError("threads must be None: JAX chooses its own on the CPU")
        optimizer = optax.adam(1e-3)
        params, stats = _initial(shape, jax.random.PRNGKey(0))
        self.state = (params, stats, optimizer.init(params), jax.random.PRNGKey(1))
        data_x, data_y = jnp.asarray(X), jnp.asarray(y.astype(np.int32))

        def loss(params: Any, stats: Any, x: Any, target: Any, key: Any) -> Any:
            logits, updated = _forward(params, stats, x, key)
            return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean(), updated

        def step(state: Any, rows: Any) -> Any:
            params, stats, slots, key = state
            key, k = jax.random.split(key)
            value_and_grad = jax.value_and_grad(loss, has_aux=True)
            (value, stats), gradient = value_and_grad(params, stats, data_x[rows], data_y[rows], k)
            updates, slots = optimizer.update(gradient, slots, params)
            return (optax.apply_updates(params, updates), stats, slots, key), value

        @jax.jit
        def epoch(state: Any) -> Any:
            *rest, key = state
            key, k = jax.random.split(key)
            order = jax.random.permutation(k, shape.rows).reshape(shape.steps, shape.batch)
            state, losses = jax.lax.scan(step, (*rest, key), order)
            return state, losses.mean()

        self.epoch = epoch

    def epochs(self, count: int) -> float:
        value = None
        for _ in range(count):
            self.state, value = self.epoch(self.state)
        return float(value)  # type: ignore[arg-type]  # waits for the result
