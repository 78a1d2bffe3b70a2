"""What regressors share: targets that are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context

from descend.engine.sparse import Features
from descend.estimators.mlp.base import BaseMLP, Given
from descend.estimators.mlp.heads import Head, numbers_head
from descend.estimators.mlp.inputs import training_data
from descend.estimators.mlp.objectives import regression_loss
from descend.wording import counted

if TYPE_CHECKING:
    from typing_extensions import Self


class BaseRegressor(RegressorMixin, BaseMLP):
    """A network for one or more numbers."""

    _numeric = True
    loss: Any

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
        """Learn from rows and their numbers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,) or (rows, outputs)
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

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Features,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Features | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Go once over rows, from the weights and the optimizer's state as they are.

        With "lbfgs" it is a fit that goes on from the weights.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)
        y : array-like of shape (rows,) or (rows, outputs)
        sample_weight : array-like of shape (rows,), default: None
        X_val, y_val, sample_weight_val : like X, y and sample_weight, default: None
            Rows to judge the epoch by. The model then always predicts with the best weights so far, while the next call
            trains on from the latest ones; `stopped_` says when improvement was waited for in vain.

        Returns
        -------
        the estimator itself
        """
        return self._fit(X, y, sample_weight, Given(X_val, y_val, sample_weight_val), incremental=True)

    def predict(self, X: Features) -> NDArray:
        """Return the numbers the network expects.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, features)

        Returns
        -------
        ndarray of shape (rows,), or (rows, outputs) for more than one
        """
        output = self._output(X)
        return output[:, 0] if output.shape[1] == 1 else output

    def _learn_targets(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, NDArray]:
        X, y = training_data(self, X, y, reset=first, numeric=True)
        y = y.reshape(len(y), -1)
        self._check_more_targets(y)
        return X, y

    def _check_more_targets(self, y: Any) -> None:
        if regression_loss(self.loss).kind == "poisson" and (y < 0).any():
            raise ValueError(f"y must be >= 0 for loss='poisson', got {y.min():g}; use loss='squared_error'")

    def _told(self, y: Any) -> Any:
        return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y

    def _head(self, y: Any, dtype: np.dtype) -> Head:
        return numbers_head(regression_loss(self.loss), y.shape[1])

    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        encoded = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
        if encoded.shape[1] != self.n_outputs_:
            raise ValueError(f"y must have {counted(self.n_outputs_, 'column')}, got {encoded.shape[1]}")
        return encoded
