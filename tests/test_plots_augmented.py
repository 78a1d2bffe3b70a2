"""Pictures of augmented rows: what is drawn, labelled and refused."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from descend import Network, layers, plots

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(9, 6, 8, 1))
SERIES = RNG.normal(size=(9, 20, 2))


def _images(channels: int = 1) -> Network:
    stack = [layers.RandomBrightness(0.3), layers.RandomCrop(5, 5), layers.Flatten(), layers.Dense(1)]
    return Network(stack, input_shape=(6, 8, channels))


def test_images_stand_beside_their_draws_on_one_scale() -> None:
    net = _images()
    axes = plots.augmented(net, IMAGES, draws=3, rows=2, seed=7)
    assert axes.shape == (2, 4)
    assert [ax.get_title() for ax in axes[0]] == ["original", "draw 1", "draw 2", "draw 3"]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["row 0", "row 1"]
    np.testing.assert_array_equal(axes[1, 0].images[0].get_array(), IMAGES[1, 0:5, 1:6, 0])
    for k in range(3):
        shown = axes[1, k + 1].images[0]
        np.testing.assert_array_equal(shown.get_array(), net.augment(IMAGES, seed=7 + k)[1, ..., 0])
        assert shown.get_clim() == axes[1, 0].images[0].get_clim()
    plt.close("all")


def test_three_channels_are_colours() -> None:
    axes = plots.augmented(_images(3), np.repeat(IMAGES, 3, axis=-1), draws=1, rows=1)
    shown = axes[0, 1].images[0].get_array()
    assert shown.shape == (5, 5, 3) and shown.min() >= 0 and shown.max() <= 1
    plt.close("all")


def test_sequences_are_lines_over_the_original() -> None:
    net = Network([layers.RandomTimeShift(0.3), layers.GRU(2)], input_shape=(20, 2))
    figure = plt.figure()
    axes = plots.augmented(net, SERIES, draws=2, rows=3, figure=figure)
    assert axes.shape == (3, 3) and axes[0, 0].figure is figure
    assert [len(ax.lines) for ax in axes[0]] == [2, 4, 4]
    np.testing.assert_array_equal(axes[2, 1].lines[2].get_ydata(), SERIES[2, :, 1])
    np.testing.assert_array_equal(axes[2, 1].lines[3].get_ydata(), net.augment(SERIES)[2, :, 1])
    assert axes[-1, 0].get_xlabel() == "step" and not axes[0, 0].get_xlabel()
    plt.close("all")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"draws": 0}, "draws must be an integer from 1 to 20, got 0"),
        ({"rows": 2.5}, "rows must be an integer from 1 to 20, got 2.5"),
        ({"X": IMAGES[:0]}, "X must hold at least one row"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_refusals_say_what_to_do(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plots.augmented(_images(), **{"X": IMAGES, **settings})


def test_tables_are_no_pictures() -> None:
    net = Network([layers.GaussianNoise(0.1), layers.Dense(1)], input_shape=(4,))
    with pytest.raises(ValueError, match=r"rows of shape \(4,\); look at net.augment\(X\)"):
        plots.augmented(net, np.zeros((3, 4)))
