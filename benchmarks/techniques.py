"""What each regularization technique costs: the time of a step with it over that of the plain step, ours and PyTorch's.

The plain network is dense layers and ReLU on the shape `tab`, trained by Adam; each technique is added alone. PyTorch
does the same with its own modules, or as its users write it where it has none (DropConnect, mixup, penalties).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from descend import Network, layers, losses, optimizers, penalties
from shapes import SHAPES, Shape
from timing import alternate, medians

SHAPE = "tab"

#: Technique -> the most that a step of ours should take, in plain steps; None for no goal.
TECHNIQUES: dict[str, float | None] = {
    "plain": None,
    "dropout": 1.10,
    "noise": 1.10,
    "L1 and L2": 1.10,
    "weight decay": 1.10,
    "batch norm": 1.35,
    "layer norm": 1.35,
    "DropConnect": 1.5,
    "max norm": None,
    "gradient noise": None,
    "label noise": None,
    "mixup": None,
    "moving average": None,
}


class Ours:
    """One technique in a network of ours."""

    def __init__(self, technique: str, shape: Shape, X: NDArray, y: NDArray) -> None:
        settings: dict[str, Any] = {
            "DropConnect": {"drop_connect": 0.5},
            "max norm": {"max_norm": 3.0},
        }.get(technique, {})
        between = {"batch norm": layers.BatchNorm, "layer norm": layers.LayerNorm}.get(technique)
        after = {"dropout": layers.Dropout, "noise": layers.GaussianNoise}.get(technique)
        stack: list[layers.Layer] = [layers.Mixup(0.2)] if technique == "mixup" else []
        for units in shape.hidden:
            stack.append(layers.Dense(units, **settings))
            if between is not None:
                stack.append(between())
            stack.append(layers.ReLU())
            if after is not None:
                stack.append(after(0.1))
        stack += [layers.Dense(shape.classes), layers.Softmax()]
        penalty = penalties.L1L2(1e-5, 1e-5) if technique == "L1 and L2" else None
        self.net = Network(stack, input_shape=(shape.features,), penalty=penalty)
        self.optimizer = optimizers.Adam(
            1e-3,
            weight_decay=0.01 if technique == "weight decay" else 0.0,
            gradient_noise=0.01 if technique == "gradient noise" else 0.0,
            average_decay=0.999 if technique == "moving average" else 0.0,
        )
        self.loss = losses.CategoricalCrossentropy(label_noise=0.1 if technique == "label noise" else 0.0)
        self.X, self.y, self.batch = X, y, shape.batch

    def epochs(self, count: int) -> None:
        self.net.fit(
            self.X,
            self.y,
            loss=self.loss,
            optimizer=self.optimizer,
            epochs=count,
            batch_size=self.batch,
            verbose=0,
        )


def measure(rounds: int, note: Callable[[str], None]) -> dict[str, Any]:
    """Seconds per step of every technique, ours and PyTorch's where it is installed, in turns."""
    shape = SHAPES[SHAPE]
    X, y = shape.data()
    makers: dict[str, Callable[..., Any]] = {"descend": Ours}
    try:
        from peers.pytorch_techniques import PyTorchTechnique

        makers["PyTorch"] = PyTorchTechnique
    except ImportError as error:
        note(f"PyTorch left out: {error}")
    calls = {
        f"{who}/{technique}": make(technique, shape, X, y).epochs
        for technique in TECHNIQUES
        for who, make in makers.items()
    }
    times = medians(alternate(calls, rounds=rounds, target=0.3, warm_seconds=0.1))
    found: dict[str, Any] = {who: {} for who in makers}
    for name, seconds in times.items():
        who, technique = name.split("/")
        found[who][technique] = seconds / shape.steps
    for technique in TECHNIQUES:
        ratios = "  ".join(f"{who} {times[technique] / times['plain']:.2f}" for who, times in found.items())
        note(f"  {technique:16s} {ratios}")
    return found


def markdown(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The table of the report: microseconds of the plain step, and of each technique in plain steps."""
    who = list(found)
    lines = [
        f"Shape {SHAPE}: {SHAPES[SHAPE].describe()}. A step with one technique, in plain steps of the same library.",
        "",
        "| technique | goal | " + " | ".join(who) + " |",
        "|---|---:|" + "---:|" * len(who),
        "| plain, microseconds | | " + " | ".join(f"{found[name]['plain'] * 1e6:.0f}" for name in who) + " |",
    ]
    for technique, goal in TECHNIQUES.items():
        if technique == "plain":
            continue
        ratios = " | ".join(f"{found[name][technique] / found[name]['plain']:.2f}" for name in who)
        lines.append(f"| {technique} | {'' if goal is None else f'{goal:.2f}'} | {ratios} |")
    return lines
