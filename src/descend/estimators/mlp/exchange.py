"""Fitted estimators from scikit-learn, and back to it: the same predictions on the other side."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import neural_network as theirs
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from descend.estimators.mlp.heads import build, complete
from descend.estimators.mlp.journal import Journal
from descend.estimators.mlp.labels import Labels
from descend.estimators.mlp.solvers import RULES
from descend.estimators.mlp.trained import TrainedNetwork
from descend.plan import Plan, ops

if TYPE_CHECKING:
    from typing_extensions import Self

#: What the two have in common once fitted, as far as the solver leaves it.
_ATTRIBUTES = (
    "n_iter_",
    "t_",
    "loss_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "n_features_in_",
    "feature_names_in_",
)
_ACTIVATIONS = {"linear": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


class Exchange:
    """The way from and to scikit-learn's estimator of the same name."""

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """Take over a fitted estimator of scikit-learn: its parameters, weights and attributes.

        The optimizer's state is not taken over: training goes on with a new one.

        Parameters
        ----------
        fitted : scikit-learn's estimator of the same name

        Returns
        -------
        an estimator with the same predictions

        Raises
        ------
        TypeError, NotFittedError
            When it is another estimator, or not fitted.
        """
        return take_over(cls, fitted)

    def to_sklearn(self) -> Any:
        """Return scikit-learn's estimator of the same name with these weights, and so the same predictions.

        Parameters that scikit-learn does not have, or whose values it does not know, are left out; they concern
        training only.

        Raises
        ------
        ValueError
            When scikit-learn has no such network: batch normalization, other activations, scores of the hinge loss.
        NotFittedError
            Before `fit`.
        """
        return hand_over(self)


def take_over(kind: type, fitted: Any) -> Any:
    """Return an estimator of `kind` that predicts what the fitted one of scikit-learn's predicts.

    Raises
    ------
    TypeError
        When it is of another kind.
    NotFittedError
        When it is not fitted.
    """
    base: Any = theirs.MLPRegressor if issubclass(kind, _regressor()) else theirs.MLPClassifier
    if not isinstance(fitted, base):
        raise TypeError(f"{kind.__name__}.from_sklearn takes a fitted {base.__name__} of scikit-learn, got {fitted!r}")
    check_is_fitted(fitted)
    model: Any = kind(**fitted.get_params(deep=False))
    for name in _ATTRIBUTES:
        if hasattr(fitted, name):
            value = getattr(fitted, name)
            setattr(model, name, list(value) if isinstance(value, list) else value)
    if hasattr(fitted, "classes_"):
        model._labels = Labels.of(fitted._label_binarizer)
        model.classes_ = model._labels.classes
    dtype = np.result_type(*fitted.coefs_, *fitted.intercepts_)
    head = model._head(np.empty((0, fitted.n_outputs_)), dtype)
    recipe = model._recipe()
    model._layers = complete(recipe.hidden, head)
    plan = build(model._layers, head, fitted.n_features_in_, recipe.penalty)
    model._network = TrainedNetwork(plan, dtype, np.zeros(plan.size, dtype))
    model._network.replace(
        coefs=[np.array(one) for one in fitted.coefs_], intercepts=[np.array(one) for one in fitted.intercepts_]
    )
    model._journal = Journal(
        losses=getattr(model, "loss_curve_", []),
        scores=getattr(model, "validation_scores_", None) or [],
        best_loss=np.float64(_number(fitted, "best_loss_", np.inf)),
        best_score=_number(fitted, "best_validation_score_", -np.inf),
        waited=getattr(fitted, "_no_improvement_count", 0),
        rows_seen=int(fitted.t_),
        epochs=int(fitted.n_iter_),
    )
    return model


def hand_over(estimator: Any) -> Any:
    """Return scikit-learn's estimator that predicts what a fitted one of ours predicts.

    Raises
    ------
    NotFittedError
        When it is not fitted.
    ValueError
        When scikit-learn has no such network.
    """
    check_is_fitted(estimator)
    if "_columns" in vars(estimator) and not estimator._columns.changes_nothing:
        raise ValueError(
            "scikit-learn's networks take numbers only, and this one was fitted with categorical_features="
            f"{estimator.categorical_features!r}, which makes numbers of categories and missing values; fit it on "
            "encoded rows, in a pipeline behind scikit-learn's OneHotEncoder and SimpleImputer"
        )
    plan: Plan = estimator._network.plan
    if plan.loss is not None and plan.loss.groups:
        raise ValueError("scikit-learn's MLPClassifier has no several columns of classes; it cannot take this one over")
    base: Any = theirs.MLPRegressor if isinstance(estimator, _regressor()) else theirs.MLPClassifier
    names = inspect.signature(base).parameters
    settings = {name: getattr(estimator, name) for name in names if _is_theirs(name, getattr(estimator, name))}
    model = base(**{**settings, "activation": _activation(plan)})
    for name in _ATTRIBUTES:
        if hasattr(estimator, name):
            value = getattr(estimator, name)
            setattr(model, name, list(value) if isinstance(value, list) else value)
    model.coefs_ = [one.copy() for one in estimator.coefs_]
    model.intercepts_ = [one.copy() for one in estimator.intercepts_]
    model._no_improvement_count = estimator._journal.waited
    if hasattr(estimator, "classes_"):
        labels: Labels = estimator._labels
        model.classes_ = labels.classes
        shown = np.eye(len(labels.classes), dtype=int) if labels.several else labels.classes
        model._label_binarizer = LabelBinarizer().fit(shown)
        model._label_binarizer.sparse_input_ = labels.sparse
    return model


def _regressor() -> type:
    from descend.estimators.mlp.regressor import MLPRegressor

    return MLPRegressor


def _number(fitted: Any, name: str, default: float) -> float:
    value = getattr(fitted, name, None)
    return default if value is None else float(value)


def _is_theirs(name: str, value: Any) -> bool:
    """Whether scikit-learn's parameter of this name knows the value."""
    known: dict[str, tuple[Any, ...]] = {
        "activation": tuple(_ACTIVATIONS.values()),
        "solver": ("adam", "sgd", "lbfgs"),
        "learning_rate": RULES,
        "loss": ("squared_error", "poisson"),
    }
    if name in known:
        return isinstance(value, str) and value in known[name]
    return name != "learning_rate_init" or isinstance(value, int | float)


def _activation(plan: Plan) -> str:
    """Return the one activation of all hidden layers."""
    if plan.loss is not None and plan.loss.kind == "hinge":
        raise ValueError("scikit-learn's MLPClassifier gives probabilities and has no loss='hinge'; use 'log_loss'")
    found: list[str] = []
    for op in plan.ops:
        if isinstance(op, ops.Dense):
            found.append("linear")
        elif isinstance(op, ops.Activation) and op.function in (*_ACTIVATIONS, "exponential"):
            found[-1] = op.function
        elif not hasattr(op, "stream") and op is not plan.ops[-1]:
            what = op.function if isinstance(op, ops.Activation) else type(op).__name__
            raise ValueError(
                f"scikit-learn's networks have no {what} (layer {op.name!r}); it cannot take this one over"
            )
    hidden = dict.fromkeys(found[:-1])
    if len(hidden) > 1 or "exponential" in hidden:
        raise ValueError(
            f"scikit-learn's networks have one activation for all hidden layers, of "
            f"{', '.join(_ACTIVATIONS.values())}; this one has {', '.join(hidden)}"
        )
    return _ACTIVATIONS[next(iter(hidden), "relu")]
