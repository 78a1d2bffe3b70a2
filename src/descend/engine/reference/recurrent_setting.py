"""What all steps of a recurrent layer share in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference.context import Array


@dataclass(frozen=True)
class Setting:
    """What all steps share: W, U, b and b' as in the plan (zeros without), what U was
    multiplied by (None for nothing), m (rows, in), m' (rows, units); and `order`,
    (rows, steps), the step of the row that comes s-th, with `there`, whether it has one.
    """

    w: Array
    u: Array
    kept: Array | None
    b: Array
    recurrent_b: Array
    mask: Array
    recurrent_mask: Array
    order: NDArray[np.int64]
    there: NDArray[np.bool_]

    def in_order(self, x: Array) -> Array:
        """X (rows, steps, ...) with the steps in the order in which they come, zeros where there are none."""
        return np.take_along_axis(x, self.order[:, :, None], axis=1) * self.there[:, :, None]

    def back(self, x: Array) -> Array:
        """The other way round."""
        found = np.zeros_like(x)
        np.put_along_axis(found, self.order[:, :, None], x * self.there[:, :, None], axis=1)
        return found
