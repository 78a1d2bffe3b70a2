"""The ready networks: sizes counted by hand, learning, coming back from a file, refusing."""

from __future__ import annotations

import numpy as np
import pytest

from descend import Network, Sequences, layers, networks, optimizers


def trained_weights(net: Network) -> int:
    """How many numbers training changes: all but running statistics."""
    return sum(a.size for name, a in net.get_weights().items() if "running" not in name)


# Counted by hand, layer by layer.
COUNTS = {
    # 5*5*1*6+6, 5*5*6*16+16, (5*5*16)*120+120, 120*84+84, 84*10+10: LeNet-5's widths
    "lenet": (networks.lenet((28, 28, 1), 10), 156 + 2416 + 48_120 + 10_164 + 850),
    # 9*3*16, 9*16*32, 9*32*64, scales and shifts 2*(16+32+64), 4*3*64*4+4
    "small_cnn": (networks.small_cnn((16, 12, 3), 4), 432 + 4608 + 18_432 + 224 + 3076),
    # first 9*16+32; stage 1 two 9*16*16+32; stage 2 9*16*32+64, 9*32*32+64, shortcut 16*32+64; stage 3; 64*10+10
    "small_resnet": (
        networks.small_resnet((28, 28, 1), 10),
        (144 + 32) + 2 * (2304 + 32) + (4608 + 9216 + 512 + 192) + (18_432 + 36_864 + 2048 + 384) + 650,
    ),
    # both ways 4*8*(3+8+1), then 2*8+1
    "sequence_lstm": (networks.sequence_lstm((20, 3), 2, units=(8,)), 2 * 384 + 17),
    # 8*2*4, 5*4*6, 3*6*5, scales and shifts 2*(4+6+5), 5*3+3
    "sequence_cnn": (networks.sequence_cnn((30, 2), 3, filters=(4, 6, 5)), 64 + 120 + 90 + 30 + 18),
    # 50*6, both ways 3*5*(6+5+1)+5, 10+1
    "text_rnn": (networks.text_rnn(12, 50, 2, embedding=6, units=5), 300 + 2 * 185 + 11),
    # 50*6, 6*3+3
    "text_average": (networks.text_average(12, 50, 3, embedding=6), 300 + 21),
}


@pytest.mark.parametrize("name", COUNTS)
def test_numbers_of_weights(name):
    net, count = COUNTS[name]
    assert trained_weights(net) == count


def test_every_public_function_is_counted():
    assert set(networks.__all__) == set(COUNTS)


def test_resnet_20():
    net = networks.small_resnet((32, 32, 3), 10, blocks=3)
    convolutions = [name for name, a in net.get_weights().items() if a.ndim == 4 and a.shape[0] == 3]
    assert len(convolutions) + 1 == 20  # and the output layer; the 1 x 1 shortcuts are not counted
    # He and others: 0.27 million, of which the shortcuts here are 16*32 + 32*64 and their normalizations 2*(32+64)
    assert trained_weights(net) - 2752 == 269_722


def data(name: str, rows: int = 24) -> tuple[object, np.ndarray]:
    """Rows whose class is told by a bright place, or by a token."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 2
    if name.startswith("text"):
        X = rng.integers(0, 40, (rows, 12))
        X[:, 3] = 40 + y
        return X, y
    shape = (30, 2) if name.startswith("sequence") else (16, 16, 1)
    X = 0.3 * rng.standard_normal((rows, *shape))
    X[y == 1, 4:9] += 1.5
    return X, y


def make(name: str, **options: object) -> Network:
    if name.startswith("text"):
        return getattr(networks, name)(12, 42, 2, dropout=0.0, **options)
    shape = (30, 2) if name.startswith("sequence") else (16, 16, 1)
    return getattr(networks, name)(shape, 2, **options)


@pytest.mark.parametrize("name", networks.__all__)
def test_learns_and_comes_back_from_a_file(name, tmp_path):
    X, y = data(name)
    net = make(name)
    net.fit(X, y, epochs=40, batch_size=8, optimizer=optimizers.Adam(0.01), verbose=0)
    assert net.evaluate(X, y, metrics=["accuracy"])["accuracy"] == 1.0
    net.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    assert again.layers == net.layers
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


@pytest.mark.parametrize("name", networks.__all__)
def test_same_bits_for_any_number_of_threads(name):
    X, y = data(name)
    predicted = []
    for threads in (1, 2, 3):
        net = make(name, dtype="float64", seed=3)
        net.fit(X, y, epochs=2, batch_size=8, threads=threads, verbose=0)
        predicted.append(net.predict(X))
    assert (predicted[0] == predicted[1]).all() and (predicted[0] == predicted[2]).all()


def test_outputs_follow_the_number_of_classes():
    assert networks.lenet((28, 28, 1), None).output_shape == (1,)
    assert isinstance(networks.lenet((28, 28, 1), 2).layers[-1], layers.Sigmoid)
    assert isinstance(networks.small_cnn((8, 8, 1), 3).layers[-1], layers.Softmax)


def test_means_over_all_places_need_fewer_weights():
    net = networks.small_cnn((16, 12, 3), 4, head="average")
    assert trained_weights(net) == COUNTS["small_cnn"][1] - 3076 + 260


def test_sequences_of_different_lengths():
    rng = np.random.default_rng(0)
    X = Sequences([rng.standard_normal((n, 3)) for n in (4, 9, 6, 5)])
    net = networks.sequence_lstm((9, 3), 2, units=(6, 5), dropout=0.1)
    net.fit(X, np.array([0, 1, 0, 1]), epochs=2, verbose=0)
    assert net.predict(X).shape == (4, 1)


@pytest.mark.parametrize(
    "net", [networks.text_rnn(6, 10, 2, embedding=4, units=3), networks.text_average(6, 10, 2, embedding=4)]
)
def test_texts_of_different_lengths(net):
    words = Sequences([[4, 8, 1], [7], [2, 2, 9, 5], [3, 1]])
    net.fit(words, np.array([0, 1, 0, 1]), epochs=2, verbose=0)
    assert net.predict(words).shape == (4, 1)


def test_augmentation_stands_in_front():
    net = networks.lenet((28, 28, 1), 10, augmentation=[layers.GaussianNoise(0.1)])
    assert isinstance(net.layers[0], layers.GaussianNoise)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: networks.small_resnet((10**9, 10**9, 3), 10), r"one row of the input would have shape \(1000000000, "),
        (lambda: networks.small_cnn((20_000, 20_000, 3), 10), "one row of conv2d_1 would have shape .* use a smaller"),
        (lambda: networks.sequence_cnn((10**9, 10**6), 2), "one row of the input would have shape"),
        (lambda: networks.lenet((8, 8, 1), 10), "lenet: input_shape must be at least 12 long"),
        (lambda: networks.lenet((28, 28), 10), r"lenet: input_shape must be \(height, width, channels\)"),
        (lambda: networks.lenet((28, 28, 1), 1), "lenet: n_classes must be from 2"),
        (lambda: networks.lenet((28, 28, 1), 2.5), "lenet: n_classes must be an integer"),
        (lambda: networks.lenet((28, 28, 1), 10, filters=(6,)), "lenet: filters must hold 2 integers"),
        (lambda: networks.lenet((28, 28, 1), 10, units=()), "lenet: units must hold at least one"),
        (lambda: networks.lenet((28, 28, 1), 10, augmentation=["flip"]), r"lenet: augmentation\[0\] must be a layer"),
        (lambda: networks.small_resnet((28, 28, 1), 10, blocks=0), "small_resnet: blocks must be from 1"),
        (lambda: networks.small_cnn((2, 2, 1), 10), "small_cnn: input_shape must be at least 4 long"),
        (lambda: networks.small_cnn((8, 8, 1), 10, head="mean"), "small_cnn: head must be flatten or average"),
        (lambda: networks.sequence_lstm((20, 3, 1), 2), r"sequence_lstm: input_shape must be \(steps, features\)"),
        (lambda: networks.sequence_lstm((20, 3), 2, bidirectional=1), "sequence_lstm: bidirectional must be True"),
        (lambda: networks.sequence_cnn((20, 3), 2, filters=(8,)), "sequence_cnn: kernel_sizes must hold 1 integers"),
        (lambda: networks.text_rnn(12, 0, 2), "text_rnn: vocabulary must be from 1"),
        (lambda: networks.text_average(0, 50, 2), "text_average: length must be from 1"),
        (lambda: networks.text_average(12, 50, 2, dropout=1.0), "rate must be"),
        (lambda: networks.text_rnn(12, 50, 2, cell="rnn"), "text_rnn: cell must be one of gru, lstm, simple_rnn"),
    ],
)
def test_refusals(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()
