"""Learning curves and activation functions: what is drawn, labelled and refused."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from descend import layers, plots
from descend.training.history import History


def history(epochs: int = 5, *, validation: bool = True) -> History:
    made = History()
    for epoch in range(1, epochs + 1):
        val_loss = 1.1 / epoch if validation else None
        made.append(epoch, 1.0 / epoch, val_loss, {"accuracy": 1 - 1 / epoch}, 0.1, 0.01)
    made.best_epoch = epochs if validation else None
    return made


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


class TestLearningCurves:
    def test_draws_both_curves_and_the_kept_epoch(self):
        ax = plots.learning_curves(history())
        assert labels(ax) == ["training", "validation", "weights kept: epoch 5"]
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_allclose(ax.lines[1].get_ydata(), [1.1, 0.55, 1.1 / 3, 0.275, 0.22])

    def test_without_validation_there_is_one_curve(self):
        assert labels(plots.learning_curves(history(validation=False))) == ["training"]

    def test_draws_on_the_given_axes(self):
        _, ax = plt.subplots()
        assert plots.learning_curves(history(), ax=ax) is ax

    def test_history_plot_is_the_same_picture(self):
        ax = history().plot()
        assert ax.get_ylabel() == "loss"

    def test_compares_runs_by_name(self):
        ax = plots.learning_curves({"a": history(), "b": history(3, validation=False)}, title="two")
        assert labels(ax) == ["a, training", "a, validation", "b, training"]
        assert ax.get_title() == "two"

    def test_runs_without_validation_need_no_kinds(self):
        runs = {"a": history(validation=False), "b": history(validation=False)}
        assert labels(plots.learning_curves(runs)) == ["a", "b"]

    def test_plain_lists_do(self):
        ax = plots.learning_curves({"loss": [3.0, 2.0], "val_loss": [3.5, 2.5]}, log=True)
        assert ax.get_yscale() == "log"

    def test_metric(self):
        assert plots.learning_curves(history(), "accuracy").get_ylabel() == "accuracy"

    def test_one_epoch_is_visible(self):
        ax = plots.learning_curves(history(1, validation=False))
        assert ax.lines[0].get_marker() == "o"

    def test_unknown_metric_lists_the_known(self):
        with pytest.raises(ValueError, match=r"metric='auc'.*accuracy.*loss"):
            plots.learning_curves(history(), "auc")

    def test_log_refuses_zero(self):
        with pytest.raises(ValueError, match="log=True"):
            plots.learning_curves(history(), "accuracy", log=True)


class TestActivations:
    def test_draws_value_and_derivative_of_the_reference(self):
        ax = plots.activation("tanh", limits=(-2, 2))
        x = ax.lines[2].get_xdata()
        np.testing.assert_allclose(ax.lines[2].get_ydata(), np.tanh(x))
        np.testing.assert_allclose(ax.lines[3].get_ydata(), 1 - np.tanh(x) ** 2)

    def test_a_jump_of_the_derivative_is_a_gap(self):
        ax = plots.activation("relu")
        assert np.isnan(ax.lines[3].get_ydata()).sum() == 1
        smooth = plots.activation("exponential")
        assert not np.isnan(smooth.lines[3].get_ydata()).any()

    def test_parameters_show_in_the_title(self):
        assert plots.activation(layers.LeakyReLU(0.2)).get_title() == "leaky_relu (0.2)"
        assert plots.activation("prelu").get_title() == "prelu (slope starts at 0.25)"

    def test_without_derivative(self):
        assert labels(plots.activation("silu", derivative=False)) == ["f(x)"]

    def test_all_in_one_figure(self):
        axes = plots.activations()
        assert axes.shape == (15,)
        assert len({ax.get_title() for ax in axes}) == 15

    def test_the_step_of_a_perceptron(self):
        value, slope = plots.activation("step").lines[2:]
        x, y = value.get_data()
        assert (y[x < 0] == 0).all() and (y[x >= 0] == 1).all() and np.isnan(y).sum() == 1, "a gap at the jump"
        assert (slope.get_ydata() == 0).all()

    @pytest.mark.parametrize("limits", [(1, 1), (2, 1), (0, np.inf)])
    def test_bad_limits(self, limits):
        with pytest.raises(ValueError, match="limits"):
            plots.activation("relu", limits=limits)

    def test_softmax_is_refused(self):
        with pytest.raises(ValueError, match="softmax"):
            plots.activation("softmax")

    def test_empty(self):
        with pytest.raises(ValueError, match="functions"):
            plots.activations([])


def test_one_epoch_has_one_number_on_its_axis():
    ax = plots.learning_curves({"loss": [0.5]})
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]
