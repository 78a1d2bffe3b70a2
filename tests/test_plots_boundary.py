"""Decision boundaries: models of every interface, slices, labels, equations, refusals."""

from __future__ import annotations

import numpy as np
import polars
import pytest
from sklearn.datasets import load_iris, make_moons
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from descend.plots import DecisionBoundaryDisplay, decision_boundary, hyperplane_equation

IRIS = load_iris()
MOONS = make_moons(60, noise=0.2, random_state=0)


class TwoOutputs:
    """Stands for a Network: no labels, probabilities from `predict`."""

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs

    def predict(self, X):
        p = 1 / (1 + np.exp(-X[:, 0]))
        return p[:, None] if self.outputs == 1 else np.column_stack([1 - p, p])


def test_binary_probabilities():
    X, y = MOONS
    model = LogisticRegression().fit(X, y)
    display = DecisionBoundaryDisplay.from_estimator(model, X, y, grid_resolution=30, class_names=["in", "out"])
    assert display.response.kind == "probability"
    assert display.response.values.shape == (900, 2)
    assert display.figure_ is display.ax_.figure
    assert len(display.figure_.axes) == 2  # the colour bar
    assert display.figure_.axes[1].get_ylabel() == "probability of out"
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["in", "out"]


def test_boundary_lies_where_the_model_says():
    X, y = MOONS
    model = LogisticRegression().fit(X, y)
    display = DecisionBoundaryDisplay.from_estimator(model, X, grid_resolution=50)
    grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    np.testing.assert_array_equal(display.response.values.argmax(axis=1), model.predict(grid))


@pytest.mark.parametrize("model", [LinearSVC(), Perceptron()])
def test_scores(model):
    X, y = MOONS
    display = DecisionBoundaryDisplay.from_estimator(model.fit(X, y), X, y, grid_resolution=20)
    assert display.response.kind == "score"
    assert "decision function" in display.figure_.axes[1].get_ylabel()
    assert display.ax_.get_title().endswith(" = 0")


def test_predictions_only():
    class Sign:
        classes_ = np.array(["a", "b"])

        def predict(self, X):
            return np.where(X[:, 0] > 0, "b", "a")

    X, _ = MOONS
    display = DecisionBoundaryDisplay.from_estimator(Sign(), X, grid_resolution=20)
    assert display.response.kind == "class"
    assert set(np.unique(display.response.values)) == {0, 1}


@pytest.mark.parametrize("outputs", [1, 2])
def test_network_like(outputs):
    X, y = MOONS
    display = DecisionBoundaryDisplay.from_estimator(TwoOutputs(outputs), X, y, grid_resolution=20)
    assert display.response.names == ["0", "1"]
    one_hot = np.eye(2)[y]
    again = DecisionBoundaryDisplay.from_estimator(TwoOutputs(outputs), X, one_hot, grid_resolution=20)
    np.testing.assert_array_equal(display.points.label, again.points.label)


def test_slice_holds_the_others_at_their_medians():
    model = QuadraticDiscriminantAnalysis().fit(IRIS.data, IRIS.target)
    display = DecisionBoundaryDisplay.from_estimator(
        model, IRIS.data, IRIS.target, features=(2, "petal width (cm)"), feature_names=IRIS.feature_names
    )
    assert display.held == {"sepal length (cm)": 5.8, "sepal width (cm)": 3.0}
    rows = np.column_stack([np.full(4, 5.8), np.full(4, 3.0), display.xx0.ravel()[:4], display.xx1.ravel()[:4]])
    np.testing.assert_allclose(display.response.values[:4], model.predict_proba(rows))
    assert "sepal width (cm) = 3" in display.ax_.get_xlabel()
    assert display.points.weight.min() < 0.5 < display.points.weight.max()


def test_many_classes_are_named_on_their_regions():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    y = np.arange(200) % 10
    ax = decision_boundary(KNeighborsClassifier(3).fit(X, y), X, y, grid_resolution=40)
    assert {text.get_text() for text in ax.texts} <= {str(k) for k in range(10)}
    assert len(ax.texts) >= 5


def test_data_frames_keep_their_names():
    frame = polars.DataFrame(IRIS.data[:, :2], schema=["length", "width"])
    model = LogisticRegression(max_iter=1000).fit(frame, IRIS.target)
    ax = decision_boundary(model, frame, IRIS.target, features=("width", "length"), grid_resolution=20)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("width", "length")


def test_equation():
    X, y = MOONS
    model = LogisticRegression().fit(X, y)
    model.coef_, model.intercept_ = np.array([[1.25, -0.5]]), np.array([2.0])
    assert hyperplane_equation(model) == "1.25 x0 - 0.5 x1 + 2 = 0"
    assert hyperplane_equation(model, ["a", "b"], digits=1) == "1 a - 0.5 b + 2 = 0"
    model.coef_, model.intercept_ = np.array([[-1.0, 0.0]]), np.array([0.0])
    assert hyperplane_equation(model) == "-1 x0 = 0"


def test_equation_in_a_slice_absorbs_what_is_held():
    X = np.column_stack([*MOONS[0].T, np.full(60, 3.0)])
    model = LogisticRegression().fit(X, MOONS[1])
    model.coef_, model.intercept_ = np.array([[1.0, -2.0, 0.5]]), np.array([0.25])
    ax = decision_boundary(model, X, grid_resolution=20)
    assert ax.get_title() == "1 feature 0 - 2 feature 1 + 1.75 = 0"


class TestRefusals:
    X, y = MOONS
    model = LogisticRegression().fit(X, y)

    @pytest.mark.parametrize("features", [(0, 0), (0, 5), (0, "no"), (-1, 0)])
    def test_features(self, features):
        with pytest.raises(ValueError, match="features"):
            decision_boundary(self.model, self.X, features=features)

    def test_unknown_class(self):
        with pytest.raises(ValueError, match="none of the model's classes"):
            decision_boundary(self.model, self.X, self.y + 1, grid_resolution=5)

    def test_length_of_y(self):
        with pytest.raises(ValueError, match="one class per row"):
            decision_boundary(self.model, self.X, self.y[:-1], grid_resolution=5)

    def test_one_feature(self):
        with pytest.raises(ValueError, match="two features or more"):
            decision_boundary(self.model, self.X[:, :1])

    def test_text(self):
        with pytest.raises(ValueError, match="numbers only"):
            decision_boundary(self.model, np.array([["a", "b"]]))

    def test_regression_outputs(self):
        class Line:
            def predict(self, X):
                return 3 * X[:, :1]

        with pytest.raises(ValueError, match="class probabilities"):
            decision_boundary(Line(), self.X, grid_resolution=5)

    def test_no_model(self):
        with pytest.raises(ValueError, match="classifier or a Network"):
            decision_boundary(object(), self.X, grid_resolution=5)

    def test_class_names(self):
        with pytest.raises(ValueError, match="class_names"):
            decision_boundary(self.model, self.X, class_names=["a"], grid_resolution=5)

    def test_equation_of_several_planes(self):
        model = LogisticRegression(max_iter=1000).fit(IRIS.data, IRIS.target)
        with pytest.raises(ValueError, match="no single hyperplane"):
            hyperplane_equation(model)
