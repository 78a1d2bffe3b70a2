"""Change one import: the same pipeline with scikit-learn's MLPClassifier and with descend's, scores and times."""

import time

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import descend

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)

models = {}
for name, MLPClassifier in (
    ("scikit-learn", neural_network.MLPClassifier),  # from sklearn.neural_network import MLPClassifier
    ("descend", descend.MLPClassifier),  # from descend import MLPClassifier
):
    network = MLPClassifier((100,), tol=1e-3, max_iter=500, random_state=0)
    model = make_pipeline(MinMaxScaler(), network)
    started = time.perf_counter()
    model.fit(X_train, y_train)
    fitted = time.perf_counter()
    for i in range(100):
        model.predict_proba(X_test[i : i + 1])
    seconds, per_row = fitted - started, (time.perf_counter() - fitted) / 100
    models[name] = network
    print(
        f"{name:>12}: accuracy {model.score(X_test, y_test):.4f} after {network.n_iter_} epochs in {seconds:.2f} s, "
        f"one row in {1e6 * per_row:.0f} us"
    )

theirs, ours = models.values()
assert ours.n_iter_ == theirs.n_iter_
np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
print("the loss curves are the same up to rounding")
