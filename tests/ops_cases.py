"""The one table of op cases, which drives gradient checks, engine comparisons and thread-count checks.

Each case is a small network around one op (or one loss, or one interplay of ops) with odd widths and batch sizes.
Inputs, targets, weights and parameters are drawn from the case's name alone.
"""

from __future__ import annotations

import augmentation_cases
import conv_cases
from column_cases import COLUMN_CASES
from descend import layers, losses, penalties
from descend.plan.ops import ACTIVATIONS
from graph_cases import EMBEDDING_CASES, GRAPH_CASES, SHARING_CASES
from loss_cases import LOSS_CASES
from op_case import NORMALIZED_BATCH_SIZES, OpCase, around
from position_cases import LENGTHS_CASES, POSITION_CASES, RECURRENT_CASES


def _activation(name: str) -> OpCase:
    return OpCase(f"activation-{name}", around(layers.resolve_activation(name)), (7,), losses.MSE())


def _tower() -> list[layers.Layer]:
    return [
        layers.Dense(37),
        layers.BatchNorm(),
        layers.ReLU(),
        layers.Dropout(0.1),
        layers.Dense(65, activation="gelu"),
        layers.BatchNorm(momentum=0.8, epsilon=1e-3),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]


OP_CASES = [
    OpCase("dense-alone", lambda: [layers.Dense(1)], (1,), losses.MSE()),
    OpCase("dense-odd", lambda: [layers.Dense(37)], (19,), losses.MSE()),
    OpCase("dense-panel", lambda: [layers.Dense(64), layers.Dense(128)], (64,), losses.MSE(), (1, 33, 64)),
    OpCase("dense-over-panel", lambda: [layers.Dense(65), layers.Dense(3)], (129,), losses.MSE(), (1, 33)),
    OpCase("dense-no-bias", lambda: [layers.Dense(13, use_bias=False), layers.Dense(2)], (5,), losses.MSE()),
    *(_activation(name) for name in ACTIVATIONS),
    OpCase("activation-leaky_relu-steep", around(layers.LeakyReLU(0.3)), (7,), losses.MSE()),
    OpCase("activation-elu-half", around(layers.ELU(0.5)), (7,), losses.MSE()),
    OpCase(
        "activation-first",
        lambda: [layers.Tanh(), layers.Dropout(0.25), layers.Dense(3), layers.Sigmoid()],
        (7,),
        losses.MSE(),
    ),
    OpCase("prelu", lambda: [layers.Dense(13), layers.PReLU(), layers.Dense(3)], (7,), losses.MSE()),
    OpCase("softmax-inside", around(layers.Softmax()), (7,), losses.MSE()),
    OpCase("softmax-groups-inside", around(layers.Softmax((4, 1, 8))), (7,), losses.MSE()),
    OpCase("dropout", around(layers.Dropout(0.4)), (7,), losses.MSE()),
    OpCase("dropout-none", around(layers.Dropout(0.0)), (7,), losses.MSE()),
    OpCase(
        "dropout-twice",
        lambda: [layers.Dropout(0.2), layers.Dense(13), layers.Dropout(0.5), layers.Dense(3)],
        (11,),
        losses.MSE(),
    ),
    OpCase("drop_connect", lambda: [layers.Dense(13, drop_connect=0.4), layers.Dense(3)], (7,), losses.MSE()),
    OpCase(
        "drop_connect-deep",
        lambda: [
            layers.Dense(37, "tanh", drop_connect=0.2, use_bias=False, penalty=penalties.L1L2(0.01, 0.02)),
            layers.Dense(67, "tanh", drop_connect=0.5, max_norm=0.5),
            layers.Dense(3, drop_connect=0.7),
        ],
        (291,),
        losses.MSE(),
        (7, 33, 64),
        weighted=True,
    ),
    OpCase(
        "drop_connect-not-trained",
        lambda: [
            layers.Dense(19, "tanh", drop_connect=0.3, trainable=False),
            layers.Dense(21, "tanh"),
            layers.Dense(17, "tanh", drop_connect=0.3, trainable=False),
            layers.Dense(3),
        ],
        (21,),
        losses.MSE(),
    ),
    OpCase(
        "drop_connect-gaussian",
        lambda: [
            layers.Dense(35, "relu", drop_connect=0.5, inference="gaussian", samples=9),
            layers.Dropout(0.1),
            layers.Dense(19, drop_connect=0.3, inference="gaussian"),
            layers.ELU(0.5),
            layers.Dense(1, "sigmoid", drop_connect=0.1, inference="gaussian", samples=1000),
        ],
        (19,),
        losses.BinaryCrossentropy(),
    ),
    OpCase("mixup", lambda: [layers.Mixup(0.7), layers.Dense(13, "tanh"), layers.Dense(3)], (7,), losses.MSE()),
    OpCase(
        "mixup-classes",
        lambda: [layers.Mixup(), layers.GaussianNoise(0.1), layers.Dense(19, "tanh"), layers.Dense(5, "softmax")],
        (35,),
        losses.CategoricalCrossentropy(label_smoothing=0.1, label_noise=0.3),
        index_target=True,
        weighted=True,
    ),
    OpCase(
        "cutmix",
        lambda: [layers.CutMix(), layers.Dense(19, "tanh"), layers.Dense(5, "softmax")],
        (35,),
        losses.CategoricalCrossentropy(),
        index_target=True,
    ),
    OpCase(
        "cutmix-labels",
        lambda: [layers.CutMix(0.5), layers.Dense(19, "tanh"), layers.Dense(5, "sigmoid")],
        (7,),
        losses.BinaryCrossentropy(label_noise=0.2),
        weighted=True,
    ),
    OpCase(
        "cutmix-positions",
        lambda: [
            layers.CutMix(),
            layers.Dense(19, "tanh", drop_connect=0.3, inference="gaussian", samples=5),
            layers.Dense(5, "softmax"),
        ],
        (6, 7),
        losses.CategoricalCrossentropy(label_noise=0.2),
        index_target=True,
    ),
    OpCase(
        "mixup-prepared",
        lambda: [layers.Standardize(), layers.Mixup(0.7), layers.Dense(19, "tanh"), layers.Dense(5, "softmax")],
        (21,),
        losses.CategoricalCrossentropy(),
        index_target=True,
        weighted=True,
    ),
    OpCase(
        "cutmix-prepared",
        lambda: [layers.OneHot(4, columns=(1, 3)), layers.CutMix(), layers.Dense(9, "tanh"), layers.Dense(2)],
        (5,),
        losses.MSE(),
        categories=(0, 4, 0, 4, 0),
    ),
    OpCase(
        "swap_noise-prepared",
        lambda: [
            layers.Standardize(columns=(0, 2)),
            layers.SwapNoise(0.4),
            layers.Embedding(4, 3, columns=(1,)),
            layers.Dense(9, "tanh"),
            layers.Dense(2),
        ],
        (3,),
        losses.MSE(),
        categories=(0, 4, 0),
    ),
    OpCase(
        "mixup-groups",
        lambda: [layers.Mixup(0.7), layers.Dense(19, "tanh"), layers.Dense(8), layers.Softmax((3, 1, 4))],
        (7,),
        losses.CategoricalCrossentropy(0.1, label_noise=0.3),
        index_target=True,
        weighted=True,
    ),
    OpCase(
        "cutmix-groups-dense",
        lambda: [layers.CutMix(0.5), layers.Dense(5), layers.Softmax((3, 2))],
        (35,),
        losses.CategoricalCrossentropy(),
    ),
    OpCase(
        "swap_noise-positions",
        lambda: [layers.SwapNoise(0.4), layers.Dense(13, drop_connect=0.5), layers.Dense(3)],
        (5, 9),
        losses.MSE(label_noise=0.1),
    ),
    OpCase("mixup-positions", lambda: [layers.Mixup(), layers.Dense(3)], (2, 3, 9), losses.MSE()),
    OpCase("swap_noise", lambda: [layers.SwapNoise(0.4), layers.Dense(13), layers.Dense(3)], (21,), losses.MSE()),
    OpCase("gaussian_noise", around(layers.GaussianNoise(0.7)), (7,), losses.MSE()),
    OpCase(
        "gaussian_noise-wide",
        lambda: [layers.Dense(37), layers.GaussianNoise(0.7), layers.Dense(3)],
        (7,),
        losses.MSE(),
    ),
    OpCase(
        "gaussian_noise-positions",
        lambda: [layers.GaussianNoise(0.4), layers.Dense(19), layers.GaussianNoise(0.7), layers.Dense(3)],
        (5, 9),
        losses.MSE(),
    ),
    OpCase("gaussian_noise-none", around(layers.GaussianNoise(0.0)), (7,), losses.MSE()),
    OpCase(
        "gaussian_noise-twice",
        lambda: [layers.GaussianNoise(0.1), layers.Dense(19, "tanh"), layers.GaussianNoise(0.3), layers.Dense(3)],
        (11,),
        losses.MSE(),
    ),
    OpCase(
        "batch_norm",
        lambda: [layers.Dense(13), layers.BatchNorm(), layers.Tanh(), layers.Dense(3)],
        (7,),
        losses.MSE(),
        NORMALIZED_BATCH_SIZES,
    ),
    OpCase(
        "batch_norm-bare",
        lambda: [layers.BatchNorm(center=False, scale=False), layers.Dense(66), layers.BatchNorm(center=False)],
        (7,),
        losses.MSE(),
        NORMALIZED_BATCH_SIZES,
    ),
    OpCase(
        "batch_norm-no-scale",
        lambda: [layers.Dense(5), layers.BatchNorm(scale=False, momentum=0.0), layers.ReLU(), layers.Dense(2)],
        (3,),
        losses.MSE(),
        NORMALIZED_BATCH_SIZES,
    ),
    OpCase(
        "batch_norm-shared",
        lambda: [
            layers.Dense(6),
            (norm := layers.BatchNorm()),
            layers.ReLU(),
            layers.Dropout(0.3),
            norm,
            layers.Tanh(),
        ],
        (3,),
        losses.MSE(),
        NORMALIZED_BATCH_SIZES,
    ),
    OpCase(
        "batch_norm-one-row",
        lambda: [layers.Dense(13), layers.BatchNorm(), layers.Tanh(), layers.Dense(3)],
        (7,),
        losses.MSE(),
        (5, 1, 33),
    ),
    OpCase("batch_norm-frozen", around(layers.BatchNorm(frozen=True)), (7,), losses.MSE(), weighted=True),
    OpCase("batch_norm-frozen-no-scale", around(layers.BatchNorm(frozen=True, scale=False)), (7,), losses.MSE()),
    OpCase(
        "batch_norm-not-trained",
        lambda: [
            layers.BatchNorm(trainable=False),
            layers.Dense(19, "tanh"),
            layers.BatchNorm(trainable=False, center=False, epsilon=1e-2),
            layers.Dense(3),
        ],
        (7,),
        losses.MSE(),
    ),
    OpCase(
        "not-trained",
        lambda: [
            layers.Dense(13, trainable=False),
            layers.BatchNorm(),
            layers.PReLU(trainable=False),
            layers.Dense(19, trainable=False),
            layers.LayerNorm(trainable=False),
            layers.Tanh(),
            layers.Dense(3),
        ],
        (7,),
        losses.MSE(),
        NORMALIZED_BATCH_SIZES,
        penalty=penalties.L2(0.01),
    ),
    OpCase(
        "not-trained-behind",
        lambda: [
            layers.Dense(13, "tanh"),
            layers.LayerNorm(),
            layers.Dense(5, trainable=False),
            layers.PReLU(),
            layers.Dense(3, trainable=False, use_bias=False),
        ],
        (7,),
        losses.MSE(),
        penalty=penalties.L2(0.01),
        weighted=True,
    ),
    OpCase("layer_norm", around(layers.LayerNorm()), (7,), losses.MSE()),
    OpCase("layer_norm-bare", around(layers.LayerNorm(center=False, scale=False)), (7,), losses.MSE()),
    OpCase("layer_norm-no-scale", around(layers.LayerNorm(scale=False, epsilon=1e-2)), (7,), losses.MSE()),
    OpCase(
        "layer_norm-first",
        lambda: [layers.LayerNorm(), layers.Dense(67, "tanh"), layers.LayerNorm(center=False), layers.Dense(3)],
        (19,),
        losses.MSE(),
    ),
    OpCase(
        "layer_norm-last",
        lambda: [layers.Dense(33, "tanh"), layers.Dropout(0.2), layers.LayerNorm()],
        (16,),
        losses.MSE(),
        weighted=True,
    ),
    OpCase("layer_norm-alone", lambda: [layers.LayerNorm()], (5,), losses.MSE()),
    *COLUMN_CASES,
    OpCase(
        "penalties",
        lambda: [layers.Dense(13, "tanh", penalty=penalties.L1(0.02)), layers.Dense(5), layers.Dense(2)],
        (7,),
        losses.MSE(),
        penalty=penalties.L1L2(0.003, 0.01),
    ),
    OpCase(
        "penalties-spread",
        lambda: [layers.Dense(13, "tanh", penalty=penalties.L1(0.3, spread=True)), layers.Dense(5), layers.Dense(2)],
        (7,),
        losses.MSE(),
        penalty=penalties.L1L2(0.03, 0.1, spread=True),
    ),
    OpCase(
        "max_norm",
        lambda: [
            layers.Dense(19, "tanh", max_norm=0.9),
            layers.Dense(37, "tanh", max_norm=0.9, penalty=penalties.L2(0.01)),
            layers.Dense(3, max_norm=0.3),
        ],
        (21,),
        losses.MSE(),
        weighted=True,
    ),
    *GRAPH_CASES,
    *SHARING_CASES,
    *EMBEDDING_CASES,
    OpCase("tower", _tower, (32,), losses.CategoricalCrossentropy(), NORMALIZED_BATCH_SIZES, index_target=True),
    OpCase(
        "tower-weighted",
        _tower,
        (32,),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        NORMALIZED_BATCH_SIZES,
        penalty=penalties.L2(0.001),
        weighted=True,
    ),
    OpCase(
        "spread-weighted",
        lambda: [layers.Dense(13, "tanh"), layers.Dense(3)],
        (7,),
        losses.MSE(),
        penalty=penalties.L1L2(0.1, 0.3, spread=True),
        weighted=True,
        scale=1.5,
    ),
]

CONVOLUTION_CASES = [
    *(OpCase(f"conv-{name}", make, shape, losses.MSE(), (1, 2, 19)) for name, make, shape in conv_cases.CONVOLUTIONS),
    *(
        OpCase(f"conv-{name}", make, shape, losses.MSE(), (1, 2, 19))
        for name, make, shape in (*conv_cases.DROPPED_AND_SHARED, *conv_cases.TIED)
    ),
    *(OpCase(f"pool-{name}", make, shape, losses.MSE(), (1, 2, 19)) for name, make, shape in conv_cases.POOLS),
    OpCase(
        "conv-network",
        conv_cases.network,
        (10, 9, 2),
        losses.CategoricalCrossentropy(),
        (5, 7, 33),
        index_target=True,
        penalty=penalties.L2(0.001),
        weighted=True,
    ),
]

AUGMENTATION_CASES = [
    OpCase(f"augment-{name}", make, shape, losses.MSE(), (1, 2, 19))
    for name, make, shape in augmentation_cases.AUGMENTATIONS
]

CASES = [
    *OP_CASES,
    *POSITION_CASES,
    *RECURRENT_CASES,
    *LENGTHS_CASES,
    *CONVOLUTION_CASES,
    *AUGMENTATION_CASES,
    *LOSS_CASES,
]


def case_named(name: str) -> OpCase:
    """One of `CASES`."""
    return next(case for case in CASES if case.name == name)
