"""The report of a model of images, sequences or texts: which pictures it shows, and what it says about the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from descend import Sequences, plots
from descend.cli.arrays.describing import describe_shape
from descend.cli.report.canvas import Picture, new_figure, settings, short_names, to_svg
from descend.cli.report.page import bullets, parts_of, write_page
from descend.cli.report.pictures import CURVES, INSIDE, curves_of, of_classes, of_numbers
from descend.data.targets import ClassTarget
from descend.plots.confusions import confusions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from descend.cli.arrays.training import ArrayResult

#: Rows with a map of what matters: images side by side, sequences in two lines.
_SHOWN = {"image": 8, "sequence": 6}
#: Lines of confused classes, and examples on a line.
_PAIRS, _EXAMPLES = 5, {"image": 7, "sequence": 4}


def write_array_report(path: Path, result: ArrayResult) -> None:
    """Write the report of a run.

    Parameters
    ----------
    path : Path
    result : ArrayResult
    """
    with settings():
        pictures = [Picture(title, caption, to_svg(figure)) for title, caption, figure in _figures(result)]
    scaled = "Every channel is shifted and scaled to mean 0 and standard deviation 1 over the training rows."
    learnt = "Every token learns a vector; the linear model counts how often each stands in a text."
    lines = [
        f"{len(result.prepared.examples):,} {describe_shape(result.bundle.encoder)}; {parts_of(result.bundle.facts)}.",
        learnt if result.bundle.encoder.form == "text" else scaled,
        *result.prepared.notes,
    ]
    write_page(path, result, pictures, bullets(lines))


def _figures(result: ArrayResult) -> Iterator[tuple[str, str, Figure]]:
    prepared, target = result.prepared, result.bundle.encoder.target
    y = prepared.y[prepared.split.test]
    if result.history.epoch:
        yield "Learning curves", CURVES[isinstance(target, ClassTarget)], curves_of(result.history)
    if isinstance(target, ClassTarget):
        yield from of_classes(y, result.outputs, target)
    else:
        yield from of_numbers(y, result.outputs, target)
    if result.bundle.encoder.form != "text":  # rows of tokens cannot be drawn
        if isinstance(target, ClassTarget):
            yield from _confused(result, y, target)
        yield from _salient(result, y)
        yield from _filters(result)
    record = result.history.monitor
    if record is not None and len(record) > 1:
        yield "Inside the network", INSIDE, plots.monitor(record, figure=new_figure(11.0, 7.0))


def _confused(result: ArrayResult, y: NDArray, target: ClassTarget) -> Iterator[tuple[str, str, Figure]]:
    found = confusions(y, result.outputs)[:_PAIRS]
    if not found:
        return
    form, test = result.bundle.encoder.form, result.prepared.split.test
    examples = min(_EXAMPLES[form], max(len(pair.rows) for pair in found))
    width, height = (1.3, 1.45) if form == "image" else (2.4, 1.6)
    figure = new_figure(min(11.0, 1.8 + width * examples), height * len(found) + 0.2)
    plots.confused(
        result.bundle.network,
        result.prepared.X[test],
        y,
        shown=_drawn(result, test),
        class_names=short_names(target.classes, 18),
        pairs=_PAIRS,
        examples=examples,
        figure=figure,
    )
    yield (
        "Most confused classes",
        "Test rows that were taken for another class, one line for each pair of classes, the most frequent first. On a "
        "line those come first of which the network was surest; above each stands how sure.",
        figure,
    )


def _salient(result: ArrayResult, y: NDArray) -> Iterator[tuple[str, str, Figure]]:
    form, test = result.bundle.encoder.form, result.prepared.split.test
    target = result.bundle.encoder.target
    chosen = _examples(result, y, _SHOWN[form])
    rows = test[chosen]
    if isinstance(target, ClassTarget):
        winners = result.outputs[chosen].argmax(axis=1)
        alone, beside = short_names(target.classes, 14), short_names(target.classes, 9)
        titles = [
            alone[k] if k == truth else f"{beside[truth]}→{beside[k]}"
            for k, truth in zip(winners, y[chosen], strict=True)
        ]
        output: Any = None if len(target.classes) > 2 else 0
    else:
        titles, output = [f"{value:.3g}" for value in result.outputs[chosen]], 0
    figure = new_figure(11.0, 3.3 if form == "image" else 2.0 * -(-len(rows) // 3))
    plots.saliency(
        result.bundle.network,
        result.prepared.X[rows],
        output=output,
        shown=_drawn(result, rows),
        titles=titles,
        figure=figure,
    )
    where = "the brighter a pixel below" if form == "image" else "the larger the dot on a step"
    yield (
        "What the network looks at",
        f"How strongly the answer depends on each place (gradient with respect to the input): {where}, the more a "
        "small change there would matter. Test rows: right ones with their class, wrong ones with true→predicted.",
        figure,
    )


def _filters(result: ArrayResult) -> Iterator[tuple[str, str, Figure]]:
    network, form = result.bundle.network, result.bundle.encoder.form
    first = next((a for name, a in network.get_weights().items() if name.endswith("/weight")), None)
    if first is None or first.ndim < 3:
        return
    figure = new_figure(6.4, 4.6 if form == "image" else 4.2)
    plots.filters(network, ax=figure.subplots())
    how = (
        "Rows of a tile are the data's features, columns are steps."
        if form == "sequence"
        else "Each tile is in the colours it answers to."
        if first.shape[-2] == 3
        else "Red where bright pixels raise a filter's answer, blue where they lower it."
    )
    yield "First-layer filters", f"The weights of the first convolution, one tile per filter. {how}", figure


def _examples(result: ArrayResult, y: NDArray, count: int) -> NDArray[np.intp]:
    """Test rows of as many classes as possible: right ones that the network is sure of, then up to two mistakes."""
    target = result.bundle.encoder.target
    if not isinstance(target, ClassTarget):
        return np.unique(np.linspace(0, len(y) - 1, min(count, len(y))).astype(np.intp))
    winners, sure = result.outputs.argmax(axis=1), result.outputs.max(axis=1)
    wrong = np.flatnonzero(winners != y)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][: min(2, count // 3)]
    right = np.flatnonzero(winners == y)
    turn = np.zeros(len(y), np.intp)  # the how manieth of its class a row is
    for k in range(len(target.classes)):
        own = right[y[right] == k]
        turn[own[np.argsort(-sure[own], kind="stable")]] = np.arange(len(own))
    right = right[np.lexsort((y[right], turn[right]))][: count - len(wrong)]
    return np.concatenate([right, wrong])


def _drawn(result: ArrayResult, rows: NDArray[np.intp]) -> NDArray | Sequences:
    """Rows as they came, for pictures."""
    examples = result.prepared.examples
    return examples.X[rows] if examples.lengths is None else Sequences(examples.X[rows], examples.lengths[rows])
