"""Networks for sequences of shape (steps, features)."""

from __future__ import annotations

from collections.abc import Sequence

from descend import layers
from descend.model import Network
from descend.networks import parts

_AXES = ("steps", "features")


def sequence_lstm(
    input_shape: Sequence[int],
    n_classes: int | None,
    *,
    units: Sequence[int] = (64,),
    bidirectional: bool = True,
    dropout: float = 0.0,
    augmentation: Sequence[layers.Layer] = (),
    seed: int | None = 0,
    dtype: str = "float32",
) -> Network:
    """LSTM layers one upon the other, whose last states give the output; takes sequences of different lengths.

    An LSTM of u units over f features has 4 u (f + u + 1) weights, twice as many where it reads both ways. Hochreiter
    and Schmidhuber, "Long short-term memory", 1997; Schuster and Paliwal, "Bidirectional recurrent neural networks",
    1997.

    Parameters
    ----------
    input_shape : (steps, features)
        With `Sequences` the most steps a row may have.
    n_classes : int or None
        Two end in one probability, more in one each; None in one number, for regression.
    units : sequence of int, default: (64,)
        Of each LSTM layer, and of each direction.
    bidirectional : bool, default: True
        Whether every layer reads from both ends.
    dropout : float, default: 0.0
        Before the output layer, and on the input of every LSTM layer but the first.
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
    name = "sequence_lstm"
    rows = parts.shape(name, input_shape, _AXES)
    widths = parts.integers(name, "units", units)
    parts.flag(name, "bidirectional", bidirectional)
    last = parts.dropout(dropout)
    stack: list[layers.Layer] = []
    for i, width in enumerate(widths):
        lstm = layers.LSTM(width, return_sequences=i + 1 < len(widths), dropout=dropout if i else 0.0)
        stack.append(layers.Bidirectional(lstm) if bidirectional else lstm)
    return parts.build(name, [*stack, *last], rows, n_classes, augmentation, seed=seed, dtype=dtype)


def sequence_cnn(
    input_shape: Sequence[int],
    n_classes: int | None,
    *,
    filters: Sequence[int] = (64, 128, 64),
    kernel_sizes: Sequence[int] = (8, 5, 3),
    dropout: float = 0.0,
    augmentation: Sequence[layers.Layer] = (),
    seed: int | None = 0,
    dtype: str = "float32",
) -> Network:
    """A fully convolutional network for sequences of one length.

    Convolutions over time, each with batch normalization and ReLU, then the mean over all steps, and the output: what
    matters is which patterns occur, not where. A convolution of size k from a to b channels has k a b weights, its
    normalization 2 b. Half as wide as that of Wang, Yan and Oates, "Time series classification from scratch with deep
    neural networks", 2017 (128, 256, 128).

    Parameters
    ----------
    input_shape : (steps, features)
    n_classes : int or None
        Two end in one probability, more in one each; None in one number, for regression.
    filters : sequence of int, default: (64, 128, 64)
        Channels of the convolutions.
    kernel_sizes : sequence of int, default: (8, 5, 3)
        Steps a window of each covers.
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
    name = "sequence_cnn"
    rows = parts.shape(name, input_shape, _AXES)
    widths = parts.integers(name, "filters", filters)
    sizes = parts.integers(name, "kernel_sizes", kernel_sizes, len(widths))
    stack: list[layers.Layer] = []
    for width, size in zip(widths, sizes, strict=True):
        convolution = layers.Conv1D(width, size, padding="same", use_bias=False, weight_initializer="he_uniform")
        stack += [convolution, layers.BatchNorm(), layers.ReLU()]
    stack += [layers.GlobalAveragePool1D(), *parts.dropout(dropout)]
    return parts.build(name, stack, rows, n_classes, augmentation, seed=seed, dtype=dtype)
