"""Networks for text as rows of token numbers."""

from __future__ import annotations

from descend import layers
from descend.layers.embedding import MAX_LEVELS
from descend.model import Network
from descend.networks import parts

#: Recurrent layers by what `cell` calls them.
CELLS = {"gru": layers.GRU, "lstm": layers.LSTM, "simple_rnn": layers.SimpleRNN}


def text_rnn(
    length: int,
    vocabulary: int,
    n_classes: int | None,
    *,
    embedding: int = 32,
    units: int = 32,
    cell: str = "gru",
    bidirectional: bool = True,
    dropout: float = 0.2,
    seed: int | None = 0,
    dtype: str = "float32",
) -> Network:
    """Token numbers become vectors, a recurrent layer reads them, its last state gives the output.

    Rows are `length` token numbers from 0 to vocabulary - 1. With vectors of e numbers and u units the embedding has
    vocabulary * e weights and a GRU 3 u (e + u + 1) + u, twice as many where it reads both ways. Cho and others,
    "Learning phrase representations using RNN encoder-decoder", 2014; Gal and Ghahramani, "A theoretically grounded
    application of dropout in recurrent neural networks", 2016.

    Parameters
    ----------
    length : int
        Tokens of a row; with `Sequences` of token numbers the most a row may have.
    vocabulary : int
        How many different tokens there are.
    n_classes : int or None
        Two end in one probability, more in one each; None in one number, for regression.
    embedding : int, default: 32
        Length of a token's vector.
    units : int, default: 32
        Of the recurrent layer, and of each direction.
    cell : "gru" (default), "lstm" or "simple_rnn"
    bidirectional : bool, default: True
        Whether it reads from both ends.
    dropout : float, default: 0.2
        On the recurrent layer's input (one mask for all tokens of a row) and before the output layer.
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
    name = "text_rnn"
    steps = parts.integer(name, "length", length, 1)
    levels = parts.integer(name, "vocabulary", vocabulary, 1, MAX_LEVELS)
    parts.flag(name, "bidirectional", bidirectional)
    if cell not in CELLS:
        raise ValueError(f"{name}: cell must be one of {', '.join(CELLS)}, got {cell!r}")
    last = parts.dropout(dropout)
    reader = CELLS[cell](units, dropout=dropout)
    stack: list[layers.Layer] = [
        layers.Embedding(levels, embedding),
        layers.Bidirectional(reader) if bidirectional else reader,
        *last,
    ]
    return parts.build(name, stack, (steps,), n_classes, (), seed=seed, dtype=dtype)


def text_average(
    length: int,
    vocabulary: int,
    n_classes: int | None,
    *,
    embedding: int = 64,
    dropout: float = 0.5,
    seed: int | None = 0,
    dtype: str = "float32",
) -> Network:
    """Token numbers become vectors, whose mean gives the output, in whatever order they stand.

    For telling what a text is about it is often as good as a network that reads, and trained much sooner. Rows are
    `length` token numbers from 0 to vocabulary - 1. With vectors of e numbers the embedding has vocabulary * e weights.
    Joulin, Grave, Bojanowski and Mikolov, "Bag of tricks for efficient text classification", 2017.

    Parameters
    ----------
    length : int
        Tokens of a row; with `Sequences` of token numbers the most a row may have.
    vocabulary : int
        How many different tokens there are.
    n_classes : int or None
        Two end in one probability, more in one each; None in one number, for regression.
    embedding : int, default: 64
        Length of a token's vector.
    dropout : float, default: 0.5
        On the vectors (one mask for all tokens of a row) and on their mean.
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
    name = "text_average"
    steps = parts.integer(name, "length", length, 1)
    levels = parts.integer(name, "vocabulary", vocabulary, 1, MAX_LEVELS)
    stack: list[layers.Layer] = [
        layers.Embedding(levels, embedding),
        *([layers.SpatialDropout1D(dropout)] if dropout else []),
        layers.GlobalAveragePool1D(),
        *parts.dropout(dropout),
    ]
    return parts.build(name, stack, (steps,), n_classes, (), seed=seed, dtype=dtype)
