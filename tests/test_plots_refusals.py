"""What no picture can be drawn of is refused in one sentence that says what is wanted."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from descend import Network, callbacks, layers, plots

RNG = np.random.default_rng(0)
X, IMAGES = RNG.normal(size=(12, 2)), RNG.normal(size=(3, 6, 6, 1))
CLASSES = np.arange(12) % 2
NET = Network([layers.Dense(1), layers.Sigmoid()])
HISTORY = NET.fit(X, CLASSES, epochs=2, callbacks=callbacks.Monitor(), verbose=0)
A_HISTORY = (
    r"history must be what fit returned \(a History\), a mapping of names to lists of numbers, or one of names to"
)
AN_AXES = "ax must be matplotlib Axes, such as plt.gca(), or None for a new figure, got "
A_FIGURE = "figure must be a matplotlib Figure, such as plt.figure(), or None for a new one, got "


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.learning_curves(3), A_HISTORY + " histories, got 3"),
        (lambda: plots.learning_curves([HISTORY]), A_HISTORY + " histories, got a value of type list"),
        (lambda: plots.learning_curves({"a": HISTORY, "b": 3}), r"history\['b'\] must be a History, or a .*, got 3"),
        (lambda: plots.learning_curves({"loss": 3}), r"history\['loss'\] must be a list of numbers.*, got 3"),
        (lambda: plots.learning_curves({"loss": "abc"}), r"history\['loss'\] must be a list of numbers.*, got 'abc'"),
        (lambda: plots.learning_curves(HISTORY, 3), "metric must be the name .* such as 'loss', got 3"),
        (lambda: plots.monitor(HISTORY), "must be what a monitor recorded, got a History; pass history.monitor"),
        (lambda: plots.monitor(3), "what a monitor recorded, history.monitor after .*, got 3"),
        (lambda: plots.filters(3), "net must be a descend.Network, got 3"),
        (lambda: plots.augmented("net", IMAGES), "net must be a descend.Network, got 'net'"),
        (lambda: plots.saliency(None, IMAGES), "net must be a descend.Network, got None"),
        (lambda: plots.confused(NET, 3, CLASSES), "X must be images or sequences as the model takes them, got 3"),
        (lambda: plots.activations("relu"), r"functions must be a list .* such as \['relu', 'tanh'\], got 'relu'"),
        (lambda: plots.activations(3), "functions must be a list .*, got 3"),
        (lambda: plots.activations(columns=2.5), "columns must be an integer of at least 1, got 2.5"),
        (lambda: plots.activation("relu", limits=4), r"limits must be two numbers, such as \(-4, 4\), got 4"),
        (lambda: plots.decision_boundary(NET, X, features=1), "features must be two column numbers or names.*, got 1"),
        (
            lambda: plots.decision_boundary(NET, X, grid_resolution="fine"),
            "grid_resolution must be an integer.*'fine'",
        ),
    ],
)
def test_another_type_is_a_sentence(draw, message):
    with pytest.raises(TypeError, match=message) as refused:
        draw()
    assert str(refused.value).count("\n") == 0
    assert not plt.get_fignums(), "nothing is drawn"


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plots.learning_curves(HISTORY, ax=ax),
        lambda ax: plots.activation("relu", ax=ax),
        lambda ax: plots.decision_boundary(NET, X, ax=ax),
    ],
)
def test_axes(draw):
    for given in (3, plt.Figure()):
        with pytest.raises(TypeError) as refused:
            draw(given)
        assert str(refused.value).startswith(AN_AXES)


def test_figures():
    with pytest.raises(TypeError) as refused:
        plots.monitor(HISTORY.monitor, figure=3)
    assert str(refused.value) == A_FIGURE + "3"
    figure = plt.Figure()
    _, lower = figure.subfigures(2)
    assert HISTORY.monitor is not None and plots.monitor(HISTORY.monitor, figure=lower) is lower


def test_lists_of_a_history_that_do_not_fit_each_other():
    with pytest.raises(ValueError, match="'loss' of the history has 1 entry for 2 epochs; give one for each"):
        plots.learning_curves({"epoch": [1, 2], "loss": [1.0]})
    ax = plots.learning_curves({"loss": [1.0, 0.5], "stop_reason": "epochs"})
    assert list(ax.lines[0].get_ydata()) == [1.0, 0.5], "only what is drawn must be numbers"
    plt.close("all")
