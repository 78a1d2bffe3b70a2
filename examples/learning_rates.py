"""Gradient descent with three learning rates: too low crawls, too high overshoots. Draws learning_rates.png."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from descend import Network, layers, optimizers, plots

X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)

histories = {}
for rate in (0.001, 0.05, 0.3):
    net = Network([layers.Dense(16, activation="tanh"), layers.Dense(1)], input_shape=(10,), seed=0)
    history = net.fit(X, y, optimizer=optimizers.SGD(rate), batch_size=None, epochs=60, verbose=0)
    histories[f"rate {rate:g}"] = history
    print(f"rate {rate:5g}: loss {history.loss[0]:.3f} -> {history.loss[-1]:.3f}")

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
plots.learning_curves(histories, title="gradient descent on the diabetes data", ax=ax)
path = sys.argv[1] if len(sys.argv) > 1 else "learning_rates.png"
fig.savefig(path, dpi=120)
print(path)
