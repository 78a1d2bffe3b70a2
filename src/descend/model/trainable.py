"""Training and measuring a network: the arguments people use, handed on as one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from descend import losses, optimizers
from descend.engine.sequences import split
from descend.engine.sparse import Features
from descend.training import groups, targets
from descend.training.callbacks import Callback
from descend.training.core import Core
from descend.training.fitting import FitRequest, adapt, fit, prepare
from descend.training.history import History
from descend.training.metric_functions import resolve_metrics
from descend.training.settings import Settings
from descend.training.weighting import ClassWeight

#: A metric by name or as a function of (y_true, y_pred, sample_weight).
Metrics = Sequence[str | Callable[..., float]]


class Trainable:
    """The part of `Network` that learns from rows with known targets."""

    _core: Core

    def _refresh(self) -> None:
        raise NotImplementedError

    def fit(
        self,
        X: Features,
        y: ArrayLike,
        *,
        loss: losses.Loss | str | None = None,
        optimizer: optimizers.Optimizer | str | None = None,
        epochs: int | None = None,
        batch_size: int | None = 32,
        validation_data: tuple[Features, ArrayLike] | tuple[Features, ArrayLike, ArrayLike] | None = None,
        validation_split: float | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
        metrics: Metrics = (),
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        shuffle: bool = True,
        tol: float | None = None,
        n_iter_no_change: int = 10,
        time_budget: float | None = None,
        restore_best: bool = True,
        threads: int | None = None,
        accumulate: int = 1,
        verbose: int = 1,
    ) -> History:
        """Train, or go on training.

        A second call goes on with the same optimizer state, epoch counter and shuffles: with the same arguments,
        ``fit(epochs=m)`` and ``fit(epochs=n)`` give the same bits as ``fit(epochs=m + n)`` (without best weights being
        put back in between, and with schedules that do not look at the planned number of steps). Results do not depend
        on the number of threads.

        Parameters
        ----------
        X : array-like of shape (rows, *input_shape) or SciPy sparse matrix of shape (rows, features)
            Finite numbers. Sparse rows stay sparse, in any of SciPy's formats (CSR of the network's dtype costs no
            conversion); the first layer must then be Dense. Rows of `validation_data` may be either, whatever X is.
        y : array-like of shape (rows,) or (rows, outputs)
            Numbers for a regression; 0 and 1 for two classes; 0 to k - 1, or one-hot rows, for one of k classes; 0/1
            columns for several labels; class numbers (rows, groups), or one-hot rows beside each other, where the last
            layer is `Softmax(groups=...)`, with the loss "categorical_crossentropy". For an output of several axes
            (rows, ...) or (rows, ..., outputs); a row's loss is then the mean over its positions.
        loss : Loss or str, default: None
            None keeps the last fit's, or chooses it from the output activation and y.
        optimizer : Optimizer or str, default: None
            None keeps the last fit's, or takes Adam. Another kind of optimizer starts with an empty state.
        epochs : int, default: None
            Passes over the rows at most; None means 100 (for L-BFGS its max_iter).
        batch_size : int or None, default: 32
            Rows per update: 1 is stochastic, n mini-batch, None batch gradient descent. L-BFGS always takes all rows at
            once, whatever is said here and of their order.
        validation_data : tuple (X, y) or (X, y, sample_weight), default: None
            Rows to validate on after each epoch.
        validation_split : float, default: None
            Share of the rows to set aside for that instead, drawn at random, class by class, by the network's seed.
        callbacks : list of Callback, default: None
            See `descend.callbacks`.
        metrics : list of str or callable, default: ()
            Recorded after each epoch on training and validation rows; each costs a prediction of all rows.
        sample_weight : array-like of shape (rows,), default: None
            Weights >= 0; the loss is sum(w_i l_i) / sum(w_i) over a batch.
        class_weight : dict or "balanced", default: None
            Weight per class number, multiplied with sample_weight; "balanced" is rows / (classes * rows of the class).
        shuffle : bool, default: True
            Whether every epoch takes the rows in a new order, which the seed and the epoch number decide.
        tol : float, default: None
            Stop when the training loss has not fallen by more than this for `n_iter_no_change` epochs; None never does.
        n_iter_no_change : int, default: 10
        time_budget : float, default: None
            Seconds after which training stops, within an epoch if need be.
        restore_best : bool, default: True
            With validation rows (or `EarlyStopping`), end with the weights of the best epoch, whatever ended the run.
        threads : int, default: None
            Threads to use: at most as many as the process has processors, and only while they help. None lets the
            engine choose. The bits do not depend on it.
        accumulate : int, default: 1
            Batches whose gradients are added up before each update, which then is, to rounding, that of one batch of
            `accumulate` times the rows in the memory of one: without batch normalization, which goes by the single
            batches, and with random numbers of each batch's own. What remains at an epoch's end makes a smaller update.
        verbose : {0, 1, 2}, default: 1
            0 is silent; 1 shows live progress on a terminal, and a line a second elsewhere; 2 a line per epoch.

        Returns
        -------
        History
            The epochs of this call.

        Raises
        ------
        TypeError, ValueError
            When an argument is not what it should be; the network is then unchanged.
        DivergenceError
            When the loss becomes infinite or NaN; the network then keeps the best weights before that, which may be
            those it started with.

        Warns
        -----
        InterruptedWarning
            When Ctrl-C ends the training; the network then keeps the best weights and stays usable.
        """
        settings = Settings(
            epochs, batch_size, shuffle, tol, n_iter_no_change, time_budget, restore_best, threads, accumulate
        )
        request = FitRequest(
            X=X,
            y=y,
            loss=None if loss is None else losses.resolve(loss),
            optimizer=None if optimizer is None else optimizers.resolve(optimizer),
            settings=settings,
            validation_data=validation_data,
            validation_split=validation_split,
            callbacks=callbacks,
            metrics=metrics,
            sample_weight=sample_weight,
            class_weight=class_weight,
            verbose=verbose,
        )
        try:
            return fit(self, self._core, request)
        finally:
            self._refresh()

    def adapt(self, X: Features, y: ArrayLike | None = None) -> None:
        """Take the statistics of layers such as `layers.Standardize` from rows, replacing those they have.

        The first `fit` does this with its training rows (those set aside for validation left out) unless it was done
        before; later ones leave the statistics alone, since the weights have grown used to them.

        Parameters
        ----------
        X : array-like of shape (rows, features)
        y : array-like of shape (rows,) or (rows, outputs), default: None
            Needed by layers that look at the target.

        Raises
        ------
        TypeError, ValueError
            As for `fit`, and when no layer takes statistics; the network is then unchanged.
        """
        adapt(self._core, X, y)
        self._refresh()

    def evaluate(
        self,
        X: Features,
        y: ArrayLike,
        *,
        metrics: Metrics = (),
        loss: losses.Loss | str | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """Measure the network on rows with known targets, in inference mode.

        Parameters
        ----------
        X : array-like of shape (rows, *input_shape) or SciPy sparse matrix of shape (rows, features)
        y : array-like of shape (rows,) or (rows, outputs)
        metrics : list of str or callable, default: ()
            Names of `descend.metrics`, or functions of (y_true, y_pred, sample_weight), such as scikit-learn's.
        loss : Loss or str, default: None
            None takes the loss trained with, or the one that fits the target.
        sample_weight : array-like of shape (rows,), default: None

        Returns
        -------
        dict of str to float
            ``"loss"`` (penalties included), then the metrics in order.

        Raises
        ------
        TypeError, ValueError
            As for `fit`.
        """
        functions = resolve_metrics(metrics)
        chosen = None if loss is None else losses.resolve(loss)
        prepared = prepare(self._core, X, y, chosen, sample_weight=sample_weight)
        functions = groups.for_metrics(functions, prepared.candidate.groups)
        batch = prepared.encoded.batch
        engine = self._core.engine_for(prepared.candidate)
        values = {"loss": float(engine.evaluate(batch))}
        predictions = engine.predict(batch.X) if functions else np.empty(0)
        for name, function in functions.items():
            measured = targets.as_lines(prepared.encoded.labels, predictions, batch.weight, split(batch.X)[1])
            values[name] = float(function(*measured))
        return values
