"""What classifiers share: labels, class weights, probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target

from descend import losses
from descend.engine.sparse import Features
from descend.estimators.mlp.base import BaseMLP, Given, goes_by_batches
from descend.estimators.mlp.class_weights import class_weights
from descend.estimators.mlp.heads import THRESHOLDS, Head
from descend.estimators.mlp.inputs import training_data
from descend.estimators.mlp.labels import Labels
from descend.estimators.mlp.objectives import classifying_loss
from descend.estimators.mlp.several import ColumnLabels, announced, learn_labels

if TYPE_CHECKING:
    from typing_extensions import Self


def _gives_scores(estimator: Any) -> bool:
    loss = estimator.loss
    if loss == "hinge" or isinstance(loss, losses.Hinge):
        return True
    raise AttributeError("decision_function is only available with loss='hinge'; use predict_proba")


def _gives_probabilities(estimator: Any) -> bool:
    loss = estimator.loss
    if loss != "hinge" and not isinstance(loss, losses.Hinge):
        return True
    raise AttributeError("predict_proba is not available with loss='hinge', whose scores are no probabilities")


def _are_numbers(y: Any) -> bool:
    """Whether classes are whole numbers in an array (rows,)."""
    return type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iu"


class BaseClassifier(ClassifierMixin, BaseMLP):
    """A network for one class out of several, or for several labels at once."""

    loss: Any
    label_smoothing: Any
    class_weight: Any
    _labels: Labels | ColumnLabels
    classes_: Any

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Features,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Features | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn from rows and their labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,), or (rows, labels) of 0 and 1, or (rows, columns) of classes
        sample_weight : array-like of shape (rows,), default: None
        X_val, y_val, sample_weight_val : like X, y and sample_weight, default: None
            Rows to judge each epoch by, in place of rows held back: their loss and score are recorded, and the weights
            with the best score are kept. With `early_stopping` the score also decides when to stop.

        Returns
        -------
        the estimator itself

        Raises
        ------
        ValueError, TypeError
            When a parameter or the data are not what they should be, or when the weights grow without bounds.

        Warns
        -----
        ConvergenceWarning
            When a limit on iterations ended the training.
        """
        return self._fit(X, y, sample_weight, Given(X_val, y_val, sample_weight_val), incremental=False)

    @available_if(goes_by_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Features,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        X_val: Features | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Go once over rows, from the weights and the optimizer's state as they are. Not with "lbfgs".

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,), or (rows, labels) of 0 and 1, or (rows, columns) of classes
        sample_weight : array-like of shape (rows,), default: None
        classes : array-like, or list of array-like, default: None
            All classes there will be, of several columns a list of each one's; needed in the first call.
        X_val, y_val, sample_weight_val : like X, y and sample_weight, default: None
            Rows to judge the epoch by. The model then always predicts with the best weights so far, while the next call
            trains on from the latest ones; `stopped_` says when improvement was waited for in vain.

        Returns
        -------
        the estimator itself
        """
        columns = announced(classes)
        if classes is None and isinstance(vars(self).get("_labels"), ColumnLabels) and hasattr(self, "classes_"):
            columns = self._labels
        if isinstance(columns, ColumnLabels):
            self._announce(columns)
        elif _check_partial_fit_first_call(self, classes):
            self._labels = Labels(y if type_of_target(y).startswith("multilabel") else classes)
        return self._fit(X, y, sample_weight, Given(X_val, y_val, sample_weight_val), incremental=True)

    def predict(self, X: Features) -> NDArray:
        """Return the most probable class of each row or, of several columns, of each column; 0 and 1 for each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,), (rows, labels) or (rows, columns)
        """
        labels, output = self._labels_or_refuse(), self._output(X)
        return labels.decode(output, THRESHOLDS.get(self._loss_kind, 0.5))

    @available_if(_gives_scores)
    def decision_function(self, X: Features) -> NDArray:
        """Return the score of the second class, or of each label: above 0 for yes. Only with the loss "hinge".

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,) or (rows, labels)
        """
        output = self._output(X)
        return output[:, 0] if output.shape[1] == 1 else output

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Features) -> Any:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows, classes), or for several columns of classes a list of them
            In the order of `classes_`.
        """
        p = self._output(X)
        if isinstance(self._labels, ColumnLabels):
            return self._labels.split(p)
        if p.shape[1] > 1:
            return p
        both = np.empty((len(p), 2), p.dtype)
        both[:, 1] = p[:, 0]
        np.subtract(1.0, p[:, 0], out=both[:, 0])
        return both

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Features) -> Any:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows, classes), or for several columns of classes a list of them
        """
        p = self.predict_proba(X)
        return [np.log(one) for one in p] if isinstance(p, list) else np.log(p, out=p)

    def score(self, X: Features, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows whose class, or all of whose labels or columns, are predicted right.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like, as in `fit`
        sample_weight : array-like of shape (rows,), default: None

        Returns
        -------
        float
        """
        if not isinstance(self._labels_or_refuse(), ColumnLabels):
            if sample_weight is None and _are_numbers(y) and _are_numbers(self.classes_):
                predicted = self.predict(X)
                if predicted.shape == np.shape(y):
                    return float(np.mean(predicted == y))  # accuracy_score without its checks
            return super().score(X, y, sample_weight)
        right = self.predict(X) == np.asarray(y)  # as scikit-learn's MultiOutputClassifier counts
        return float(
            np.average(right.all(axis=1), weights=None if sample_weight is None else np.asarray(sample_weight))
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_class = self.loss != "hinge" and not isinstance(self.loss, losses.Hinge)
        return tags

    def _labels_or_refuse(self) -> Labels | ColumnLabels:
        self._require_fitted()
        return self._labels

    def _announce(self, columns: ColumnLabels) -> None:
        """Take the classes of several columns for those of all calls of `partial_fit`."""
        known = getattr(self, "classes_", None)
        if known is None:
            self._labels, self.classes_ = columns, columns.classes
            return
        same = isinstance(known, list) and len(known) == len(columns.classes)
        if not same or not all(np.array_equal(*pair) for pair in zip(known, columns.classes, strict=True)):
            raise ValueError(
                f"`classes={columns.classes!r}` is not the same as on last call to partial_fit, was: {known!r}"
            )

    def _learn_targets(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, NDArray]:
        X, y = training_data(self, X, y, reset=first, numeric=False)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._labels = learn_labels(y)
            self.classes_ = self._labels.classes
        else:
            self._labels.check(y, same=bool(self.warm_start))
        return X, y

    def _check_more_targets(self, y: Any) -> None:
        self._labels.check(y, same=False)

    def _row_weights(self, y: Any, sample_weight: Any, *, incremental: bool) -> Any:
        if self.class_weight is None:
            return sample_weight
        columns = [np.array([0, 1])] * len(self.classes_) if self._labels.several else self.classes_
        weight = class_weights(self.class_weight, y, columns, incremental=incremental)
        return weight if sample_weight is None else weight * sample_weight

    def _head(self, y: Any, dtype: np.dtype) -> Head:
        smoothing = float(self.label_smoothing)
        return self._labels.head(dtype, classifying_loss(self.loss, smoothing), smoothing)

    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        encoded = self._labels.encode(y, dtype)
        return 2 * encoded - 1 if self._loss_kind == "hinge" else encoded

    @property
    def _loss_kind(self) -> str:
        """What was trained on, or is going to be."""
        loss = self._network.plan.loss
        assert loss is not None
        return loss.kind
