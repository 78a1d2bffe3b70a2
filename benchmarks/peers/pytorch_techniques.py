"""PyTorch with one regularization technique added to dense layers and ReLU; see `techniques.py`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from shapes import Shape


class DropConnect(nn.Linear):
    """A linear layer that leaves out half of its weights, one mask for a step."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, functional.dropout(self.weight, 0.5, self.training), self.bias)


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1 * torch.randn_like(x)


class PyTorchTechnique:
    def __init__(self, technique: str, shape: Shape, X: NDArray[np.float32], y: NDArray[np.int64]) -> None:
        torch.manual_seed(0)
        linear = DropConnect if technique == "DropConnect" else nn.Linear
        stack: list[nn.Module] = []
        for fan_in, units in zip(shape.widths, shape.hidden, strict=False):
            stack.append(linear(fan_in, units))
            if technique in ("batch norm", "layer norm"):
                stack.append(nn.BatchNorm1d(units) if technique == "batch norm" else nn.LayerNorm(units))
            stack.append(nn.ReLU())
            if technique in ("dropout", "noise"):
                stack.append(nn.Dropout(0.1) if technique == "dropout" else Noise())
        stack.append(nn.Linear(shape.hidden[-1], shape.classes))
        self.model = nn.Sequential(*stack)
        self.weights = [layer.weight for layer in stack if isinstance(layer, nn.Linear)]
        decay = 0.01 if technique == "weight decay" else 0.0
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=decay, fused=True)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999)
        )
        self.technique, self.shape, self.step = technique, shape, 0
        self.random = np.random.default_rng(0)
        self.X, self.y = torch.from_numpy(X), torch.from_numpy(y)

    def epochs(self, count: int) -> None:
        for _ in range(count):
            for rows in torch.randperm(self.shape.rows).split(self.shape.batch):
                self.optimizer.zero_grad(set_to_none=True)
                self._loss(self.X[rows], self.y[rows]).backward()
                self._before_update()
                self.optimizer.step()
                self._after_update()

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        technique, entropy = self.technique, functional.cross_entropy
        if technique == "mixup":
            share, other = float(self.random.beta(0.2, 0.2)), torch.randperm(len(y))
            z = self.model(share * x + (1 - share) * x[other])
            return share * entropy(z, y) + (1 - share) * entropy(z, y[other])
        if technique == "label noise":
            y = torch.where(torch.rand(len(y)) < 0.1, torch.randint(self.shape.classes, (len(y),)), y)
        loss = entropy(self.model(x), y)
        if technique == "L1 and L2":
            loss = loss + 1e-5 * sum((w.abs().sum() + w.square().sum() for w in self.weights), torch.zeros(()))
        return loss

    def _before_update(self) -> None:
        if self.technique != "gradient noise":
            return
        self.step += 1
        deviation = (0.01 / self.step**0.55) ** 0.5
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad.add_(torch.randn_like(parameter.grad), alpha=deviation)

    def _after_update(self) -> None:
        if self.technique == "moving average":
            self.average.update_parameters(self.model)
        if self.technique == "max norm":
            with torch.no_grad():
                for w in self.weights[:-1]:
                    w.copy_(torch.renorm(w, 2, 0, 3.0))
