"""The vocabulary of a plan: one frozen dataclass per op.

An op reads values (activations, numbered) and parameters (numbered), and writes exactly one value. This file
holds no arithmetic: `engine/reference` defines what each op means, `native/ops` computes the same thing fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from descend.layers.windows import Window
from descend.plan.augmentations import AUGMENTATIONS as AUGMENTATIONS
from descend.plan.augmentations import Adjust as Adjust
from descend.plan.augmentations import Erase as Erase
from descend.plan.augmentations import Mix as Mix
from descend.plan.augmentations import Move as Move
from descend.plan.augmentations import Range as Range
from descend.plan.augmentations import SwapNoise as SwapNoise
from descend.plan.augmentations import Warp as Warp
from descend.plan.column_ops import ColumnMap as ColumnMap
from descend.plan.column_ops import Impute as Impute
from descend.plan.column_ops import Interpolate as Interpolate
from descend.plan.column_ops import OneHot as OneHot
from descend.plan.column_ops import Periodic as Periodic
from descend.plan.column_ops import PiecewiseLinear as PiecewiseLinear
from descend.plan.column_ops import Rescale as Rescale
from descend.plan.op import Op as Op

#: Names of the elementwise functions an `Activation` op may apply.
ACTIVATIONS = (
    "linear",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "hard_sigmoid",
    "mish",
    "exponential",
)

#: Names of the losses a `Loss` op may compute.
LOSSES = ("mse", "mae", "rmse", "bce", "cce", "huber", "poisson", "pinball", "hinge")

#: Functions a loss may absorb, so that it starts from the value before them ("from logits").
LINKS = ("identity", "sigmoid", "softmax", "exponential")

#: The recurrent cells and how many gates (parts of the terms, the new state's own among them) each has.
CELLS = {"rnn": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class DropConnect:
    """How an op leaves out weights.

    Training: weight e of the parameter, its numbers counted in C order, counts as 0 where its random number is below
    `rate`, else as w / (1 - rate): the same for all rows, positions and time steps of a training step. `stream` as in
    `Dropout`.

    Inference: the mean network, with all weights. With `samples`, of dense ops alone, the op includes the activation
    after it: its output is the mean of function(m + s q) over that many quantiles q of the standard normal
    distribution, with m = x W + b and s^2 = rate / (1 - rate) (x * x) (W * W).
    """

    rate: float
    stream: int
    samples: int = 0
    function: str = "linear"
    alpha: float = 0.0


@dataclass(frozen=True)
class Dense(Op):
    """z = x W + b on the last axis, with W (in, out) and b (out,); `bias` is None when the layer has none.

    When it is `transposed`, W is the transpose of the parameter (out, in), which another op uses as it is.
    """

    weight: int
    bias: int | None
    transposed: bool = False
    drop_connect: DropConnect | None = None


@dataclass(frozen=True)
class Convolution(Op):
    """z = sum over the taps of a window of x W[tap] + b, from the window's image to its grid, or back if `transposed`.

    W is (*size, channels of a group, out), b (out,); `bias` is None when the layer has none. When it is `tied`, the
    parameter is (*size, outputs of a group, channels), W[tap] is its transpose, and another op uses it as it is.
    """

    weight: int
    bias: int | None
    window: Window
    groups: int = 1
    transposed: bool = False
    tied: bool = False
    drop_connect: DropConnect | None = None


@dataclass(frozen=True)
class Depthwise(Op):
    """A convolution of every channel by itself, with W (*size, 1, out); out is a multiple of the channels."""

    weight: int
    bias: int | None
    window: Window
    drop_connect: DropConnect | None = None


@dataclass(frozen=True)
class Pool(Op):
    """The largest number, or the mean, of what a window covers, for each channel."""

    window: Window
    average: bool


@dataclass(frozen=True)
class Pad(Op):
    """Zeros around an image: the pixel that a window of one pixel covers, 0 where it lies outside."""

    window: Window


@dataclass(frozen=True)
class Reshape(Op):
    """The same numbers of a row in the same order with the axes of the output."""


@dataclass(frozen=True)
class BatchNorm(Op):
    """gamma (x - mean) / sqrt(var + epsilon) + beta per feature (last axis); biased variance over the batch's rows
    and all other axes.

    In training the batch's statistics are used and the running ones become
    momentum * running + (1 - momentum) * batch; in inference the running ones are used, and in training too for a
    batch of one row (and position), or always when `frozen`, in which case they stay as they are.
    `gamma` or `beta` is None when the layer has no scale or no centre.
    """

    gamma: int | None
    beta: int | None
    running_mean: int
    running_variance: int
    momentum: float
    epsilon: float
    frozen: bool = False


@dataclass(frozen=True)
class LayerNorm(Op):
    """gamma (x - mean) / sqrt(var + epsilon) + beta; mean and biased variance over the last axis.

    `gamma` or `beta` is None when the layer has no scale or no centre.
    """

    gamma: int | None
    beta: int | None
    epsilon: float


@dataclass(frozen=True)
class Activation(Op):
    """An elementwise function of ACTIVATIONS; `alpha` is leaky ReLU's slope or ELU's alpha, otherwise 0.

    `training_only`: in inference the op before includes it, and this one hands on what it reads.
    """

    function: str
    alpha: float = 0.0
    training_only: bool = False


@dataclass(frozen=True)
class PReLU(Op):
    """max(0, x) + slope * min(0, x) with a learned slope per feature of the last axis (features,)."""

    slope: int


@dataclass(frozen=True)
class Softmax(Op):
    """exp(x_j) / sum_k exp(x_k) over the last axis, or over each of `groups`' segments of it; () is one over all."""

    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Dropout(Op):
    """Training: zero an element where its random number is below `rate`, scale the rest by 1 / (1 - rate).

    `stream` numbers the op within its plan, so that two dropout ops draw different random numbers.
    With `whole` a channel of a row is zeroed at all positions or at none.
    """

    rate: float
    stream: int
    whole: bool = False


@dataclass(frozen=True)
class GaussianNoise(Op):
    """Training: x + deviation z with z standard normal. `stream` as in `Dropout`."""

    deviation: float
    stream: int


@dataclass(frozen=True)
class Embedding(Op):
    """Row offset_i + x_i of W (rows, units) for category x_i of column i of the input, from 0 to levels_i - 1.

    A value of shape (columns, units) holds one vector per position; one of shape (columns * units + others,) the
    vectors side by side, followed by the input's other columns as they are.
    """

    weight: int
    columns: tuple[int, ...]
    offsets: tuple[int, ...]
    levels: tuple[int, ...]


@dataclass(frozen=True)
class Add(Op):
    """x_1 + x_2 + ...: two values or more of one shape."""


@dataclass(frozen=True)
class Concatenate(Op):
    """[x_1 x_2 ...]: the features of two values or more side by side."""


@dataclass(frozen=True)
class StepNorm:
    """Batch normalization inside a recurrent cell, with statistics of their own for each step.

    gamma (x - mean) / sqrt(var + epsilon) per column takes the place of x W (`input_`), of h U (`recurrent_`), and plus
    beta of what an LSTM shows of its memory, c (`cell_`). Statistics are those of the rows that have the step in
    training; the running ones (steps, columns) where that is one row, when `frozen` and in inference. `steps_seen` (1,)
    counts the steps that running statistics have been moved at: later ones use the last of them, and start from it.
    """

    input_gamma: int
    input_mean: int
    input_variance: int
    recurrent_gamma: int
    recurrent_mean: int
    recurrent_variance: int
    steps_seen: int
    cell_gamma: int | None
    cell_beta: int | None
    cell_mean: int | None
    cell_variance: int | None
    momentum: float
    epsilon: float
    frozen: bool

    @property
    def parameters(self) -> tuple[int, ...]:
        """The ids of its parameters, in this order."""
        terms = (self.input_gamma, self.input_mean, self.input_variance)
        terms += (self.recurrent_gamma, self.recurrent_mean, self.recurrent_variance, self.steps_seen)
        cell = (self.cell_gamma, self.cell_beta, self.cell_mean, self.cell_variance)
        return (*terms, *(index for index in cell if index is not None))

    @property
    def statistics(self) -> tuple[int, ...]:
        """The ids of the running means and variances."""
        cell = (self.cell_mean, self.cell_variance)
        terms = (self.input_mean, self.input_variance, self.recurrent_mean, self.recurrent_variance)
        return (*terms, *(index for index in cell if index is not None))


@dataclass(frozen=True)
class Recurrent(Op):
    """The states of a recurrent cell along the steps of each row: (steps, in) to (steps, units) or the last (units,).

    Attributes
    ----------
    cell : one of CELLS
    function : "tanh", or "relu" for an "rnn": what makes the new state of the terms
    weight, recurrent : W (in, gates * units) and U (units, gates * units), with the gates in the cell's order
    bias : b (gates * units,) or None
    recurrent_bias : b' (units,) of a "gru", or None
    sequences : whether the output is every step's state
    reverse : whether steps are read from the last to the first
    truncate : the gradient does not pass into step t from behind where t is a multiple of this; 0 for all the way
    dropout, recurrent_dropout : rates of the masks on the input and on the state before U, the same for all steps
    stream, recurrent_stream : of their random numbers, as in `Dropout`
    drop_connect : what is left out of U, the same for all rows and steps
    norm : batch normalization of the terms and of an LSTM's memory
    """

    cell: str
    function: str
    weight: int
    recurrent: int
    bias: int | None
    recurrent_bias: int | None
    sequences: bool
    reverse: bool
    truncate: int
    dropout: float
    recurrent_dropout: float
    stream: int
    recurrent_stream: int
    drop_connect: DropConnect | None = None
    norm: StepNorm | None = None

    @property
    def gates(self) -> int:
        """How many parts of `units` columns the terms have."""
        return CELLS[self.cell]


@dataclass(frozen=True)
class Loss:
    """The batch loss at the end of a training plan.

    A prediction (rows, ..., outputs) with axes between counts as one of (rows, outputs) at each of its positions, and
    the loss of a row is the mean over them.

    Attributes
    ----------
    kind : one of LOSSES
    prediction : id of the value the loss starts from (the logits when `link` is not "identity")
    link : the function between that value and the prediction, computed by the loss itself
    parameter : Huber's delta or the pinball loss's quantile, otherwise 0
    label_smoothing : in [0, 1), for cce and bce
    label_noise : in training, the probability that a label is replaced, or the deviation of noise on a number
    scale : what the batch loss and its gradient are multiplied by; penalties are not
    ceiling : for cce and bce, the most one output (one row, for cce) counts in the loss; its gradient is not cut
    target : "dense" for (rows, ..., outputs) numbers, "index" for (rows, ...) int32 classes, (rows, ..., groups) with
        groups
    groups : for cce, sizes of segments of the outputs that are one out of several classes each; () for one
    """

    kind: str
    prediction: int
    link: str = "identity"
    parameter: float = 0.0
    label_smoothing: float = 0.0
    label_noise: float = 0.0
    scale: float = 1.0
    ceiling: float = math.inf
    target: str = "dense"
    groups: tuple[int, ...] = ()


def drop_connect_of(op: Op) -> DropConnect | None:
    """How the op leaves out weights, when it does."""
    return op.drop_connect if isinstance(op, Dense | Convolution | Depthwise | Recurrent) else None


def streams_of(op: Op) -> tuple[int, ...]:
    """The numbers of the op's random numbers; none when it draws none in training."""
    drop = drop_connect_of(op)
    found = () if drop is None else (drop.stream,)
    if isinstance(op, Recurrent):
        rates = ((op.stream, op.dropout), (op.recurrent_stream, op.recurrent_dropout))
        return (*found, *(stream for stream, rate in rates if rate))
    return (op.stream,) if isinstance(op, Dropout | GaussianNoise | AUGMENTATIONS) else found


def uses_batch(op: Op) -> bool:
    """Whether training normalizes by the statistics of the batch."""
    if isinstance(op, Recurrent):
        return op.norm is not None and not op.norm.frozen
    return isinstance(op, BatchNorm) and not op.frozen
