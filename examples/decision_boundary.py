"""A perceptron's line and a network's curve on the same two half-moons. Draws decision_boundary.png."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from sklearn.datasets import make_moons

from descend import Network, Perceptron, layers, plots

X, y = make_moons(300, noise=0.2, random_state=0)
perceptron = Perceptron(max_iter=50).fit(X, y)
net = Network([layers.Dense(32, activation="relu"), layers.Dense(32, activation="relu"), layers.Dense(1)], seed=0)
net.fit(X, y, epochs=100, verbose=0)

fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
plots.decision_boundary(perceptron, X, y, ax=left)
plots.decision_boundary(net, X, y, ax=right)
right.set_title("two hidden layers of 32 ReLU units")
print("boundary of the perceptron:", plots.hyperplane_equation(perceptron))

path = sys.argv[1] if len(sys.argv) > 1 else "decision_boundary.png"
fig.savefig(path, dpi=120)
print(path)
