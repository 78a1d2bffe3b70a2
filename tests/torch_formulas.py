"""Optimizers that PyTorch lacks or defines otherwise, by their formulas on its tensors."""

from __future__ import annotations

from typing import Any

import torch


class Formula(torch.optim.Optimizer):
    """An update that PyTorch lacks or defines otherwise: `update(g, state, t)` is taken off each parameter."""

    def __init__(self, parameters, update):
        super().__init__(parameters, {})
        self.update, self.t = update, 0

    @torch.no_grad()
    def step(self, closure=None):
        self.t += 1
        for p in self.param_groups[0]["params"]:
            p -= self.update(p.grad, self.state[p], self.t)


def mean(state: dict, name: str, beta: float, value: Any) -> Any:
    """A running mean that starts at 0."""
    state[name] = beta * state.get(name, 0.0) + (1 - beta) * value
    return state[name]


def damped(g, state, t):
    return 0.05 * mean(state, "V", 0.9, g)


def rmsprop(g, state, t):
    return 0.01 * g / torch.sqrt(mean(state, "mu", 0.9, g * g) + 1e-7)


def nadam(g, state, t):
    m, v = mean(state, "m", 0.9, g), mean(state, "v", 0.999, g * g)
    ahead = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
    return 0.01 * ahead / (torch.sqrt(v / (1 - 0.999**t)) + 1e-8)


def nesterov(g, state, t):
    """Of parameters that stand at the look-ahead point theta - 0.9 v, where the gradient and the loss are taken."""
    before = state.get("v", 0.0)
    state["v"] = 0.9 * before + 0.02 * g
    return state["v"] - 0.9 * before + 0.9 * state["v"]
