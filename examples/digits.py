"""Handwritten digits: batch normalization, dropout, early stopping, a saved model."""

import tempfile
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from descend import Network, callbacks, layers, optimizers

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.2, stratify=y, random_state=0)

net = Network(
    [
        layers.Dense(128, use_bias=False),
        layers.BatchNorm(),
        layers.ReLU(),
        layers.Dropout(0.2),
        layers.Dense(10),
        layers.Softmax(),
    ],
    input_shape=(64,),
    seed=0,
)
history = net.fit(
    X_train,
    y_train,
    optimizer=optimizers.Adam(2e-3),
    epochs=100,
    batch_size=64,
    validation_split=0.15,
    callbacks=[callbacks.EarlyStopping(patience=10)],
    verbose=0,
)
score = net.evaluate(X_test, y_test, metrics=["accuracy"])
print(f"{len(history)} epochs, ended by {history.stop_reason}; weights of epoch {history.best_epoch}")
print(f"test accuracy {score['accuracy']:.3f}")

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.descend"
    net.save(path)
    again = Network.load(path)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
assert (again.predict(X_test) == net.predict(X_test)).all()
assert score["accuracy"] > 0.95
