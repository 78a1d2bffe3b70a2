"""Networks for images of shape (height, width, channels)."""

from __future__ import annotations

from collections.abc import Sequence

from descend import layers
from descend.model import Network
from descend.networks import parts

_AXES = ("height", "width", "channels")


def lenet(
    input_shape: Sequence[int],
    n_classes: int | None,
    *,
    filters: Sequence[int] = (6, 16),
    kernel_size: int = 5,
    units: Sequence[int] = (120, 84),
    dropout: float = 0.0,
    augmentation: Sequence[layers.Layer] = (),
    seed: int | None = 0,
    dtype: str = "float32",
) -> Network:
    """LeNet-5, with today's ReLU and maximum pools: two convolutions, then dense layers.

    Convolution, halving, convolution, halving, dense layers. The first convolution keeps the image's size (the paper's
    28 x 28 digits stood in a 32 x 32 field), the second has no border: 28 x 28 becomes 14 x 14, then 5 x 5. With the
    defaults and (28, 28, 1) it has the paper's widths and 61,706 weights. LeCun, Bottou, Bengio and Haffner,
    "Gradient-based learning applied to document recognition", 1998.

    Parameters
    ----------
    input_shape : (height, width, channels)
        At least 2 (kernel_size + 1) high and wide: 12 by default.
    n_classes : int or None
        Two end in one probability, more in one each; None in one number, for regression.
    filters : two int, default: (6, 16)
        Channels of the convolutions.
    kernel_size : int, default: 5
        Height and width of both convolutions' windows; 3 suits small images such as 8 x 8.
    units : sequence of int, default: (120, 84)
        Of the hidden dense layers.
    dropout : float, default: 0.0
        After each hidden dense layer.
    augmentation : sequence of layers, default: ()
        In front of all, such as ``[layers.GaussianNoise(0.1)]``; they work in training only.
    seed : int or None, default: 0
    dtype : "float32" (default) or "float64"

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message says what would.
    """
    name = "lenet"
    size = parts.integer(name, "kernel_size", kernel_size, 1, 99)
    rows = parts.shape(name, input_shape, _AXES, smallest=2 * (size + 1))
    first, second = parts.integers(name, "filters", filters, 2)
    stack: list[layers.Layer] = [
        layers.Conv2D(first, size, padding="same", activation="relu"),
        layers.MaxPool2D(2),
        layers.Conv2D(second, size, activation="relu"),
        layers.MaxPool2D(2),
        layers.Flatten(),
    ]
    for n in parts.integers(name, "units", units):
        stack += [layers.Dense(n, activation="relu"), *parts.dropout(dropout)]
    return parts.build(name, stack, rows, n_classes, augmentation, seed=seed, dtype=dtype)


def small_cnn(
    input_shape: Sequence[int],
    n_classes: int | None,
    *,
    filters: Sequence[int] = (16, 32, 64),
    head: str = "flatten",
    dropout: float = 0.0,
    augmentation: Sequence[layers.Layer] = (),
    seed: int | None = 0,
    dtype: str = "float32",
) -> Network:
    """A plain convolutional network: for most small images a good start.

    For each number of `filters` a 3 x 3 convolution, batch normalization and ReLU, with a halving between two of them;
    then the output layer. With c channels and filters f1, f2, ... it has 9 (c f1 + f1 f2 + ...) + 2 (f1 + f2 + ...)
    trained weights before that. Its pattern is that of Simonyan and Zisserman, "Very deep convolutional networks",
    2015; Ioffe and Szegedy, "Batch normalization", 2015; Lin, Chen and Yan, "Network in network" (means over all
    places), 2014.

    Parameters
    ----------
    input_shape : (height, width, channels)
        At least 2^(len(filters) - 1) high and wide.
    n_classes : int or None
        Two end in one probability, more in one each; None in one number, for regression.
    filters : sequence of int, default: (16, 32, 64)
        Channels of the convolutions.
    head : "flatten" (default) or "average"
        What the output layer sees: every place of the last convolution, or the means over all places, which need fewer
        weights and do not care where something is. On Fashion-MNIST, where things are centred, the first is better by
        two points of accuracy.
    dropout : float, default: 0.0
        Before the output layer.
    augmentation : sequence of layers, default: ()
        In front of all; they work in training only.
    seed : int or None, default: 0
    dtype : "float32" (default) or "float64"

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message says what would.
    """
    name = "small_cnn"
    widths = parts.integers(name, "filters", filters)
    rows = parts.shape(name, input_shape, _AXES, smallest=2 ** (len(widths) - 1))
    stack: list[layers.Layer] = []
    for i, width in enumerate(widths):
        stack += [layers.MaxPool2D(2)] if i else []
        stack += _convolution(width)
    if head not in ("flatten", "average"):
        raise ValueError(f"{name}: head must be flatten or average, got {head!r}")
    stack.append(layers.Flatten() if head == "flatten" else layers.GlobalAveragePool2D())
    stack += parts.dropout(dropout)
    return parts.build(name, stack, rows, n_classes, augmentation, seed=seed, dtype=dtype)


def small_resnet(
    input_shape: Sequence[int],
    n_classes: int | None,
    *,
    filters: Sequence[int] = (16, 32, 64),
    blocks: int = 1,
    dropout: float = 0.0,
    augmentation: Sequence[layers.Layer] = (),
    seed: int | None = 0,
    dtype: str = "float32",
) -> Network:
    """A residual network for small images: 6 blocks + 2 layers deep with three stages.

    A 3 x 3 convolution, then one stage for each number of `filters`, each of so many `blocks`; then the mean over all
    places, and the output. A block adds two 3 x 3 convolutions to its input; the first block of every stage but the
    first halves the image, and its shortcut is a 1 x 1 convolution with the same stride. Batch normalization follows
    every convolution. He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016 (section 4.2, whose
    ResNet-20 is ``blocks=3``, but for its shortcuts without weights).

    Parameters
    ----------
    input_shape : (height, width, channels)
        At least 2^(len(filters) - 1) high and wide.
    n_classes : int or None
        Two end in one probability, more in one each; None in one number, for regression.
    filters : sequence of int, default: (16, 32, 64)
        Channels of the stages.
    blocks : int, default: 1
        Residual blocks of each stage.
    dropout : float, default: 0.0
        Before the output layer.
    augmentation : sequence of layers, default: ()
        In front of all; they work in training only.
    seed : int or None, default: 0
    dtype : "float32" (default) or "float64"

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message says what would.
    """
    name = "small_resnet"
    widths = parts.integers(name, "filters", filters)
    count = parts.integer(name, "blocks", blocks, 1, 100)
    rows = parts.shape(name, input_shape, _AXES, smallest=2 ** (len(widths) - 1))
    stack = _convolution(widths[0])
    before = widths[0]
    for i, width in enumerate(widths):
        for j in range(count):
            stride = 2 if i and not j else 1
            inner = [*_convolution(width, stride=stride), *_normalized(width, 3)]
            changed = stride > 1 or width != before
            shortcut = _normalized(width, 1, stride=stride) if changed else None
            stack += [layers.Residual(inner, shortcut), layers.ReLU()]
            before = width
    stack += [layers.GlobalAveragePool2D(), *parts.dropout(dropout)]
    return parts.build(name, stack, rows, n_classes, augmentation, seed=seed, dtype=dtype)


def _convolution(filters: int, *, stride: int = 1) -> list[layers.Layer]:
    """A 3 x 3 convolution with what follows it; the weights are drawn for the ReLU."""
    return [*_normalized(filters, 3, stride=stride), layers.ReLU()]


def _normalized(filters: int, size: int, *, stride: int = 1) -> list[layers.Layer]:
    """A convolution without a bias, which the normalization after it would take away, and that normalization."""
    convolution = layers.Conv2D(
        filters, size, strides=stride, padding="same", use_bias=False, weight_initializer="he_uniform"
    )
    return [convolution, layers.BatchNorm()]
