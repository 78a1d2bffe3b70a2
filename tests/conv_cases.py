"""Cases of convolutions, pools and what goes with them, for the table in `ops_cases`: name, layers, shape of a row."""

from __future__ import annotations

from collections.abc import Callable

from descend import layers, penalties

#: (name, builds the layers anew, shape of one row)
CONVOLUTIONS: list[tuple[str, Callable[[], list[layers.Layer]], tuple[int, ...]]] = [
    ("valid", lambda: [layers.Conv2D(5, 3), layers.Tanh(), layers.Conv2D(3, 2)], (7, 6, 2)),
    ("same", lambda: [layers.Conv2D(18, 3, padding="same"), layers.Tanh(), layers.Conv2D(2, 3)], (5, 7, 17)),
    (
        "strides",
        lambda: [layers.Conv2D(4, 3, strides=2, padding="same"), layers.Conv2D(3, 2, strides=(2, 1))],
        (9, 8, 3),
    ),
    ("strides-wide", lambda: [layers.Dense(3), layers.Conv2D(4, (2, 3), strides=(3, 4))], (8, 9, 2)),
    ("dilation", lambda: [layers.Conv2D(4, 3, dilation_rate=(2, 1)), layers.Conv2D(3, 2, dilation_rate=3)], (9, 7, 3)),
    ("dilation-strides", lambda: [layers.Dense(2), layers.Conv2D(3, 3, strides=2, dilation_rate=2)], (9, 8, 3)),
    ("dilation-same", lambda: [layers.Conv2D(3, 3, padding="same", dilation_rate=3), layers.Conv2D(2, 1)], (4, 5, 2)),
    ("even-kernel", lambda: [layers.Conv2D(3, (4, 2), padding="same"), layers.Conv2D(2, 2, padding="same")], (5, 3, 2)),
    ("one-pixel", lambda: [layers.Conv2D(19, 1), layers.Conv2D(3, 1, strides=2, use_bias=False)], (5, 4, 35)),
    ("larger-than-image", lambda: [layers.Dense(3), layers.Conv2D(3, 5, padding="same")], (2, 3, 2)),
    ("groups", lambda: [layers.Conv2D(8, 3, groups=2), layers.Conv2D(12, 2, groups=4)], (5, 6, 6)),
    ("groups-wide", lambda: [layers.Conv2D(48, 2, groups=3), layers.Conv2D(36, 2, groups=12)], (4, 5, 27)),
    ("groups-few", lambda: [layers.Dense(40), layers.Conv2D(20, 2, groups=5, use_bias=False)], (3, 3, 4)),
    ("channels", lambda: [layers.Conv2D(67, 3, padding="same"), layers.Conv2D(35, 3)], (4, 4, 66)),
    ("many-positions", lambda: [layers.Conv2D(2, 3), layers.BatchNorm(), layers.Conv2D(3, 3, strides=2)], (23, 31, 1)),
    ("1d", lambda: [layers.Conv1D(5, 3, padding="same"), layers.Tanh(), layers.Conv1D(3, 2, strides=2)], (11, 4)),
    ("1d-dilation", lambda: [layers.Conv1D(4, 3, dilation_rate=2, groups=2), layers.Conv1D(3, 2)], (9, 4)),
    ("transpose", lambda: [layers.Conv2DTranspose(4, 3), layers.Conv2DTranspose(3, 2, strides=2)], (3, 4, 2)),
    (
        "transpose-same",
        lambda: [layers.Conv2DTranspose(18, 3, strides=2, padding="same"), layers.Conv2D(2, 3)],
        (3, 2, 3),
    ),
    (
        "transpose-groups",
        lambda: [layers.Dense(4), layers.Conv2DTranspose(6, (3, 1), strides=(1, 3), dilation_rate=2, groups=2)],
        (4, 3, 2),
    ),
    ("transpose-gaps", lambda: [layers.Dense(3), layers.Conv2DTranspose(2, 2, strides=3)], (2, 3, 2)),
    ("1d-transpose", lambda: [layers.Conv1DTranspose(4, 4, strides=2, padding="same"), layers.Conv1D(2, 1)], (5, 3)),
    ("depthwise", lambda: [layers.DepthwiseConv2D(3), layers.Tanh(), layers.DepthwiseConv2D(2, strides=2)], (7, 6, 5)),
    (
        "depthwise-multiplier",
        lambda: [layers.Dense(3), layers.DepthwiseConv2D(3, depth_multiplier=7, padding="same", dilation_rate=2)],
        (5, 4, 2),
    ),
    ("depthwise-wide", lambda: [layers.DepthwiseConv2D((1, 4), use_bias=False), layers.Conv2D(2, 1)], (4, 5, 37)),
    ("1d-depthwise", lambda: [layers.DepthwiseConv1D(4, strides=3, padding="same"), layers.Dense(2)], (8, 3)),
    ("separable", lambda: [layers.SeparableConv2D(5, 3, activation="tanh"), layers.SeparableConv2D(3, 2)], (6, 5, 4)),
    (
        "penalties",
        lambda: [
            layers.Conv2D(5, 3, penalty=penalties.L1L2(0.01, 0.02), max_norm=0.9),
            layers.Conv2D(4, 2, max_norm=0.5),
            layers.Conv2D(4, 2, groups=2, max_norm=0.4),
        ],
        (5, 5, 2),
    ),
    (
        "frozen",
        lambda: [layers.Conv2D(5, 3), layers.Conv2D(4, 2, trainable=False), layers.DepthwiseConv2D(2, trainable=False)],
        (6, 6, 2),
    ),
]

#: Weights that are left out, and layers that stand in several places.
DROPPED_AND_SHARED: list[tuple[str, Callable[[], list[layers.Layer]], tuple[int, ...]]] = [
    (
        "drop-connect",
        lambda: [
            layers.Conv2D(19, 3, drop_connect=0.3, padding="same", max_norm=0.7),
            layers.Tanh(),
            layers.Conv2D(18, 2, drop_connect=0.5, strides=2, penalty=penalties.L2(0.02)),
            layers.Conv2D(3, 1, drop_connect=0.2, use_bias=False),
        ],
        (5, 6, 17),
    ),
    (
        "drop-connect-groups",
        lambda: [
            layers.Conv2D(48, 2, groups=3, drop_connect=0.4),
            layers.Conv2D(36, 2, groups=12, drop_connect=0.3),
            layers.DepthwiseConv2D(2, depth_multiplier=2, drop_connect=0.3),
        ],
        (5, 5, 27),
    ),
    (
        "drop-connect-transpose",
        lambda: [
            layers.DepthwiseConv1D(19, padding="same", drop_connect=0.4),
            layers.Conv1DTranspose(5, 3, strides=2, drop_connect=0.4),
            layers.SeparableConv1D(3, 3, drop_connect=0.2),
            layers.Conv1D(2, 2, drop_connect=0.3, trainable=False),
            layers.Dense(2),
        ],
        (6, 5),
    ),
    ("shared", lambda: [(one := layers.Conv2D(19, 2, max_norm=0.9)), layers.Tanh(), one, layers.Dense(2)], (5, 6, 19)),
    (
        "shared-kinds",
        lambda: [
            (grouped := layers.Conv1D(6, 3, groups=2, padding="same", penalty=penalties.L2(0.01))),
            layers.Tanh(),
            (single := layers.DepthwiseConv1D(3, padding="same", use_bias=False)),
            grouped,
            layers.ReLU(),
            (wide := layers.Conv1DTranspose(6, 2, strides=2)),
            single,
            wide,
            grouped,
            layers.Dense(2),
        ],
        (5, 6),
    ),
]

POOLS: list[tuple[str, Callable[[], list[layers.Layer]], tuple[int, ...]]] = [
    ("max", lambda: [layers.Dense(5), layers.MaxPool2D()], (5, 6, 3)),
    ("max-once", lambda: [layers.Dense(18), layers.MaxPool2D()], (4, 6, 3)),
    ("max-once-uneven", lambda: [layers.Dense(5), layers.MaxPool2D((3, 2), padding="same")], (7, 5, 3)),
    (
        "average-once",
        lambda: [layers.Dense(18), layers.AveragePool2D(), layers.AveragePool2D((3, 2), padding="same")],
        (8, 6, 3),
    ),
    (
        "max-overlapping",
        lambda: [layers.Dense(18), layers.MaxPool2D((3, 2), strides=(1, 2), padding="same")],
        (5, 6, 3),
    ),
    ("max-normalized", lambda: [layers.Dense(18), layers.BatchNorm(), layers.ReLU(), layers.MaxPool2D()], (5, 7, 3)),
    (
        "max-normalized-only",
        lambda: [layers.Conv2D(5, 2), layers.BatchNorm(scale=False, center=False), layers.MaxPool2D()],
        (5, 5, 2),
    ),
    (  # whose gradient cannot lie where its value was: tanh wants that
        "max-normalized-tanh",
        lambda: [layers.Dense(18, "tanh"), layers.BatchNorm(), layers.ReLU(), layers.MaxPool2D(), layers.Dense(3)],
        (4, 6, 2),
    ),
    (
        "max-normalized-dropout",
        lambda: [layers.Dense(5), layers.Dropout(0.3), layers.BatchNorm(), layers.MaxPool2D(), layers.Tanh()],
        (4, 4, 2),
    ),
    (
        "max-normalized-shared",
        lambda: [layers.Dense(5), (norm := layers.BatchNorm()), layers.ReLU(), layers.MaxPool2D(), norm, layers.Tanh()],
        (5, 4, 2),
    ),
    (
        "normalized-dropout",
        lambda: [layers.Conv2D(18, 2), layers.BatchNorm(center=False), layers.ReLU(), layers.SpatialDropout2D(0.3)],
        (5, 4, 2),
    ),
    ("average", lambda: [layers.Dense(5), layers.AveragePool2D((2, 3))], (5, 6, 3)),
    ("average-same", lambda: [layers.Dense(18), layers.AveragePool2D(3, strides=2, padding="same")], (5, 6, 3)),
    ("1d", lambda: [layers.Dense(5), layers.MaxPool1D(3, strides=2), layers.AveragePool1D()], (11, 3)),
    ("global", lambda: [layers.Dense(19), layers.GlobalAveragePool2D(), layers.Dense(3)], (3, 4, 2)),
    ("global-max", lambda: [layers.Dense(19), layers.GlobalMaxPool2D(), layers.Dense(3)], (3, 4, 2)),
    ("global-1d", lambda: [layers.Dense(5), layers.GlobalMaxPool1D()], (7, 2)),
    ("global-average-1d", lambda: [layers.GlobalAveragePool1D(), layers.Dense(2)], (7, 2)),
    ("flatten", lambda: [layers.Dense(5, "tanh"), layers.Flatten(), layers.Dense(3)], (3, 4, 2)),
    ("flatten-wide", lambda: [layers.Flatten(), layers.Dense(33), layers.Reshape((3, -1)), layers.Dense(17)], (3, 32)),
    ("reshape", lambda: [layers.Reshape((2, 3, -1)), layers.Dense(19), layers.Reshape((6, 19)), layers.Tanh()], (24,)),
    (
        "zero-padding",
        lambda: [layers.Dense(18), layers.ZeroPadding2D(((1, 0), (2, 3))), layers.Tanh(), layers.Conv2D(3, 2)],
        (3, 4, 2),
    ),
    ("zero-padding-1d", lambda: [layers.ZeroPadding1D((2, 0)), layers.Conv1D(3, 3), layers.ZeroPadding1D()], (6, 2)),
    ("spatial-dropout", lambda: [layers.Dense(17), layers.SpatialDropout2D(0.4), layers.ReLU()], (3, 4, 2)),
    ("spatial-dropout-relu", lambda: [layers.Dense(5, "relu"), layers.SpatialDropout1D(0.3), layers.Dense(2)], (6, 2)),
]


def network() -> list[layers.Layer]:
    """A small network for images, with all that usually stands in one."""
    return [
        layers.Conv2D(9, 3, padding="same", use_bias=False),
        layers.BatchNorm(),
        layers.ReLU(),
        layers.MaxPool2D(),
        layers.SpatialDropout2D(0.2),
        layers.Conv2D(18, 3, activation="relu", padding="same"),
        layers.BatchNorm(),
        layers.AveragePool2D(2, padding="same"),
        layers.Flatten(),
        layers.Dense(20, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(4, activation="softmax"),
    ]


def _decoder() -> list[layers.Layer]:
    """Two convolutions and their adjoints."""
    outer = layers.Conv2D(18, 3, strides=2, padding="same", max_norm=0.9, penalty=penalties.L1L2(0.001, 0.01))
    inner = layers.Conv2D(5, (2, 3), dilation_rate=(1, 2), padding="same", use_bias=False)
    return [
        outer,
        layers.Sigmoid(),
        inner,
        layers.Tanh(),
        layers.Conv2DTranspose(18, (2, 3), dilation_rate=(1, 2), padding="same", tied_to=inner),
        layers.Sigmoid(),
        layers.Conv2DTranspose(3, 3, strides=2, padding="same", tied_to=outer),
    ]


def _grouped() -> list[layers.Layer]:
    grouped = layers.Conv2D(48, 2, groups=3, penalty=penalties.L2(0.02))
    back = layers.Conv2D(27, 2, groups=3, tied_to=grouped, padding="same")
    return [grouped, layers.Tanh(), back, layers.Tanh(), grouped, back, layers.Dense(2)]


def _from_transpose() -> list[layers.Layer]:
    wide = layers.Conv1DTranspose(4, 3, strides=2, name="wide")
    return [wide, layers.Tanh(), layers.Conv1D(19, 3, strides=2, tied_to="wide", use_bias=False), layers.Dense(2)]


def _one_channel() -> list[layers.Layer]:
    first = layers.Conv2D(20, 3, padding="same")
    return [
        first,
        layers.Tanh(),
        layers.Conv2D(1, 3, padding="same", tied_to=first),
        first,
        layers.Conv2DTranspose(1, 3, tied_to=first, strides=2),
    ]


#: Convolutions that use the weight of another one.
TIED: list[tuple[str, Callable[[], list[layers.Layer]], tuple[int, ...]]] = [
    ("tied", _decoder, (6, 8, 3)),
    ("tied-groups", _grouped, (4, 5, 27)),
    ("tied-from-transpose", _from_transpose, (5, 19)),
    ("tied-one-channel", _one_channel, (5, 4, 1)),
    (
        "tied-frozen",
        lambda: [
            (fixed := layers.Conv1D(7, 2, trainable=False)),
            layers.Tanh(),
            layers.Conv1DTranspose(4, 2, tied_to=fixed),
        ],
        (5, 4),
    ),
]
