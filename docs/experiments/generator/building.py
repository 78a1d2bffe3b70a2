"""Pages on weights in common, on inputs that are prepared inside the network, and on accumulated gradients."""

from __future__ import annotations

from generator.technique import Technique

BUILDING = (
    Technique(
        name="weight-tying",
        title="Tied and shared weights",
        what="Two layers use one weight matrix, as it is or transposed; its gradient is the sum of both uses.",
        formula="""\
tied      z = x V^T + b, V the weight of an earlier layer
shared    the same layer object in several places; gradient = sum over the places""",
        source="Hinton and Salakhutdinov, 2006 (autoencoders); Press and Wolf, 2017 (embeddings and outputs).",
        code="""\
one, two = layers.Dense(32, "tanh"), layers.Dense(12, "tanh")
tied = Network([one, two, layers.Dense(32, "tanh", tied_to=two), layers.Dense(64, tied_to=one)], 64)
untied = Network([one, two, layers.Dense(32, "tanh"), layers.Dense(64)], 64)
for net in (tied, untied):
    print(net.fit(X, X, loss="mse", epochs=30, verbose=0).loss[-1], sum(w.size for w in net.get_weights().values()))""",
        experiments=("weight-tying",),
        use="Autoencoders, word models and deep stacks of like layers, where memory or rows are few.",
        avoid="Layers of different tasks, which pull the common weights in two directions.",
    ),
    Technique(
        name="embeddings",
        title="Embeddings of categories",
        what="Each level of a category is a vector that is learned, so that levels that act alike can come to lie near.",
        formula="y = V[x], V (levels, units); the gradient of row v is the sum over the rows with x = v",
        source="Bengio and others, 2003; Guo and Berkhahn, 2016.",
        code="""\
column = y[:, None].astype("float32")  # a category of 10 levels that decides the class
net = Network([layers.Embedding([10], 2, columns=[0]), layers.Dense(16, "relu"), layers.Dense(10)], 1)
net.fit(column, y, epochs=100, verbose=0)
print(net.evaluate(column, y, metrics=["accuracy"])["accuracy"], net.get_weights()["embedding_1/weight"].shape)""",
        experiments=("category-embedding",),
        use="Categories of many levels with about ten rows each, where it won with a seventh of the weights; and words.",
        avoid="Levels of a few rows each: from three, one-hot columns were better and like levels did not come together.",
    ),
    Technique(
        name="preparing-numbers",
        title="Numbers prepared inside the network",
        what="Layers that take statistics of the training rows, or learn frequencies, before the first weights.",
        formula="""\
Standardize                (x - mean) / deviation
QuantileTransform          the share of training rows below x, or the normal number of that share
PeriodicEmbedding          sin(2 pi f x), cos(2 pi f x) for several f that are learned
PiecewiseLinearEmbedding   how much of each bin lies below x, from 0 to 1""",
        source="Gorishniy, Rubachev and Babenko, 2022 (embeddings of numbers).",
        code="""\
for first in (layers.Standardize(), layers.QuantileTransform(), layers.PiecewiseLinearEmbedding(4)):
    net = Network([first, layers.Dense(32, "relu"), layers.Dense(10)])
    net.fit(X * 255, y, epochs=10, verbose=0)
    print(f"{first.kind:27} {net.evaluate(X_test * 255, y_test, metrics=['accuracy'])['accuracy']:.3f}")""",
        experiments=("numeric-inputs",),
        use="Always one of the first two on tables; the embeddings where the target jumps or swings with a feature.",
        avoid="Embeddings for smooth functions of few rows: they bring weights that have to be learned.",
    ),
    Technique(
        name="accumulation",
        title="Accumulated gradients",
        what="The gradients of several batches are added up before an update: a large batch in the memory of a small one.",
        formula="w <- w - eta * (g_1 + ... + g_k) / k, the g of k batches one after the other",
        source="Common practice; Ott and others, 2018, describe it for large batches.",
        code="""\
for batch, parts in ((16, 1), (16, 4), (64, 1)):
    net = Network([layers.Dense(32, activation="tanh"), layers.Dense(10)])
    history = net.fit(X, y, batch_size=batch, accumulate=parts, epochs=5, optimizer=optimizers.SGD(0.1), verbose=0)
    print(f"batches of {batch}, {parts} added up: loss {history.loss[-1]:.6f}")""",
        experiments=("accumulation",),
        use="Rows too large for memory, and finding out what a larger batch would do.",
        avoid="Batch normalization, which goes by the single batch; and speed: there are fewer updates for the same work.",
    ),
)
