"""What an engine is: it owns parameters and optimizer slots, runs a plan, and knows nothing of faces or files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from descend.engine.sequences import Sequences
from descend.engine.sparse import SparseRows
from descend.optimizers import Optimizer
from descend.plan.plan import Plan

#: Called now and then during `Engine.train` with (rows done, sum of weighted losses, sum of weights);
#: return False to stop after the current step.
Tick = Callable[[int, float, float], bool]


@dataclass(frozen=True)
class Batch:
    """Rows to train or evaluate on, already in the engine's dtype and C order.

    Attributes
    ----------
    X : (rows, *input shape) engine dtype; or a SciPy CSR matrix or array of it in canonical form (columns sorted, none
        twice) when every op that reads the input is dense, see `descend.engine.sparse`
    y : (rows, *output shape) engine dtype for a "dense" target; for an "index" target int32 and without the last axis,
        which is one of groups where the loss has groups of classes
    weight : (rows,) engine dtype, or None for ones
    """

    X: NDArray | SparseRows | Sequences
    y: NDArray
    weight: NDArray | None = None


@dataclass
class OptimizerState:
    """`step` updates done so far; `slots` (n_slots, plan.size) in the order the optimizer names them."""

    step: int
    slots: NDArray


@dataclass(frozen=True)
class Progress:
    """What one call of `Engine.train` did.

    Attributes
    ----------
    loss : mean over the rows done of their batch's loss (data loss and penalties), weighted by the rows' weights
    rows, steps : how many were done
    losses, penalties : (steps,) each step's batch loss without penalties, and its penalties
    status : "done"; "stopped" by the tick; "interrupted" by Ctrl-C; "deadline"; "diverged" when a batch's loss
        was not finite, in which case that batch's update was not applied
    moved : (parameters, 3) what the last step did to each parameter of the plan, as sums of squares: its gradient as it
        came to the optimizer (penalties and clipping by value included, before clipping by norm), its numbers before
        the step, and the difference that the optimizer made (before a max-norm constraint). Zeros for what is not
        trained. None unless asked for by `measure`; NaN when the call ended before its last step.
    """

    loss: float
    rows: int
    steps: int
    status: Literal["done", "stopped", "interrupted", "deadline", "diverged"]
    losses: NDArray[np.float64]
    penalties: NDArray[np.float64]
    moved: NDArray[np.float64] | None = None


#: The columns of `Engine.probe`.
PROBED = ("mean", "deviation", "zeros", "outside", "silent")


def check_accumulation(plan: Plan, accumulate: int) -> None:
    """Refuse to add up the gradients of batches where they do not make the gradient of all rows.

    Raises
    ------
    ValueError
        For fewer than one batch, and for a loss that is no mean over rows.
    """
    if accumulate < 1:
        raise ValueError(f"accumulate must be an integer >= 1, got {accumulate}")
    if accumulate > 1 and plan.loss is not None and plan.loss.kind == "rmse":
        raise ValueError(
            "accumulate adds up gradients of batches, which for the loss 'rmse' is not the gradient of all rows: it is "
            "a root over the batch; use 'mse', or accumulate=1"
        )


class Engine(Protocol):
    """One network on one machine. Flat arrays follow the plan's parameter table."""

    plan: Plan
    dtype: np.dtype

    def set_parameters(self, flat: NDArray) -> None: ...

    def get_parameters(self) -> NDArray: ...

    def predict(self, X: NDArray | SparseRows | Sequences, threads: int = 0) -> NDArray:
        """Outputs in inference mode, (rows, *output shape), for X as in a `Batch`.

        `threads` 0, here and below, lets the engine choose.
        """
        ...

    def predict_from(
        self, X: NDArray | SparseRows | Sequences, state: NDArray | None, threads: int = 0
    ) -> tuple[NDArray, NDArray]:
        """Outputs as `predict`, and the states (rows, sizes) that the recurrent layers end with.

        `state` (rows, sizes) is what they start from, None for zeros: one layer after the other, h before an LSTM's c.
        """
        ...

    def evaluate(self, batch: Batch, threads: int = 0) -> float:
        """Weighted mean loss in inference mode, penalties included."""
        ...

    def gradients(self, batch: Batch, *, seed: int = 0, step: int = 0, threads: int = 0) -> tuple[float, NDArray]:
        """Loss and its gradient (plan.size,) over the whole batch in training mode; nothing is updated.

        `seed` and `step` select the random numbers (dropout, noise); running statistics stay as they are.
        """
        ...

    def probe(
        self, X: NDArray | SparseRows | Sequences, bounds: NDArray[np.float64], threads: int = 0
    ) -> NDArray[np.float64]:
        """What every value of the plan looks like on rows, in inference mode: (values, 5), the columns `PROBED`.

        Mean and standard deviation over rows, positions and columns (the last axis); the share of numbers that are 0;
        the share below `bounds[v, 0]` or above `bounds[v, 1]`, (values, 2); the share of columns that are above 0
        nowhere. The input of sparse rows is not looked at (NaN), nor are values that have steps where rows have lengths
        of their own.
        """
        ...

    def start(self, optimizer: Optimizer, *, seed: int, state: OptimizerState | None = None) -> None:
        """Prepare for training: zeroed slots, or the given state."""
        ...

    def get_state(self) -> OptimizerState: ...

    def train(
        self,
        batch: Batch,
        rows: NDArray[np.uint32],
        *,
        batch_size: int,
        learning_rates: NDArray[np.float64],
        threads: int,
        deadline: float | None = None,
        tick: Tick | None = None,
        accumulate: int = 1,
        measure: bool = False,
    ) -> Progress:
        """Run over `rows` (indices into `batch`, in order) in steps of `batch_size`, updating after each.

        With `accumulate` k a step is k batches of that size: their gradients are added up before the update, so that
        it is that of one batch of k times the rows, but for what works on whole batches (batch normalization) and for
        random numbers, which are each batch's own.

        `learning_rates` has one number per step, or one for all. `deadline` is a time.monotonic() value.
        The last step takes what remains. Ctrl-C gives status "interrupted" (the signal is consumed). `measure` asks
        for `Progress.moved`; it changes nothing else.
        """
        ...
