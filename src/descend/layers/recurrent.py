"""The recurrent layers' configurations: SimpleRNN, LSTM and GRU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from descend import initializers, penalties, specs
from descend.layers.activations import Elementwise, resolve_activation
from descend.layers.base import MAX_UNITS, Layer, Shape, registry
from descend.layers.windows import label

#: Functions a SimpleRNN may apply: those whose derivative follows from the output.
RNN_ACTIVATIONS = ("tanh", "relu")


@dataclass(frozen=True, repr=False)
class Recurrent(Layer, abstract=True):
    """What SimpleRNN, LSTM and GRU share: rows of shape (steps, in) become (units,), or (steps, units).

    The state h starts at zero; step t makes h_t of x_t and h_(t-1).

    Attributes
    ----------
    units : size of the state
    return_sequences : whether the output is every step's state, or the last step's alone
    reverse : whether the steps are read from the last to the first; every output still stands at its own step
    truncate : steps of truncated backpropagation through time: the gradient does not pass from step t to the one before
        where t is a multiple of this; None for all the way. Williams and Peng, 1990
    dropout : in training, the probability of zeroing an element of the input, the others being divided by 1 - dropout;
        one mask for all steps of a row
    recurrent_dropout : the same for the state where the next step multiplies it by the recurrent weights. Gal and
        Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", 2016
    recurrent_drop_connect : in training, the probability p of leaving out each recurrent weight, the rest being divided
        by 1 - p: one mask of U for all rows and time steps of a training step; inference is by the mean network, with
        all weights. Merity and others, "Regularizing and optimizing LSTM language models", 2018 (weight-dropped LSTM)
    batch_norm : whether the terms are normalized over the batch inside the cell, step by step: gamma (z - mean_t) /
        sqrt(var_t + epsilon) for z = x_t W and, with a gamma of its own, for z = h_(t-1) U; b stands for both betas. An
        LSTM shows tanh(gamma (c_t - mean_t) / sqrt(var_t + epsilon) + beta) of its memory. The gammas start at 0.1.
        Mean and variance are those of the rows that have step t, and running ones of step t in inference (of the last
        step that training has seen, for later ones) and where a single row has it. Cooijmans and others, "Recurrent
        batch normalization", 2016; a GRU's two terms are normalized in the same way
    batch_norm_momentum, batch_norm_epsilon : as `BatchNorm` has them
    use_bias : whether there are biases
    weight_initializer : of W (in, gates * units), gate by gate
    recurrent_initializer : of U (units, gates * units), gate by gate
    bias_initializer : of b (gates * units,), gate by gate
    penalty : on W and U; None for the network's
    """

    units: int
    return_sequences: bool = field(default=False, kw_only=True)
    reverse: bool = field(default=False, kw_only=True)
    truncate: int | None = field(default=None, kw_only=True)
    dropout: float = field(default=0.0, kw_only=True)
    recurrent_dropout: float = field(default=0.0, kw_only=True)
    recurrent_drop_connect: float = field(default=0.0, kw_only=True)
    batch_norm: bool = field(default=False, kw_only=True)
    batch_norm_momentum: float = field(default=0.9, kw_only=True)
    batch_norm_epsilon: float = field(default=1e-5, kw_only=True)
    use_bias: bool = field(default=True, kw_only=True)
    weight_initializer: initializers.Initializer | str = field(default="glorot_uniform", kw_only=True)
    recurrent_initializer: initializers.Initializer | str = field(default="orthogonal", kw_only=True)
    bias_initializer: initializers.Initializer | str = field(default="zeros", kw_only=True)
    penalty: penalties.Penalty | str | None = field(default=None, kw_only=True)
    gates: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "units", low=1, high=MAX_UNITS)
        for flag in ("return_sequences", "reverse", "use_bias", "batch_norm"):
            specs.check_flag(self, flag)
        if self.truncate is not None:
            specs.check_integer(self, "truncate", low=1, high=2**31 - 1)
        for rate in ("dropout", "recurrent_dropout", "recurrent_drop_connect"):
            specs.check_number(self, rate, low=0.0, high=1.0, high_open=True)
        specs.check_number(self, "batch_norm_momentum", low=0.0, high=1.0, high_open=True)
        specs.check_number(self, "batch_norm_epsilon", low=0.0, low_open=True)
        for name in ("weight_initializer", "recurrent_initializer", "bias_initializer"):
            specs.set_field(self, name, initializers.resolve(getattr(self, name)))
        specs.set_field(self, "penalty", penalties.resolve(self.penalty))

    @property
    def function(self) -> str:
        """The name of the function that makes the new state of the terms."""
        return "tanh"

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ValueError(
                f"{label(self)}: needs rows of shape (steps, features), got rows of shape {input_shape}; pass "
                "X of shape (rows, steps, features)"
                + (", or give the layer before it return_sequences=True" if len(input_shape) == 1 else "")
            )
        return (input_shape[0], self.units) if self.return_sequences else (self.units,)


@dataclass(frozen=True, repr=False)
class SimpleRNN(Recurrent):
    """h_t = f(x_t W + h_(t-1) U + b). Elman, "Finding structure in time", 1990.

    See `Recurrent` for what all recurrent layers take.

    Attributes
    ----------
    activation : f: "tanh" or "relu"
    """

    activation: Layer | str = "tanh"
    kind: ClassVar[str] = "simple_rnn"

    def __post_init__(self) -> None:
        super().__post_init__()
        activation = resolve_activation(self.activation)
        if not isinstance(activation, Elementwise) or activation.kind not in RNN_ACTIVATIONS:
            raise ValueError(
                f"SimpleRNN: activation must be one of {', '.join(RNN_ACTIVATIONS)}, got {self.activation!r}; for "
                "another function of the states put its layer after this one"
            )
        specs.set_field(self, "activation", activation)

    @property
    def function(self) -> str:
        return resolve_activation(self.activation).kind


@dataclass(frozen=True, repr=False)
class LSTM(Recurrent):
    """Long short-term memory: a state h and a memory c that gates write, keep and show.

    With z = x_t W + h_(t-1) U + b cut into four parts of `units` columns, in the order i, f, g, o::

        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o);  g = tanh(z_g)
        c_t = f c_(t-1) + i g;  h_t = o tanh(c_t)

    Hochreiter and Schmidhuber, 1997; Gers and others, 2000 (forget gate). See `Recurrent` for what all recurrent layers
    take.

    Attributes
    ----------
    unit_forget_bias : whether the forget gate's bias starts at 1 more than `bias_initializer` says, so that the memory
        is kept at first. Jozefowicz and others, 2015
    """

    unit_forget_bias: bool = field(default=True, kw_only=True)
    kind: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_flag(self, "unit_forget_bias")


@dataclass(frozen=True, repr=False)
class GRU(Recurrent):
    """Gated recurrent unit: a state that one gate resets and another keeps.

    With a = x_t W + b and q = h_(t-1) U cut into three parts of `units` columns, in the order r, z, n::

        r, z = sigmoid(a_r + q_r), sigmoid(a_z + q_z)
        n = tanh(a_n + r (q_n + b')); h_t = (1 - z) n + z h_(t-1)

    The reset gate comes after the product, as in PyTorch and in Keras's default; b' (units,) is `recurrent_bias`. Cho
    and others, 2014. See `Recurrent` for what all recurrent layers take.
    """

    kind: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3


registry.register(SimpleRNN, SimpleRNN.kind)
registry.register(LSTM, LSTM.kind)
registry.register(GRU, GRU.kind)
