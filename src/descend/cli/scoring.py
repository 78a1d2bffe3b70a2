"""Which metrics a task is judged by, and their values for a model's outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend import metrics
from descend.data.targets import TaskKind


@dataclass(frozen=True)
class Measure:
    """A metric of the table: its name in `descend.metrics`, for people, and whether more is better."""

    name: str
    label: str
    greater_is_better: bool


ACCURACY = Measure("accuracy", "accuracy", True)
BALANCED = Measure("balanced_accuracy", "balanced accuracy", True)
LOG_LOSS = Measure("log_loss", "log loss", False)
RMSE = Measure("rmse", "root mean squared error", False)

MEASURES: dict[TaskKind, tuple[Measure, ...]] = {
    "binary": (ACCURACY, BALANCED, Measure("roc_auc", "ROC AUC", True), LOG_LOSS),
    "multiclass": (ACCURACY, BALANCED, Measure("f1", "F1 (mean of classes)", True), LOG_LOSS),
    "regression": (
        Measure("r2", "R²", True),
        RMSE,
        Measure("mae", "mean absolute error", False),
        Measure("median_absolute_error", "median absolute error", False),
    ),
}

#: Scores of one model: by the measure's name, None where it is not defined (the ROC of one class).
Scores = dict[str, float | None]


def score(task: TaskKind, y: NDArray, outputs: NDArray[np.float64]) -> Scores:
    """Measure outputs against the truth.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    y : (rows,)
        Class numbers, or numbers in the target's unit.
    outputs : (rows,) or (rows, classes)
        As `bundle.as_outputs` gives them.
    """
    given = outputs[:, 1] if task == "binary" else outputs
    result: Scores = {}
    for measure in MEASURES[task]:
        value = float(metrics.resolve(measure.name)(y, given))
        result[measure.name] = value if math.isfinite(value) else None
    return result
