"""Which pictures a run's report shows, in which order, with their captions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from descend.cli.report import boundary, classification, importance, regression
from descend.cli.report.canvas import Picture, axis_name, new_figure, settings, to_svg
from descend.data.cells import parse_numbers
from descend.data.targets import ClassTarget, NumberTarget
from descend.plots import learning_curves, monitor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from descend import History
    from descend.cli.training import Result

_LINES = (
    "solid for the training rows (the loss with dropout on), dashed for the validation rows. The dot marks the epoch "
    "whose weights were kept."
)
CURVES = {
    True: f"Cross-entropy and accuracy of each epoch: {_LINES}",
    False: f"Squared error of each epoch, in units of the target's variance: {_LINES}",
}

INSIDE = (
    "The layers while training went on. Gradients that fade from the last layer to the first, updates far outside the "
    "grey band, or many dead units would be signs of trouble; see the findings."
)


def pictures_of(result: Result) -> list[Picture]:
    """Draw all pictures of a run.

    Parameters
    ----------
    result : Result
    """
    with settings():
        return [Picture(title, caption, to_svg(figure)) for title, caption, figure in _figures(result)]


def _figures(result: Result) -> Iterator[tuple[str, str, Figure]]:
    prepared, outputs = result.prepared, result.outputs
    target, test = prepared.encoder.target, prepared.split.test
    y = prepared.y[test]
    if result.history.epoch:
        yield "Learning curves", CURVES[isinstance(target, ClassTarget)], curves_of(result.history)
    if isinstance(target, ClassTarget):
        yield from of_classes(y, outputs, target)
    else:
        yield from of_numbers(y, outputs, target)
    if boundary.applies(result.bundle):
        columns = [parse_numbers(prepared.frame[column.name]) for column in prepared.encoder.columns]
        points = np.column_stack([c.fill_null(float("nan")).to_numpy() for c in columns])[test]
        title = "Decision boundary" if isinstance(target, ClassTarget) else "Predictions over the plane"
        points_show = "" if isinstance(target, ClassTarget) else ", whose colour is the true value"
        yield (
            title,
            f"What the network says over the two columns' plane, with the test rows{points_show}.",
            boundary.draw(result.bundle, points, y),
        )
    ranked = importance.permutation_importance(
        result.bundle, prepared.task.kind, prepared.X[test], y, result.bundle.facts.seed
    )
    yield (
        "Permutation importance",
        "How much worse the network does on the test rows when one column's values change places at random (mean and "
        "standard deviation over repeats). Columns that tell the same share their importance.",
        importance.draw(ranked),
    )
    record = result.history.monitor
    if record is not None and len(record) > 1:
        yield "Inside the network", INSIDE, monitor(record, figure=new_figure(11.0, 7.0))


def of_classes(y: np.ndarray, outputs: np.ndarray, target: ClassTarget) -> Iterator[tuple[str, str, Figure]]:
    """Confusion matrix, curves over thresholds, and calibration of a classifier, each with heading and caption."""
    names = target.classes
    yield (
        "Confusion matrix",
        "Test rows by true class (down) and predicted class (across); what is right lies on the diagonal.",
        classification.confusion_matrix(y, outputs, names),
    )
    curves = classification.roc_and_precision_recall(y, outputs, names)
    if curves is not None:
        yield _curves_of_classes(curves, len(names))
    yield (
        "Calibration",
        "Whether probabilities can be believed: of the test rows given 80 %, 80 % should be so.",
        classification.calibration(y, outputs, names),
    )


def _curves_of_classes(figure: Figure, classes: int) -> tuple[str, str, Figure]:
    two = classes == 2
    which = "" if two else " One class against the rest"
    which += "; the classes with the smallest areas." if classes > classification.MAX_CURVES else "" if two else "."
    return (
        "ROC and precision-recall curves",
        f"All thresholds on the predicted probability at once.{which}",
        figure,
    )


def of_numbers(y: np.ndarray, outputs: np.ndarray, target: NumberTarget) -> Iterator[tuple[str, str, Figure]]:
    """Predictions against truth, residuals and calibration of a regression, each with heading and caption."""
    name, unit = axis_name(target), target.unit or "the target's unit"
    yield (
        "Predicted against true",
        f"One point per test row, in {unit}; a perfect prediction lies on the line.",
        regression.predicted_against_true(y, outputs, name),
    )
    yield (
        "Residuals",
        "True minus predicted. A pattern along the horizontal axis would be something the network has not learnt."
        + regression.outside_note(y - outputs),
        regression.residuals(y, outputs, name),
    )
    yield (
        "Calibration",
        "Test rows cut into groups by their prediction: on average the truth should be what was predicted.",
        regression.calibration(y, outputs, name),
    )


def curves_of(history: History) -> Figure:
    """The loss, and the accuracy where there is one, by epoch."""
    accuracy = "accuracy" in history.metrics
    figure = new_figure(11.0 if accuracy else 6.6, 4.4)
    axes = np.atleast_1d(figure.subplots(1, 2 if accuracy else 1))
    losses = [value for value in (*history.loss, *history.val_loss) if np.isfinite(value)]
    log = min(losses) > 0 and max(losses) > 20 * min(losses)
    learning_curves(history, "loss", log=log, ax=axes[0])
    if log:
        _plain_log_ticks(axes[0])
    if accuracy:
        learning_curves(history, "accuracy", ax=axes[1])
    return figure


def _plain_log_ticks(ax: Axes) -> None:
    """Ticks such as 0.05 instead of powers of ten, which would need mathematical typesetting."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
