"""Asks a model which class each row belongs to and how sure it is, whatever interface the model has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Response:
    """What a model says about n rows.

    Attributes
    ----------
    values : (n, classes)
        Probabilities, scores, or 1 for the predicted class and 0 for the others.
    kind : "probability", "score" or "class"
    classes : (classes,)
        The labels as the model gives them.
    names : list of str
        The same for people.
    """

    values: NDArray[np.float64]
    kind: Literal["probability", "score", "class"]
    classes: NDArray[Any]
    names: list[str]

    @property
    def threshold(self) -> float:
        """Where the second of two classes begins to win."""
        return 0.0 if self.kind == "score" else 0.5


def respond(model: Any, rows: Any, class_names: Sequence[str] | None = None) -> Response:
    """Ask `model` about `rows` (n, features).

    Parameters
    ----------
    model : classifier with `predict_proba`, `decision_function` or `predict`, or a Network
        A Network's `predict` gives (n, 1) or (n, classes) probabilities.
    rows : array or data frame
    class_names : sequence of str, optional

    Raises
    ------
    ValueError
        When the model is not a classifier or the names do not fit its classes.
    """
    values, kind, classes = _ask(model, rows)
    names = [str(label) for label in classes] if class_names is None else [str(name) for name in class_names]
    if len(names) != values.shape[1]:
        raise ValueError(f"class_names must have one name per class ({values.shape[1]}), got {len(names)}")
    return Response(values, kind, classes, names)


def class_labels(y: ArrayLike, response: Response) -> NDArray[np.intp]:
    """The index of each label of `y` (n,), or of each one-hot row of it (n, classes), among the model's classes.

    Raises
    ------
    ValueError
        When `y` holds a label the model does not know.
    """
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == len(response.classes):
        return labels.argmax(axis=1)
    labels = labels.ravel()
    matches = labels[:, None] == response.classes[None, :]
    unknown = ~matches.any(axis=1)
    if unknown.any():
        known = ", ".join(map(str, response.classes[:20]))
        raise ValueError(f"y holds {labels[unknown][0]!r}, which is none of the model's classes: {known}")
    return matches.argmax(axis=1)


def _ask(model: Any, rows: Any) -> tuple[NDArray[np.float64], Literal["probability", "score", "class"], NDArray[Any]]:
    classes = getattr(model, "classes_", None)
    if classes is None:
        return _ask_network(model, rows)
    classes = np.asarray(classes)
    if len(classes) < 2:
        raise ValueError(f"estimator knows one class only ({classes[0]!r}); there is no boundary to draw")
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(rows), dtype=np.float64), "probability", classes
    if hasattr(model, "decision_function"):
        scores = np.asarray(model.decision_function(rows), dtype=np.float64)
        if scores.ndim == 1:
            scores = np.column_stack([-scores, scores])
        return scores, "score", classes
    predicted = np.asarray(model.predict(rows))
    return (predicted[:, None] == classes[None, :]).astype(np.float64), "class", classes


def _ask_network(
    model: Any, rows: Any
) -> tuple[NDArray[np.float64], Literal["probability", "score", "class"], NDArray[Any]]:
    """A network has no labels: its classes are the numbers of its outputs."""
    if not hasattr(model, "predict"):
        raise ValueError(f"estimator must be a fitted classifier or a Network, got {type(model).__name__}")
    output = np.asarray(model.predict(rows), dtype=np.float64)
    output = output.reshape(len(output), -1)
    sums_to_one = output.shape[1] == 1 or np.allclose(output.sum(axis=1), 1, atol=1e-3)
    if output.min() < 0 or output.max() > 1 or not sums_to_one:
        raise ValueError(
            "estimator must give class probabilities (end the Network with Sigmoid or Softmax), "
            f"but its outputs range from {output.min():.3g} to {output.max():.3g}"
        )
    if output.shape[1] == 1:
        output = np.column_stack([1 - output, output])
    return output, "probability", np.arange(output.shape[1])
