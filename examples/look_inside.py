"""Backpropagation by hand: every number of one forward and backward pass, checked against the chain rule."""

import numpy as np

from descend import Network, layers

net = Network(
    [layers.Dense(2, activation="sigmoid", name="hidden"), layers.Dense(1, name="out")],
    input_shape=(2,),
    dtype="float64",
)
net.set_weights(
    {
        "hidden/weight": [[0.1, 0.2], [0.3, 0.4]],
        "hidden/bias": [0.0, 0.0],
        "out/weight": [[0.5], [0.6]],
        "out/bias": [0.0],
    }
)
x, y = np.array([[1.0, 2.0]]), np.array([3.0])
for name, value in net.trace(x, y, loss="mse").items():
    print(f"{name:25s} {np.array2string(value, precision=4, separator=', ', suppress_small=True).replace(chr(10), '')}")

h = 1 / (1 + np.exp(-x @ net.get_weights()["hidden/weight"]))
d_out = 2 * (h @ net.get_weights()["out/weight"] - y[:, None])
by_hand = h.T @ d_out  # dE/dW_out = dE/dO . dO/dW_out
np.testing.assert_allclose(net.gradients(x, y, loss="mse")["out/weight"], by_hand)
