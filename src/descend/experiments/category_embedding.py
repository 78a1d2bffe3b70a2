"""Embeddings of categories beside one-hot columns: scores, parameters, and whether like categories lie near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import Network, layers
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import label, panels, strips, threshold
from descend.experiments.statistics import estimate
from descend.experiments.verdicts import Condition
from descend.optimizers import Adam
from descend.plots.style import color, marker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS, UNITS, HIDDEN = 60, 3, 64
#: Training rows: about three, ten and sixty for each category.
ROWS = (200, 600, 4000)
TEST_ROWS, UPDATES, BATCH, RATE, NOISE = 2000, 3000, 32, 0.003, 0.3
INPUTS = ("one-hot", "embedding")


def _rows(rng: np.random.Generator, places: NDArray, rows: int) -> tuple[NDArray, NDArray]:
    """A category of LEVELS and two numbers; the target depends on the category's hidden place and on the numbers."""
    category = rng.integers(0, LEVELS, rows)
    numbers = rng.standard_normal((rows, 2))
    where = places[category]
    y = np.sin(2 * where[:, 0]) + where[:, 1] * numbers[:, 0] + 0.5 * numbers[:, 1]
    return np.column_stack([category, numbers]), y + NOISE * rng.standard_normal(rows)


def _network(kind: str, seed: int) -> Network:
    first = layers.OneHot(LEVELS, columns=(0,)) if kind == "one-hot" else layers.Embedding([LEVELS], UNITS, columns=[0])
    return Network([first, layers.Dense(HIDDEN, "relu"), layers.Dense(1)], (3,), seed=seed)


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Test R^2 (rows, inputs), parameters (inputs,), and how well distances agree with hidden ones (rows,)."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-1.5, 1.5, (LEVELS, 2))
    X_test, y_test = _rows(rng, places, TEST_ROWS)
    test, near, parameters = np.empty((len(ROWS), 2)), np.empty(len(ROWS)), np.empty(2)
    upper = np.triu_indices(LEVELS, 1)
    hidden = np.linalg.norm(places[:, None] - places, axis=-1)[upper]
    for i, rows in enumerate(ROWS):
        X, y = _rows(rng, places, rows)
        for k, kind in enumerate(INPUTS):
            net = _network(kind, seed)
            net.fit(
                X, y, optimizer=Adam(RATE), epochs=effort.of(UPDATES * BATCH // rows, least=1), batch_size=BATCH,
                threads=1, verbose=0,
            )  # fmt: skip
            test[i, k] = net.evaluate(X_test, y_test, metrics=["r2"])["r2"]
            weights = net.get_weights()
            parameters[k] = sum(w.size for name, w in weights.items() if not name.startswith("one_hot"))
            if kind == "embedding":
                vectors = weights["embedding_1/weight"].astype(np.float64)
                apart = np.linalg.norm(vectors[:, None] - vectors, axis=-1)[upper]
                near[i] = np.corrcoef(apart, hidden)[0, 1]
    return {"test": test, "near": near, "parameters": parameters}


def conditions(data: Measurements) -> Sequence[Condition]:
    """At each number of rows a better test score; fewer parameters; near each other what is alike."""
    made = []
    for i, rows in enumerate(ROWS):
        gain = data["test"][:, i, 1] - data["test"][:, i, 0]
        made.append(Condition(f"it predicts better from {rows} rows", "test R², embedding minus one-hot", gain))
    left = data["parameters"][:, 1] / data["parameters"][:, 0]
    made.append(Condition("it needs fewer parameters", "parameters, embedding over one-hot", left, 1.0, "below"))
    for i, rows in enumerate(ROWS):
        quantity = "correlation of the vectors' distances with those of the hidden places"
        made.append(Condition(f"like categories come to lie near from {rows} rows", quantity, data["near"][:, i], 0.3))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """Test scores by rows, and the agreement of distances."""
    left, right = panels(figure, 1, 2, width_ratios=(1.2, 1))
    places = np.arange(len(ROWS))
    for k, name in enumerate(INPUTS):
        made = [estimate(data["test"][:, i, k]) for i in places]
        half = np.nan_to_num([one.mean - one.low for one in made], posinf=0.0)
        words = f"{name}, {int(data['parameters'][0, k]):,} parameters"
        means = [one.mean for one in made]
        left.errorbar(
            places, means, half, color=color(k), marker=marker(k), markersize=8, linewidth=2, capsize=4, label=words
        )
    left.set_xticks(places, [f"{rows:,}" for rows in ROWS])
    label(left, title="test score", x="training rows", y="R²", legend=True, loc="lower right")
    strips(right, [f"{rows:,} rows" for rows in ROWS], [data["near"][:, i] for i in places])
    threshold(right, 0.3)
    label(right, title="like categories lie near", y="correlation of distances")


EXPERIMENT = Experiment(
    name="category-embedding",
    title="Embeddings of categories learn which are alike",
    claim=(
        "An embedding of a category predicts better than one-hot columns, with fewer weights, and puts like levels "
        "together."
    ),
    setup=(
        f"Drawn rows of a category of {LEVELS} levels and two numbers a, b; y = sin(2 u) + v a + b / 2 and noise of "
        f"deviation {NOISE:g}, where (u, v) is the hidden place of the level. One hidden layer of {HIDDEN} ReLU units "
        f"behind one-hot columns, or behind an embedding of {UNITS} numbers; {UPDATES} updates of Adam at {RATE:g} in "
        f"batches of {BATCH}."
    ),
    measured=(
        f"R² of {TEST_ROWS} test rows; number of parameters; over all pairs of levels, the correlation of the "
        "distances of their vectors with those of their hidden places (above 0.3 is 'near')."
    ),
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=20,
)
