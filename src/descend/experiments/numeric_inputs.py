"""What a network does with its numbers first: scales, quantiles, periodic and piecewise-linear embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import layers
from descend.experiments.data import Split
from descend.experiments.experiment import Effort, Experiment, Measurements
from descend.experiments.pictures import label, panels, strips
from descend.experiments.training import Recipe, scores, train
from descend.experiments.verdicts import Condition
from descend.optimizers import Adam

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, TEST_ROWS, FEATURES, NOISE = 1000, 2000, 6, 0.1
EPOCHS, BATCH, RATE, HIDDEN = 60, 32, 0.003, 64

#: Layers before the hidden ones, by name.
INPUTS: dict[str, Callable[[], list[layers.Layer]]] = {
    "as they are": list,
    "standardized": lambda: [layers.Standardize()],
    "quantiles": lambda: [layers.QuantileTransform(output="normal")],
    "periodic": lambda: [layers.Standardize(), layers.PeriodicEmbedding(16, sigma=0.5)],
    "piecewise linear": lambda: [layers.PiecewiseLinearEmbedding(16)],
}


def _wiggles(x: NDArray) -> NDArray:
    return np.sin(6 * x[:, 0]) + np.sin(5 * x[:, 1]) + 0.5 * x[:, 2]


def _steps(x: NDArray) -> NDArray:
    heights = np.array([0.0, 1.5, -1.0, 1.0, -0.5, 2.0])
    return heights[np.digitize(x[:, :3], [-1.0, -0.4, 0.0, 0.5, 1.2])].sum(axis=1) / 1.5


def _smooth(x: NDArray) -> NDArray:
    return x[:, 0] * x[:, 1] + np.tanh(x[:, 2])


#: What is learned: the function of normal numbers, and how these become the features.
TASKS: dict[str, tuple[Callable[[NDArray], NDArray], Callable[[NDArray], NDArray]]] = {
    "heavy tails": (_smooth, lambda z: np.sign(z) * np.expm1(2.0 * np.abs(z))),
    "unlike scales": (_smooth, lambda z: 50.0 + z * 10.0 ** np.linspace(-2, 2, FEATURES)),
    "wiggles": (_wiggles, lambda z: z),
    "thresholds": (_steps, lambda z: z),
}

#: The claims: on that task, the first kind of input is better than the second.
CLAIMS = (
    ("unlike scales", "standardized", "as they are"),
    ("heavy tails", "quantiles", "standardized"),
    ("wiggles", "periodic", "standardized"),
    ("thresholds", "piecewise linear", "standardized"),
)


def _split(task: str, seed: int) -> Split:
    function, feature = TASKS[task]
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((ROWS + TEST_ROWS, FEATURES))
    y = function(z)
    y = (y - y.mean()) / y.std() + NOISE * rng.standard_normal(len(y))
    X = feature(z).astype(np.float32)
    return Split(task, X[:ROWS], y[:ROWS], X[ROWS:], y[ROWS:], 1, "r2")


def measure(seed: int, effort: Effort) -> Mapping[str, ArrayLike]:
    """Test R^2, at least -1: (tasks, inputs)."""
    test = np.empty((len(TASKS), len(INPUTS)))
    for i, task in enumerate(TASKS):
        split = _split(task, seed)
        for k, make in enumerate(INPUTS.values()):
            hidden: list[Any] = [*make(), layers.Dense(HIDDEN, "relu"), layers.Dense(HIDDEN, "relu")]
            recipe = Recipe(Adam(RATE), effort.of(EPOCHS), BATCH)
            net, history = train(hidden, replace(split), recipe, seed)
            test[i, k] = -1.0 if history is None else max(-1.0, scores(net, split)[1])
    return {"test": test}


def conditions(data: Measurements) -> Sequence[Condition]:
    """Each kind of input is better where it should be, and no embedding does harm to a smooth function."""
    tasks, inputs = list(TASKS), list(INPUTS)
    made = []
    for task, better, worse in CLAIMS:
        test = data["test"][:, tasks.index(task)]
        gain = test[:, inputs.index(better)] - test[:, inputs.index(worse)]
        made.append(Condition(f"{better} help with {task}", f"test R², {better} minus {worse}", gain))
    return made


def draw(data: Measurements, figure: Figure) -> None:
    """Test scores of all inputs on all tasks."""
    axes = panels(figure, 2, 2, sharex=True)
    names = [name.replace(" ", "\n") for name in INPUTS]
    for i, (ax, task) in enumerate(zip(axes, TASKS, strict=True)):
        strips(ax, names, [data["test"][:, i, k] for k in range(len(INPUTS))])
        label(ax, title=task, y="R², test rows")


EXPERIMENT = Experiment(
    name="numeric-inputs",
    title="Numbers that are prepared to suit the function",
    claim=(
        "Standardizing helps where features have unlike scales, quantiles where they have heavy tails, periodic "
        "embeddings with functions that wiggle and piecewise-linear ones with thresholds."
    ),
    setup=(
        f"{ROWS} drawn rows of {FEATURES} features, three of which matter: a smooth function of features of scales "
        "from 0.01 to 100 around 50, of features with tails like exp(2 |z|), a sum of sines with about six swings, "
        f"and a sum of step functions. Two hidden layers of {HIDDEN} ReLU units behind the layers named, Adam at "
        f"{RATE:g}, {EPOCHS} epochs in batches of {BATCH}."
    ),
    measured=f"R² of {TEST_ROWS} test rows (at least -1), of one kind of input minus that of another.",
    measure=measure,
    conditions=conditions,
    draw=draw,
    seeds=20,
    size=(12.5, 7.5),
)
