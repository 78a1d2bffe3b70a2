"""Recurrent cells that normalize what they compute: norm(x W) + b and norm(h U) come in the place of the cell's terms,
and what an LSTM shows of its memory is tanh(norm(c) + beta). See `step_norms` for norm and `cells` for the cells.
"""

from __future__ import annotations

import numpy as np

from descend.engine.reference import step_norms
from descend.engine.reference.cells import CELLS, States
from descend.engine.reference.context import Array, Context, Saved
from descend.engine.reference.recurrent_setting import Setting
from descend.plan.ops import Recurrent, StepNorm


def forward(
    op: Recurrent, norm: StepNorm, context: Context, k: Setting, a: Array, q: Array, before: States, s: int
) -> tuple[States, Saved]:
    """The states after step s from x W at a and h U at q; keeps, beside what the cell does, what was normalized."""
    there, kinds, cell = k.there[:, s], step_norms.kinds(norm), CELLS[op.cell]
    x = step_norms.forward(norm, kinds["input"], context, a, s, there)
    h = step_norms.forward(norm, kinds["recurrent"], context, q, s, there)
    after, saved = cell.forward(x.y + k.b, h.y, k.recurrent_b, before, op.function)
    saved |= _kept("input", x) | _kept("recurrent", h)
    if norm.cell_beta is None:
        return after, saved
    memory = step_norms.forward(norm, kinds["cell"], context, after[1], s, there)
    shown = np.tanh(memory.y + context.parameter(norm.cell_beta))
    return (saved["o"] * shown, after[1]), saved | {"shown": shown} | _kept("cell", memory)


def backward(
    op: Recurrent, norm: StepNorm, context: Context, k: Setting, saved: Saved, after: States, before: States, s: int
) -> tuple[Array, Array, Array, States, Array]:
    """The gradients of x W, h U, b' by row, of the states before as far as they do not come through h U, and of b."""
    there, kinds, cell = k.there[:, s], step_norms.kinds(norm), CELLS[op.cell]
    if norm.cell_beta is not None:
        dh, dc = after
        o, shown = saved["o"], saved["shown"]
        d_memory = dh * o * (1.0 - shown * shown) * there[:, None]
        context.add_gradient(norm.cell_beta, d_memory.sum(axis=0))
        dc = dc + step_norms.backward(kinds["cell"], context, _normed("cell", saved), d_memory, there)
        # The cell itself adds what comes by tanh(c); it is taken away, and the gate's own gradient stays.
        after = dh, dc - dh * o * (1.0 - shown * shown)
    d_x, d_h, d_b, direct = cell.backward(saved, after, before, op.function)
    d_x, d_h = d_x * there[:, None], d_h * there[:, None]
    d_a = step_norms.backward(kinds["input"], context, _normed("input", saved), d_x, there)
    d_q = step_norms.backward(kinds["recurrent"], context, _normed("recurrent", saved), d_h, there)
    return d_a, d_q, d_b, direct, d_x.sum(axis=0)


def _kept(name: str, normed: step_norms.Normed) -> Saved:
    rows = len(normed.normalized)
    return {
        f"{name}_normalized": normed.normalized,
        f"{name}_inverse_deviation": np.tile(normed.inverse, (rows, 1)),
        f"{name}_count": np.full((rows, 1), float(normed.count)),
    }


def _normed(name: str, saved: Saved) -> step_norms.Normed:
    normalized, inverse = saved[f"{name}_normalized"], saved[f"{name}_inverse_deviation"]
    return step_norms.Normed(normalized, normalized, inverse, int(saved[f"{name}_count"].max(initial=0)))
