"""Cases of rows of several axes and of recurrent layers, for the table in `ops_cases`."""

from __future__ import annotations

from collections.abc import Callable

from descend import layers, losses, penalties
from op_case import NORMALIZED_BATCH_SIZES, OpCase


def _positions(
    name: str, network: list[layers.Layer], shape: tuple[int, ...], loss: losses.Loss, **settings: object
) -> OpCase:
    return OpCase(f"positions-{name}", lambda: network, shape, loss, (2, 7, 33), **settings)  # type: ignore[arg-type]


#: Rows of several axes, of which the last holds the features: every op works on each position.
POSITION_CASES = [
    _positions("dense", [layers.Dense(19, "tanh"), layers.Dense(3)], (5, 7), losses.MSE()),
    _positions("dense-many", [layers.Dense(3, "tanh"), layers.Dense(18)], (9, 67, 2), losses.MAE()),
    _positions("dense-wide", [layers.Dense(67, "gelu"), layers.Dense(300), layers.Dense(2)], (3, 37), losses.MSE()),
    _positions(
        "norms",
        [layers.BatchNorm(), layers.Dense(5), layers.BatchNorm(), layers.PReLU(), layers.Dense(17), layers.LayerNorm()],
        (3, 4, 3),
        losses.MSE(),
    ),
    _positions("norms-many", [layers.BatchNorm(), layers.Dense(2), layers.LayerNorm()], (601, 2), losses.MSE()),
    _positions(
        "noise",
        [layers.Dropout(0.3), layers.GaussianNoise(0.2), layers.Dense(17), layers.ReLU(), layers.Dropout(0.2)],
        (6, 5),
        losses.Huber(),
        weighted=True,
    ),
    _positions(
        "graph",
        [layers.Concatenate([[], [layers.Dense(15, "tanh")]]), layers.Residual([layers.Dense(18)]), layers.ReLU()],
        (5, 3),
        losses.MSE(),
    ),
    _positions("softmax", [layers.Dense(6), layers.Softmax(), layers.Dense(2)], (4, 3), losses.MSE()),
    _positions("penalties", [layers.Dense(6, penalty=penalties.L1L2(0.01, 0.02))], (50, 3), losses.MSE()),
    _positions(
        "cce",
        [layers.Dense(5), layers.Softmax()],
        (50, 3),
        losses.CategoricalCrossentropy(0.1),
        index_target=True,
        weighted=True,
    ),
    _positions("cce-dense", [layers.Dense(5), layers.Softmax()], (6, 3), losses.CategoricalCrossentropy()),
    _positions(
        "cce-groups",
        [layers.Dense(7), layers.Softmax((3, 4))],
        (6, 3),
        losses.CategoricalCrossentropy(0.1),
        index_target=True,
        weighted=True,
    ),
    _positions("cce-groups-dense", [layers.Dense(7), layers.Softmax((5, 2))], (6, 3), losses.CategoricalCrossentropy()),
    _positions(
        "cce-groups-mixed",
        [layers.Mixup(0.7), layers.Dense(7), layers.Softmax((3, 4))],
        (6, 3),
        losses.CategoricalCrossentropy(label_noise=0.3),
        index_target=True,
    ),
    _positions("rmse", [layers.Dense(5)], (6, 3), losses.RMSE(), weighted=True),
    _positions("bce", [layers.Dense(2, "sigmoid")], (6, 3), losses.BinaryCrossentropy(), weighted=True),
]


def _recurrent(name: str, network: list[layers.Layer], **settings: object) -> OpCase:
    return OpCase(f"recurrent-{name}", lambda: network, (5, 3), losses.MSE(), (2, 7, 33), **settings)  # type: ignore[arg-type]


def _normed(make: type[layers.Recurrent]) -> Callable[[], list[layers.Layer]]:
    norm = {"batch_norm": True, "batch_norm_epsilon": 0.05}
    return lambda: [
        make(19, return_sequences=True, **norm),
        make(7, recurrent_dropout=0.2, dropout=0.1, recurrent_drop_connect=0.2, reverse=True, **norm),
        layers.Dense(2),
    ]


def _twice(make: type[layers.Recurrent]) -> list[layers.Layer]:
    """A recurrent layer that stands in three places, once on other steps."""
    one = make(19, return_sequences=True, penalty=penalties.L2(0.01))
    return [layers.Dense(19, "tanh"), one, layers.LayerNorm(), one, layers.Conv1D(19, 2), one, layers.Dense(2)]


#: Steps one after the other; units that are and are no multiple of a panel.
RECURRENT_CASES = [
    _recurrent("rnn", [layers.SimpleRNN(19), layers.Dense(2)]),
    _recurrent("rnn-relu", [layers.SimpleRNN(67, "relu", return_sequences=True), layers.SimpleRNN(5)], weighted=True),
    _recurrent("lstm", [layers.LSTM(19), layers.Dense(2)]),
    _recurrent("lstm-many", [layers.Dense(18, "tanh"), layers.LSTM(37, return_sequences=True), layers.LSTM(5)]),
    _recurrent("lstm-sequence", [layers.LSTM(16, return_sequences=True), layers.BatchNorm(), layers.Dense(2)]),
    _recurrent("gru", [layers.GRU(19), layers.Dense(2)]),
    _recurrent("gru-many", [layers.Dense(18, "tanh"), layers.GRU(37, return_sequences=True), layers.GRU(5)]),
    _recurrent("no-bias", [layers.GRU(6, use_bias=False, return_sequences=True), layers.LSTM(3, use_bias=False)]),
    _recurrent(
        "reverse",
        [layers.SimpleRNN(7, return_sequences=True, reverse=True), layers.LSTM(9, reverse=True)],
        penalty=penalties.L1L2(0.01, 0.02),
    ),
    *(
        _recurrent(
            f"dropout-{make.kind}",
            [
                make(7, dropout=0.3, recurrent_dropout=0.2, return_sequences=True),
                make(17, dropout=0.5, recurrent_dropout=0.4, return_sequences=True, reverse=True),
                layers.Dropout(0.1),
                layers.Dense(2),
            ],
        )
        for make in (layers.SimpleRNN, layers.LSTM, layers.GRU)
    ),
    _recurrent(
        "bidirectional",
        [
            layers.Dense(6, "tanh"),
            layers.Bidirectional(layers.LSTM(7, return_sequences=True)),
            layers.Bidirectional(layers.GRU(18), merge="sum"),
            layers.Dense(2),
        ],
    ),
    *(
        _recurrent(
            f"drop-connect-{make.kind}",
            [
                make(19, recurrent_drop_connect=0.4, return_sequences=True, penalty=penalties.L2(0.02)),
                make(7, recurrent_drop_connect=0.2, recurrent_dropout=0.3, dropout=0.1, reverse=True),
                layers.Dense(2),
            ],
        )
        for make in (layers.SimpleRNN, layers.LSTM, layers.GRU)
    ),
    *(
        OpCase(
            f"recurrent-norm-{make.kind}",
            _normed(make),
            (5, 3),
            losses.MSE(),
            NORMALIZED_BATCH_SIZES,
            penalty=penalties.L2(0.01),
        )
        for make in (layers.SimpleRNN, layers.LSTM, layers.GRU)
    ),
    OpCase("recurrent-norm-one-row", _normed(layers.LSTM), (5, 3), losses.MSE(), (1, 5)),
    OpCase(
        "recurrent-norm-network",
        lambda: [
            layers.Dense(4, "tanh"),
            layers.Bidirectional(layers.LSTM(35, batch_norm=True, batch_norm_epsilon=0.1, return_sequences=True)),
            layers.BatchNorm(),
            layers.SimpleRNN(5, batch_norm=True, batch_norm_epsilon=0.1, trainable=False, return_sequences=True),
            layers.GRU(3, batch_norm=True, batch_norm_epsilon=0.1, use_bias=False),
            layers.Dense(2),
        ],
        (5, 3),
        losses.MSE(),
        (7, 33, 140),
        weighted=True,
    ),
    *(_recurrent(f"shared-{make.kind}", _twice(make)) for make in (layers.SimpleRNN, layers.LSTM, layers.GRU)),
    _recurrent("frozen", [layers.GRU(5, return_sequences=True), layers.LSTM(4, trainable=False), layers.Dense(2)]),
]


def _rectified() -> list[layers.Layer]:
    """Layers that the native engine takes as one."""
    return [layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.2)]


#: The same on rows of different lengths, and what else reads these.
LENGTHS_CASES = [
    OpCase(f"lengths-{name}", make, shape, losses.MSE(), NORMALIZED_BATCH_SIZES, categories=categories, lengths=True)
    for name, make, shape, categories in (
        ("lstm", lambda: [layers.LSTM(19, return_sequences=True), layers.BatchNorm(), layers.Dense(2)], (5, 3), ()),
        ("rectified", lambda: [layers.GRU(19, return_sequences=True), *_rectified(), layers.Dense(2)], (5, 3), ()),
        ("norm-rnn", _normed(layers.SimpleRNN), (5, 3), ()),
        ("norm-lstm", _normed(layers.LSTM), (5, 3), ()),
        ("norm-gru", _normed(layers.GRU), (5, 3), ()),
        ("pool", lambda: [layers.Dense(19), layers.BatchNorm(), layers.GlobalMaxPool1D(), layers.Dense(2)], (5, 3), ()),
        ("words", lambda: [layers.Embedding(6, 19), layers.GRU(7), layers.Dense(2)], (5,), (6,) * 5),
        ("words-pool", lambda: [layers.Embedding(6, 4), layers.GlobalAveragePool1D()], (5,), (6,) * 5),
    )
]

#: A cut gradient is none of finite differences.
TRUNCATED_CASES = [
    _recurrent("truncated-rnn", [layers.SimpleRNN(19, truncate=2), layers.Dense(2)]),
    _recurrent("truncated-lstm", [layers.LSTM(7, truncate=3, return_sequences=True), layers.LSTM(5, truncate=1)]),
    _recurrent("truncated-gru", [layers.GRU(7, truncate=2, return_sequences=True), layers.GRU(5, truncate=2)]),
]
