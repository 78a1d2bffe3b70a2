"""Pictures of images and sequences: filters, what matters, and what is confused."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from descend import Network, Sequences, layers, networks, plots
from descend.plots.confusions import confusions
from descend.plots.saliency import smoothed

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((12, 12, 12, 1))
WAVES = RNG.standard_normal((12, 9, 2))
NET = networks.lenet((12, 12, 1), 3)


def test_filters_show_each_filter_on_its_own_scale():
    ax = plots.filters(NET)
    canvas = ax.images[0].get_array()
    weight = NET.get_weights()["conv2d_1/weight"][..., 0, 0]
    np.testing.assert_allclose(canvas[:5, :5], weight / np.abs(weight).max(), rtol=1e-6)
    assert ax.get_title() == "conv2d_1: 6 filters of 5 x 5 x 1"


def test_filters_of_three_channels_are_in_colour():
    ax = plots.filters(networks.lenet((12, 12, 3), 3), max_filters=4)
    canvas = np.asarray(ax.images[0].get_array())
    assert canvas.ndim == 3 and canvas.min() >= 0 and canvas.max() <= 1
    assert "4 (of 6) filters" in ax.get_title()


def test_filters_of_another_layer_and_of_sequences():
    assert "conv2d_2: 16 filters" in plots.filters(NET, "conv2d_2").get_title()
    ax = plots.filters(networks.sequence_cnn((30, 2), 3, filters=(4,), kernel_sizes=(8,)))
    assert "4 filters of 8 x 2" in ax.get_title()
    given = Figure().subplots()
    assert plots.filters(NET, ax=given) is given


def test_filters_that_are_not_there():
    with pytest.raises(ValueError, match="no convolution"):
        plots.filters(Network([layers.Dense(3)], input_shape=(4,)))
    with pytest.raises(ValueError, match="layer must be one of conv2d_1, conv2d_2, got 'conv'"):
        plots.filters(NET, "conv")
    with pytest.raises(ValueError, match="max_filters"):
        plots.filters(NET, max_filters=0)


def test_saliency_draws_what_input_gradient_says():
    axes = plots.saliency(NET, IMAGES[:3], class_names=["a", "b", "c"])
    assert axes.shape == (2, 3)
    strength = smoothed(np.abs(NET.input_gradient(IMAGES[:3]))[1, ..., 0])
    np.testing.assert_allclose(axes[1, 1].images[0].get_array(), strength)
    assert axes[0, 0].get_title()[0] in "abc" and axes[0, 0].get_title().endswith("%")


def test_saliency_of_sequences_and_numbers():
    net = networks.sequence_lstm((9, 2), None, units=(4,))
    axes = plots.saliency(net, Sequences(WAVES[:4], [9, 3, 5, 9]), output=0)
    assert axes.shape == (2, 3) and not axes[1, 2].get_visible()
    assert len(axes[0, 1].lines[0].get_xdata()) == 3
    float(axes[0, 0].get_title())


def test_saliency_refuses():
    with pytest.raises(ValueError, match="from 1 to 12 rows"):
        plots.saliency(NET, np.zeros((13, 12, 12, 1)))
    with pytest.raises(ValueError, match="must be images"):
        plots.saliency(Network([layers.Dense(3)], input_shape=(4,)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="titles"):
        plots.saliency(NET, IMAGES[:2], titles=["one"])


def test_confusions_are_counted_and_sorted():
    y = np.array([0, 0, 0, 1, 1, 2])
    values = np.array([[0.2, 0.8, 0], [0.1, 0.9, 0], [1, 0, 0], [0.6, 0.4, 0], [0, 1, 0], [0, 0, 1]], float)
    first, second = confusions(y, values)
    assert (first.true, first.predicted, first.of) == (0, 1, 3) and first.rows.tolist() == [1, 0]
    assert (second.true, second.predicted) == (1, 0) and second.rows.tolist() == [3]


@pytest.mark.parametrize("rows", ["images", "sequences"])
def test_confused_draws_a_line_for_each_pair(rows):
    net, X = (NET, IMAGES) if rows == "images" else (networks.sequence_cnn((9, 2), 3), WAVES)
    winners = net.predict(X).argmax(axis=1)
    y = winners.copy()
    y[:3] = (winners[0] + 1) % 3
    axes = plots.confused(net, X, y, class_names=["a", "b", "c"], examples=2)
    pairs = confusions(y, net.predict(X))
    assert axes.shape == (len(pairs), min(2, max(len(pair.rows) for pair in pairs)))
    assert "taken for" in axes[0, 0].texts[0].get_text()
    assert axes[0, 0].get_title().endswith("%")


def test_confused_refuses():
    right = NET.predict(IMAGES).argmax(axis=1)
    with pytest.raises(ValueError, match="every row of X rightly"):
        plots.confused(NET, IMAGES, right)
    with pytest.raises(ValueError, match="class_names must hold"):
        plots.confused(NET, IMAGES, (right + 1) % 3, class_names=["a"])
    with pytest.raises(ValueError, match="at least one row, got none"):
        plots.confused(NET, IMAGES[:0], right[:0])
    with pytest.raises(ValueError, match="pairs must be"):
        plots.confused(NET, IMAGES, (right + 1) % 3, pairs=0)
