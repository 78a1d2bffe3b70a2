"""The one table of op cases, which drives gradient checks, engine comparisons and thread-count checks.

Each case is a small network around one op (or one loss, or one interplay of ops) with odd widths and batch sizes.
Inputs, targets, weights and parameters are drawn from the case's name alone.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import augmentation_cases
import conv_cases
from descend import Sequences, layers, losses, penalties
from descend.engine.protocol import Batch
from descend.engine.reference.adapting import adapt
from descend.plan import Plan, adaptive_ops, attach_loss, groups_of, initial_parameters, lower
from descend.plan.ops import ACTIVATIONS

#: Batch sizes that are no multiple of a vector or a tile, beside one row and one that is.
BATCH_SIZES = (1, 2, 7, 33, 64)

#: Batch normalization of one or two rows is (nearly) degenerate: everything becomes 0 or +-1.
NORMALIZED_BATCH_SIZES = (5, 33, 64)


@dataclass(frozen=True)
class OpCase:
    """One network with data to try it on.

    Attributes
    ----------
    name : unique, used as the test's id
    make : builds the layers anew
    input_shape : of one row
    loss : the loss at its end
    batch_sizes : row counts to try
    index_target : integer classes instead of rows of numbers
    absorb : whether the loss may absorb the final function
    penalty : network-wide penalty
    weighted : with sample weights, some of them 0
    scale, ceiling : of the loss
    categories : of each column of the input the number of its categories, or 0 for one of numbers
    shape_rows : what is done to the normal rows of X
    lengths : with rows of different lengths
    """

    name: str
    make: Callable[[], list[layers.Layer]]
    input_shape: tuple[int, ...]
    loss: losses.Loss
    batch_sizes: tuple[int, ...] = BATCH_SIZES
    index_target: bool = False
    absorb: bool = True
    penalty: penalties.Penalty | None = None
    weighted: bool = False
    scale: float = 1.0
    ceiling: float = math.inf
    categories: tuple[int, ...] = ()
    shape_rows: Callable[[NDArray], NDArray] | None = None
    lengths: bool = False

    def plan(self) -> Plan:
        """The training plan."""
        plan = lower(self.make(), self.input_shape, penalty=self.penalty)
        return attach_loss(
            plan,
            self.loss,
            target="index" if self.index_target else "dense",
            absorb=self.absorb,
            scale=self.scale,
            ceiling=self.ceiling,
        )

    def parameters(self, plan: Plan) -> NDArray[np.float64]:
        """Parameters (plan.size,) that leave no gradient at 0: biases, gains and statistics are moved off 0 and 1."""
        rng = self._rng("parameters")
        flat = initial_parameters(plan, seed=zlib.crc32(self.name.encode()))
        for parameter in plan.parameters:
            noise = rng.uniform(-0.2, 0.2, parameter.size)
            flat[parameter.slice] += np.abs(noise) if parameter.name.endswith("running_variance") else noise
            if parameter.name.endswith("steps_seen"):
                flat[parameter.slice] = 2
        if not adaptive_ops(plan):
            return flat
        seen = self.batch(64)
        return adapt(plan, flat, np.asarray(seen.X), seen.y)

    def batch(self, rows: int, dtype: type = np.float64) -> Batch:
        """A batch of that many rows, in C order and of the given dtype."""
        rng = self._rng(f"batch {rows}")
        plan = self.plan()
        shape = plan.values[plan.output].shape
        X = rng.normal(size=(rows, *self.input_shape)).astype(dtype)
        for column, levels in enumerate(self.categories):
            if levels:
                X[:, column] = rng.integers(0, levels, rows)
        X = X if self.shape_rows is None else self.shape_rows(X)
        y = self._target(rng, (rows, *shape))
        weight = None
        if self.weighted:
            weight = rng.choice([0.0, 0.5, 1.0, 3.0], size=rows).astype(dtype)
        X = Sequences(X, rng.integers(1, X.shape[1] + 1, rows)) if self.lengths else X
        return Batch(X, y.astype(np.int32 if self.index_target else dtype), weight)

    def _target(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray:
        if groups := groups_of(self.plan()):
            classes = [rng.integers(0, size, shape[:-1]) for size in groups]
            if self.index_target:
                return np.stack(classes, axis=-1)
            return np.concatenate([np.eye(n)[c] for n, c in zip(groups, classes, strict=True)], axis=-1)
        if self.loss.kind == "cce":
            classes = rng.integers(0, shape[-1], shape[:-1])
            return classes if self.index_target else np.eye(shape[-1])[classes]
        if self.loss.kind == "bce":
            return rng.integers(0, 2, shape)
        if self.loss.kind == "hinge":
            return rng.integers(0, 2, shape) * 2.0 - 1.0
        if self.loss.kind == "poisson":
            return rng.poisson(1.5, shape)
        return rng.normal(size=shape)

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(f"{self.name}/{purpose}".encode()))

    def __str__(self) -> str:
        return self.name


def _around(op: layers.Layer) -> Callable[[], list[layers.Layer]]:
    return lambda: [layers.Dense(13), op, layers.Dense(3)]


def _activation(name: str) -> OpCase:
    return OpCase(f"activation-{name}", _around(layers.resolve_activation(name)), (7,), losses.MSE())


def _ending(name: str, last: list[layers.Layer], loss: losses.Loss, *, units: int = 5, **settings: object) -> OpCase:
    def make() -> list[layers.Layer]:
        return [layers.Dense(9, activation="tanh"), layers.Dense(units), *last]

    return OpCase(f"loss-{name}", make, (6,), loss, **settings)  # type: ignore[arg-type]


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


def _tree(depth: int) -> layers.Layer:
    """Branches in branches: every value but the deepest has two readers."""
    if depth == 0:
        return layers.Tanh()
    sum_of_two = layers.Residual([layers.Dense(5)], [layers.Dense(5), layers.Tanh()])
    return layers.Concatenate([[layers.Dense(5), _tree(depth - 1)], [sum_of_two]])


#: Values with several readers: sums and branches, in place and not, at the input and before the loss.
GRAPH_CASES = [
    OpCase("residual", _around(layers.Residual([layers.Dense(33, "relu"), layers.Dense(13)])), (7,), losses.MSE()),
    OpCase(
        "residual-projected",
        lambda: [layers.Residual([layers.Dense(9, "tanh"), layers.Dense(18)], shortcut=[layers.Dense(18)])],
        (7,),
        losses.MSE(),
    ),
    OpCase(
        "residual-in-place",
        _around(layers.Residual([layers.ReLU(), layers.Residual([layers.Tanh()])], [layers.GELU(), layers.Sigmoid()])),
        (7,),
        losses.MSE(),
    ),
    OpCase(
        "residual-first",
        lambda: [layers.Residual([layers.PReLU()], [layers.LayerNorm()]), layers.Residual([layers.Dense(7)])],
        (7,),
        losses.MSE(),
        weighted=True,
    ),
    OpCase(
        "residual-pre-activation",
        lambda: [
            layers.Dense(37),
            *(
                layers.Residual([layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.2), layers.Dense(37)])
                for _ in range(2)
            ),
            layers.Dense(4, "softmax"),
        ],
        (19,),
        losses.CategoricalCrossentropy(),
        NORMALIZED_BATCH_SIZES,
        index_target=True,
        penalty=penalties.L2(0.01),
    ),
    OpCase(
        "concatenate",
        _around(layers.Concatenate([[layers.Dense(5, "relu")], [], [layers.Dense(18), layers.Tanh()]])),
        (7,),
        losses.MSE(),
    ),
    OpCase(
        "concatenate-panels",
        lambda: [layers.Concatenate([[layers.Dense(32)], [layers.Dense(16, "tanh")], []]), layers.Dense(3)],
        (48,),
        losses.MSE(),
        (1, 33, 64),
    ),
    OpCase(
        "concatenate-twice-the-same",
        lambda: [layers.Dense(5), layers.Concatenate([[], []]), layers.Softmax()],
        (7,),
        losses.CategoricalCrossentropy(),
    ),
    OpCase("concatenate-of-inputs", lambda: [layers.Concatenate([[], [], [layers.PReLU()]])], (21,), losses.MSE()),
    OpCase(
        "dense-connections",
        lambda: [
            *(layers.Concatenate([[], [layers.LayerNorm(), layers.Dense(6, "relu")]]) for _ in range(3)),
            layers.Dense(3),
        ],
        (11,),
        losses.MSE(),
        weighted=True,
    ),
    OpCase("tree", lambda: [_tree(3), layers.Dropout(0.1), layers.Dense(2)], (7,), losses.RMSE()),
]


def _autoencoder() -> list[layers.Layer]:
    outer = layers.Dense(35, "tanh", penalty=penalties.L1L2(0.001, 0.01), max_norm=1.5)
    inner = layers.Dense(6)
    return [outer, inner, layers.Dense(35, "tanh", tied_to=inner), layers.Dense(19, tied_to=outer)]


def _recurring() -> list[layers.Layer]:
    block = layers.Residual([layers.BatchNorm(), layers.Dense(17), layers.LayerNorm(), layers.PReLU()])
    return [layers.Dense(17), block, layers.Tanh(), block, block, layers.Dense(3)]


def _tied_twice() -> list[layers.Layer]:
    there = layers.Dense(18, use_bias=False)
    back = layers.Dense(18, tied_to=there)
    return [layers.Dense(18), there, layers.Tanh(), back, layers.Tanh(), back, there, layers.Dense(3)]


#: Parameters with several uses.
SHARING_CASES = [
    OpCase("tied-autoencoder", _autoencoder, (19,), losses.MSE(), weighted=True),
    OpCase("shared-block", _recurring, (7,), losses.MSE(), NORMALIZED_BATCH_SIZES, penalty=penalties.L2(0.01)),
    OpCase(
        "tied-sigmoid",  # which is not 0 at 0
        lambda: [(one := layers.Dense(35, "sigmoid", penalty="l1")), layers.Dense(19, tied_to=one)],
        (19,),
        losses.MSE(),
    ),
    OpCase("tied-twice", _tied_twice, (7,), losses.RMSE()),
]


def _language_model() -> list[layers.Layer]:
    words = layers.Embedding(70, 18, penalty=penalties.L2(0.01))
    return [words, layers.Dense(18, "tanh"), layers.Dense(70, tied_to=words), layers.Softmax()]


#: Categories among numbers and as sequences, tied to the output, and one table in two branches.
EMBEDDING_CASES = [
    OpCase("embedding", lambda: [layers.Embedding(5, 4)], (7,), losses.MSE(), categories=(5,) * 7),
    OpCase(
        "embedding-columns",
        lambda: [layers.Embedding([3, 200, 2], 5, columns=[4, 0, 2]), layers.Dense(13, "tanh"), layers.Dense(2)],
        (6,),
        losses.MSE(),
        categories=(200, 0, 2, 0, 3, 0),
        weighted=True,
        penalty=penalties.L1L2(0.001, 0.01),
    ),
    OpCase(
        "embedding-panels",
        lambda: [layers.Embedding(9000, 32, columns=[1, 2]), layers.ReLU(), layers.Dense(3)],
        (3,),
        losses.MSE(),
        categories=(0, 9000, 9000),
    ),
    OpCase(
        "embedding-tied",
        _language_model,
        (5,),
        losses.CategoricalCrossentropy(),
        index_target=True,
        categories=(70,) * 5,
    ),
    OpCase(
        "embedding-frozen",
        lambda: [layers.Embedding([4, 6], 3, columns=[0, 1], trainable=False), layers.Dense(2)],
        (3,),
        losses.MSE(),
        categories=(4, 6, 0),
    ),
    OpCase(
        "embedding-shared",
        lambda: [layers.Concatenate([[shared := layers.Embedding(6, 7, columns=[0])], [shared, layers.Dense(3)]])],
        (4,),
        losses.MSE(),
        categories=(6, 0, 0, 0),
    ),
]


def _coded(X: NDArray) -> NDArray:
    """The even columns as small integers."""
    X[:, ::2] = np.round(2 * X[:, ::2])
    return X


def _constant(X: NDArray) -> NDArray:
    """Column 2 always the same."""
    X[:, 2] = 0.1
    return X


def _binary(X: NDArray) -> NDArray:
    """Column 2 always the same, columns 0 and 4 only 0 and 1."""
    X[:, [0, 4]] = X[:, [0, 4]] > 0
    return _constant(X)


def _holes(X: NDArray) -> NDArray:
    """Every third number of columns 1 and 4 missing, but not the first row's."""
    X[1::3, [1, 4]] = np.nan
    return X


def _holes_at_positions(X: NDArray) -> NDArray:
    """Large numbers of columns 1 and 4 missing."""
    X[..., [1, 4]] = np.where(X[..., [1, 4]] > 1, np.nan, X[..., [1, 4]])
    return X


def _before(*first: layers.Layer) -> Callable[[], list[layers.Layer]]:
    return lambda: [*first, layers.Dense(9, "tanh"), layers.Dense(3)]


COLUMN_CASES = [
    OpCase("rescale-moments", _before(layers.Standardize()), (19,), losses.MSE()),
    OpCase("rescale-moments-some", _before(layers.Standardize(columns=(0, 5, -1))), (19,), losses.MSE()),
    OpCase("rescale-quartiles", _before(layers.RobustScale(1.0)), (7,), losses.MSE(), shape_rows=_binary),
    OpCase("rescale-quartiles-no-limit", _before(layers.RobustScale(None, columns=range(3, 20))), (35,), losses.MSE()),
    OpCase("interpolate-uniform", _before(layers.QuantileTransform(9)), (19,), losses.MSE(), shape_rows=_constant),
    OpCase(
        "interpolate-normal",
        _before(layers.QuantileTransform(33, output="normal", columns=(1, 2))),
        (4,),
        losses.MSE(),
        weighted=True,
    ),
    OpCase("impute", _before(layers.Impute()), (5,), losses.MSE(), shape_rows=_holes),
    OpCase(
        "impute-indicator",
        _before(layers.Impute("median", columns=(1, 2, 4), indicator=True), layers.Standardize()),
        (16,),
        losses.MSE(),
        shape_rows=_holes,
    ),
    OpCase("one_hot", _before(layers.OneHot(16, columns=(0, 4))), (6,), losses.MSE(), shape_rows=_coded),
    OpCase(
        "one_hot-others",
        _before(layers.OneHot((70, 18), columns=(2, 0)), layers.RobustScale(columns=-1)),
        (4,),
        losses.MSE(),
        shape_rows=_coded,
    ),
    OpCase("periodic", _before(layers.PeriodicEmbedding(5, sigma=1.0)), (7,), losses.MSE()),
    OpCase(
        "periodic-inside",
        lambda: [
            layers.Dense(9, "tanh"),
            layers.PeriodicEmbedding(3, sigma=0.3, columns=(0, 2, 8)),
            layers.Dropout(0.2),
            layers.PeriodicEmbedding(1, columns=4, trainable=False),
            layers.Dense(3),
        ],
        (7,),
        losses.MSE(),
        weighted=True,
    ),
    OpCase("piecewise_linear", _before(layers.PiecewiseLinearEmbedding(5)), (7,), losses.MSE(), shape_rows=_binary),
    OpCase(
        "piecewise_linear-tree",
        _before(layers.PiecewiseLinearEmbedding(6, split="tree", columns=(1, 2, 4))),
        (5,),
        losses.MSE(),
        shape_rows=_binary,
    ),
    OpCase(
        "columns-positions",
        lambda: [
            layers.Impute("median", indicator=True, columns=(1, 4)),
            layers.Standardize(columns=(0, -1)),
            layers.PiecewiseLinearEmbedding(3, split="tree", columns=2),
            layers.PeriodicEmbedding(2, columns=(0, 3)),
            layers.Dense(7, "tanh"),
            layers.PeriodicEmbedding(2, columns=(1, 2)),
            layers.Dense(2),
        ],
        (3, 5),
        losses.MSE(),
        weighted=True,
        shape_rows=_holes_at_positions,
    ),
    OpCase(
        "columns-all",
        lambda: [
            layers.Impute(indicator=True, columns=(1, 4)),
            layers.OneHot(20, columns=(0, 2)),
            layers.QuantileTransform(17, columns=-4),
            layers.Standardize(columns=(-2, -1)),
            layers.PiecewiseLinearEmbedding(3, columns=20),
            layers.PeriodicEmbedding(2, columns=-3),
            layers.Dense(19),
            layers.BatchNorm(),
            layers.ReLU(),
            layers.Dense(4, "softmax"),
        ],
        (6,),
        losses.CategoricalCrossentropy(),
        NORMALIZED_BATCH_SIZES,
        index_target=True,
        shape_rows=lambda X: _holes(_coded(X)),
    ),
]

OP_CASES = [
    OpCase("dense-alone", lambda: [layers.Dense(1)], (1,), losses.MSE()),
    OpCase("dense-odd", lambda: [layers.Dense(37)], (19,), losses.MSE()),
    OpCase("dense-panel", lambda: [layers.Dense(64), layers.Dense(128)], (64,), losses.MSE(), (1, 33, 64)),
    OpCase("dense-over-panel", lambda: [layers.Dense(65), layers.Dense(3)], (129,), losses.MSE(), (1, 33)),
    OpCase("dense-no-bias", lambda: [layers.Dense(13, use_bias=False), layers.Dense(2)], (5,), losses.MSE()),
    *(_activation(name) for name in ACTIVATIONS),
    OpCase("activation-leaky_relu-steep", _around(layers.LeakyReLU(0.3)), (7,), losses.MSE()),
    OpCase("activation-elu-half", _around(layers.ELU(0.5)), (7,), losses.MSE()),
    OpCase(
        "activation-first",
        lambda: [layers.Tanh(), layers.Dropout(0.25), layers.Dense(3), layers.Sigmoid()],
        (7,),
        losses.MSE(),
    ),
    OpCase("prelu", lambda: [layers.Dense(13), layers.PReLU(), layers.Dense(3)], (7,), losses.MSE()),
    OpCase("softmax-inside", _around(layers.Softmax()), (7,), losses.MSE()),
    OpCase("softmax-groups-inside", _around(layers.Softmax((4, 1, 8))), (7,), losses.MSE()),
    OpCase("dropout", _around(layers.Dropout(0.4)), (7,), losses.MSE()),
    OpCase("dropout-none", _around(layers.Dropout(0.0)), (7,), losses.MSE()),
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
    OpCase("gaussian_noise", _around(layers.GaussianNoise(0.7)), (7,), losses.MSE()),
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
    OpCase("gaussian_noise-none", _around(layers.GaussianNoise(0.0)), (7,), losses.MSE()),
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
        "batch_norm-one-row",
        lambda: [layers.Dense(13), layers.BatchNorm(), layers.Tanh(), layers.Dense(3)],
        (7,),
        losses.MSE(),
        (5, 1, 33),
    ),
    OpCase("batch_norm-frozen", _around(layers.BatchNorm(frozen=True)), (7,), losses.MSE(), weighted=True),
    OpCase("batch_norm-frozen-no-scale", _around(layers.BatchNorm(frozen=True, scale=False)), (7,), losses.MSE()),
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
    OpCase("layer_norm", _around(layers.LayerNorm()), (7,), losses.MSE()),
    OpCase("layer_norm-bare", _around(layers.LayerNorm(center=False, scale=False)), (7,), losses.MSE()),
    OpCase("layer_norm-no-scale", _around(layers.LayerNorm(scale=False, epsilon=1e-2)), (7,), losses.MSE()),
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

#: The same on rows of different lengths, and what else reads these.
LENGTHS_CASES = [
    OpCase(f"lengths-{name}", make, shape, losses.MSE(), NORMALIZED_BATCH_SIZES, categories=categories, lengths=True)
    for name, make, shape, categories in (
        ("lstm", lambda: [layers.LSTM(19, return_sequences=True), layers.BatchNorm(), layers.Dense(2)], (5, 3), ()),
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

LOSS_CASES = [
    _ending("mse", [], losses.MSE()),
    _ending("mse-weighted", [], losses.MSE(), weighted=True),
    _ending("mse-after-sigmoid", [layers.Sigmoid()], losses.MSE()),
    _ending("mae", [], losses.MAE()),
    _ending("mae-weighted", [], losses.MAE(), weighted=True),
    _ending("rmse", [], losses.RMSE()),
    _ending("rmse-weighted", [], losses.RMSE(), weighted=True),
    _ending("huber", [], losses.Huber(0.7)),
    _ending("huber-weighted", [], losses.Huber(), weighted=True),
    _ending("pinball", [], losses.Pinball(0.9)),
    _ending("pinball-weighted", [], losses.Pinball(0.2), weighted=True),
    _ending("hinge", [], losses.Hinge(), units=1),
    _ending("hinge-weighted", [layers.Tanh()], losses.Hinge(), weighted=True),
    _ending("poisson", [layers.Exponential()], losses.Poisson()),
    _ending("poisson-weighted", [layers.Exponential()], losses.Poisson(), weighted=True),
    _ending("poisson-from-values", [layers.Softplus()], losses.Poisson()),
    _ending("poisson-not-absorbed", [layers.Exponential()], losses.Poisson(), absorb=False),
    _ending("bce", [layers.Sigmoid()], losses.BinaryCrossentropy(), units=1),
    _ending("bce-labels", [layers.Sigmoid()], losses.BinaryCrossentropy()),
    _ending("bce-weighted", [layers.Sigmoid()], losses.BinaryCrossentropy(0.1), weighted=True),
    _ending("bce-from-values", [layers.HardSigmoid()], losses.BinaryCrossentropy(0.2)),
    _ending("bce-not-absorbed", [layers.Sigmoid()], losses.BinaryCrossentropy(), absorb=False),
    _ending("cce-index", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True),
    _ending("cce-two", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, units=2),
    _ending("cce-many", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, units=67),
    _ending("cce-dense", [layers.Softmax()], losses.CategoricalCrossentropy()),
    _ending("cce-smooth", [layers.Softmax()], losses.CategoricalCrossentropy(0.1), index_target=True),
    _ending("cce-weighted", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, weighted=True),
    _ending("cce-not-absorbed", [layers.Softmax()], losses.CategoricalCrossentropy(0.1), absorb=False),
    _ending("mse-noisy", [], losses.MSE(label_noise=0.5), weighted=True),
    _ending("pinball-noisy", [], losses.Pinball(0.3, label_noise=2.0)),
    _ending("hinge-noisy", [], losses.Hinge(label_noise=0.4)),
    _ending("bce-noisy", [layers.Sigmoid()], losses.BinaryCrossentropy(0.1, label_noise=0.4)),
    _ending("cce-noisy", [layers.Softmax()], losses.CategoricalCrossentropy(label_noise=0.4), index_target=True),
    _ending("cce-noisy-dense", [layers.Softmax()], losses.CategoricalCrossentropy(label_noise=0.4)),
    _ending(
        "cce-noisy-not-absorbed",
        [layers.Softmax()],
        losses.CategoricalCrossentropy(0.1, label_noise=0.4),
        absorb=False,
        index_target=True,
    ),
    _ending("cce-groups", [layers.Softmax((3, 2))], losses.CategoricalCrossentropy(), index_target=True),
    _ending(
        "cce-groups-many",
        [layers.Softmax((1, 5, 70, 2, 55, 17))],
        losses.CategoricalCrossentropy(),
        index_target=True,
        units=150,
    ),
    _ending("cce-groups-dense", [layers.Softmax((2, 3))], losses.CategoricalCrossentropy(), weighted=True),
    _ending(
        "cce-groups-smooth", [layers.Softmax((9, 13))], losses.CategoricalCrossentropy(0.1), index_target=True, units=22
    ),
    _ending(
        "cce-groups-scaled",
        [layers.Softmax((4, 1))],
        losses.CategoricalCrossentropy(0.2),
        index_target=True,
        scale=2.0,
        weighted=True,
    ),
    _ending(
        "cce-groups-not-absorbed",
        [layers.Softmax((2, 65, 3))],
        losses.CategoricalCrossentropy(),
        absorb=False,
        units=70,
    ),
    _ending(
        "cce-groups-noisy",
        [layers.Softmax((3, 1, 2))],
        losses.CategoricalCrossentropy(label_noise=0.4),
        index_target=True,
        units=6,
        weighted=True,
    ),
    _ending(
        "cce-groups-noisy-dense",
        [layers.Softmax((2, 65, 3))],
        losses.CategoricalCrossentropy(0.1, label_noise=0.4),
        units=70,
    ),
    _ending(
        "cce-groups-noisy-not-absorbed",
        [layers.Softmax((3, 2))],
        losses.CategoricalCrossentropy(0.1, label_noise=0.4),
        absorb=False,
        index_target=True,
    ),
    _ending("mse-scaled", [], losses.MSE(), scale=2.5),
    _ending("rmse-scaled", [], losses.RMSE(), scale=0.25),
    _ending("bce-scaled", [layers.Sigmoid()], losses.BinaryCrossentropy(), scale=5.0, weighted=True),
    _ending("cce-scaled", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, scale=0.5),
]

#: A ceiling cuts the loss and not its gradient, so these have none of finite differences.
CEILING_CASES = [
    _ending("bce-ceiling", [layers.Sigmoid()], losses.BinaryCrossentropy(), ceiling=0.7),
    _ending("bce-ceiling-not-absorbed", [layers.Sigmoid()], losses.BinaryCrossentropy(), ceiling=0.7, absorb=False),
    _ending("cce-ceiling", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, ceiling=1.6),
    _ending("cce-ceiling-dense", [layers.Softmax()], losses.CategoricalCrossentropy(), ceiling=1.6, weighted=True),
    _ending("cce-groups-ceiling", [layers.Softmax((3, 2))], losses.CategoricalCrossentropy(), ceiling=0.9),
    _ending(
        "cce-ceiling-not-absorbed", [layers.Softmax()], losses.CategoricalCrossentropy(), ceiling=1.6, absorb=False
    ),
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
