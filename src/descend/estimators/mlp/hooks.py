"""scikit-learn's own callbacks (`set_callbacks`, from release 1.9 on): what they are told of an estimator's training.

A call of `fit` is a task, and each epoch (of "lbfgs" each iteration) a task within it. Where the installed release has
no such callbacks, nothing here is ever called.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from descend.training.callbacks import Callback

if TYPE_CHECKING:

    class SupportsCallbacks:
        """An estimator with `set_callbacks`, where scikit-learn has them."""

else:
    try:
        from sklearn.callback import CallbackSupportMixin as SupportsCallbacks
    except ImportError:

        class SupportsCallbacks:
            """Nothing, as the installed release has no callbacks."""


class Hooks(Callback):
    """Tells scikit-learn's callbacks of one call of `fit`, being a callback of the library.

    Parameters
    ----------
    estimator : being trained
    task : "fit" or "partial_fit"
    data : X, y and the sample weights as the user gave them
    most : epochs or iterations at most
    """

    def __init__(self, estimator: Any, task: str, data: tuple[Any, Any, Any], most: int) -> None:
        X, y, weight = data
        self._told = {"estimator": estimator, "X": X, "y": y}
        self._told["metadata"] = {} if weight is None else {"sample_weight": weight}
        self._estimator = estimator
        self._task: Any = estimator._init_callback_context(task_name=task, max_subtasks=most)
        self._epoch: Any = None
        self._task.call_on_fit_task_begin(**self._told)

    def on_epoch_begin(self, run: Any) -> None:
        self._epoch = self._task.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._told)

    def on_epoch_end(self, run: Any) -> None:
        if self._end_epoch():
            run.stop()

    def iteration(self) -> bool:
        """Tell of an iteration that was; whether training is to stop."""
        self.on_epoch_begin(None)
        return self._end_epoch()

    def end(self) -> None:
        """Tell that the call is over."""
        if self._epoch is not None:  # interrupted
            self._end_epoch()
        self._task.call_on_fit_task_end(**self._told, reconstruction_attributes=dict)

    def _end_epoch(self) -> bool:
        epoch, self._epoch = self._epoch, None
        return bool(epoch.call_on_fit_task_end(**self._told, reconstruction_attributes=self._as_it_is))

    def _as_it_is(self) -> dict[str, Any]:
        """Return what makes a copy of the estimator one that was trained up to here."""
        return {"_network": copy.copy(self._estimator._network), "n_iter_": self._estimator._journal.epochs}


def hooks_of(estimator: Any, task: str, data: tuple[Any, Any, Any], most: int) -> Hooks | None:
    """Return what tells an estimator's callbacks, if somebody set some or it is part of a watched task."""
    watched = "_skl_callbacks" in vars(estimator) or "_parent_callback_ctx" in vars(estimator)
    return Hooks(estimator, task, data, most) if watched else None
