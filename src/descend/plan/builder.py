"""Collects the values, ops and parameters of a plan while layers are lowered into it."""

from __future__ import annotations

import math
from collections.abc import Callable

from descend.initializers import Initializer
from descend.penalties import Penalty
from descend.plan import naming
from descend.plan.ops import Op
from descend.plan.plan import Parameter, Plan, Value

#: More parameters than this are taken for a mistake (8 GB in float32).
MAX_PARAMETERS = 2**31 - 1


#: More numbers than this in one row of a value are taken for a mistake, too.
MAX_ROW = 2**31 - 1


class PlanBuilder:
    """Grows a plan op by op.

    Parameters
    ----------
    input_shape : of one row
    penalty : for every regularized parameter that brings none of its own
    """

    def __init__(self, input_shape: tuple[int, ...], *, penalty: Penalty | None = None) -> None:
        self._penalty = penalty
        _check_row("the input", input_shape)
        self._values = [Value(0, input_shape, "input")]
        self._ops: list[Op] = []
        self._parameters: list[Parameter] = []
        self._by_name: dict[str, Parameter] = {}
        self._size = 0
        self._streams = 0
        self.frozen = False  # whether parameters from now on belong to a layer that is not trained

    @property
    def input(self) -> int:
        """The id of the value that is fed in."""
        return 0

    def shape(self, value: int) -> tuple[int, ...]:
        """Shape of one row of a value."""
        return self._values[value].shape

    def parameter(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Initializer,
        *,
        trainable: bool = True,
        penalty: Penalty | None = None,
        regularized: bool = False,
        max_norm: float | None = None,
    ) -> int:
        """Append a parameter to the flat buffer and return its id; the first place's where its layer has several.

        Parameters
        ----------
        name : the layer's name, a slash, and the parameter's
        """
        layer, _, own = name.rpartition("/")
        first = self._by_name.get(f"{naming.owner(layer)}/{own}")
        if first is not None:
            if first.shape != shape:
                raise ValueError(
                    f"{layer} shares {first.name} of shape {first.shape}, but would need shape {shape}; all places of "
                    "a layer object need inputs of one shape"
                )
            return first.id
        if self.frozen or not trainable:
            trainable, penalty, regularized, max_norm = False, None, False, None
        if penalty is None and regularized:
            penalty = self._penalty
        parameter = Parameter(
            id=len(self._parameters),
            name=name,
            shape=shape,
            offset=self._size,
            initializer=initializer,
            trainable=trainable,
            penalty=penalty,
            regularized=regularized,
            max_norm=max_norm,
        )
        if self._size + parameter.size > MAX_PARAMETERS:
            raise ValueError(
                f"the network has more than {MAX_PARAMETERS} parameters at {name} {shape}; use fewer units or layers"
            )
        self._parameters.append(parameter)
        self._by_name[name] = parameter
        self._size += parameter.size
        return parameter.id

    def tied(self, layer: str, name: str, shape: tuple[int, ...], ends: tuple[str, str]) -> int:
        """The id of the parameter `name` of another layer, whose transpose `layer` uses: it must have this shape.

        Parameters
        ----------
        layer, name, shape : (..., out, in)
        ends : what the numbers that a layer of this kind reads and writes are called
        """
        other = self._by_name[name]
        if other.shape != shape:
            read, written = ends
            kernel = f" and a kernel of size {_size(shape)}" if shape[2:] else ""
            theirs = f" with a kernel of size {_size(other.shape)}" if shape[2:] else ""
            raise ValueError(
                f"{layer} has {shape[-1]} {read} and {shape[-2]} {written}{kernel}, so it can be tied to a weight of "
                f"shape {shape}, but {name} has shape {other.shape}; a layer tied to it turns {other.shape[-1]} {read} "
                f"into {other.shape[-2]} {written}{theirs}"
            )
        return other.id

    def stream(self) -> int:
        """A new number for an op that draws random numbers."""
        self._streams += 1
        return self._streams - 1

    def add(self, name: str, shape: tuple[int, ...], make: Callable[[int], Op]) -> int:
        """Append the op that `make` builds around the id of its output, of this shape, and return that id."""
        _check_row(name, shape)
        value = Value(len(self._values), shape, name)
        self._ops.append(make(value.id))
        self._values.append(value)
        return value.id

    def build(self, output: int) -> Plan:
        """The finished plan, whose prediction is the value `output`."""
        return Plan(
            values=tuple(self._values),
            ops=tuple(self._ops),
            parameters=tuple(self._parameters),
            input=0,
            output=output,
        )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:-2]))


def _check_row(name: str, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > MAX_ROW:
        raise ValueError(
            f"one row of {name} would have shape {shape}, which is more than {MAX_ROW} numbers; use a smaller "
            "input_shape, or fewer units"
        )
