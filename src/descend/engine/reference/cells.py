"""What one step of a recurrent cell does, forward beside backward.

A step gets a (rows, gates * units), the input's term x_t W + b, and q (rows, gates * units), the state's term
h_(t-1) U, and turns the states before it into the states after it: h (rows, units) and, for an LSTM, c (rows, units).
Backward it turns the gradients of the states after it into those of the terms and of the states before it, as far as
these do not come through q. How steps follow one another is the business of `recurrent`.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import numpy as np

from descend.engine.reference.context import Array, Saved

States = tuple[Array, ...]


def _sigmoid(x: Array) -> Array:
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _parts(terms: Array, gates: int) -> list[Array]:
    return np.split(terms, gates, axis=1)


def rnn_forward(a: Array, q: Array, bias: Array, before: States, function: str) -> tuple[States, Saved]:
    """H = f(a + q)."""
    z = a + q
    h = np.tanh(z) if function == "tanh" else np.maximum(z, 0.0)
    return (h,), {"h": h}


def rnn_backward(saved: Saved, after: States, before: States, function: str) -> tuple[Array, Array, Array, States]:
    """Dz = dh f'(z), for both terms."""
    h, (dh,) = saved["h"], after
    dz = dh * (1.0 - h * h if function == "tanh" else np.where(h > 0.0, 1.0, 0.0))
    return dz, dz, np.zeros_like(dh), (np.zeros_like(dh),)


def lstm_forward(a: Array, q: Array, bias: Array, before: States, function: str) -> tuple[States, Saved]:
    """C = f c_before + i g and h = o tanh(c), with i, f, g, o the parts of a + q."""
    i, f, g, o = _parts(a + q, 4)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    c = f * before[1] + i * g
    shown = np.tanh(c)
    return (o * shown, c), {"i": i, "f": f, "g": g, "o": o, "shown": shown}


def lstm_backward(saved: Saved, after: States, before: States, function: str) -> tuple[Array, Array, Array, States]:
    """The gradients of the terms, and of c before: dc f with dc = dc_after + dh o (1 - tanh^2 c)."""
    i, f, g, o, shown = (saved[name] for name in ("i", "f", "g", "o", "shown"))
    dh, dc = after
    dc = dc + dh * o * (1.0 - shown * shown)
    parts = dc * g * i * (1.0 - i), dc * before[1] * f * (1.0 - f), dc * i * (1.0 - g * g), dh * shown * o * (1.0 - o)
    dz = np.concatenate(parts, axis=1)
    return dz, dz, np.zeros_like(dh), (np.zeros_like(dh), dc * f)


def gru_forward(a: Array, q: Array, bias: Array, before: States, function: str) -> tuple[States, Saved]:
    """H = (1 - z) n + z h_before with n = tanh(a_n + r (q_n + bias))."""
    (ar, az, an), (qr, qz, qn) = _parts(a, 3), _parts(q, 3)
    r, z, qn = _sigmoid(ar + qr), _sigmoid(az + qz), qn + bias
    n = np.tanh(an + r * qn)
    return (n + z * (before[0] - n),), {"r": r, "z": z, "n": n, "q": qn}


def gru_backward(saved: Saved, after: States, before: States, function: str) -> tuple[Array, Array, Array, States]:
    """The gradients of both terms, which differ in their last part, of the bias, and of h before: dh z."""
    r, z, n, qn = (saved[name] for name in ("r", "z", "n", "q"))
    (dh,) = after
    dn = dh * (1.0 - z) * (1.0 - n * n)
    dz = dh * (before[0] - n) * z * (1.0 - z)
    dr = dn * qn * r * (1.0 - r)
    return np.concatenate((dr, dz, dn), axis=1), np.concatenate((dr, dz, dn * r), axis=1), dn * r, (dh * z,)


CELLS: dict[str, SimpleNamespace | ModuleType] = {
    "rnn": SimpleNamespace(states=1, forward=rnn_forward, backward=rnn_backward),
    "lstm": SimpleNamespace(states=2, forward=lstm_forward, backward=lstm_backward),
    "gru": SimpleNamespace(states=1, forward=gru_forward, backward=gru_backward),
}
