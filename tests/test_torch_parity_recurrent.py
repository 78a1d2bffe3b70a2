"""The same recurrent weights in PyTorch give the same outputs, gradients and 20 losses. Skips without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from descend import Network, layers, losses, optimizers

torch = pytest.importorskip("torch")

ROWS, STEPS, FEATURES, UNITS = 18, 7, 3, 11
RNG = np.random.default_rng(8)
X = RNG.normal(size=(ROWS, STEPS, FEATURES))
Y = RNG.normal(size=(ROWS, 2))
CELLS: dict[str, tuple[type[layers.Recurrent], Any]] = {
    "simple_rnn": (layers.SimpleRNN, torch.nn.RNN),
    "lstm": (layers.LSTM, torch.nn.LSTM),
    "gru": (layers.GRU, torch.nn.GRU),
}


class Theirs(torch.nn.Module):
    """Two layers and a dense one on the last state; `truncate` detaches the states every so many steps."""

    def __init__(self, cell: str, truncate: int = STEPS) -> None:
        super().__init__()
        self.first = CELLS[cell][1](FEATURES, UNITS, batch_first=True)
        self.second = CELLS[cell][1](UNITS, UNITS, batch_first=True)
        self.last = torch.nn.Linear(UNITS, 2)
        self.truncate = truncate

    def forward(self, x):
        for layer in (self.first, self.second):
            parts, state = [], None
            for part in torch.split(x, self.truncate, dim=1):
                y, state = layer(part, state)
                state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
                parts.append(y)
            x = torch.cat(parts, dim=1)
        return self.last(x[:, -1])


def _pair(cell: str, dtype: str, truncate: int | None = None) -> tuple[Network, Any, dict[str, Any]]:
    """Our network, PyTorch's with the same weights, and its parameters by our names.

    PyTorch adds two biases where we have one: its second one stays at zero, but where a GRU needs it.
    """
    make = CELLS[cell][0]
    ours = Network(
        [make(UNITS, return_sequences=True, truncate=truncate), make(UNITS, truncate=truncate), layers.Dense(2)],
        (STEPS, FEATURES),
        dtype=dtype,
        seed=5,
    )
    theirs = Theirs(cell, truncate or STEPS).to(getattr(torch, dtype))
    names: dict[str, Any] = {"dense_1/weight": theirs.last.weight, "dense_1/bias": theirs.last.bias}
    weights = ours.get_weights()
    with torch.no_grad():
        for name, layer in ((f"{cell}_1", theirs.first), (f"{cell}_2", theirs.second)):
            parts = {"weight": layer.weight_ih_l0, "recurrent_weight": layer.weight_hh_l0, "bias": layer.bias_ih_l0}
            names |= {f"{name}/{part}": parameter for part, parameter in parts.items()}
            layer.bias_hh_l0.zero_()
            if cell == "gru":
                names[f"{name}/recurrent_bias"] = layer.bias_hh_l0
                layer.bias_hh_l0.register_hook(_candidate_only)
            else:
                layer.bias_hh_l0.requires_grad_(False)
        for name, parameter in names.items():
            value = torch.tensor(weights[name].T + RNG.normal(size=weights[name].T.shape) * 0.1)
            (parameter[2 * UNITS :] if name.endswith("recurrent_bias") else parameter).copy_(value)
    ours.set_weights({name: _as_ours(name, parameter.detach().numpy()) for name, parameter in names.items()})
    return ours, theirs, names


def _candidate_only(gradient):
    return torch.cat([torch.zeros_like(gradient[: 2 * UNITS]), gradient[2 * UNITS :]])


def _as_ours(name: str, array: np.ndarray) -> np.ndarray:
    return array[2 * UNITS :] if name.endswith("recurrent_bias") else array.T


def _loss(theirs: Any, dtype: str) -> Callable:
    kind = getattr(torch, dtype)
    x, y = torch.tensor(X, dtype=kind), torch.tensor(Y, dtype=kind)
    return lambda: torch.nn.functional.mse_loss(theirs(x), y)


@pytest.mark.parametrize("truncate", [None, 3])
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-8), ("float32", 2e-4)])
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients(cell: str, dtype: str, rtol: float, truncate: int | None) -> None:
    ours, theirs, names = _pair(cell, dtype, truncate)
    loss = _loss(theirs, dtype)
    np.testing.assert_allclose(
        ours.predict(X), theirs(torch.tensor(X, dtype=getattr(torch, dtype))).detach(), rtol=rtol, atol=rtol
    )
    loss().backward()
    gradients = ours.gradients(X, Y, loss="mse")
    assert set(gradients) == set(names)
    for name, parameter in names.items():
        expected = _as_ours(name, parameter.grad.numpy())
        np.testing.assert_allclose(gradients[name], expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-7), ("float32", 2e-3)])
@pytest.mark.parametrize("cell", CELLS)
def test_twenty_losses(cell: str, dtype: str, rtol: float) -> None:
    ours, theirs, _ = _pair(cell, dtype)
    loss = _loss(theirs, dtype)
    optimizer = torch.optim.Adam([p for p in theirs.parameters() if p.requires_grad], 0.01)
    expected = []
    for _ in range(20):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        optimizer.step()
        expected.append(value.item())
    found = ours.fit(
        X, Y, loss=losses.MSE(), optimizer=optimizers.Adam(0.01, clip_norm=0.5), batch_size=None, epochs=20,
        shuffle=False, verbose=0,
    ).loss  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=max(rtol, 1e-5))  # PyTorch adds 1e-6 to the norm
    assert found[-1] < found[0]
