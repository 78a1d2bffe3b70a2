"""A residual network for a table, whose input also goes straight to the output layer, as an estimator."""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from descend import NetworkRegressor, layers

X, y = load_diabetes(return_X_y=True)
y = np.asarray(y)
y = (y - y.mean()) / y.std()


def block():
    return layers.Residual([layers.LayerNorm(), layers.Dense(32, "relu"), layers.Dropout(0.2), layers.Dense(16)])


network = NetworkRegressor(
    [layers.Concatenate([[], [layers.Dense(16), block(), block(), layers.ReLU()]])],
    epochs=40,
    random_state=0,
)
scores = cross_val_score(make_pipeline(StandardScaler(), network), X, y, cv=4)
print(f"R2 over four folds: {scores.mean():.2f} +- {scores.std():.2f}")
assert scores.mean() > 0.35
