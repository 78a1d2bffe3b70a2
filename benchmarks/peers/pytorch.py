"""PyTorch in eager mode, as its tutorials write it, with the fused Adam and all data already in tensors."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapes import Shape

_DEFAULT_THREADS = torch.get_num_threads()


class PyTorch:
    def __init__(self, shape: Shape, X: NDArray[np.float32], y: NDArray[np.int64], threads: int | None) -> None:
        self.threads = threads or _DEFAULT_THREADS
        torch.manual_seed(0)
        stack: list[nn.Module] = []
        for fan_in, units in zip(shape.widths, shape.hidden, strict=False):
            stack += [nn.Linear(fan_in, units, bias=False), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(0.1)]
        stack.append(nn.Linear(shape.hidden[-1], shape.classes))
        self.model = nn.Sequential(*stack)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self.loss = nn.CrossEntropyLoss()
        self.X, self.y, self.shape = torch.from_numpy(X), torch.from_numpy(y), shape

    def epochs(self, count: int) -> float:
        torch.set_num_threads(self.threads)
        total = torch.zeros(())
        for _ in range(count):
            order = torch.randperm(self.shape.rows)
            total = torch.zeros(())
            for rows in order.split(self.shape.batch):
                self.optimizer.zero_grad(set_to_none=True)
                loss = self.loss(self.model(self.X[rows]), self.y[rows])
                loss.backward()
                self.optimizer.step()
                total += loss.detach()
        return float(total) / self.shape.steps
