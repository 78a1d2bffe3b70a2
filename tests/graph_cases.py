"""Cases of sums, branches, shared weights and embeddings, for the table in `ops_cases`."""

from __future__ import annotations

from descend import layers, losses, penalties
from op_case import NORMALIZED_BATCH_SIZES, OpCase, around


def _tree(depth: int) -> layers.Layer:
    """Branches in branches: every value but the deepest has two readers."""
    if depth == 0:
        return layers.Tanh()
    sum_of_two = layers.Residual([layers.Dense(5)], [layers.Dense(5), layers.Tanh()])
    return layers.Concatenate([[layers.Dense(5), _tree(depth - 1)], [sum_of_two]])


#: Values with several readers: sums and branches, in place and not, at the input and before the loss.
GRAPH_CASES = [
    OpCase("residual", around(layers.Residual([layers.Dense(33, "relu"), layers.Dense(13)])), (7,), losses.MSE()),
    OpCase(
        "residual-projected",
        lambda: [layers.Residual([layers.Dense(9, "tanh"), layers.Dense(18)], shortcut=[layers.Dense(18)])],
        (7,),
        losses.MSE(),
    ),
    OpCase(
        "residual-in-place",
        around(layers.Residual([layers.ReLU(), layers.Residual([layers.Tanh()])], [layers.GELU(), layers.Sigmoid()])),
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
        around(layers.Concatenate([[layers.Dense(5, "relu")], [], [layers.Dense(18), layers.Tanh()]])),
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
