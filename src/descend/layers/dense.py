"""The dense layer's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from descend import initializers, penalties, specs
from descend.layers.activations import resolve_activation
from descend.layers.base import MAX_UNITS, Layer, Shape, registry
from descend.layers.embedding import Embedding
from descend.layers.tying import check_tie


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """z = x W + b on the last axis, or z = x V^T + b when it is tied to a layer with the weight V; then an activation.

    Rows of shape (..., in) become rows of shape (..., units), with the same W at every position.

    Attributes
    ----------
    units : number of outputs
    activation : name or activation layer; Dense(64, activation="relu") is short for the two layers
    use_bias : whether b is there
    weight_initializer : of W (in, out); None for He's uniform one before an activation of the ReLU family and
        Glorot's otherwise
    bias_initializer : of b (units,)
    penalty : on W; None for the network's
    tied_to : another dense layer or an embedding, or its name, that comes earlier in the network: this one uses the
        transpose of its weight V (units, in) and has only a bias of its own. The gradients of both uses add up, and V's
        initializer, penalty and max_norm are the other layer's matter. The decoder of an autoencoder is tied to its
        encoder like this: half the weights. Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural
        networks", 2006; Press and Wolf, "Using the output embedding to improve language models", 2017
    max_norm : after every update a unit's incoming weights (a column of W) that have a larger Euclidean norm are scaled
        back to it, w <- w max_norm / ||w||; None for no limit. Srivastava and others, "Dropout", 2014, section 5.1
    drop_connect : in training, leave out each weight of W with this probability p and scale the rest by 1 / (1 - p), so
        that z keeps its expectation. One mask serves all rows of a step; biases stay, and no other layer may share W.
        Wan and others, "Regularization of neural networks using DropConnect", 2013, draw one for each row: that costs
        a product of its own for each row, while over the steps every weight is left out as often either way
    inference : with drop_connect: "mean" predicts with all weights, z = x W + b. "gaussian" takes what the random
        weights would give for normal (the paper's section 3.2, algorithm 2), with mean m = x W + b and variance
        s^2 = p / (1 - p) (x * x) (W * W), and predicts the mean of the activation over it: an activation must follow
    samples : for "gaussian": the mean is that of activation(m + s q_k) over the n quantiles q_k of the standard normal
        distribution at (k + 1/2) / n; the paper draws them at random, these give a row the same prediction always
    """

    units: int
    activation: Layer | str | None = None
    use_bias: bool = field(default=True, kw_only=True)
    weight_initializer: initializers.Initializer | str | None = field(default=None, kw_only=True)
    bias_initializer: initializers.Initializer | str = field(default="zeros", kw_only=True)
    penalty: penalties.Penalty | str | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)
    tied_to: Layer | str | None = field(default=None, kw_only=True)
    drop_connect: float = field(default=0.0, kw_only=True)
    inference: str = field(default="mean", kw_only=True)
    samples: int = field(default=32, kw_only=True)
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "units", low=1, high=MAX_UNITS)
        specs.check_flag(self, "use_bias")
        if self.activation is not None:
            specs.set_field(self, "activation", resolve_activation(self.activation))
        if self.weight_initializer is not None:
            specs.set_field(self, "weight_initializer", initializers.resolve(self.weight_initializer))
        specs.set_field(self, "bias_initializer", initializers.resolve(self.bias_initializer))
        specs.set_field(self, "penalty", penalties.resolve(self.penalty))
        if self.max_norm is not None:
            specs.check_number(self, "max_norm", low=0.0, low_open=True)
        specs.check_number(self, "drop_connect", low=0.0, high=1.0, high_open=True)
        specs.check_integer(self, "samples", low=1, high=4096)
        if self.inference not in ("mean", "gaussian"):
            raise ValueError(f"Dense: inference must be 'mean' or 'gaussian', got {self.inference!r}")
        if self.inference == "gaussian" and not self.drop_connect:
            raise ValueError(
                "Dense: inference='gaussian' concerns drop_connect, which is 0; pass drop_connect=0.5, say, or leave "
                "inference out"
            )
        check_tie(self, (Dense, Embedding), "a Dense or Embedding")

    def expand(self) -> tuple[Layer, ...]:
        if self.activation is None:
            return (self,)
        return replace(self, activation=None), resolve_activation(self.activation)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)


registry.register(Dense, Dense.kind)
