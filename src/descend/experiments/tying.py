"""Weight tying and sharing: fewer parameters, at what loss?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from descend import Network, layers, losses
from descend.experiments.data import digits
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import label, panels, strips, threshold
from descend.experiments.training import Recipe, scores, train
from descend.experiments.verdicts import Condition
from descend.optimizers import Adam

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, EPOCHS, BATCH, RATE = 1000, 60, 32, 0.002
#: Units of the autoencoder's layers, and of the blocks that are used several times.
OUTER, INNER, WIDE, USES = 32, 12, 48, 4
#: Share of the parameters that may be left, and how much of a score may be lost, to still say "half" and "equal".
HALF, EQUAL = 0.55, 0.02
#: Pairs of networks: what each shows is said in SETUP.
PAIRS = ("tied autoencoder", "one block used four times")


def _autoencoder(tied: bool) -> list[layers.Layer]:
    outer, inner = layers.Dense(OUTER, "tanh"), layers.Dense(INNER, "tanh")
    return [
        outer,
        inner,
        layers.Dense(OUTER, "tanh", tied_to=inner if tied else None),
        layers.Dense(64, tied_to=outer if tied else None),
    ]


def _blocks(shared: bool) -> list[layers.Layer]:
    one = layers.Dense(WIDE, "relu")
    blocks = [one] * USES if shared else [layers.Dense(WIDE, "relu") for _ in range(USES)]
    return [layers.Dense(WIDE, "relu"), *blocks]


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Parameters, training and test score of each pair, without (0) and with (1) common weights: (pairs, 2)."""
    split, epochs = digits(seed, ROWS), effort.of(EPOCHS)
    count, training, test = (np.empty((len(PAIRS), 2)) for _ in range(3))
    mean = split.X.mean(axis=0)
    for k in (0, 1):
        net = Network(_autoencoder(bool(k)), (64,), seed=seed)
        net.fit(
            split.X, split.X, optimizer=Adam(RATE), loss=losses.MSE(), epochs=epochs, batch_size=BATCH, threads=1,
            verbose=0,
        )  # fmt: skip
        for into, X in ((training, split.X), (test, split.X_test)):
            # Of all pixels together: R^2 column by column would count those that are almost always 0 like others.
            into[0, k] = 1 - ((net.predict(X) - X) ** 2).sum() / ((X - mean) ** 2).sum()
        count[0, k] = sum(weight.size for weight in net.get_weights().values())
        net, _ = train(_blocks(bool(k)), split, Recipe(Adam(RATE), epochs, BATCH), seed)
        training[1, k], test[1, k] = scores(net, split)
        count[1, k] = sum(weight.size for weight in net.get_weights().values())
    return {"parameters": count, "training": training, "test": test}


def conditions(data: Measurements) -> Sequence[Condition]:
    """At most about half the parameters, and a test score that is not lower by more than EQUAL."""
    made = []
    for i, name in enumerate(PAIRS):
        left = data["parameters"][:, i, 1] / data["parameters"][:, i, 0]
        score = "explained variance" if i == 0 else "accuracy"
        gain = data["test"][:, i, 1] - data["test"][:, i, 0]
        made.append(
            Condition(f"the {name} has half the parameters", "share of the parameters left", left, HALF, "below")
        )
        made.append(
            Condition(f"the {name} is as good", f"test {score}, with common weights minus without", gain, -EQUAL)
        )
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """Test scores with and without, and how many parameters each network has."""
    axes = panels(figure, 1, len(PAIRS))
    words = (("untied", "tied"), ("four blocks", "one, four times"))
    for i, (ax, name) in enumerate(zip(axes, PAIRS, strict=True)):
        sizes = data["parameters"][0, i]
        names = [f"{word},\n{int(size):,} parameters" for word, size in zip(words[i], sizes, strict=True)]
        strips(ax, names, [data["test"][:, i, k] for k in (0, 1)])
        threshold(ax, float(data["test"][:, i, 0].mean()) - EQUAL, "equal", place=0.3)
        label(ax, title=name, y="variance explained, test rows" if i == 0 else "accuracy, test rows")


EXPERIMENT = Experiment(
    name="weight-tying",
    title="Tying halves the parameters at equal accuracy",
    claim="Weights that are tied or shared halve the parameters and more, at equal accuracy.",
    setup=(
        f"Digits, {ROWS} rows, {EPOCHS} epochs of Adam at {RATE:g} in batches of {BATCH}. An autoencoder "
        f"64-{OUTER}-{INNER}-{OUTER}-64 of tanh units whose decoder has weights of its own or the encoder's, "
        f"transposed. A classifier with {USES} ReLU layers of {WIDE} units behind a first one, each with weights of "
        "its own or all with the same."
    ),
    measured=(
        f"Share of the parameters left (at most {HALF:g} is 'half': biases are not tied), and the test score with "
        f"common weights minus that without (above -{EQUAL:g} is 'equal'): the variance of the pixels that the "
        "autoencoder explains, the accuracy of the classifier."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=20,
)
