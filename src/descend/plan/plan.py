"""The plan: what a network computes, as plain data.

Values have ids, ops read and write values, parameters are named slices of one flat buffer; gradients and
optimizer slots are parallel buffers cut by the same table. The plan does no arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from descend.initializers import Initializer
from descend.penalties import Penalty
from descend.plan.ops import Loss, Op


@dataclass(frozen=True)
class Value:
    """One activation: `shape` leaves out the rows, so a dense layer's output is (units,)."""

    id: int
    shape: tuple[int, ...]
    name: str

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def positions(self) -> int:
        """The product of all axes but the last, which holds features or channels."""
        return math.prod(self.shape[:-1])


@dataclass(frozen=True)
class Parameter:
    """A named slice of the flat buffer, stored in C order from `offset`.

    `regularized` tells whether decoupled weight decay and network-wide penalties apply (weight matrices: yes; biases,
    normalization parameters, running statistics and whatever is not trained: no). `max_norm` is the most the Euclidean
    norm of a column may be after an update; None for no limit.
    """

    id: int
    name: str
    shape: tuple[int, ...]
    offset: int
    initializer: Initializer
    trainable: bool = True
    penalty: Penalty | None = None
    regularized: bool = False
    max_norm: float | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def slice(self) -> slice:
        return slice(self.offset, self.offset + self.size)


@dataclass(frozen=True)
class Plan:
    """A lowered network: ops in the order they run.

    Attributes
    ----------
    values : all values; `values[i].id == i`
    ops : in topological order
    parameters : `parameters[i].id == i`; consecutive slices of a flat buffer of `size` numbers
    input, output : ids of the value fed in and of the prediction
    loss : present in a training plan (see `with_loss`)
    """

    values: tuple[Value, ...]
    ops: tuple[Op, ...]
    parameters: tuple[Parameter, ...]
    input: int
    output: int
    loss: Loss | None = None

    @property
    def size(self) -> int:
        """Length of the flat parameter buffer."""
        return sum(parameter.size for parameter in self.parameters)

    def with_loss(self, loss: Loss) -> Plan:
        return replace(self, loss=loss)
