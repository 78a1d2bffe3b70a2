"""Multilayer perceptrons that take the place of scikit-learn's.

`classifier` and `regressor` are the faces. Their parameters become a `recipe`, the target asks for a `head`; both make
a plan, whose weights live in a `trained` network; `epochs` or `lbfgs` trains it and writes the `journal`.
"""

from descend.estimators.mlp.classifier import MLPClassifier
from descend.estimators.mlp.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
