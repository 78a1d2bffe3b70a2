"""Ready networks on real data: short trainings that have to be good; long ones are in benchmarks/accuracy.py."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from descend import Network, Sequences, layers, networks, optimizers, schedules


def accuracy(net: Network, train, y_train, test, y_test, *, epochs: int, batch_size: int, rate: float = 2e-3) -> float:
    optimizer = optimizers.AdamW(schedules.Cosine(rate), weight_decay=0.02)
    net.fit(train, y_train, optimizer=optimizer, epochs=epochs, batch_size=batch_size, verbose=0)
    return net.evaluate(test, y_test, metrics=["accuracy"])["accuracy"]


def test_digits():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).reshape(-1, 8, 8, 1)
    parts = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    net = networks.small_cnn((8, 8, 1), 10, dropout=0.2)
    assert accuracy(net, parts[0], parts[2], parts[1], parts[3], epochs=15, batch_size=32) >= 0.98


def test_japanese_vowels_of_different_lengths(load_dataset):
    data = load_dataset("japanese_vowels")
    test = data["split"] == 1
    y = np.unique(data["y"], return_inverse=True)[1]
    X = Sequences(data["X"], data["lengths"])
    net = networks.sequence_lstm(X.shape[1:], 9, dropout=0.3, augmentation=[layers.GaussianNoise(0.2)])
    assert accuracy(net, X[~test], y[~test], X[test], y[test], epochs=40, batch_size=16, rate=4e-3) >= 0.96


@pytest.mark.parametrize(("name", "least", "epochs"), [("basic_motions", 0.95, 40), ("gun_point", 0.93, 60)])
def test_sequences_of_one_length(name, least, epochs, load_dataset):
    data = load_dataset(name)
    test = data["split"] == 1
    y = np.unique(data["y"], return_inverse=True)[1]
    X = (data["X"] - data["X"][~test].mean(axis=(0, 1))) / data["X"][~test].std(axis=(0, 1))
    net = networks.sequence_cnn(X.shape[1:], len(np.unique(y)), dropout=0.2)
    assert accuracy(net, X[~test], y[~test], X[test], y[test], epochs=epochs, batch_size=8) >= least
