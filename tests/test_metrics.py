"""Metrics: hand-computed values, agreement with scikit-learn, shapes of outputs, the registry."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics

from descend import Network, layers, metrics
from descend.training.metric_functions import with_weights

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 50)
PROBABILITIES = RNG.dirichlet([1, 1, 1], 50)
BINARY = RNG.integers(0, 2, 50)
SCORES = RNG.uniform(size=50)
NUMBERS, PREDICTED = RNG.normal(size=(50, 2)), RNG.normal(size=(50, 2))
WEIGHTS = RNG.uniform(0.1, 2.0, 50)


@pytest.mark.parametrize("name", metrics.names())
def test_every_name_resolves(name: str) -> None:
    spec = metrics.describe(name)
    assert metrics.resolve(name) is spec.function
    assert metrics.greater_is_better(name) is spec.greater_is_better
    regression = spec.task == "regression"
    value = spec.function(NUMBERS, PREDICTED) if regression else spec.function(BINARY, SCORES[:, None])
    assert isinstance(value, float)
    assert math.isfinite(value)


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])
def test_classes_agree_with_scikit_learn(weight) -> None:
    labels, calls = PROBABILITIES.argmax(axis=1), (SCORES >= 0.5).astype(int)
    for ours, theirs in (
        (metrics.accuracy, sklearn.metrics.accuracy_score),
        (metrics.balanced_accuracy, sklearn.metrics.balanced_accuracy_score),
        (metrics.matthews, sklearn.metrics.matthews_corrcoef),
    ):
        assert ours(CLASSES, PROBABILITIES, weight) == pytest.approx(theirs(CLASSES, labels, sample_weight=weight))
        assert ours(BINARY, SCORES, weight) == pytest.approx(theirs(BINARY, calls, sample_weight=weight))
    for ours, theirs in (
        (metrics.f1, sklearn.metrics.f1_score),
        (metrics.precision, sklearn.metrics.precision_score),
        (metrics.recall, sklearn.metrics.recall_score),
    ):
        assert ours(BINARY, SCORES, weight) == pytest.approx(theirs(BINARY, calls, sample_weight=weight))
        expected = theirs(CLASSES, labels, sample_weight=weight, average="macro")
        assert ours(CLASSES, PROBABILITIES, weight) == pytest.approx(expected)


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])
def test_probabilities_agree_with_scikit_learn(weight) -> None:
    auc = sklearn.metrics.roc_auc_score
    assert metrics.roc_auc(BINARY, SCORES, weight) == pytest.approx(auc(BINARY, SCORES, sample_weight=weight))
    both = np.column_stack([1 - SCORES, SCORES])
    assert metrics.roc_auc(BINARY, both, weight) == pytest.approx(auc(BINARY, SCORES, sample_weight=weight))
    expected = auc(CLASSES, PROBABILITIES, sample_weight=weight, multi_class="ovr")
    assert metrics.roc_auc(CLASSES, PROBABILITIES, weight) == pytest.approx(expected)
    for y, p in ((BINARY, SCORES), (CLASSES, PROBABILITIES)):
        expected = sklearn.metrics.log_loss(y, p, sample_weight=weight)
        assert metrics.log_loss(y, p, weight) == pytest.approx(expected)
    expected = sklearn.metrics.brier_score_loss(BINARY, SCORES, sample_weight=weight)
    assert metrics.brier(BINARY, SCORES, weight) == pytest.approx(expected)
    expected = sklearn.metrics.average_precision_score(BINARY, SCORES, sample_weight=weight)
    assert metrics.average_precision(BINARY, SCORES, weight) == pytest.approx(expected)


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])
def test_numbers_agree_with_scikit_learn(weight) -> None:
    for ours, theirs in (
        (metrics.mse, sklearn.metrics.mean_squared_error),
        (metrics.mae, sklearn.metrics.mean_absolute_error),
        (metrics.mape, sklearn.metrics.mean_absolute_percentage_error),
        (metrics.median_absolute_error, sklearn.metrics.median_absolute_error),
        (metrics.r2, sklearn.metrics.r2_score),
        (metrics.explained_variance, sklearn.metrics.explained_variance_score),
    ):
        assert ours(NUMBERS, PREDICTED, weight) == pytest.approx(theirs(NUMBERS, PREDICTED, sample_weight=weight))
        one = theirs(NUMBERS[:, 0], PREDICTED[:, 0], sample_weight=weight)
        assert ours(NUMBERS[:, 0], PREDICTED[:, :1], weight) == pytest.approx(one)
    assert metrics.rmse([0.0, 0.0], [3.0, 4.0]) == pytest.approx(math.sqrt(12.5))


def test_labels_from_outputs() -> None:
    np.testing.assert_array_equal(metrics.labels_from([0, 1], [[0.2], [0.5]]), [0, 1])
    np.testing.assert_array_equal(metrics.labels_from([-1, 1], [-0.2, 0.3]), [-1, 1])
    np.testing.assert_array_equal(metrics.labels_from([2, 0], [[0.1, 0.2, 0.7], [0.6, 0.2, 0.2]]), [2, 0])
    np.testing.assert_array_equal(metrics.labels_from(["a", "b"], ["a", "a"]), ["a", "a"])
    one_hot = [[1, 0, 0], [0, 0, 1]]
    np.testing.assert_array_equal(
        metrics.labels_from(one_hot, [[0.4, 0.3, 0.3], [0.9, 0, 0.1]]), [[1, 0, 0], [1, 0, 0]]
    )
    np.testing.assert_array_equal(metrics.labels_from([[1, 1], [0, 0]], [[0.6, 0.4], [0.2, 0.5]]), [[1, 0], [0, 1]])


def test_accuracy_of_every_shape() -> None:
    assert metrics.accuracy(["a", "b", "b"], ["a", "b", "a"]) == pytest.approx(2 / 3)
    assert metrics.accuracy([1, 2, 2], [1, 2, 2]) == 1.0
    assert metrics.accuracy(np.eye(3)[CLASSES], PROBABILITIES) == metrics.accuracy(CLASSES, PROBABILITIES)
    assert metrics.accuracy(CLASSES[:, None], PROBABILITIES) == metrics.accuracy(CLASSES, PROBABILITIES)
    assert metrics.accuracy([[1, 1], [0, 0]], [[0.6, 0.4], [0.2, 0.1]]) == 0.5
    assert metrics.accuracy([1, 0], [1, 1], sample_weight=[3, 1]) == 0.75


def test_undefined_is_nan() -> None:
    assert math.isnan(metrics.accuracy([], []))
    assert math.isnan(metrics.mse(np.zeros((0, 1)), np.zeros((0, 1))))
    assert math.isnan(metrics.roc_auc([1, 1], [0.2, 0.9]))
    assert math.isnan(metrics.average_precision([0, 0], [0.2, 0.9]))
    assert math.isnan(metrics.r2([1.0], [1.0]))
    assert math.isnan(metrics.mae([1.0], [2.0], sample_weight=[0.0]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: metrics.resolve("acuracy"), ValueError, "did you mean 'accuracy'"),
        (lambda: metrics.resolve(3), TypeError, "metric must be a name or a function"),
        (lambda: metrics.accuracy([1, 0], [1]), ValueError, "same rows"),
        (lambda: metrics.mse([1.0, 2.0], np.zeros((2, 2))), ValueError, "equal shapes"),
        (lambda: metrics.mae([1.0], [1.0], sample_weight=[1.0, 2.0]), ValueError, "sample_weight"),
        (lambda: metrics.log_loss([0, 3], np.full((2, 3), 1 / 3)), ValueError, "classes from 0 to 2"),
        (lambda: metrics.balanced_accuracy([[1, 1]], [[0.3, 0.4]]), ValueError, "one class per row"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_rows_of_two_of_several_classes_are_averaged_over_classes():
    """Which class of two is the positive one must not depend on the rows that happen to be measured."""
    true, outputs = np.array([0, 0, 0, 1]), np.eye(4)[[0, 0, 0, 0]]

    for metric, expected in ((metrics.f1, 3 / 7), (metrics.recall, 0.5), (metrics.precision, 0.375)):
        assert metric(true, outputs) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss"])
def test_metrics_of_classes_refuse_the_target_of_a_regression(name):
    with pytest.raises(ValueError, match=r"y_true must hold classes for this metric, got 0\.25; .*'rmse'"):
        metrics.resolve(name)(np.array([[0.25], [1.0]]), np.array([[0.2], [0.7]]))


def test_metrics_of_numbers_name_those_of_classes():
    with pytest.raises(ValueError, match="for classes use 'accuracy'"):
        metrics.r2(np.array([0, 1, 2]), np.eye(3))


def test_functions_take_weights_by_place_by_name_or_not_at_all() -> None:
    true, predicted, weight = np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 5.0]), np.array([1.0, 0.0, 2.0])

    def by_place(a, b, w):
        return float(np.average(abs(a - b), weights=w))

    def by_name(a, b, *, sample_weight=None):
        return by_place(a, b, sample_weight)

    def none(a, b):
        return float(abs(a - b).mean())

    def another_third(a, b, power=1.0, sample_weight=None):
        return float(np.average(abs(a - b) ** power, weights=sample_weight))

    for function in (by_place, by_name, another_third):
        assert with_weights(function)(true, predicted, weight) == pytest.approx(4 / 3)
        assert with_weights(function)(true, predicted, None) == pytest.approx(1)
    assert with_weights(none)(true, predicted, None) == 1
    with pytest.raises(ValueError, match="the metric 'none' takes no sample_weight, but the rows have weights"):
        with_weights(none)(true, predicted, weight)
    with pytest.raises(TypeError, match=r"a function of \(y_true, y_pred, sample_weight\), got '<lambda>' of fewer"):
        with_weights(lambda a: 0.0)


def test_scikit_learns_metrics_are_taken_as_they_are() -> None:
    from sklearn.metrics import mean_absolute_error

    X, y, weight = np.arange(6.0).reshape(6, 1), np.arange(6.0) ** 2, np.arange(1.0, 7.0)
    net = Network([layers.Dense(1)])
    history = net.fit(X, y, epochs=2, metrics=[mean_absolute_error], sample_weight=weight, verbose=0)
    expected = net.evaluate(X, y, metrics=["mae"], sample_weight=weight)["mae"]
    found = net.evaluate(X, y, metrics=[mean_absolute_error], sample_weight=weight)["mean_absolute_error"]
    assert found == pytest.approx(expected) == history["mean_absolute_error"][-1]


def test_acc_is_short_for_accuracy() -> None:
    assert metrics.resolve("acc") is metrics.accuracy and metrics.greater_is_better("acc")
