"""Convolutions: the same weights at every position of an image or a sequence. Channels are the last axis."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from descend import initializers, penalties, specs
from descend.layers.activations import resolve_activation
from descend.layers.base import MAX_UNITS, Layer, Shape, registry
from descend.layers.tying import check_tie
from descend.layers.windows import (
    Padding,
    Window,
    axes_of,
    check_padding,
    check_sizes,
    image_of,
    label,
    pair,
    slide,
    spread,
)


@dataclass(frozen=True, repr=False)
class Sliding(Layer, abstract=True):
    """What all convolutions have in common; not a layer by itself.

    Attributes
    ----------
    kernel_size, strides, dilation_rate : an integer, or one per axis
    padding : "valid" for windows inside the rows; "same" for ceil(size / stride) windows, with zeros around the rows
    activation : name or activation layer that follows
    use_bias : whether b is there
    weight_initializer : None for He's uniform one before an activation of the ReLU family and Glorot's otherwise
    bias_initializer : of b, one number per output channel
    penalty : on the weights; None for the network's
    max_norm : the largest Euclidean norm of an output channel's weights after an update, as for `Dense`
    drop_connect : in training, leave out each weight with this probability p and scale the rest by 1 / (1 - p): one
        mask of the kernel for all rows and positions of a step, as for `Dense`. Inference is by the mean network, with
        all weights; the Gaussian approximation is for dense layers alone
    """

    axes: ClassVar[int] = 2

    strides: int | tuple[int, ...] = field(default=1, kw_only=True)
    padding: Padding = field(default="valid", kw_only=True)
    dilation_rate: int | tuple[int, ...] = field(default=1, kw_only=True)
    activation: Layer | str | None = field(default=None, kw_only=True)
    use_bias: bool = field(default=True, kw_only=True)
    weight_initializer: initializers.Initializer | str | None = field(default=None, kw_only=True)
    bias_initializer: initializers.Initializer | str = field(default="zeros", kw_only=True)
    penalty: penalties.Penalty | str | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)
    drop_connect: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_size", "strides", "dilation_rate"):
            specs.set_field(self, name, check_sizes(self, name, getattr(self, name), self.axes))
        check_padding(self, self.padding)
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

    def expand(self) -> tuple[Layer, ...]:
        if self.activation is None:
            return (self,)
        return replace(self, activation=None), resolve_activation(self.activation)

    def window(self, input_shape: Shape) -> Window:
        """Where the kernel lies on rows of this shape."""
        image = image_of(self, input_shape, self.axes)
        return slide(self, image, *self._pairs(), self.padding)

    def _pairs(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        size, strides, dilation = (pair(getattr(self, name), 1) for name in ("kernel_size", "strides", "dilation_rate"))
        return size, strides, dilation

    def weight_shape(self, input_shape: Shape) -> Shape:
        """Shape of the weights: (*kernel_size, input channels of a group, output channels)."""
        raise NotImplementedError

    def output_shape(self, input_shape: Shape) -> Shape:
        grid = axes_of(self.window(input_shape).grid, self.axes)
        return (*grid, self.weight_shape(input_shape)[-1])

    def _kernel(self) -> tuple[int, ...]:
        return getattr(self, "kernel_size")  # noqa: B009


@dataclass(frozen=True, repr=False)
class Grouped(Sliding, abstract=True):
    """What convolutions with filters have in common; not a layer by itself.

    Attributes
    ----------
    filters : output channels
    groups : input and output channels are cut into so many groups, each of which sees only its own
    """

    filters: int
    kernel_size: int | tuple[int, ...]
    groups: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "filters", low=1, high=MAX_UNITS)
        specs.check_integer(self, "groups", low=1, high=MAX_UNITS)
        if self.filters % self.groups:
            raise ValueError(
                f"{label(self)}: filters must be a multiple of groups, got {self.filters} and {self.groups}"
            )

    def weight_shape(self, input_shape: Shape) -> Shape:
        image_of(self, input_shape, self.axes)
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(
                f"{label(self)}: rows of shape {input_shape} have {channels} channels, which {self.groups} groups "
                "do not divide; choose groups that divide them"
            )
        return (*self._kernel(), channels // self.groups, self.filters)


@dataclass(frozen=True, repr=False)
class Tieable(Grouped, abstract=True):
    """What convolutions that may use another one's weight have in common; not a layer by itself.

    Attributes
    ----------
    tied_to : another convolution, or its name, that comes earlier in the network: this one uses its weight V, of shape
        (*kernel_size, filters / groups, input channels), with the matrix of every tap transposed, W[a, b] = V[a, b]^T,
        and has only a bias of its own. Both have the same kernel_size, number of axes and groups, and one turns as many
        channels into filters as the other turns back; strides, padding and dilation are each one's own. The gradients
        of both uses add up, and V's initializer, penalty and max_norm are the other layer's matter. A transposed
        convolution tied to a convolution of its settings is that one's adjoint: the decoder of a convolutional
        autoencoder (Masci and others, "Stacked convolutional auto-encoders", 2011)
    """

    tied_to: Layer | str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tie(self, (Tieable,), "a Conv1D, Conv2D or transposed convolution")

    def tied_shape(self, input_shape: Shape) -> Shape:
        """Shape that the weight of the layer it is tied to must have."""
        *size, _, filters = self.weight_shape(input_shape)
        return (*size, filters // self.groups, input_shape[-1])


@dataclass(frozen=True, repr=False)
class Conv2D(Tieable):
    """A convolution over images of shape (height, width, channels).

    z[i, j, o] = sum over a, b, c of x[i * stride + a * dilation, j * stride + b * dilation, c] W[a, b, c, o] + b[o],
    with W (height, width, channels / groups, filters); output o sees the channels of its group. LeCun and others, 1989;
    for dilation Yu and Koltun, 2016; for groups Krizhevsky and others, 2012.

    Attributes
    ----------
    filters : output channels
    kernel_size, strides, dilation_rate : an integer, or (height, width)
    padding : "valid" for windows inside the image; "same" for ceil(size / stride) windows, with zeros around the image
    groups : input and output channels are cut into so many groups, each of which sees only its own
    activation, use_bias, weight_initializer, bias_initializer, penalty, max_norm : as for `Dense`, whose columns are
        output channels here
    tied_to : another Conv2D or Conv2DTranspose, or its name, that comes earlier in the network and has this kernel_size
        and these groups: this layer uses its weight, (height, width, filters / groups, channels), with the matrix of
        every tap transposed, and has only a bias of its own
    drop_connect : in training, leave out each weight of W with this probability p and scale the rest by 1 / (1 - p):
        one mask for all rows and positions of a step; inference is by the mean network, with all weights
    """

    kind: ClassVar[str] = "conv2d"


@dataclass(frozen=True, repr=False)
class Conv1D(Tieable):
    """A convolution over sequences of shape (length, channels): `Conv2D` with one axis, W (size, channels, filters)."""

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "conv1d"


@dataclass(frozen=True, repr=False)
class Conv2DTranspose(Tieable):
    """A transposed convolution, which makes images larger: the gradient of a `Conv2D` with respect to its input.

    Pixel x[i, j] adds x[i, j, c] W[a, b, c, o] to z[i * stride - before + a * dilation, ..., o], with W (height, width,
    channels / groups, filters). With padding "same" the output is stride times as large as the input, with "valid"
    larger by max(reach - stride, 0), reach = (kernel_size - 1) dilation + 1. Dumoulin and Visin, 2016.

    Attributes
    ----------
    filters, kernel_size, strides, padding, dilation_rate, groups : as for `Conv2D`
    tied_to : as for `Conv2D`; tied to a `Conv2D` of the same kernel, strides, padding and dilation it is that layer's
        adjoint, the decoder of an autoencoder with the encoder's kernel:

            encoder = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")
            decoder = layers.Conv2DTranspose(1, 3, strides=2, padding="same", tied_to=encoder)

        Masci and others, "Stacked convolutional auto-encoders for hierarchical feature extraction", 2011
    """

    transposed: ClassVar[bool] = True
    kind: ClassVar[str] = "conv2d_transpose"

    def window(self, input_shape: Shape) -> Window:
        return spread(image_of(self, input_shape, self.axes), *self._pairs(), self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*axes_of(self.window(input_shape).image, self.axes), self.weight_shape(input_shape)[-1])


@dataclass(frozen=True, repr=False)
class Conv1DTranspose(Conv2DTranspose):
    """`Conv2DTranspose` for sequences of shape (length, channels)."""

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "conv1d_transpose"


@dataclass(frozen=True, repr=False)
class DepthwiseConv2D(Sliding):
    """A convolution of each channel by itself: z[..., c m + j] = sum over taps of x[..., c] W[taps, 0, c m + j] + b.

    The same as `Conv2D` with as many groups as channels; m is `depth_multiplier`. Sifre and Mallat, 2014.

    Attributes
    ----------
    kernel_size, strides, padding, dilation_rate : as for `Conv2D`
    depth_multiplier : output channels for each input channel
    """

    kernel_size: int | tuple[int, ...]
    depth_multiplier: int = field(default=1, kw_only=True)
    kind: ClassVar[str] = "depthwise_conv2d"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "depth_multiplier", low=1, high=MAX_UNITS)

    def weight_shape(self, input_shape: Shape) -> Shape:
        return (*self._kernel(), 1, input_shape[-1] * self.depth_multiplier)


@dataclass(frozen=True, repr=False)
class DepthwiseConv1D(DepthwiseConv2D):
    """`DepthwiseConv2D` for sequences of shape (length, channels)."""

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "depthwise_conv1d"


@dataclass(frozen=True, repr=False)
class SeparableConv2D(Grouped):
    """A `DepthwiseConv2D` without bias, then a `Conv2D` of one pixel that mixes the channels. Chollet, 2017.

    Attributes
    ----------
    filters, kernel_size, strides, padding, dilation_rate : as for `Conv2D`
    depth_multiplier : channels of the depthwise part for each input channel
    penalty, max_norm, weight_initializer, drop_connect : of both parts; activation, use_bias, groups: of the second one
    """

    depth_multiplier: int = field(default=1, kw_only=True)
    kind: ClassVar[str] = "separable_conv2d"

    def __post_init__(self) -> None:
        super().__post_init__()
        specs.check_integer(self, "depth_multiplier", low=1, high=MAX_UNITS)

    def expand(self) -> tuple[Layer, ...]:
        depthwise, mixing = (DepthwiseConv2D, Conv2D) if self.axes == 2 else (DepthwiseConv1D, Conv1D)
        both = {
            "weight_initializer": self.weight_initializer,
            "penalty": self.penalty,
            "max_norm": self.max_norm,
            "drop_connect": self.drop_connect,
        }
        names = (None, None) if self.name is None else (f"{self.name}_depthwise", f"{self.name}_mixing")
        first = depthwise(
            self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            depth_multiplier=self.depth_multiplier,
            use_bias=False,
            name=names[0],
            **both,
        )
        second = mixing(
            self.filters,
            1,
            groups=self.groups,
            activation=self.activation,
            use_bias=self.use_bias,
            bias_initializer=self.bias_initializer,
            name=names[1],
            **both,
        )
        return first, second

    def output_shape(self, input_shape: Shape) -> Shape:
        for layer in self.expand():
            input_shape = layer.output_shape(input_shape)
        return input_shape


@dataclass(frozen=True, repr=False)
class SeparableConv1D(SeparableConv2D):
    """`SeparableConv2D` for sequences of shape (length, channels)."""

    axes: ClassVar[int] = 1
    kind: ClassVar[str] = "separable_conv1d"


for _layer in (
    Conv1D,
    Conv2D,
    Conv1DTranspose,
    Conv2DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
):
    registry.register(_layer, _layer.kind)
