"""A single neuron's line and a network's curve on the same two half-moons. Draws decision_boundary.png."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from sklearn.datasets import make_moons

from descend import Network, SigmoidNeuron, layers, plots

X, y = make_moons(300, noise=0.2, random_state=0)
neuron = SigmoidNeuron().fit(X, y)
net = Network([layers.Dense(32, activation="relu"), layers.Dense(32, activation="relu"), layers.Dense(1)], seed=0)
net.fit(X, y, epochs=100, verbose=0)

fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
plots.decision_boundary(neuron, X, y, ax=left)
plots.decision_boundary(net, X, y, ax=right)
right.set_title("two hidden layers of 32 ReLU units")
print("boundary of the sigmoid neuron:", plots.hyperplane_equation(neuron))

path = sys.argv[1] if len(sys.argv) > 1 else "decision_boundary.png"
fig.savefig(path, dpi=120)
print(path)
