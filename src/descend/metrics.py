"""Metrics: plain functions (y_true, y_pred, sample_weight=None) -> float, and their registry.

y_true holds what was to be predicted: classes (rows,), 0/1 columns (rows, k), or numbers (rows,) or (rows, outputs).
y_pred holds labels, or a network's outputs as they are: probabilities or scores (rows,) or (rows, 1) for two classes,
(rows, k) for k classes or k labels. Whether that is needed, `labels_from` turns outputs into labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import specs

__all__ = [
    "MetricSpec",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "describe",
    "explained_variance",
    "f1",
    "greater_is_better",
    "labels_from",
    "log_loss",
    "mae",
    "mape",
    "matthews",
    "median_absolute_error",
    "mse",
    "names",
    "precision",
    "r2",
    "recall",
    "resolve",
    "rmse",
    "roc_auc",
]

#: (y_true, y_pred, sample_weight) -> float
Metric = Callable[..., float]

#: Probabilities are kept this far from 0 and 1 before a logarithm.
CLIP = 1e-15


@dataclass(frozen=True)
class MetricSpec:
    """What is known of a metric.

    Attributes
    ----------
    name : its first name
    function : what computes it
    greater_is_better : its direction
    task : what kind of target it measures
    """

    name: str
    function: Metric
    greater_is_better: bool
    task: Literal["classification", "regression"]


_registry: specs.Registry[MetricSpec] = specs.Registry("metrics", "metric")


def accuracy(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Share of rows that are right in full."""
    true, labels, weight = _classes(y_true, y_pred, sample_weight)
    hits = true == labels
    return _mean(hits.all(axis=1) if hits.ndim == 2 else hits, weight)


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean over the classes in y_true of the share of their rows that are right."""
    true, labels, weight = _classes(y_true, y_pred, sample_weight)
    if true.ndim == 2:
        raise ValueError("balanced_accuracy needs one class per row, got columns of labels; use 'f1'")
    shares = []
    for label in np.unique(true):
        rows = true == label
        shares.append(_mean(labels[rows] == label, None if weight is None else weight[rows]))
    return float(np.mean(shares))


def precision(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Share of the rows called positive that are; mean over the classes beyond two."""
    return _macro("precision_score", y_true, y_pred, sample_weight)


def recall(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Share of the positive rows that are called so; mean over the classes beyond two."""
    return _macro("recall_score", y_true, y_pred, sample_weight)


def f1(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Harmonic mean of precision and recall; mean over the classes beyond two."""
    return _macro("f1_score", y_true, y_pred, sample_weight)


def matthews(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Matthews' correlation between true and predicted classes, from -1 to 1."""
    from sklearn.metrics import matthews_corrcoef

    true, labels, weight = _classes(y_true, y_pred, sample_weight)
    return float(matthews_corrcoef(true, labels, sample_weight=weight))


def roc_auc(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve; beyond two classes the mean over one class against the rest.

    NaN when y_true lacks a class, because the curve does not exist then.
    """
    from sklearn.metrics import roc_auc_score

    columns, scores, weight = _score_columns(y_true, y_pred, sample_weight)
    if any(np.unique(column).size < 2 for column in columns.T):
        return float("nan")
    pairs = zip(columns.T, scores.T, strict=True)
    return float(np.mean([roc_auc_score(column, score, sample_weight=weight) for column, score in pairs]))


def average_precision(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Area under the precision-recall curve; beyond two classes the mean over one class against the rest.

    NaN when a class has no rows.
    """
    from sklearn.metrics import average_precision_score

    columns, scores, weight = _score_columns(y_true, y_pred, sample_weight)
    if not columns.any(axis=0).all():
        return float("nan")
    pairs = zip(columns.T, scores.T, strict=True)
    return float(np.mean([average_precision_score(column, score, sample_weight=weight) for column, score in pairs]))


def log_loss(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean over rows of -log of the probability given to the true class; y_pred holds probabilities."""
    columns, scores, weight = _score_columns(y_true, y_pred, sample_weight)
    p = np.clip(scores, CLIP, 1.0 - CLIP)
    rows = -(columns * np.log(p)).sum(axis=1)
    if not _one_hot_like(columns):
        rows = rows - ((1.0 - columns) * np.log1p(-p)).sum(axis=1)
    return _mean(rows, weight)


def brier(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean over rows of the squared distance between probabilities and truth (of the one column for two classes)."""
    columns, scores, weight = _score_columns(y_true, y_pred, sample_weight)
    return _mean(((columns - scores) ** 2).sum(axis=1), weight)


def mse(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of (y - p)^2 over rows and outputs."""
    true, predicted, weight = _numbers(y_true, y_pred, sample_weight)
    return _mean(((true - predicted) ** 2).mean(axis=1), weight)


def rmse(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Square root of the mean of (y - p)^2 over rows and outputs."""
    return float(np.sqrt(mse(y_true, y_pred, sample_weight)))


def mae(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of |y - p| over rows and outputs."""
    true, predicted, weight = _numbers(y_true, y_pred, sample_weight)
    return _mean(np.abs(true - predicted).mean(axis=1), weight)


def median_absolute_error(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Median of |y - p| over rows, averaged over outputs."""
    from sklearn.metrics import median_absolute_error as score

    true, predicted, weight = _numbers(y_true, y_pred, sample_weight)
    return float(score(true, predicted, sample_weight=weight))


def mape(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of |y - p| / |y|, as a fraction."""
    from sklearn.metrics import mean_absolute_percentage_error

    true, predicted, weight = _numbers(y_true, y_pred, sample_weight)
    return float(mean_absolute_percentage_error(true, predicted, sample_weight=weight))


def r2(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """1 - sum (y - p)^2 / sum (y - mean y)^2, averaged over outputs; NaN for fewer than two rows."""
    from sklearn.metrics import r2_score

    true, predicted, weight = _numbers(y_true, y_pred, sample_weight)
    return float(r2_score(true, predicted, sample_weight=weight)) if len(true) > 1 else float("nan")


def explained_variance(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """1 - variance(y - p) / variance(y), averaged over outputs; unlike r2 it forgives a constant offset."""
    from sklearn.metrics import explained_variance_score

    true, predicted, weight = _numbers(y_true, y_pred, sample_weight)
    return float(explained_variance_score(true, predicted, sample_weight=weight))


def labels_from(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray:
    """The labels that a network's outputs stand for, in the terms of y_true.

    Columns of probabilities give the class with the largest (or 0/1 per column where y_true has columns that are not
    one-hot); a single column is cut at 1/2, or at 0 where y_true holds -1 and +1. Labels stay as they are.
    """
    true, predicted = np.asarray(y_true), _squeeze(np.asarray(y_pred))
    if true.ndim == 2 and true.shape[1] > 1:
        if _one_hot_like(true) and predicted.ndim == 2:
            return np.eye(true.shape[1], dtype=np.int64)[predicted.argmax(axis=1)]
        return (predicted >= 0.5).astype(np.int64)
    if predicted.ndim == 2:
        return predicted.argmax(axis=1)
    if predicted.dtype.kind != "f":
        return predicted
    if true.dtype.kind in "biuf" and true.size and np.isin(true, (-1, 1)).all() and (true == -1).any():
        return np.where(predicted >= 0, 1, -1)
    whole = predicted == np.floor(predicted)
    return predicted.astype(np.int64) if whole.all() else (predicted >= 0.5).astype(np.int64)


def names() -> list[str]:
    """All names of metrics, sorted, aliases included."""
    return _registry.names()


def describe(name: str) -> MetricSpec:
    """What is known of the metric called `name`.

    Raises
    ------
    ValueError
        for an unknown name, listing the known ones.
    """
    return _registry.get(name)


def resolve(spec: Metric | str) -> Metric:
    """The function that `spec` names or is.

    Raises
    ------
    ValueError
        for an unknown name, listing the known ones.
    TypeError
        for anything that is neither a name nor callable.
    """
    if isinstance(spec, str):
        return describe(spec).function
    if callable(spec):
        return spec
    raise TypeError(f"metric must be a name or a function of (y_true, y_pred, sample_weight), got {spec!r}")


def greater_is_better(name: str) -> bool:
    """Whether larger values of the metric called `name` are better."""
    return describe(name).greater_is_better


def _register(function: Metric, task: Literal["classification", "regression"], better: bool, *aliases: str) -> None:
    name = function.__name__
    _registry.register(MetricSpec(name, function, better, task), name, *aliases)


_register(accuracy, "classification", True, "acc")
_register(balanced_accuracy, "classification", True)
_register(precision, "classification", True)
_register(recall, "classification", True)
_register(f1, "classification", True)
_register(matthews, "classification", True, "mcc")
_register(roc_auc, "classification", True, "auc")
_register(average_precision, "classification", True)
_register(log_loss, "classification", False)
_register(brier, "classification", False)
_register(mse, "regression", False, "mean_squared_error")
_register(rmse, "regression", False, "root_mean_squared_error")
_register(mae, "regression", False, "mean_absolute_error")
_register(median_absolute_error, "regression", False)
_register(mape, "regression", False, "mean_absolute_percentage_error")
_register(r2, "regression", True)
_register(explained_variance, "regression", True)


def _squeeze(array: NDArray) -> NDArray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _one_hot_like(columns: NDArray) -> bool:
    """Whether every row of two columns or more sums to 1."""
    return columns.ndim == 2 and columns.shape[1] > 1 and bool(np.allclose(columns.sum(axis=1), 1.0))


def _mean(rows: NDArray, weight: NDArray | None) -> float:
    """Weighted mean over rows; NaN without rows or weight."""
    if not len(rows) or (weight is not None and weight.sum() == 0):
        return float("nan")
    return float(np.average(rows, weights=weight))


def _weights(sample_weight: ArrayLike | None, rows: int) -> NDArray | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (rows,):
        raise ValueError(f"sample_weight must have shape ({rows},), got {weight.shape}")
    return weight


def _same_rows(true: NDArray, predicted: NDArray) -> None:
    if true.ndim == 0 or predicted.ndim == 0 or len(true) != len(predicted):
        raise ValueError(f"y_true and y_pred must have the same rows, got shapes {true.shape} and {predicted.shape}")


def _refuse_numbers(true: NDArray) -> None:
    """Refuse the targets of a regression, which no class equals."""
    if true.dtype.kind != "f" or _one_hot_like(true):
        return
    odd = true[true != np.floor(true)]
    if odd.size:
        raise ValueError(
            f"y_true must hold classes for this metric, got {odd[0]:g}; for a regression use 'rmse', 'mae' or 'r2'"
        )


def _classes(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray | None]:
    """(true labels, predicted labels, weights), the two of one shape."""
    true = _squeeze(np.asarray(y_true))
    predicted = np.asarray(y_pred)
    _same_rows(true, predicted)
    _refuse_numbers(true)
    labels = labels_from(true, predicted)
    if _one_hot_like(true):
        true = true.argmax(axis=1)
        labels = labels.argmax(axis=1) if labels.ndim == 2 else labels
    if true.shape != labels.shape:
        raise ValueError(f"y_true of shape {true.shape} and y_pred of shape {predicted.shape} do not go together")
    return true, labels, _weights(sample_weight, len(true))


def _macro(score: str, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None) -> float:
    """A score of scikit-learn's for the larger of two classes, or averaged over more.

    How many classes there are, y_pred's columns say where it has some: rows that happen to hold two of five classes
    are averaged all the same.
    """
    import sklearn.metrics

    true, labels, weight = _classes(y_true, y_pred, sample_weight)
    known = np.unique(true if true.ndim == 2 else np.concatenate([true, labels]))
    outputs = np.asarray(y_pred)
    several = true.ndim == 2 or known.size > 2 or (outputs.ndim == 2 and outputs.shape[1] > 2)
    settings = {"average": "macro"} if several else {"average": "binary", "pos_label": known[-1]}
    return float(getattr(sklearn.metrics, score)(true, labels, sample_weight=weight, zero_division=0, **settings))


def _score_columns(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray | None]:
    """(0/1 truth, scores, weights), truth and scores of shape (rows, columns); one column for two classes."""
    true, scores = _squeeze(np.asarray(y_true)), _squeeze(np.asarray(y_pred, dtype=np.float64))
    _same_rows(true, scores)
    _refuse_numbers(true)
    if true.ndim == 1 and scores.ndim == 2:
        classes = true.astype(np.int64)
        if len(classes) and not 0 <= classes.min() <= classes.max() < scores.shape[1]:
            raise ValueError(f"y_true must hold classes from 0 to {scores.shape[1] - 1}, one per column of y_pred")
        true = np.eye(scores.shape[1])[classes]
    elif true.ndim == 1:
        true = (true > 0).astype(np.float64)
    if true.shape != scores.shape:
        raise ValueError(f"y_true of shape {true.shape} and y_pred of shape {scores.shape} do not go together")
    if true.ndim == 2 and true.shape[1] == 2 and _one_hot_like(true):
        true, scores = true[:, 1], scores[:, 1]
    if true.ndim == 1:
        true, scores = true[:, None], scores[:, None]
    return true.astype(np.float64), scores, _weights(sample_weight, len(true))


def _numbers(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray | None]:
    """(truth, predictions, weights), the two of shape (rows, outputs)."""
    true, predicted = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    _same_rows(true, predicted)
    true, predicted = (array[:, None] if array.ndim == 1 else array for array in (true, predicted))
    if true.shape != predicted.shape:
        classes = "; for classes use 'accuracy', 'f1' or 'log_loss'" if true.shape[1] == 1 else ""
        raise ValueError(
            f"y_true and y_pred must have equal shapes for this metric, got {true.shape} and {predicted.shape}{classes}"
        )
    return true, predicted, _weights(sample_weight, len(true))
