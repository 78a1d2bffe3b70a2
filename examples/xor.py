"""XOR: stacked linear layers cannot learn it, one hidden ReLU layer can."""

import numpy as np

from descend import Network, layers, optimizers

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
y = np.array([0, 1, 1, 0])


def learn(hidden: list[layers.Layer]) -> np.ndarray:
    """Probabilities of class 1 for the four rows, after training."""
    net = Network([*hidden, layers.Dense(1, activation="sigmoid")], input_shape=(2,), seed=1)
    net.fit(X, y, epochs=500, batch_size=None, optimizer=optimizers.Adam(0.05), verbose=0)
    return net.predict(X)[:, 0]


linear = learn([layers.Dense(8), layers.Dense(8)])
relu = learn([layers.Dense(8, activation="relu")])
for row, target, a, b in zip(X, y, linear, relu, strict=True):
    print(f"{row.astype(int)} -> {target}   two linear layers {a:.2f}   one ReLU layer {b:.2f}")
assert ((relu > 0.5) == y).all()
assert not ((linear > 0.5) == y).all()
