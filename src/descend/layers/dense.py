"""The dense layer's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from descend import initializers, penalties, specs
from descend.layers.activations import resolve_activation
from descend.layers.base import MAX_UNITS, Layer, Shape, registry
from descend.layers.embedding import Embedding


@dataclass(frozen=True)
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
    """

    units: int
    activation: Layer | str | None = None
    use_bias: bool = field(default=True, kw_only=True)
    weight_initializer: initializers.Initializer | str | None = field(default=None, kw_only=True)
    bias_initializer: initializers.Initializer | str = field(default="zeros", kw_only=True)
    penalty: penalties.Penalty | str | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)
    tied_to: Layer | str | None = field(default=None, kw_only=True)
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
        self._check_tie()

    def _check_tie(self) -> None:
        if self.tied_to is None:
            return
        if not isinstance(self.tied_to, Dense | Embedding | str):
            raise TypeError(
                f"Dense: tied_to must be a Dense or Embedding layer, or the name of one, got "
                f"{type(self.tied_to).__name__}"
            )
        if isinstance(self.tied_to, Dense) and self.tied_to.tied_to is not None:
            raise ValueError("Dense: tied_to is a layer that is tied itself; tie both to the layer that has the weight")
        for name in ("weight_initializer", "penalty", "max_norm"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"Dense: {name} belongs to the layer that has the weight; give it to that one and leave it out "
                    "where tied_to is"
                )

    def expand(self) -> tuple[Layer, ...]:
        if self.activation is None:
            return (self,)
        return replace(self, activation=None), resolve_activation(self.activation)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)


registry.register(Dense, Dense.kind)
