"""Real data that scikit-learn ships: networks learn it, with settings a person would start with."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from descend import Network, callbacks, layers


def split(load) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Standardized training and test rows of a data set: X, X_test, y, y_test."""
    X, y = load(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.25, random_state=0, stratify=y if y.dtype == int else None
    )
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


@pytest.mark.parametrize(
    ("load", "units", "least"),
    [(load_breast_cancer, 1, 0.95), (load_digits, 10, 0.96), (load_iris, 3, 0.9), (load_wine, 3, 0.93)],
)
def test_classes(load, units, least):
    X, X_test, y, y_test = split(load)
    net = Network([layers.Dense(64, activation="relu"), layers.Dropout(0.1), layers.Dense(units)])
    history = net.fit(X, y, validation_split=0.2, epochs=300, callbacks=callbacks.EarlyStopping(patience=20), verbose=0)
    assert net.evaluate(X_test, y_test, metrics=["accuracy"])["accuracy"] >= least
    assert history.best_epoch == 1 + int(np.argmin(history.val_loss))


def test_numbers():
    X, X_test, y, y_test = split(load_diabetes)
    mean, scale = y.mean(), y.std()
    net = Network([layers.Dense(32, activation="relu"), layers.BatchNorm(), layers.Dense(1)])
    net.fit(
        X,
        (y - mean) / scale,
        validation_split=0.2,
        epochs=200,
        callbacks=callbacks.EarlyStopping(patience=15),
        verbose=0,
    )
    r2 = net.evaluate(X_test, (y_test - mean) / scale, metrics=["r2"])["r2"]
    assert r2 > LinearRegression().fit(X, y).score(X_test, y_test) - 0.08


def test_the_same_network_learns_by_every_descent():
    X, X_test, y, y_test = split(load_breast_cancer)
    for batch_size, epochs in ((None, 400), (1, 3), (32, 30)):
        net = Network([layers.Dense(16, activation="tanh"), layers.Dense(1)])
        net.fit(X, y, batch_size=batch_size, epochs=epochs, verbose=0)
        assert net.evaluate(X_test, y_test, metrics=["accuracy"])["accuracy"] > 0.93, batch_size


def test_letters(load_dataset):
    data = load_dataset("letter")
    arrays = {name: array for name, array in data.items() if array.ndim}
    X = next(array for array in arrays.values() if array.ndim == 2).astype(np.float32)
    labels = next(array for array in arrays.values() if array.ndim == 1 and len(array) == len(X))
    classes, y = np.unique(labels, return_inverse=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    scaler = StandardScaler().fit(X)
    net = Network([layers.Dense(128), layers.BatchNorm(), layers.ReLU(), layers.Dense(len(classes))])
    net.fit(scaler.transform(X), y, epochs=25, batch_size=64, verbose=0)
    assert net.evaluate(scaler.transform(X_test), y_test, metrics=["accuracy"])["accuracy"] > 0.93
